//! Where to set the threshold, and what to leave to a person.

mod coverage;
mod threshold;

pub use coverage::{CoveragePoint, CoverageRisk};
pub use threshold::OperatingPoint;
