//! Conversions to and from the array types of `ndarray` and Apache Arrow.

#[cfg(feature = "arrow")]
mod arrow;
#[cfg(feature = "ndarray")]
mod ndarray;

#[cfg(feature = "parquet")]
pub(crate) use arrow::embedding_column;
