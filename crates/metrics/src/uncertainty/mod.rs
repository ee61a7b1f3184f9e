//! How far a number may be from what it would be on other samples of the same kind.

mod bootstrap;
mod comparison;
mod delong;
mod estimate;
mod proportion;

pub use bootstrap::{Bootstrap, IntervalMethod, Resampled, bca_interval, percentile_interval};
pub use comparison::{Comparison, McNemar, mcnemar_chi_squared, mcnemar_exact};
pub use delong::{AreaDifference, delong, delong_difference};
pub use estimate::Estimate;
pub use proportion::{clopper_pearson, wilson};
