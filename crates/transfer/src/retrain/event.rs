use std::fmt;
use std::time::Duration;

use dataset::{ImageFolder, ImageItem, Split};

use super::doubts::LabelConflict;
use crate::classifier::{Calibration, Classifier};
use crate::familiarity::FamiliarityCounts;
use crate::head::FitEvent;

/// A part of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Images that the head is trained on.
    Training,
    /// Images on which settings are chosen.
    Validation,
    /// Images that are used once, at the end, to measure the classifier.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// What happens during a job, in this order.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum RetrainEvent<'a> {
    /// The images were listed and divided; no image has been decoded yet.
    Images {
        /// The folder; [`ImageFolder::skipped`] lists the files that are left out.
        folder: &'a ImageFolder,
        /// The parts.
        split: &'a Split,
    },
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
        part: Part,
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
    /// All parts are embedded.
    Embedded {
        /// Embeddings that were computed; the others were in the cache.
        computed: usize,
        /// Seconds for all of them.
        seconds: f64,
    },
    /// Pictures are there several times, with different classes. They are used all the same.
    LabelConflicts(&'a [LabelConflict]),
    /// Some of the test images are trained on, or used to choose settings, or look like one that is trained on.
    TestSeen {
        /// How well the classifier knows the test images.
        counts: &'a FamiliarityCounts,
        /// Whether they are measured nevertheless ([`Retrain::include_training`](super::Retrain::include_training));
        /// otherwise they are left out.
        included: bool,
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
    /// The training was stopped before its end; the head is the best so far.
    Stopped,
    /// The probabilities are calibrated.
    Calibrated(&'a Calibration),
    /// Heads are fitted on parts of the images ([`Retrain::with_learning_curve`](super::Retrain::with_learning_curve)).
    LearningCurve {
        /// Parts done so far.
        done: usize,
        /// All parts.
        total: usize,
    },
}
