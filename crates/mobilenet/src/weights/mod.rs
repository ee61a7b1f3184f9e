//! Weights: published files by name, and files of other programs, read and written.
//!
//! [`Weights::open`] reads any of the formats below. [`Export`] writes those that are written, with what was trained
//! behind the net; [`Weights::save`] writes this crate's own. [`WeightsFormat`] has the table of formats; what its files
//! look like is documented there.
//!
//! ```no_run
//! # fn main() -> mobilenet::Result<()> {
//! use mobilenet::Weights;
//! use mobilenet::weights::{Export, WeightsFormat};
//! let weights = Weights::open("retrained_graph.pb")?;
//! Export::new(&weights).write(WeightsFormat::Onnx, "net.onnx")?;
//! # Ok(())
//! # }
//! ```
//!
//! The import is strict: every tensor must have the shape that the net demands and finite values, and none may be left
//! over. What a file says of the arithmetic (strides, padding, activations) must be what MobileNetV1 does.

#[cfg(feature = "archives")]
mod archive;
mod budget;
mod bundled;
#[cfg(feature = "cache")]
mod cache;
mod dense;
mod export;
#[cfg(feature = "fetch")]
mod fetch;
mod file;
mod foreign;
mod formats;
mod model_weights;
#[cfg(feature = "burn")]
mod module;
mod net;
mod numbers;
mod open;
#[cfg(feature = "fetch")]
mod open_or_fetch;
pub(crate) mod parameters;
mod preprocessing;
mod random;
mod read;
mod registry;
mod schemes;
mod summary;

#[cfg(feature = "cache")]
pub use cache::Cache;
pub use dense::DenseLayer;
pub use export::Export;
#[cfg(feature = "fetch")]
pub use fetch::{Event, Fetch};
pub use formats::table::WeightsFormat;
pub use model_weights::Weights;
pub use net::{ExportedFile, PixelInput};
pub use numbers::FloatType;
pub use preprocessing::{Filter, Preprocessing};
pub use registry::Published;
