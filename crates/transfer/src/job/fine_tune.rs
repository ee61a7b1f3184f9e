//! The whole job: fit a head on the frozen network, fine-tune, calibrate, and measure.

use std::fmt;
use std::path::Path;

use burn::tensor::Device;
use dataset::split::Subset;
use metrics::Predictions;

use super::doubts::check_usable;
use super::event::JobEvent;
use super::images::{DividedImages, ImageSource};
use super::setup::{Setup, go_on_unless, provenance, shared_settings};
use super::test_images::TestImages;
use crate::backbone::Backbone;
use crate::cache::EmbeddingCache;
use crate::classifier::{Classifier, Pictures, RejectOption};
use crate::embed::Embedded;
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};
use crate::finetune::{
    FineTuneConfig, FineTuneEvent, FineTuneRecord, FineTuneSummaries, FineTuned, LearningRateCurve,
    LearningRateRange,
};
use crate::head::{Checkpoint, ClassWeights, FitReport, Fitted, HeadConfig, Stopped};

/// Fits a head on a frozen network, fine-tunes both, calibrates the result, and measures it on the test images.
///
/// Training, validation and test images have one use each. The head is fitted on the training images alone, with the
/// same weight for all images. So the validation images are new to both the frozen and the fine-tuned network and can
/// compare them; after that, the temperature is fitted on them. The test images are used once, at the end.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let device = burn::tensor::Device::flex();
/// use transfer::finetune::FineTuneConfig;
/// use transfer::job::FineTuneJob;
/// let job = FineTuneJob::new("photos")
///     .with_config(FineTuneConfig::new().with_blocks(3))
///     .with_cache("embedding-cache")
///     .with_checkpoint("photos.training");
/// let result = job.run(&device)?;
/// result.save("photos.safetensors")?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is trained before `run` is called"]
pub struct FineTuneJob<'a> {
    setup: Setup<'a>,
    config: FineTuneConfig,
    checkpoint: Option<Checkpoint>,
}

/// The result of a [`FineTuneJob`].
#[derive(Debug)]
pub struct FineTuneOutcome {
    /// The classifier with the report of its head and its provenance, calibrated on the validation images if there are
    /// any. If no epoch was better, its network is the frozen one.
    pub classifier: Classifier,
    /// What was done and measured while training.
    pub record: FineTuneRecord,
    /// The predictions for the test images; `None` without test images.
    pub test: Option<FineTuneTest>,
    checkpoint: Option<Checkpoint>,
}

/// Predictions of three classifiers for the same test images.
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
    /// A job on a folder with one sub-folder of images for each class (a path), or on images that are found or split in
    /// another way ([`ImageSource`]).
    ///
    /// Defaults: the bundled weights (feature `bundled` of the crate `mobilenet`), with the frozen blocks on the
    /// compiled engine; the settings of [`FineTuneConfig::new`] and [`RejectOption::new`]; no checkpoint. Embeddings
    /// are kept in memory only. Test images that were trained on are left out. The classifier keeps digests of its
    /// pictures.
    pub fn new(images: impl Into<ImageSource>) -> Self {
        Self {
            setup: Setup::new(images.into()),
            config: FineTuneConfig::new(),
            checkpoint: None,
        }
    }

    shared_settings!('a);

    /// Sets the network, and how it prepares images. Its [layer](Backbone::layer) must be the embedding.
    pub fn with_backbone(mut self, backbone: Backbone) -> Self {
        self.setup.backbone = Some(backbone);
        self
    }

    /// Sets how the network is fine-tuned. Default: [`FineTuneConfig::new`].
    pub fn with_config(mut self, config: FineTuneConfig) -> Self {
        self.config = config;
        self
    }

    /// Keeps the state of the fine-tuning in a file. After an interruption the same job continues from there and gives
    /// the same bytes. [`FineTuneOutcome::save`] removes the file once the training has ended.
    pub fn with_checkpoint(mut self, checkpoint: impl Into<Checkpoint>) -> Self {
        self.checkpoint = Some(checkpoint.into());
        self
    }

    /// Runs the job, with the trained blocks on `device`.
    ///
    /// # Errors
    /// * The errors of [`FineTuning::fit`](crate::finetune::FineTuning::fit), and the head cannot be fitted.
    /// * All test images are trained on ([`Error::NothingUnseen`](crate::Error::NothingUnseen)).
    /// * The cache cannot be read. Where the cache or the event files cannot be written, the job goes on
    ///   ([`JobEvent::NotKept`], [`JobEvent::NoSummaries`]).
    pub fn run(mut self, device: &Device) -> Result<FineTuneOutcome> {
        self.setup.check()?;
        let frozen = self.frozen()?;
        let testing = self.test_images(&frozen)?;
        let (on_event, stop_when) = (&mut self.setup.on_event, &self.setup.stop_when);
        let folder = self.setup.summaries.as_ref();
        let summaries = folder.map(|folder| FineTuneSummaries::create(folder, &self.config));
        let mut summaries = match summaries.transpose() {
            Ok(summaries) => summaries,
            Err(error) => {
                on_event(JobEvent::NoSummaries(&error));
                None
            }
        };
        // Asked once before the first event, so that what the caller does at the first question (catching Ctrl-C, say) is
        // done by then.
        let stopped = stop_when();
        let watch = |event: FineTuneEvent<'_>| {
            if let Some(summaries) = &mut summaries {
                summaries.watch(event);
            }
            on_event(JobEvent::FineTune(event));
            go_on_unless(stopped || stop_when())
        };
        let split = &frozen.images.split;
        let tuned = self
            .config
            .training(&split.training)
            .validation(&split.validation)
            .resume(self.checkpoint.as_ref())
            .on_event(watch)
            .fit(&frozen.classifier, device)?;
        if let Some(Err(error)) = summaries.map(FineTuneSummaries::finish) {
            (self.setup.on_event)(JobEvent::NoSummaries(&error));
        }
        self.measured(frozen, testing, tuned)
    }

    /// Tries learning rates instead of fine-tuning
    /// ([`FineTuning::find_learning_rate`](crate::finetune::FineTuning::find_learning_rate)).
    ///
    /// # Errors
    /// The errors of [`run`](Self::run), and if the range is not valid ([`LearningRateRange`]).
    pub fn find_learning_rate(
        mut self,
        device: &Device,
        range: &LearningRateRange,
    ) -> Result<LearningRateCurve> {
        let frozen = self.frozen()?;
        let (on_event, stop_when) = (&mut self.setup.on_event, &self.setup.stop_when);
        let watch = |event: FineTuneEvent<'_>| {
            on_event(JobEvent::FineTune(event));
            go_on_unless(stop_when())
        };
        let training = self.config.training(&frozen.images.split.training);
        let search = training.on_event(watch);
        search.find_learning_rate(&frozen.classifier, device, range)
    }

    /// Fits a head on the frozen network.
    fn frozen(&mut self) -> Result<Frozen> {
        let images = self.setup.open_images()?;
        if images.folder.weights().is_some() {
            return Err(Error::setting(
                "weights of images",
                "given",
                "none: fine-tuning counts every image the same; `retrain` uses weights",
            ));
        }
        let (backbone, cache) = (self.setup.network()?, self.setup.open_cache()?);
        let classes = images.folder.classes().to_vec();
        let items = &images.split.training;
        let training = self
            .setup
            .embed(&backbone, Subset::Training, items, &cache)?;
        check_usable(&training, &classes)?;
        let config = HeadConfig::new().with_class_weights(ClassWeights::None);
        let Fitted { head, mut report } = config.training(&training.embeddings).fit()?;
        // They are of the frozen network, so they cannot calibrate the fine-tuned one.
        report.out_of_fold.clear();
        Ok(Frozen {
            classifier: Classifier::new(backbone, head, classes)?.with_report(report.clone()),
            images,
            cache,
            report,
            training,
        })
    }

    /// Embeds the test images by the frozen network, and says at once which of them are trained on.
    fn test_images(&mut self, frozen: &Frozen) -> Result<Embedded> {
        let items = &frozen.images.split.testing;
        let backbone = frozen.classifier.backbone();
        let testing = self
            .setup
            .embed(backbone, Subset::Testing, items, &frozen.cache)?;
        let known = Pictures::new().with(Subset::Training, &frozen.training.pictures);
        self.setup.test_images(&known, &testing)?;
        Ok(testing)
    }

    /// Calibrates and measures, and writes down where the classifier comes from. `testing_frozen` are the test images as
    /// the frozen network has them.
    fn measured(
        mut self,
        frozen: Frozen,
        testing_frozen: Embedded,
        tuned: FineTuned,
    ) -> Result<FineTuneOutcome> {
        let FineTuned {
            classifier, record, ..
        } = tuned;
        let backbone = classifier.backbone().clone();
        let (split, cache) = (&frozen.images.split, &frozen.cache);
        let mut embed = |part| self.setup.embed(&backbone, part, split.subset(part), cache);
        let (validation, testing) = (embed(Subset::Validation)?, embed(Subset::Testing)?);
        let known = Pictures::new()
            .with(Subset::Training, &frozen.training.pictures)
            .with(Subset::Validation, &validation.pictures);
        let rows = TestImages::of(&known, &testing, self.setup.include_training).rows;
        let predict = |classifier: &Classifier, images: &Embeddings| {
            classifier.head().predictions(images, classifier.classes())
        };
        let [test_frozen, test] =
            [&testing_frozen, &testing].map(|images| images.embeddings.select(&rows));
        let fine_tuned = (!rows.is_empty()).then(|| predict(&classifier, &test));
        let classifier = classifier.calibrate_held_out(
            &frozen.report,
            &frozen.training.embeddings,
            &validation.embeddings,
        )?;
        let classifier = match &self.setup.reject {
            Some(option) if !validation.embeddings.is_empty() => {
                let held_out = predict(&classifier, &validation.embeddings)?;
                classifier.with_reject_option(option, Some(&held_out), &validation.embeddings)?
            }
            _ => classifier,
        };
        if let Some(calibration) = classifier.calibration() {
            (self.setup.on_event)(JobEvent::Calibrated(calibration));
        }
        let test = match fine_tuned {
            Some(fine_tuned) => Some(FineTuneTest {
                frozen: predict(&frozen.classifier, &test_frozen)?,
                fine_tuned: fine_tuned?,
                calibrated: predict(&classifier, &test)?,
            }),
            None => None,
        };
        let parts = [&frozen.training, &validation, &testing];
        let measured = test.as_ref().map(|test| &test.calibrated);
        let provenance =
            provenance(frozen.images.description, parts, measured).with_fine_tuning(record.clone());
        let over = record.stopped != Stopped::Cancelled;
        let classifier = classifier
            .with_report(frozen.report)
            .with_provenance(provenance);
        Ok(FineTuneOutcome {
            classifier: self.setup.with_pictures(classifier, known, &testing),
            record,
            test,
            checkpoint: self.checkpoint.filter(|_| over),
        })
    }
}

/// What is fine-tuned: a head on the frozen network, with the images it is for.
struct Frozen {
    images: DividedImages,
    cache: EmbeddingCache,
    classifier: Classifier,
    report: FitReport,
    training: Embedded,
}

impl FineTuneOutcome {
    /// Saves the classifier. Then the checkpoint is removed, unless the fine-tuning was stopped before its end and can
    /// continue from it.
    ///
    /// # Errors
    /// If the file cannot be written, or the checkpoint cannot be removed.
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
            .field("images", &self.setup.images)
            .field("config", &self.config)
            .field("cache", &self.setup.cache)
            .field("checkpoint", &self.checkpoint)
            .finish_non_exhaustive()
    }
}
