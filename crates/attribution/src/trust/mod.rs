//! How far an explanation can be trusted.

mod curves;
mod infidelity;
mod randomisation;
mod rank;
mod sensitivity;

pub use curves::{Curve, Faithfulness, FaithfulnessCurves};
pub use infidelity::{Infidelity, InfidelityResult};
pub use randomisation::{RandomisationStep, randomisation_check};
pub use rank::rank_correlation;
pub use sensitivity::MaxSensitivity;
