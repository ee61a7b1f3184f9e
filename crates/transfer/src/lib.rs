//! Retrain a network on a folder of images: a frozen backbone gives embeddings, a head is trained on them, and one
//! file holds it all.
//!
//! * [`Backbone`]: images to [`Embeddings`], each computed once and kept in an [`EmbeddingCache`].
//! * [`HeadConfig`]: how to train a [`Head`] on them: logistic regression to its optimum with the regularisation
//!   chosen by cross-validation (the default), `retrain.py`'s 4000 steps, or a hidden layer with dropout.
//! * [`Classifier`]: backbone, head, classes and preprocessing, saved in one file that tests itself when loaded.
//! * [`export`]: a classifier as ONNX, TensorFlow.js layers model, timm safetensors, frozen graph.
//! * [`finetune`]: the last blocks of the backbone learn along with the head.
//! * [`insight`]: wrong labels, similar images, out-of-distribution images, principal components.
//! * [`tensorboard`]: event files.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use transfer::{Backbone, Classifier, EmbeddingCache, Fitted, HeadConfig};
//! let folder = dataset::ImageFolder::open("photos")?;
//! let split = dataset::HashedSplit::default().apply(&folder)?;
//! let backbone = Backbone::new(mobilenet::Weights::open("model.json")?)?;
//! let cache = EmbeddingCache::open("cache")?;
//! let training = backbone.embed(&split.training, &cache, |_| ())?.embeddings;
//! let validation = backbone.embed(&split.validation, &cache, |_| ())?.embeddings;
//! let Fitted { head, report } = HeadConfig::new().training(&training).validation(&validation).fit()?;
//! let classifier = Classifier::new(backbone, head, folder.classes().to_vec())?.with_report(report);
//! classifier.save("photos.safetensors")?;
//! println!("{:?}", Classifier::load("photos.safetensors")?.classify("new.jpg")?);
//! # Ok(())
//! # }
//! ```

// Without training, some helpers have no user.
#![cfg_attr(not(feature = "train"), allow(dead_code))]

#[cfg(any(feature = "arrow", feature = "ndarray"))]
mod arrays;
mod backbone;
#[cfg(feature = "train")]
mod cache;
mod classifier;
#[cfg(feature = "train")]
mod embed;
#[cfg(feature = "train")]
mod embeddings;
mod error;
pub mod export;
pub mod finetune;
mod gradients;
pub mod head;
#[cfg(feature = "train")]
pub mod insight;
mod pretrained;
#[cfg(feature = "train")]
mod randomized;
#[cfg(feature = "train")]
pub mod retrain;
mod retrained_graph;
mod tensor_file;
#[cfg(feature = "train")]
pub mod tensorboard;
mod threads;
#[cfg(feature = "train")]
mod variation;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use backbone::Backbone;
#[cfg(feature = "train")]
pub use cache::{EmbeddingCache, Imported, Key, Merged, read_bottlenecks, write_bottlenecks};
pub use classifier::{
    Calibration, CalibrationData, Classifier, ImageSetRecord, Prediction, Provenance,
};
#[cfg(feature = "train")]
pub use embed::{Embedded, Filled};
#[cfg(feature = "train")]
pub use embeddings::Embeddings;
pub use error::{BoxError, Error, Result};
pub use gradients::{BlockFn, GradientFn, ScoresAndGradients, ScoresFn, ScoresMapsAndGradients};
pub use head::{
    Candidate, ClassWeights, Dense, FitEvent, FitReport, Fitted, GradientDescent, Head, HeadConfig,
    LogisticRegression, Optimizer, Recipe, Sampling, StepRecord, Stopped, Validation, softmax,
};
#[cfg(feature = "train")]
pub use head::{Checkpoint, HeadTraining};
pub use mobilenet::Layer;
#[cfg(feature = "train")]
pub use variation::Variation;
