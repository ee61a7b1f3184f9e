//! Weights: published files by name, and files of other programs, read and written.
//!
//! [`Weights::open`] reads any of the formats. [`Export`] writes some of them, with the layers that were trained on top
//! of the net; [`Weights::save`] writes this crate's own format. [`WeightsFormat`] has the table of formats and
//! describes their files.
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
//! The import is strict: every tensor must have the shape that the net demands and finite values, and no tensor may be
//! left over. If a file describes the arithmetic (strides, padding, activations), it must be that of MobileNetV1.

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
pub(crate) mod folded;
mod foreign;
mod formats;
mod model_metadata;
mod model_weights;
#[cfg(feature = "burn")]
mod module;
mod net;
mod numbers;
mod one_of_folder;
mod open;
#[cfg(feature = "fetch")]
mod open_or_fetch;
pub(crate) mod parameters;
mod preprocessing;
mod quantized_file;
mod quantized_read;
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
pub use model_metadata::ModelMetadata;
pub use model_weights::Weights;
pub use net::{ExportedFile, PixelInput};
pub use numbers::FloatType;
pub use preprocessing::{Filter, Preprocessing};
pub use registry::Published;
