//! Backbone, head, classes and preprocessing as one value, and as one file.

mod answer;
#[cfg(feature = "train")]
mod calibrate;
mod calibration;
mod classify;
#[cfg(feature = "report")]
mod describe;
#[cfg(feature = "train")]
mod evaluate;
mod file;
#[cfg(feature = "train")]
mod file_summary;
mod find_class;
mod folder;
mod half;
mod network;
mod pictures;
mod pretrained;
mod provenance;
mod reference;
#[cfg(feature = "train")]
mod reject_option;
mod retrained_graph;
#[cfg(feature = "signature")]
mod signature;
mod stored_backbone;
#[cfg(feature = "train")]
mod words;

pub use answer::{Answer, Rejection};
pub use calibration::{Calibration, CalibrationData};
pub use classify::{Classifier, Prediction};
#[cfg(feature = "train")]
pub use evaluate::Evaluated;
#[cfg(feature = "train")]
pub use file_summary::{FilePart, FileSummary};
pub use network::{labels_beside, read_labels};
pub use pictures::Pictures;
pub use provenance::{ImageSetRecord, Provenance};
#[cfg(feature = "train")]
pub use reject_option::RejectOption;
#[cfg(feature = "signature")]
pub use signature::RequiredKey;
