//! Training the head of a job: on the images as they are, on variants, or on images that are distorted anew in each step.

use std::ops::ControlFlow;
use std::path::Path;

use dataset::{ImageItem, RgbImage};
use metrics::Predictions;

use crate::backbone::Backbone;
use crate::cache::EmbeddingCache;
use crate::classifier::Classifier;
use crate::embed::{Embedded, UnusableImage};
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};
use crate::head::{
    Checkpoint, FitEvent, FitReport, Fitted, GradientDescent, Head, HeadConfig, Recipe, Stopped,
};
use crate::job::JobEvent;
use crate::tensorboard::RetrainSummaries;
use crate::variation::Variation;

/// At most so many misclassified validation images are shown in TensorBoard.
const MOST_PICTURES: usize = 50;

/// How many variants of a training image there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variants {
    /// This number of variants of each image, 1 to 64. Each is embedded once and kept in the cache.
    PerImage(usize),
    /// A new variant in every step, as in `retrain.py`. Only gradient descent has steps.
    EveryStep,
}

/// What is trained on, and how.
pub(super) struct Fit<'f, 'e> {
    pub(super) backbone: &'f Backbone,
    pub(super) cache: &'f EmbeddingCache,
    pub(super) classes: &'f [String],
    pub(super) config: &'f HeadConfig,
    pub(super) training: &'f Embedded,
    /// The training images, with those that cannot be used.
    pub(super) training_items: &'f [ImageItem],
    pub(super) validation: &'f Embeddings,
    pub(super) validation_items: &'f [ImageItem],
    pub(super) variation: Option<&'f (Variation, Variants)>,
    pub(super) start: Option<&'f Head>,
    pub(super) checkpoint: Option<&'f Path>,
    pub(super) summaries: Option<&'f Path>,
    pub(super) on_event: &'f mut (dyn FnMut(JobEvent<'_>) + 'e),
    pub(super) stop_when: &'f (dyn Fn() -> bool + 'e),
}

/// A trained head, and what it was trained on.
pub(super) struct Trained {
    pub(super) head: Head,
    pub(super) report: FitReport,
    /// The embeddings of the variants, where variants were trained on.
    pub(super) variants: Option<Embeddings>,
    /// The file from which the training would go on; `None` where nothing is left in it.
    pub(super) checkpoint: Option<Checkpoint>,
}

fn gradient_descent(config: &HeadConfig) -> Option<&GradientDescent> {
    match config.recipe() {
        Recipe::GradientDescent(recipe) => Some(recipe),
        Recipe::LogisticRegression(_) => None,
    }
}

/// Refuses settings that contradict each other, before any work is done.
pub(super) fn check(
    config: &HeadConfig,
    variation: Option<&(Variation, Variants)>,
    starts_from_head: bool,
) -> Result<()> {
    let every_step = matches!(variation, Some((_, Variants::EveryStep)));
    if every_step && gradient_descent(config).is_none() {
        return Err(Error::setting(
            "variants",
            "new ones in every step",
            "a number of variants per image: logistic regression has no steps",
        ));
    }
    if every_step && starts_from_head {
        return Err(Error::setting(
            "variants",
            "new ones in every step",
            "a number of variants per image where the training starts from a classifier",
        ));
    }
    Ok(())
}

/// The head that a training by gradient descent starts from: the classifier's, with the new classes added. Logistic
/// regression needs none, since its optimum does not depend on where the search starts.
pub(super) fn start(
    config: &HeadConfig,
    classifier: &Classifier,
    classes: &[String],
) -> Result<Option<Head>> {
    gradient_descent(config)
        .map(|_| classifier.head_for(classes))
        .transpose()
}

impl Fit<'_, '_> {
    pub(super) fn run(mut self) -> Result<Trained> {
        let items = self.usable_items();
        let variants = match self.variation {
            Some((variation, Variants::PerImage(variants))) => {
                Some(self.embed_variants(&items, variation, *variants)?)
            }
            _ => None,
        };
        let embeddings = variants.as_ref().unwrap_or(&self.training.embeddings);
        let created = self.create_summaries(embeddings);
        let mut summaries = self.unless_failed(created);
        let checkpoint = self.checkpoint()?;
        let Fitted { head, report } =
            self.train(embeddings, &items, checkpoint.as_ref(), summaries.as_mut())?;
        if let Some(summaries) = &mut summaries {
            let finished = self.finish_summaries(summaries, &head, &report);
            self.unless_failed(finished);
        }
        let stopped = report.stopped == Stopped::Cancelled;
        if stopped {
            (self.on_event)(JobEvent::Stopped);
        }
        Ok(Trained {
            head,
            report,
            checkpoint: checkpoint.filter(|_| !stopped),
            variants,
        })
    }

    fn create_summaries(&self, embeddings: &Embeddings) -> Result<Option<RetrainSummaries>> {
        let Some(folder) = self.summaries else {
            return Ok(None);
        };
        let mut summaries = RetrainSummaries::create(folder, embeddings, self.validation)?;
        summaries.configuration(self.config)?;
        Ok(Some(summaries))
    }

    fn finish_summaries(
        &self,
        summaries: &mut RetrainSummaries,
        head: &Head,
        report: &FitReport,
    ) -> Result<()> {
        summaries.finish(head, report, self.classes)?;
        match self.validation_answers(head, report)? {
            Some(found) => self.show_mistakes(&found, report.steps as u64, summaries),
            None => Ok(()),
        }
    }

    /// What was made of the summaries. Where that failed, the training is not lost: the error is reported.
    fn unless_failed<T: Default>(&mut self, made: Result<T>) -> T {
        made.unwrap_or_else(|error| {
            (self.on_event)(JobEvent::NoSummaries(&error));
            T::default()
        })
    }

    /// The training images that could be embedded, in the order of their embeddings.
    fn usable_items(&self) -> Vec<ImageItem> {
        let failed = &self.training.failed;
        let usable = |item: &&ImageItem| {
            failed
                .iter()
                .all(|left_out| left_out.item.path != item.path)
        };
        self.training_items.iter().filter(usable).cloned().collect()
    }

    /// Tells what embedding so many varied images costs.
    fn tell_cost(
        &mut self,
        items: &[ImageItem],
        variation: &Variation,
        images: usize,
    ) -> Result<()> {
        let estimate = self.backbone.estimate(items, variation, images)?;
        (self.on_event)(JobEvent::VariationCost { images, estimate });
        Ok(())
    }

    fn embed_variants(
        &mut self,
        items: &[ImageItem],
        variation: &Variation,
        variants: usize,
    ) -> Result<Embeddings> {
        let total = items.len() * variants;
        self.tell_cost(items, variation, total)?;
        let (seed, on_event) = (self.config.seed(), &mut self.on_event);
        let progress = |done| on_event(JobEvent::Variants { done, total });
        let embedded = self
            .backbone
            .embed_variants(items, variation, variants, seed, self.cache, progress)?;
        for UnusableImage { item, error } in &embedded.failed {
            (self.on_event)(JobEvent::LeftOut { item, error });
        }
        (self.on_event)(JobEvent::Varied {
            computed: embedded.computed,
        });
        Ok(embedded
            .embeddings
            .with_traits_of(&self.training.embeddings))
    }

    /// The file that keeps the state of a training by gradient descent. It belongs to one way of varying the images.
    fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        let file = self
            .checkpoint
            .filter(|_| gradient_descent(self.config).is_some());
        let Some(file) = file.map(Checkpoint::new) else {
            return Ok(None);
        };
        Ok(Some(match self.variation {
            Some((variation, Variants::EveryStep)) => {
                let context = serde_json::to_string(variation).map_err(|error| {
                    Error::mismatch("variation", "one that can be written", error)
                })?;
                file.with_context(context)
            }
            _ => file,
        }))
    }

    fn train(
        &mut self,
        embeddings: &Embeddings,
        items: &[ImageItem],
        checkpoint: Option<&Checkpoint>,
        mut summaries: Option<&mut RetrainSummaries>,
    ) -> Result<Fitted> {
        let config = self.config;
        let every_step = match (self.variation, gradient_descent(config)) {
            (Some((variation, Variants::EveryStep)), Some(recipe)) => {
                self.tell_cost(items, variation, recipe.steps() * recipe.batch())?;
                Some(variation)
            }
            _ => None,
        };
        let (on_event, stop_when) = (&mut self.on_event, self.stop_when);
        // Asked once before the first event, so that what the caller does at the first question (catching Ctrl-C, say) is
        // done by then.
        let stopped = stop_when();
        let training = config
            .training(embeddings)
            .validation(self.validation)
            .start_from(self.start)
            .resume(checkpoint)
            .on_event(|event: FitEvent<'_>| {
                on_event(JobEvent::Fit(event));
                let watched = summaries.as_mut().map(|summaries| summaries.watch(event));
                match watched {
                    Some(ControlFlow::Break(())) => ControlFlow::Break(()),
                    _ if stopped || stop_when() => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            });
        match every_step {
            None => training.fit(),
            Some(variation) => {
                let backbone = self.backbone;
                let rows = move |step: usize, images: &[usize]| {
                    let items: Vec<_> = images.iter().map(|&image| &items[image]).collect();
                    backbone.embed_varied(&items, variation, config.seed(), step)
                };
                training.varied(rows).fit()
            }
        }
    }

    /// Answers to the validation images by a head that was not fitted on them; `None` where there are none.
    fn validation_answers(&self, head: &Head, report: &FitReport) -> Result<Option<Predictions>> {
        if self.validation.is_empty() {
            return Ok(None);
        }
        let answers = if gradient_descent(self.config).is_some() {
            head.predictions(self.validation, self.classes)?
        } else {
            let (images, classes) = (self.validation.len(), self.classes.len());
            let Some(held_out) = report.out_of_fold_of_last(images, classes) else {
                return Ok(None);
            };
            let targets = self.validation.targets().to_vec();
            Predictions::from_flat(targets, held_out.to_vec(), self.classes.len())?
        };
        Ok(Some(answers))
    }

    /// Shows the misclassified validation images in TensorBoard.
    fn show_mistakes(
        &self,
        found: &Predictions,
        step: u64,
        summaries: &mut RetrainSummaries,
    ) -> Result<()> {
        let log = summaries.writers().validation;
        for at in found.mistakes().take(MOST_PICTURES) {
            let name = &self.validation.names()[at];
            let Some(item) = self.validation_items.iter().find(|item| item.name == *name) else {
                continue;
            };
            let side = self.backbone.size();
            let pixels = self.backbone.loader().load(&item.path)?;
            if let Some(picture) = RgbImage::from_raw(side, side, pixels) {
                let class = &self.classes[found.predicted()[at]];
                let tag = format!("misclassified/{name} is called {class}");
                log.image(step, &tag, &picture)?;
            }
        }
        log.flush()
    }
}
