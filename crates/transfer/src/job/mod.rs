//! What the whole jobs share: where their images come from, and what they report. The jobs are
//! [`Retrain`](crate::retrain::Retrain) and, with the feature `burn`, `FineTuneJob`.

mod doubts;
mod event;
#[cfg(feature = "burn")]
mod fine_tune;
mod images;
mod setup;
mod test_images;

pub use doubts::LabelConflict;
pub use event::JobEvent;
#[cfg(feature = "burn")]
pub use fine_tune::{FineTuneJob, FineTuneOutcome, FineTuneTest};
pub use images::{DividedImages, ImageSource};

pub(crate) use doubts::{check_usable, label_conflicts};
pub(crate) use setup::{Setup, go_on_unless, provenance, shared_settings};
pub(crate) use test_images::TestImages;
