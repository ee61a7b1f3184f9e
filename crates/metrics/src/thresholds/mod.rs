//! Choosing a threshold: for a given precision, a given recall or the lowest cost ([`OperatingPoint`]), or by how many
//! samples a person must decide ([`RiskCoverageCurve`]). Choose on validation data, never on test data.

mod operating_point;
mod risk_coverage;

pub use operating_point::OperatingPoint;
pub use risk_coverage::{RiskCoverageCurve, RiskCoveragePoint};

pub(crate) use risk_coverage::area_under_risk;
