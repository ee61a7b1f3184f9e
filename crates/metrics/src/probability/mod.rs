//! How good the probabilities themselves are, and how to make them better.

mod brier;
mod calibration;
mod isotonic;
mod log_loss;
mod temperature;

pub use calibration::{Bin, Binning, Calibration, ReliabilityDiagram};
pub use isotonic::{IsotonicCalibration, IsotonicRegression};
pub use temperature::Temperature;

pub(crate) use brier::{halved, squared_distance};
pub(crate) use calibration::{bin_of, quantile, uniform_edges};
pub(crate) use log_loss::surprise;
