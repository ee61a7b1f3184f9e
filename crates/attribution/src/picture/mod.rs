//! Attributions as pictures and files.
//!
//! [`Drawing`] draws one map, [`Panel`] puts pictures side by side, and [`Explanation`] makes all files for one
//! attribution: pictures, a NumPy file and a JSON file.

mod colors;
mod drawing;
mod explanation;
pub mod notebook;
mod npy;
mod panel;
mod text;

pub use drawing::{Drawing, Sign};
pub use explanation::Explanation;
pub use npy::npy;
pub use panel::Panel;
