//! Training a head on embeddings as the options say: distortions, checkpoint, TensorBoard, Ctrl-C.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use dataset::ImageItem;
use metrics::Predictions;
use transfer::tensorboard::RetrainSummaries;
use transfer::{
    Backbone, Basis, Checkpoint, ClassWeights, Classifier, EmbeddingCache, Embeddings, FitEvent,
    FitReport, Head, Recipe, Stopped,
};

use super::interrupt::on_interrupt;
use super::recipe::RecipeOptions;
use super::variation::{Distorted, embed_variants, say_cost};

/// What a head is trained on.
pub struct Training<'a> {
    pub backbone: &'a Backbone,
    pub cache: &'a EmbeddingCache,
    pub classes: &'a [String],
    /// The images of `embeddings`.
    pub items: Vec<ImageItem>,
    pub embeddings: Embeddings,
    /// Those of distorted variants, once they are trained on in place of the images as they are.
    pub variants: Option<Embeddings>,
    pub validation: Embeddings,
}

impl Training<'_> {
    /// Trains. Where it is stopped, the state of a training by steps stays in the file `checkpoint`, from which the
    /// same call goes on.
    pub fn fit(
        &mut self,
        options: &RecipeOptions,
        summaries_dir: Option<&Path>,
        checkpoint: &Path,
    ) -> Result<(Head, FitReport), Box<dyn Error>> {
        let config = options.config()?;
        let steps = match config.recipe() {
            Recipe::Steps(steps) => Some(steps),
            _ => None,
        };
        let distorted = options.variation.distorted(steps.is_some())?;
        if let Distorted::Variants(variation, variants) = &distorted {
            let variants = (variation, *variants, options.seed);
            let found = embed_variants(self.backbone, &self.items, variants, self.cache)?;
            self.variants = Some(found);
        }
        let training = self.variants.as_ref().unwrap_or(&self.embeddings);
        let validation = &self.validation;
        let mut summaries = None;
        if let Some(folder) = summaries_dir {
            let created = RetrainSummaries::create(folder, training, validation)?;
            summaries.insert(created).configuration(&config)?;
        }
        let interrupted = on_interrupt()?;
        let watch = |event: FitEvent<'_>| {
            log(&event);
            if let Some(summaries) = &mut summaries
                && summaries.watch(event).is_break()
            {
                return ControlFlow::Break(());
            }
            interrupted()
        };
        let file = Checkpoint::new(checkpoint);
        let (head, report) = match (&distorted, steps) {
            (Distorted::OnTheFly(variation), Some(steps)) => {
                let images = steps.steps() * steps.batch();
                say_cost(self.backbone, &self.items, variation, images)?;
                let rows = |step, images: &[usize]| {
                    let items: Vec<_> = images.iter().map(|&image| &self.items[image]).collect();
                    let seed = options.seed;
                    self.backbone.embed_varied(&items, variation, seed, step)
                };
                config.fit_on_the_fly(training, validation, Some(&file), rows, watch)?
            }
            _ => config.fit_resumable(training, validation, &file, watch)?,
        };
        if let Some(summaries) = &mut summaries {
            summaries.finish(&head, self.classes)?;
        }
        if report.stopped == Stopped::Cancelled {
            println!("stopped before its end; this is the best head so far");
            if steps.is_some() {
                println!("the same command goes on from {}", checkpoint.display());
            }
        }
        Ok((head, report))
    }
}

/// Divides by the temperature that fits images the head was not trained on: each one's own fold, or validation.
pub fn calibrated(
    classifier: Classifier,
    report: &FitReport,
    training: &Embeddings,
    validation: &Embeddings,
) -> Result<Classifier, Box<dyn Error>> {
    let classes = classifier.classes();
    let (predictions, basis) = if !report.out_of_fold.is_empty() {
        let targets = training.concat(validation)?.targets().to_vec();
        let probabilities = report.out_of_fold.clone();
        let predictions = Predictions::from_flat(targets, probabilities, classes.len())?;
        (predictions, Basis::OutOfFold)
    } else if !validation.is_empty() {
        let predictions = classifier.head().predictions(validation, classes)?;
        (predictions, Basis::Validation)
    } else {
        return Ok(classifier);
    };
    let classifier = classifier.calibrate(&predictions, basis)?;
    if let Some(found) = classifier.calibration() {
        println!(
            "temperature {:.3}: log loss {:.4} -> {:.4} on {} images not trained on",
            found.temperature, found.log_loss_before, found.log_loss_after, found.images
        );
    }
    Ok(classifier)
}

fn log(event: &FitEvent<'_>) {
    match event {
        FitEvent::Candidate(found) => {
            let balanced = found.class_weights == ClassWeights::Balanced;
            println!(
                "C = {}{}: log loss {:.4} ± {:.4}, accuracy {:.4} (cross-validation)",
                found.c,
                if balanced { ", classes balanced" } else { "" },
                found.log_loss,
                found.standard_error,
                found.accuracy
            );
        }
        FitEvent::Step { record, steps, .. }
            if record.step % 100 == 0 || record.step + 1 == *steps =>
        {
            println!("{record}");
        }
        _ => {}
    }
}
