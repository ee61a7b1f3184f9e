//! Sets of classes with a promise: the true class is in the set of a new sample at least 95 times in 100.
//!
//! [`Predictions::conformal`](crate::Predictions::conformal) computes from samples that the classifier was not trained on
//! (the calibration samples) how improbable a class may be and still belong to the set. The promise holds for any
//! classifier and any distribution, as long as the new samples are drawn like the calibration samples, and *on average*
//! over samples: not for each class or each kind of image. [`Conformal::per_class`] makes it hold for each class.
//!
//! ```
//! use metrics::Predictions;
//! use metrics::conformal::Conformal;
//!
//! # fn main() -> Result<(), metrics::Error> {
//! # let rows: Vec<Vec<f64>> = (0..40).map(|i| {
//! #     let p = 0.5 + 0.0125 * f64::from(i);
//! #     vec![p, 1.0 - p]
//! # }).collect();
//! let validation = Predictions::new(vec![0; 40], rows)?.with_classes(["boat", "cloud"])?;
//! let conformal = validation.conformal(&Conformal::new(0.9))?;
//! assert_eq!(conformal.set(&[0.97, 0.03], 0)?, [0]); // surely a boat
//! assert_eq!(conformal.set(&[0.53, 0.47], 1)?, [] as [usize; 0]); // unlike the answers to boats and clouds
//! # Ok(())
//! # }
//! ```
//!
//! # How the calibration samples are chosen
//!
//! * **Validation data** that took no part in training (split conformal): the coverage is at least the promise `c`, and at
//!   most `c + 1/(n + 1)` where scores differ. [`coverage_band`] says how far the coverage on some test samples may be
//!   from it by chance.
//! * **Out-of-fold answers, and the classifiers of all folds** (CV+,
//!   [`Predictions::cross_conformal`](crate::Predictions::cross_conformal)): every sample serves for training and for
//!   calibration. The coverage is at least `1 - 2(1 - c) - sqrt(2/n)` (Barber, Candès, Ramdas and Tibshirani 2021; Romano,
//!   Sesia and Candès 2020), and in practice about `c`.
//! * **Out-of-fold answers, and one classifier trained on all samples**: give the out-of-fold answers to
//!   `Predictions::conformal`. Nothing is proven; since the final classifier was trained on more samples than those of the
//!   folds, the coverage is in practice `c` or a little more. Measure it on test data.
//!
//! # Several labels
//!
//! [`MultilabelPredictions::control_false_negatives`](crate::MultilabelPredictions::control_false_negatives) chooses a
//! threshold so that on average at most a given share of the labels of a sample is missed.

mod band;
mod classifier;
mod cross;
mod evaluation;
mod options;
mod quantile;
mod risk;
mod score;
mod sets;

pub use band::coverage_band;
pub use classifier::ConformalClassifier;
pub use cross::CrossConformal;
pub use evaluation::{ClassCoverage, SetEvaluation, SizeCoverage};
pub use options::Conformal;
pub use risk::FalseNegativeControl;
pub use score::SetScore;
pub use sets::PredictionSets;
