//! Views and copies for crates that work with arrays.

#[cfg(feature = "arrow")]
mod arrow;
#[cfg(feature = "ndarray")]
mod ndarray;

#[cfg(feature = "parquet")]
pub(crate) use arrow::embedding_column;
