//! Retrain a network on a folder of images: a frozen backbone turns images into embeddings, a head is trained on the
//! embeddings, and one file holds both.
//!
//! A first program needs only the names at the root of the crate. Everything else is in one module per concept:
//!
//! * `arrow_stream`: embeddings through pipes, for engines that distribute tables over machines (feature `arrow`).
//! * [`backbone`]: [`Backbone`], the frozen network, and how it prepares images.
//! * [`cache`]: [`EmbeddingCache`] keeps embeddings on disk, so that each is computed once. [`bottlenecks`] reads and
//!   writes the bottleneck files of TensorFlow's `retrain.py`.
//! * [`embed`]: embeds images through a cache; [`embeddings`]: [`Embeddings`], the matrix that results, with the
//!   classes of the images.
//! * [`head`]: [`HeadConfig`] trains a [`Head`](head::Head): by logistic regression to its optimum, with the
//!   regularization chosen by cross-validation (the default), or by gradient descent, with the 4000 steps of
//!   `retrain.py` or a hidden layer with dropout.
//! * [`classifier`]: [`Classifier`] is backbone, head, classes and preprocessing, in one file that tests itself when it
//!   is loaded.
//! * [`export`]: writes a classifier in the formats of other programs: ONNX, TensorFlow.js, timm, TensorFlow's frozen
//!   graph.
//! * [`familiarity`]: whether a picture is new to a classifier, or was used in its training.
//! * [`finetune`]: trains the last blocks of the backbone, too (feature `burn`; the whole job is `job::FineTuneJob`).
//! * [`from_bytes`]: embeds and classifies images that a program has read elsewhere.
//! * [`gradients`]: a classifier as the functions that the crate `attribution` needs.
//! * [`insight`]: what embeddings can tell: wrong labels, similar images, out-of-distribution images, principal
//!   components, and whether more images would help.
//! * [`job`]: where the images of a whole job come from, and what it reports.
//! * [`picture`]: [`PictureDigest`](picture::PictureDigest), a few bytes that identify a picture.
//! * [`quantize`]: makes a classifier whose network computes with 8-bit integers.
//! * [`retrain`]: the whole job in one call, from a folder of images to a classifier and its evaluation.
//! * [`table`]: embeddings as a table for other programs: NumPy, CSV, Apache Parquet.
//! * [`tensorboard`]: event files for TensorBoard.
//! * [`throughput`]: measures how long a network takes for a batch of images.
//! * [`variation`]: distorted variants of the training images.
//!
//! The [`guide`] shows the main steps with examples.
//!
//! The whole job in one call:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use transfer::retrain::Retrain;
//! let job = Retrain::new("photos").with_cache("embedding-cache").run()?;
//! println!("{job}"); // the classes, and how good the classifier is on the test images
//! job.save("photos.safetensors")?;
//! println!("{:?}", job.classifier.classify("new.jpg")?);
//! # Ok(())
//! # }
//! ```
//!
//! The same step by step:
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
//!
//! # Features
//!
//! | Feature | Default | What it adds |
//! |---|---|---|
//! | `train` | yes | Everything beyond loading, running, explaining and saving classifiers: embeddings, heads, retraining, insight, event files. |
//! | `burn` | yes | Fine-tuning, and backbones on Burn's devices. |
//! | `pca` | yes | Principal components of embeddings (`insight::Pca`). |
//! | `rayon` | yes | Runs on all threads of rayon's current pool; without it, on the caller's thread. |
//! | `archives`, `cache`, `protobuf`, `pytorch` | yes | The features of `mobilenet` with these names: formats and sources of weights. |
//! | `gif`, `webp` | yes | GIF and WebP images. |
//! | `arrow`, `ndarray`, `parquet` | no | Embeddings and predictions as Arrow record batches, `ndarray` views and Parquet files. |
//! | `distributed` | no | Fine-tuning over several CUDA devices. |
//! | `report` | no | Facts, learning curves and a model card for the report of `metrics`. |
//! | `signature` | no | Classifier files that must be signed with minisign. |

// Without training, some helpers have no user.
#![cfg_attr(not(feature = "train"), allow(dead_code))]

#[cfg(any(feature = "arrow", feature = "ndarray"))]
mod arrays;
#[cfg(feature = "arrow")]
pub mod arrow_stream;
pub mod backbone;
#[cfg(feature = "train")]
pub mod bottlenecks;
#[cfg(feature = "train")]
pub mod cache;
pub mod classifier;
#[cfg(feature = "train")]
pub mod embed;
#[cfg(feature = "train")]
pub mod embeddings;
mod error;
pub mod export;
pub mod familiarity;
mod file_kind;
pub mod finetune;
pub mod from_bytes;
pub mod gradients;
pub mod head;
pub mod insight;
#[cfg(feature = "train")]
pub mod job;
#[cfg(feature = "train")]
mod kept;
pub mod picture;
mod preprocess;
pub mod quantize;
mod quantized_engine;
#[cfg(feature = "train")]
mod randomized;
#[cfg(feature = "train")]
pub mod retrain;
mod seal;
#[cfg(feature = "train")]
pub mod table;
mod tensor_file;
#[cfg(feature = "train")]
pub mod tensorboard;
mod threads;
pub mod throughput;
#[cfg(feature = "train")]
pub mod variation;

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use backbone::Backbone;
#[cfg(feature = "train")]
pub use cache::EmbeddingCache;
pub use classifier::Classifier;
#[cfg(feature = "train")]
pub use embeddings::Embeddings;
pub use error::{BoxError, Error, Result};
pub use file_kind::FileKind;
pub use head::{Fitted, HeadConfig};
pub use mobilenet::Layer;
