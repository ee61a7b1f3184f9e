//! Training a head on embeddings as the options say: distortions, checkpoint, TensorBoard, Ctrl-C.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use dataset::{ImageItem, RgbImage};
use metrics::Predictions;
use transfer::tensorboard::RetrainSummaries;
use transfer::{
    Backbone, CalibrationData, Checkpoint, ClassWeights, Classifier, EmbeddingCache, Embeddings,
    FitEvent, FitReport, Fitted, Head, Recipe, Stopped,
};

use super::interrupt::on_interrupt;
use super::recipe::RecipeOptions;
use super::variation::{Distorted, embed_variants, say_cost};

/// Of the validation images that are misclassified, so many are shown.
const MOST_PICTURES: usize = 50;

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
    /// The images of `validation`, and others.
    pub validation_items: &'a [ImageItem],
    /// Where a training by steps starts, if not at random weights.
    pub start: Option<Head>,
}

impl Training<'_> {
    /// Trains. The state of a training by steps stays in the file `checkpoint`, from which the same call goes on;
    /// where the training is done, that file is given, to be removed once what came out is saved.
    pub fn fit(
        &mut self,
        options: &RecipeOptions,
        summaries_dir: Option<&Path>,
        checkpoint: &Path,
    ) -> Result<(Head, FitReport, Option<Checkpoint>), Box<dyn Error>> {
        let config = options.config()?;
        let steps = match config.recipe() {
            Recipe::GradientDescent(steps) => Some(steps),
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
        let mut file = Checkpoint::new(checkpoint);
        let request = config
            .training(training)
            .validation(validation)
            .on_event(watch);
        let Fitted { head, report } = match (&distorted, steps, self.start.as_ref()) {
            (Distorted::OnTheFly(_), _, Some(_)) => {
                return Err("--from starts a training on images as they are, or on variants: add --variants".into());
            }
            (Distorted::OnTheFly(variation), Some(steps), None) => {
                file = file.with_context(serde_json::to_string(variation)?);
                let images = steps.steps() * steps.batch();
                say_cost(self.backbone, &self.items, variation, images)?;
                let rows = |step, images: &[usize]| {
                    let items: Vec<_> = images.iter().map(|&image| &self.items[image]).collect();
                    let seed = options.seed;
                    self.backbone.embed_varied(&items, variation, seed, step)
                };
                request.varied(rows).resume(&file).fit()?
            }
            (_, _, start) => request.start_from(start).resume(&file).fit()?,
        };
        if let Some(summaries) = &mut summaries {
            summaries.finish(&head, self.classes)?;
            self.show_mistakes(&head, report.steps as u64, summaries)?;
        }
        if report.stopped == Stopped::Cancelled {
            super::say!("stopped before its end; this is the best head so far");
            if steps.is_some() {
                super::say!("the same command goes on from {}", checkpoint.display());
            }
        }
        let done = steps.is_some() && report.stopped != Stopped::Cancelled;
        Ok((head, report, done.then_some(file)))
    }

    /// The validation images that the head takes for something else, as pictures for TensorBoard.
    fn show_mistakes(
        &self,
        head: &Head,
        step: u64,
        summaries: &mut RetrainSummaries,
    ) -> Result<(), Box<dyn Error>> {
        if self.validation.is_empty() {
            return Ok(());
        }
        let found = head.predictions(&self.validation, self.classes)?;
        let (_, log) = summaries.writers();
        for at in found.mistakes().take(MOST_PICTURES) {
            let name = &self.validation.names()[at];
            let Some(item) = self.validation_items.iter().find(|item| item.name == *name) else {
                continue;
            };
            let side = self.backbone.size();
            let pixels = self.backbone.loader().load(&item.path)?;
            if let Some(picture) = RgbImage::from_raw(side, side, pixels) {
                let class = &self.classes[found.predicted()[at]];
                log.image(
                    step,
                    &format!("misclassified/{name} is called {class}"),
                    &picture,
                )?;
            }
        }
        Ok(log.flush()?)
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
        (predictions, CalibrationData::OutOfFold)
    } else if !validation.is_empty() {
        let predictions = classifier.head().predictions(validation, classes)?;
        (predictions, CalibrationData::Validation)
    } else {
        return Ok(classifier);
    };
    let classifier = classifier.calibrate(&predictions, basis)?;
    if let Some(found) = classifier.calibration() {
        super::say!(
            "temperature {:.3}: log loss {:.4} -> {:.4} on {} images not trained on",
            found.temperature,
            found.log_loss_before,
            found.log_loss_after,
            found.images
        );
    }
    Ok(classifier)
}

fn log(event: &FitEvent<'_>) {
    match event {
        FitEvent::Candidate(found) => {
            let balanced = found.class_weights == ClassWeights::Balanced;
            super::say!(
                "C = {}{}: log loss {:.4} ± {:.4}, accuracy {:.4} (cross-validation)",
                found.c,
                if balanced { ", classes balanced" } else { "" },
                found.log_loss,
                found.standard_error,
                found.accuracy
            );
        }
        FitEvent::Step { record, .. } => {
            let now = timestamp(SystemTime::now());
            for line in record.to_string().lines() {
                super::say!("{now}: {line}");
            }
        }
        _ => {}
    }
}

/// Date and time in UTC, as `retrain.py` has it in its lines: `2017-06-30 12:00:00.123456`.
fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Years begin in March, so that a leap day is the last of its year (Hinnant, "chrono-compatible low-level date
    // algorithms", days counted from 1 March of year 0).
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let micros = since.subsec_micros();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
}

/// The head that a training by steps starts from.
pub fn start_of(
    recipe: &RecipeOptions,
    from: &Classifier,
    classes: &[String],
) -> Result<Option<Head>, Box<dyn Error>> {
    if !recipe.is_parity() {
        super::say!(
            "the converged recipe takes the network alone: its head is the same wherever it starts"
        );
        return Ok(None);
    }
    let new = classes
        .iter()
        .filter(|class| !from.classes().contains(class));
    let new: Vec<&str> = new.map(String::as_str).collect();
    let known = from.classes().len();
    super::say!(
        "{known} classes go on, {} are new: {}",
        new.len(),
        new.join(", ")
    );
    Ok(Some(from.head_for(classes)?))
}

/// Names the images that are called something else.
pub fn print_mistakes(test: &Predictions) {
    let files = test.files().unwrap_or_default();
    for at in test.mistakes() {
        let predicted = &test.classes()[test.predicted()[at]];
        super::say!("{} is called {predicted}", files[at]);
    }
}
