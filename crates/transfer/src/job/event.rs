use std::time::Duration;

use dataset::split::Subset;
use dataset::{ImageFolder, ImageItem, Split};

use super::doubts::LabelConflict;
use crate::classifier::{Calibration, Classifier};
use crate::error::Error;
use crate::familiarity::FamiliarityCounts;
#[cfg(feature = "burn")]
use crate::finetune::FineTuneEvent;
use crate::head::FitEvent;
use crate::quantize::QuantizationRecord;

/// What happens during a job, in this order. Not every job has every event.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum JobEvent<'a> {
    /// The images were listed and divided; no image has been decoded yet.
    Images {
        /// The folder; [`ImageFolder::skipped`] lists the files that are left out.
        folder: &'a ImageFolder,
        /// The parts.
        split: &'a Split,
    },
    /// The network was quantized on training images.
    Quantized(&'a QuantizationRecord),
    /// The training starts from the head of a classifier, whose classes are among those of the folder.
    StartsFrom {
        /// The classifier.
        classifier: &'a Classifier,
        /// The classes of the folder.
        classes: &'a [String],
    },
    /// Images of a part have been embedded, or their embeddings were in the cache.
    Embedding {
        /// The part.
        part: Subset,
        /// Images done so far.
        done: usize,
        /// Images of the part.
        total: usize,
    },
    /// An image cannot be used and is left out.
    LeftOut {
        /// The image.
        item: &'a ImageItem,
        /// The reason.
        error: &'a dataset::Error,
    },
    /// A job that retrains has embedded all parts.
    Embedded {
        /// Embeddings that were computed; the others were in the cache.
        computed: usize,
        /// Seconds for all of them.
        seconds: f64,
    },
    /// The embeddings that are computed cannot be kept in the cache, for this reason. The job goes on.
    NotKept(&'a Error),
    /// The files for TensorBoard cannot be written, for this reason. The training goes on without them.
    NoSummaries(&'a Error),
    /// Pictures are there several times, with different classes. They are used all the same.
    LabelConflicts(&'a [LabelConflict]),
    /// Some of the test images are trained on, or used to choose settings, or look like one that is trained on.
    TestSeen {
        /// How well the classifier knows the test images.
        counts: &'a FamiliarityCounts,
        /// Whether they are measured nevertheless
        /// ([`Retrain::include_training`](crate::retrain::Retrain::include_training)); otherwise they are left out.
        included: bool,
    },
    /// How many images of each part are used: without those that cannot be read, and without test images that are trained on.
    Usable {
        /// Images that the head is trained on.
        training: usize,
        /// Images on which settings are chosen.
        validation: usize,
        /// Images that measure the classifier.
        test: usize,
    },
    /// Varied copies of the training images will be embedded. This is the most that it can cost.
    VariationCost {
        /// Largest number of varied images to embed.
        images: usize,
        /// How long that takes, estimated from a few of these images.
        estimate: Duration,
    },
    /// Variants of the training images have been embedded, or their embeddings were in the cache.
    Variants {
        /// Variants done so far.
        done: usize,
        /// All variants.
        total: usize,
    },
    /// All variants are embedded.
    Varied {
        /// Variants that were computed; the others were in the cache.
        computed: usize,
    },
    /// The head is being trained.
    Fit(FitEvent<'a>),
    /// The network is being fine-tuned.
    #[cfg(feature = "burn")]
    FineTune(FineTuneEvent<'a>),
    /// The training of a head was stopped before its end; the head is the best so far.
    Stopped,
    /// The probabilities are calibrated.
    Calibrated(&'a Calibration),
    /// Heads are fitted on parts of the images
    /// ([`Retrain::with_learning_curve`](crate::retrain::Retrain::with_learning_curve)).
    LearningCurve {
        /// Parts done so far.
        done: usize,
        /// All parts.
        total: usize,
    },
}
