//! How good the probabilities are (log loss, Brier score, top-k accuracy, calibration error), and how to calibrate them
//! ([`TemperatureScaling`], [`IsotonicCalibration`]).

mod brier;
mod calibration;
mod isotonic;
mod log_loss;
mod temperature;
mod top_k;

pub use calibration::{Bin, Binning, CalibrationError, ReliabilityDiagram};
pub use isotonic::{IsotonicCalibration, IsotonicRegression};
pub use temperature::TemperatureScaling;

pub(crate) use brier::{halved, squared_distance};
pub(crate) use calibration::{bin_of, uniform_edges};
pub(crate) use log_loss::negative_log;
pub(crate) use top_k::rank;
