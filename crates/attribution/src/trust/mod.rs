//! How far an explanation can be trusted.
//!
//! | measure | question |
//! |---|---|
//! | [`Faithfulness`] | Does the score change when the important parts are replaced or shown? |
//! | [`Infidelity`] | Does the score change by as much as the map says? |
//! | [`MaxSensitivity`] | Does the map stay the same when the image hardly changes? |
//! | [`randomization_check`] | Does the map change when the model loses what it has learned? |
//! | [`rank_correlation`] | Do two maps agree? |

mod faithfulness;
mod infidelity;
mod randomization;
mod rank;
mod sensitivity;

pub use faithfulness::{Curve, Faithfulness, FaithfulnessCurves};
pub use infidelity::{Infidelity, InfidelityResult, Square};
pub use randomization::{RandomizationStep, randomization_check};
pub use rank::rank_correlation;
pub use sensitivity::MaxSensitivity;
