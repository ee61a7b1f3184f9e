//! Attributions as pictures and as a NumPy file.

mod colours;
mod drawing;
mod notebook;
mod npy;
mod panel;

pub use drawing::{Drawing, Sign};
pub use notebook::{notebook_grey, notebook_overlay, notebook_window};
pub use npy::npy;
pub use panel::Panel;
