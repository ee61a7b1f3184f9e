//! How much a metric would vary on other samples of the same kind: confidence intervals and significance tests.
//!
//! * [`Bootstrap`] gives an interval of any metric, and of the difference of a metric between two classifiers.
//! * [`wilson_interval`] and [`clopper_pearson_interval`] are intervals of a proportion, such as an accuracy.
//! * [`delong_interval`] and [`delong_test`] are for areas under ROC curves.
//! * [`mcnemar_exact`] and [`mcnemar_chi_squared`] test whether two classifiers are wrong equally often.

mod bags;
mod bootstrap;
mod delong;
mod estimate;
mod intervals;
mod mcnemar;
mod normal;
mod proportion;

pub use bootstrap::{Bootstrap, BootstrapResult, IntervalMethod};
pub use delong::{DelongTest, delong_interval, delong_test};
pub use estimate::{Estimate, Interval};
pub use intervals::{LeaveOneOut, bca_interval, percentile_interval};
pub use mcnemar::{McNemarTest, mcnemar_chi_squared, mcnemar_exact};
pub use proportion::{clopper_pearson_interval, wilson_interval};

#[cfg(feature = "report")]
pub(crate) use estimate::p_value;
pub(crate) use normal::{is_level, normal_quantile};
