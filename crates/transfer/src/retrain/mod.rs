//! The whole job as one call, from a folder of images to a classifier and its predictions for the test images.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use transfer::retrain::Retrain;
//! let job = Retrain::new("photos").with_cache("embedding-cache").run()?;
//! if let Some(test) = &job.test {
//!     println!("{}", test.summary());
//! }
//! job.save("photos.safetensors")?;
//! # Ok(())
//! # }
//! ```

mod fit;
mod numbers;
mod outcome;

pub use fit::Variants;
pub use outcome::Retrained;

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use dataset::split::Subset;
use dataset::{ImageFolder, ImageItem, Split};
use mobilenet::Precision;

use self::fit::{Fit, Trained};
use crate::backbone::Backbone;
use crate::cache::EmbeddingCache;
use crate::classifier::{Classifier, Pictures, RejectOption};
use crate::embed::Embedded;
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};
use crate::finetune::FineTuneRecord;
use crate::head::{FitReport, HeadConfig, Recipe, Stopped};
use crate::insight::{SampleSize, SampleSizeCurve};
use crate::job::{
    DividedImages, ImageSource, JobEvent, Setup, TestImages, check_usable, go_on_unless,
    label_conflicts, provenance, shared_settings,
};
use crate::quantize::{self, QuantizationRecord, QuantizeConfig};
use crate::variation::Variation;

/// A retraining job and its settings. Only the images must be given; everything else has a default.
pub struct Retrain<'a> {
    setup: Setup<'a>,
    precision: Precision,
    quantization: Option<QuantizationRecord>,
    start_from: Option<Classifier>,
    head: HeadConfig,
    variation: Option<(Variation, Variants)>,
    date: Option<String>,
    learning_curve: Option<SampleSize>,
    checkpoint: Option<PathBuf>,
}

impl<'a> Retrain<'a> {
    /// A job on a folder with one sub-folder of images for each class (a path), or on images that are found or divided
    /// in another way ([`ImageSource`]).
    ///
    /// Defaults: the bundled weights (feature `bundled` of the crate `mobilenet`), run by the compiled engine; logistic
    /// regression with cross-validated regularization; no distortions; [`RejectOption::new`]; no checkpoint. Embeddings
    /// are kept in memory only. Test images that were trained on are left out. The classifier keeps digests of its
    /// pictures.
    pub fn new(images: impl Into<ImageSource>) -> Self {
        Self {
            setup: Setup::new(images.into()),
            precision: Precision::F32,
            quantization: None,
            start_from: None,
            head: HeadConfig::new(),
            variation: None,
            date: None,
            learning_curve: None,
            checkpoint: None,
        }
    }

    shared_settings!('a);

    /// Sets the network, and how it prepares images.
    pub fn with_backbone(mut self, backbone: Backbone) -> Self {
        self.setup.backbone = Some(backbone);
        self
    }

    /// Sets the numbers that the network computes with, on the CPU. [`Precision::Int8`] quantizes it on training images
    /// before anything is embedded, as [`quantize`](crate::quantize::quantize) does by default, and the head is trained
    /// on what the integers give. A network of integers stays as it is. Default: [`Precision::F32`], which leaves every
    /// network as it is.
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Starts from a classifier: uses its network and its preprocessing and, if the head is trained by gradient
    /// descent, its head. The folder may have classes that the classifier does not know, but it must have all classes
    /// that it knows.
    pub fn start_from(mut self, classifier: Classifier) -> Self {
        self.start_from = Some(classifier);
        self
    }

    /// Sets how the head is trained. Default: [`HeadConfig::new`].
    pub fn with_head(mut self, head: HeadConfig) -> Self {
        self.head = head;
        self
    }

    /// Trains on randomly varied copies of the training images instead of the images themselves.
    pub fn with_variation(mut self, variation: impl Into<Variation>, variants: Variants) -> Self {
        self.variation = Some((variation.into(), variants));
        self
    }

    /// Stores in the file when the classifier was trained
    /// ([`Provenance::date`](crate::classifier::Provenance::date)). By default there is no date, and no clock is read.
    pub fn with_date(mut self, date: impl Into<Option<String>>) -> Self {
        self.date = date.into();
        self
    }

    /// After the training, also measures heads that are fitted on fewer images, and estimates what more images would
    /// bring ([`Retrained::learning_curve`]). It fits a hundred more heads or so. This takes about as long as the
    /// cross-validation of the default recipe, and much longer with gradient descent. It needs two training images of
    /// each class. It is refused for a network that was fine-tuned, because that network has seen the images.
    /// Default: `None`, it is not measured.
    pub fn with_learning_curve(mut self, curve: impl Into<Option<SampleSize>>) -> Self {
        self.learning_curve = curve.into();
        self
    }

    /// Keeps the state of a training by gradient descent in this file. After an interruption the same job continues
    /// from there and gives the same bytes. [`Retrained::save`] removes the file.
    pub fn with_checkpoint(mut self, file: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(file.into());
        self
    }

    /// Runs the job: divides the images, embeds them, trains the head, calibrates it on images that it was not trained
    /// on, and finally predicts the test images once.
    ///
    /// # Errors
    /// If the settings contradict each other ([`Error::Setting`]; checked before any work), the images cannot be
    /// divided, there are fewer than two classes or too few images, all test images are trained on
    /// ([`Error::NothingUnseen`]), or a file cannot be read or written. Where the cache or the files for TensorBoard cannot
    /// be written, the job goes on and reports it ([`JobEvent::NotKept`], [`JobEvent::NoSummaries`]).
    pub fn run(mut self) -> Result<Retrained> {
        fit::check(
            &self.head,
            self.variation.as_ref(),
            self.start_from.is_some(),
        )?;
        self.setup.check()?;
        self.check_learning_curve()?;
        let images = self.setup.open_images()?;
        let backbone = self.network()?;
        let backbone = self.in_precision(backbone, &images.split.training)?;
        let classes = images.folder.classes();
        let start = match &self.start_from {
            Some(classifier) => fit::start(&self.head, classifier, classes)?,
            None => None,
        };
        if let (Some(_), Some(classifier)) = (&start, &self.start_from) {
            (self.setup.on_event)(JobEvent::StartsFrom {
                classifier,
                classes,
            });
        }
        let cache = self.setup.open_cache()?;
        let mut embedded = self.embed_parts(&backbone, &images.split, &cache)?;
        check_usable(&embedded.training, classes)?;
        embedded.take_traits(&images.folder);
        if self.learning_curve.is_some() {
            // Known now, not after a long training.
            embedded
                .training
                .embeddings
                .check_images_per_class(classes, 2)?;
        }
        let known = self.known(&embedded);
        let test_images = self.setup.test_images(&known, &embedded.test)?;
        (self.setup.on_event)(JobEvent::Usable {
            training: embedded.training.embeddings.len(),
            validation: embedded.validation.embeddings.len(),
            test: test_images.rows.len(),
        });

        let clock = Instant::now();
        let trained = Fit {
            backbone: &backbone,
            cache: &cache,
            classes,
            config: &self.head,
            training: &embedded.training,
            training_items: &images.split.training,
            validation: &embedded.validation.embeddings,
            validation_items: &images.split.validation,
            variation: self.variation.as_ref(),
            start: start.as_ref(),
            checkpoint: self.checkpoint.as_deref(),
            summaries: self.setup.summaries.as_deref(),
            on_event: &mut *self.setup.on_event,
            stop_when: &*self.setup.stop_when,
        }
        .run()
        .map_err(|error| error.with_class_names(classes))?;
        let material = Material {
            backbone,
            images,
            embedded,
            known,
            test_images,
        };
        self.measured(material, trained, clock)
    }

    /// Calibrates the head and asks it about the test images; `clock` runs since the training began.
    fn measured(
        mut self,
        material: Material,
        trained: Trained,
        clock: Instant,
    ) -> Result<Retrained> {
        let (embedded, classes) = (&material.embedded, material.images.folder.classes());
        let validation = &embedded.validation.embeddings;
        let learned = trained.variants.as_ref();
        let learned = learned.unwrap_or(&embedded.training.embeddings);
        let out_of_fold = trained
            .report
            .out_of_fold_predictions(learned, validation, classes)?;
        let classifier = Classifier::new(material.backbone, trained.head, classes.to_vec())?
            .calibrate_held_out(&trained.report, learned, validation)?;
        let classifier = self
            .rejecting(classifier, &trained.report, learned, embedded)?
            .with_report(trained.report);
        // A network that was fine-tuned has seen images that no head has seen.
        let out_of_fold = out_of_fold.filter(|_| !self.is_tuned());
        let out_of_fold = out_of_fold.map(|found| classifier.at_temperature(found));
        let out_of_fold = out_of_fold.transpose()?;
        if let Some(calibration) = classifier.calibration() {
            (self.setup.on_event)(JobEvent::Calibrated(calibration));
        }
        let fitting_seconds = clock.elapsed().as_secs_f64();
        let report = classifier.report();
        let learning_curve = match report.filter(|report| report.stopped != Stopped::Cancelled) {
            Some(report) => self.measured_sizes(report, learned, validation)?,
            None => None,
        };

        let predict = |images: &Embeddings| classifier.head().predictions(images, classes);
        let training = predict(&embedded.training.embeddings)?;
        let test_images = material.test_images;
        let measured = embedded.test.embeddings.select(&test_images.rows);
        let test = (!measured.is_empty()).then(|| predict(&measured));
        let test = test.transpose()?;
        let parts = [&embedded.training, &embedded.validation, &embedded.test];
        let mut provenance = provenance(material.images.description, parts, test.as_ref());
        // The network is still the fine-tuned one, where the earlier classifier's is.
        provenance.fine_tuning = self.fine_tuning().cloned();
        provenance.quantization = self.quantization().cloned();
        provenance.date.clone_from(&self.date);
        let classifier = classifier.with_provenance(provenance);
        Ok(Retrained {
            classifier: self
                .setup
                .with_pictures(classifier, material.known, &embedded.test),
            training,
            test,
            out_of_fold,
            learning_curve,
            test_counts: test_images.counts,
            computed: embedded.computed(),
            embedding_seconds: embedded.seconds,
            fitting_seconds,
            checkpoint: trained.checkpoint,
        })
    }

    /// The learning curve over the images that the head was fitted on, if it was asked for.
    fn measured_sizes(
        &mut self,
        report: &FitReport,
        learned: &Embeddings,
        validation: &Embeddings,
    ) -> Result<Option<SampleSizeCurve>> {
        let Some(curve) = &self.learning_curve else {
            return Ok(None);
        };
        let fitted_on = match self.head.recipe() {
            Recipe::LogisticRegression(_) => &learned.concat(validation)?,
            Recipe::GradientDescent(_) => learned,
        };
        let (on_event, stop_when) = (&mut self.setup.on_event, &self.setup.stop_when);
        curve.measure(report, fitted_on, |done, total| {
            on_event(JobEvent::LearningCurve { done, total });
            go_on_unless(stop_when())
        })
    }

    fn check_learning_curve(&self) -> Result<()> {
        let Some(curve) = &self.learning_curve else {
            return Ok(());
        };
        if self.is_tuned() {
            return Err(Error::setting(
                "learning_curve",
                "with a network that was fine-tuned",
                "a network that has not seen the images",
            ));
        }
        curve.check()
    }

    /// The classifier with its reject option: thresholds from the predictions that it was calibrated on, the open-set test
    /// from all images that are not for the test.
    fn rejecting(
        &self,
        classifier: Classifier,
        report: &FitReport,
        learned: &Embeddings,
        embedded: &EmbeddedParts,
    ) -> Result<Classifier> {
        let Some(option) = &self.setup.reject else {
            return Ok(classifier);
        };
        let validation = &embedded.validation.embeddings;
        let held_out = classifier.held_out_predictions(report, learned, validation)?;
        let all = embedded.training.embeddings.concat(validation)?;
        classifier.with_reject_option(option, held_out.as_ref(), &all)
    }

    /// How the network of the job learned, if it did.
    fn fine_tuning(&self) -> Option<&FineTuneRecord> {
        let earlier = self.start_from.as_ref()?;
        earlier.provenance().fine_tuning.as_ref()
    }

    /// How the network was quantized: in this job, or for the classifier that it starts from.
    fn quantization(&self) -> Option<&QuantizationRecord> {
        let earlier = || self.start_from.as_ref()?.provenance().quantization.as_ref();
        self.quantization.as_ref().or_else(earlier)
    }

    /// Whether the network of the job may have learned from some of its images.
    fn is_tuned(&self) -> bool {
        self.fine_tuning()
            .is_some_and(|record| record.kept.is_some())
    }

    /// The pictures that the training learns from, and those of the classifier that it starts from.
    fn known(&self, embedded: &EmbeddedParts) -> Pictures {
        // Logistic regression fits the head on the validation images, too, once it has chosen by cross-validation.
        let validation = match self.head.recipe() {
            Recipe::LogisticRegression(_) => Subset::Training,
            Recipe::GradientDescent(_) => Subset::Validation,
        };
        let known = Pictures::new()
            .with(Subset::Training, &embedded.training.pictures)
            .with(validation, &embedded.validation.pictures);
        match &self.start_from {
            Some(earlier) => known.with_earlier(earlier.pictures()),
            None => known,
        }
    }

    /// Embeds the images of all parts.
    fn embed_parts(
        &mut self,
        backbone: &Backbone,
        split: &Split,
        cache: &EmbeddingCache,
    ) -> Result<EmbeddedParts> {
        let clock = Instant::now();
        let mut embed = |part| self.setup.embed(backbone, part, split.subset(part), cache);
        let parts = EmbeddedParts {
            training: embed(Subset::Training)?,
            validation: embed(Subset::Validation)?,
            test: embed(Subset::Testing)?,
            seconds: clock.elapsed().as_secs_f64(),
        };
        (self.setup.on_event)(JobEvent::Embedded {
            computed: parts.computed(),
            seconds: parts.seconds,
        });
        let conflicts = label_conflicts(&[&parts.training, &parts.validation, &parts.test]);
        if !conflicts.is_empty() {
            (self.setup.on_event)(JobEvent::LabelConflicts(&conflicts));
        }
        Ok(parts)
    }

    /// The network of the job: the classifier's that it starts from, the one that was given, or the bundled one.
    fn network(&self) -> Result<Backbone> {
        match &self.start_from {
            Some(classifier) => Ok(classifier.backbone().clone()),
            None => self.setup.network(),
        }
    }

    /// The network in the precision of the job.
    fn in_precision(&mut self, backbone: Backbone, training: &[ImageItem]) -> Result<Backbone> {
        let precision = self.precision;
        if precision == Precision::F32 || backbone.engine().precision() == precision {
            return Ok(backbone);
        }
        if precision != Precision::Int8 {
            return Err(Error::Setting {
                setting: "precision",
                value: precision.to_string(),
                expected: "f32 or int8: no engine computes with other numbers".into(),
            });
        }
        let paths: Vec<_> = training.iter().map(|item| &item.path).collect();
        let network = quantize::network(&backbone, &paths, &QuantizeConfig::new())?;
        (self.setup.on_event)(JobEvent::Quantized(&network.record));
        self.quantization = Some(network.record);
        Ok(network.backbone)
    }
}

impl fmt::Debug for Retrain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrain")
            .field("images", &self.setup.images)
            .field("head", &self.head)
            .field("cache", &self.setup.cache)
            .finish_non_exhaustive()
    }
}

/// What a head is trained on, and measured on.
struct Material {
    backbone: Backbone,
    images: DividedImages,
    embedded: EmbeddedParts,
    known: Pictures,
    test_images: TestImages,
}

/// The embeddings of all parts, and the seconds that they took.
struct EmbeddedParts {
    training: Embedded,
    validation: Embedded,
    test: Embedded,
    seconds: f64,
}

impl EmbeddedParts {
    /// Takes groups and weights of the images from their folder.
    fn take_traits(&mut self, folder: &ImageFolder) {
        for part in [&mut self.training, &mut self.validation] {
            part.embeddings.take_traits(folder);
        }
    }

    fn computed(&self) -> usize {
        self.training.computed + self.validation.computed + self.test.computed
    }
}
