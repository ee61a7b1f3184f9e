//! The whole job: fit a head on the frozen network, fine-tune, calibrate, and measure.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use dataset::{ImageItem, Split};
use metrics::Predictions;

use super::config::FineTuneConfig;
use super::event::FineTuneEvent;
use super::fine_tuning::FineTuned;
use super::learning_rate::{LearningRateCurve, LearningRateRange};
use super::record::FineTuneRecord;
use super::summaries::FineTuneSummaries;
use crate::backbone::Backbone;
use crate::cache::EmbeddingCache;
use crate::classifier::{Calibration, CalibrationData, Classifier, Provenance};
use crate::embed::Embedded;
use crate::error::Result;
use crate::head::{Checkpoint, ClassWeights, FitReport, Fitted, HeadConfig, Stopped};

/// What happens during a [`FineTuneJob`].
#[derive(Debug)]
#[non_exhaustive]
pub enum FineTuneJobEvent<'a> {
    /// Images of a part (`training`, `validation` or `test`) are embedded, or their embeddings were in the cache.
    Embedding {
        /// The part.
        part: &'static str,
        /// Images done so far.
        done: usize,
        /// Images of the part.
        total: usize,
    },
    /// An image cannot be used and is left out.
    LeftOut(&'a dataset::Error),
    /// Fine-tuning goes on.
    FineTune(FineTuneEvent<'a>),
    /// The result was calibrated on the validation images.
    Calibrated(&'a Calibration),
}

/// Fits a head on a frozen network, fine-tunes both, calibrates the result, and measures it on the test images.
///
/// Training, validation and test images have one use each. The head is fitted on the training images alone, with the
/// same weight for all images, so that the validation images are new to both the frozen and the fine-tuned network and
/// can compare them; then they fit the temperature. The test images are looked at once, at the end.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let device = burn::tensor::Device::flex();
/// use transfer::finetune::{FineTuneConfig, FineTuneJob};
/// use transfer::{Backbone, EmbeddingCache};
/// let folder = dataset::ImageFolder::open("photos")?;
/// let split = dataset::HashedSplit::default().apply(&folder)?;
/// let backbone = Backbone::new(mobilenet::Weights::open("model.json")?)?;
/// let cache = EmbeddingCache::open("cache")?;
/// let job = FineTuneJob::new(backbone, folder.classes(), &split, &cache)
///     .with_config(FineTuneConfig::new().with_blocks(3))
///     .with_checkpoint("photos.training");
/// let result = job.run(&device)?;
/// result.save("photos.safetensors")?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is trained before `run` is called"]
pub struct FineTuneJob<'a> {
    backbone: Backbone,
    classes: &'a [String],
    split: &'a Split,
    cache: &'a EmbeddingCache,
    config: FineTuneConfig,
    split_description: Option<String>,
    checkpoint: Option<Checkpoint>,
    summaries: Option<PathBuf>,
    on_event: Box<dyn FnMut(FineTuneJobEvent<'_>) + 'a>,
    stop_when: Box<dyn Fn() -> bool + 'a>,
}

/// The result of a [`FineTuneJob`].
#[derive(Debug)]
pub struct FineTuneOutcome {
    /// The classifier, calibrated on the validation images (where there are some), with the report of its head and its
    /// provenance. Where no epoch was better, its network is the frozen one.
    pub classifier: Classifier,
    /// What was done and measured while training.
    pub record: FineTuneRecord,
    /// The predictions for the test images; `None` without test images.
    pub test: Option<FineTuneTest>,
    checkpoint: Option<Checkpoint>,
}

/// The same test images, seen by three classifiers.
#[derive(Debug)]
pub struct FineTuneTest {
    /// The head on the frozen network.
    pub frozen: Predictions,
    /// The fine-tuned classifier.
    pub fine_tuned: Predictions,
    /// The fine-tuned classifier after calibration.
    pub calibrated: Predictions,
}

impl<'a> FineTuneJob<'a> {
    /// A job on these images, whose classes have these names, with embeddings in this cache and the default settings.
    pub fn new(
        backbone: Backbone,
        classes: &'a [String],
        split: &'a Split,
        cache: &'a EmbeddingCache,
    ) -> Self {
        Self {
            backbone,
            classes,
            split,
            cache,
            config: FineTuneConfig::new(),
            split_description: None,
            checkpoint: None,
            summaries: None,
            on_event: Box::new(|_| ()),
            stop_when: Box::new(|| false),
        }
    }

    /// Sets how the network is fine-tuned. Default: [`FineTuneConfig::new`].
    pub fn with_config(mut self, config: FineTuneConfig) -> Self {
        self.config = config;
        self
    }

    /// Describes how the images were split, for the classifier's file.
    pub fn with_split_description(mut self, description: impl Into<String>) -> Self {
        self.split_description = Some(description.into());
        self
    }

    /// Keeps the state of the fine-tuning in a file. After an interruption the same job goes on from there and ends
    /// with the same bytes. [`FineTuneOutcome::save`] removes the file of a training that has ended.
    pub fn with_checkpoint(mut self, checkpoint: impl Into<Checkpoint>) -> Self {
        self.checkpoint = Some(checkpoint.into());
        self
    }

    /// Writes event files for TensorBoard into this folder ([`FineTuneSummaries`]).
    pub fn with_summaries(mut self, folder: impl Into<PathBuf>) -> Self {
        self.summaries = Some(folder.into());
        self
    }

    /// Sets a function that is told what happens, for progress bars and logs.
    pub fn on_event(mut self, on_event: impl FnMut(FineTuneJobEvent<'_>) + 'a) -> Self {
        self.on_event = Box::new(on_event);
        self
    }

    /// Sets a function that is asked after each step of the fine-tuning. `true` ends it with the best epoch so far,
    /// which is then calibrated and measured as usual.
    pub fn stop_when(mut self, stop_when: impl Fn() -> bool + 'a) -> Self {
        self.stop_when = Box::new(stop_when);
        self
    }

    /// Does the job, with the trained blocks on `device`.
    ///
    /// # Errors
    /// * As [`FineTuning::fit`](super::FineTuning::fit), and where the head cannot be fitted.
    /// * The cache or the event files cannot be read or written.
    pub fn run(mut self, device: &Device) -> Result<FineTuneOutcome> {
        let frozen = self.frozen()?;
        let mut summaries = match &self.summaries {
            Some(folder) => Some(FineTuneSummaries::create(folder, &self.config)?),
            None => None,
        };
        let (on_event, stop_when) = (&mut self.on_event, &self.stop_when);
        let watch = |event: FineTuneEvent<'_>| {
            if let Some(summaries) = &mut summaries {
                summaries.watch(event);
            }
            on_event(FineTuneJobEvent::FineTune(event));
            go_on_unless(stop_when())
        };
        let tuned = self
            .config
            .training(&self.split.training)
            .validation(&self.split.validation)
            .resume(self.checkpoint.as_ref())
            .on_event(watch)
            .fit(&frozen.classifier, device)?;
        if let Some(summaries) = summaries {
            summaries.finish()?;
        }
        self.measured(frozen, tuned)
    }

    /// Tries learning rates in place of the fine-tuning
    /// ([`FineTuning::find_learning_rate`](super::FineTuning::find_learning_rate)).
    ///
    /// # Errors
    /// As [`run`](Self::run), and where the range is not one.
    pub fn find_learning_rate(
        mut self,
        device: &Device,
        range: &LearningRateRange,
    ) -> Result<LearningRateCurve> {
        let frozen = self.frozen()?.classifier;
        let (on_event, stop_when) = (&mut self.on_event, &self.stop_when);
        let watch = |event: FineTuneEvent<'_>| {
            on_event(FineTuneJobEvent::FineTune(event));
            go_on_unless(stop_when())
        };
        let training = self.config.training(&self.split.training).on_event(watch);
        training.find_learning_rate(&frozen, device, range)
    }

    /// A head on the frozen network.
    fn frozen(&mut self) -> Result<Frozen> {
        let backbone = self.backbone.clone();
        let training = self.embed(&backbone, "training", &self.split.training)?;
        let config = HeadConfig::new().with_class_weights(ClassWeights::None);
        let Fitted { head, mut report } = config.training(&training.embeddings).fit()?;
        // They are of the frozen network, so they cannot calibrate the fine-tuned one.
        report.out_of_fold.clear();
        let classifier = Classifier::new(backbone, head, self.classes.to_vec())?;
        Ok(Frozen {
            classifier: classifier.with_report(report.clone()),
            report,
            training,
        })
    }

    /// Calibrates and measures, and writes down where the classifier comes from.
    fn measured(mut self, frozen: Frozen, tuned: FineTuned) -> Result<FineTuneOutcome> {
        let FineTuned {
            classifier, record, ..
        } = tuned;
        let backbone = classifier.backbone().clone();
        let validation = self.embed(&backbone, "validation", &self.split.validation)?;
        let seen_frozen = self.embed(frozen.classifier.backbone(), "test", &self.split.testing)?;
        let testing = self.embed(&backbone, "test", &self.split.testing)?;
        let predict = |classifier: &Classifier, images: &Embedded| {
            let head = classifier.head();
            head.predictions(&images.embeddings, classifier.classes())
        };
        let fine_tuned = match testing.embeddings.is_empty() {
            true => None,
            false => Some(predict(&classifier, &testing)?),
        };
        let classifier = match validation.embeddings.is_empty() {
            true => classifier,
            false => {
                let predictions = predict(&classifier, &validation)?;
                classifier.calibrate(&predictions, CalibrationData::Validation)?
            }
        };
        if let Some(calibration) = classifier.calibration() {
            (self.on_event)(FineTuneJobEvent::Calibrated(calibration));
        }
        let mut provenance = Provenance::default()
            .with_images("training", &frozen.training)
            .with_images("validation", &validation)
            .with_images("test", &testing)
            .with_fine_tuning(record.clone());
        provenance.split = self.split_description;
        let test = match fine_tuned {
            Some(fine_tuned) => Some(FineTuneTest {
                frozen: predict(&frozen.classifier, &seen_frozen)?,
                fine_tuned,
                calibrated: predict(&classifier, &testing)?,
            }),
            None => None,
        };
        if let Some(test) = &test {
            let found = &test.calibrated;
            let (accuracy, loss) = (found.confusion().accuracy(), found.log_loss());
            provenance = provenance
                .with_metric("test accuracy", accuracy.unwrap_or(f64::NAN))
                .with_metric("test log loss", loss.unwrap_or(f64::NAN));
        }
        let over = record.stopped != Stopped::Cancelled;
        Ok(FineTuneOutcome {
            classifier: classifier
                .with_report(frozen.report)
                .with_provenance(provenance),
            record,
            test,
            checkpoint: self.checkpoint.filter(|_| over),
        })
    }

    fn embed(
        &mut self,
        backbone: &Backbone,
        part: &'static str,
        items: &[ImageItem],
    ) -> Result<Embedded> {
        let (on_event, total) = (&mut self.on_event, items.len());
        let embedded = backbone.embed(items, self.cache, |done| {
            on_event(FineTuneJobEvent::Embedding { part, done, total });
        })?;
        for (_, error) in &embedded.failed {
            on_event(FineTuneJobEvent::LeftOut(error));
        }
        Ok(embedded)
    }
}

/// What is fine-tuned: a head on the frozen network.
struct Frozen {
    classifier: Classifier,
    report: FitReport,
    training: Embedded,
}

fn go_on_unless(stop: bool) -> ControlFlow<()> {
    if stop {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

impl FineTuneOutcome {
    /// Saves the classifier. Then the checkpoint is removed, unless the fine-tuning was stopped before its end and can
    /// go on from it.
    ///
    /// # Errors
    /// Where the file cannot be written, or the checkpoint cannot be removed.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.classifier.save(path)?;
        match &self.checkpoint {
            Some(checkpoint) => checkpoint.remove(),
            None => Ok(()),
        }
    }
}

/// One line per classifier: log loss and accuracy.
impl fmt::Display for FineTuneTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("frozen network", &self.frozen),
            ("fine-tuned", &self.fine_tuned),
            ("fine-tuned, calibrated", &self.calibrated),
        ];
        for (at, (name, found)) in rows.into_iter().enumerate() {
            let measured = [found.log_loss(), found.confusion().accuracy()];
            let [loss, accuracy] = measured.map(|value| value.unwrap_or(f64::NAN));
            let (line, n) = (if at == 0 { "" } else { "\n" }, found.len());
            write!(
                f,
                "{line}{name}: test loss {loss:.4}, accuracy {accuracy:.4} (N = {n})"
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for FineTuneJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FineTuneJob")
            .field("backbone", &self.backbone)
            .field("classes", &self.classes)
            .field("config", &self.config)
            .field("checkpoint", &self.checkpoint)
            .finish_non_exhaustive()
    }
}
