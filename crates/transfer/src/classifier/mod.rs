//! Backbone, head, classes and preprocessing as one value, and as one file.

#[cfg(feature = "train")]
mod calibrate;
mod calibration;
mod classify;
#[cfg(feature = "report")]
mod describe;
mod file;
mod folder;
mod provenance;
mod reference;
mod stored_backbone;

pub use calibration::{Calibration, CalibrationData};
pub use classify::{Classifier, Prediction};
pub use provenance::{ImageSetRecord, Provenance};
