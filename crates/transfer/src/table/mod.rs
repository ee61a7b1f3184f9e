//! Embeddings as a table for other programs: NumPy, CSV, Apache Parquet.

mod columns;
mod csv;
mod format;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod write;

pub use format::TableFormat;
pub use write::EmbeddingTable;
