//! Safetensors with one entry of metadata. The header is written from a hash map, in which several entries would come
//! in any order.

use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

use crate::error::{Error, Result};

pub(super) const FORMAT: &str = "safetensors file";

/// A tensor to be written.
pub(super) struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    pub fn new(name: String, dtype: Dtype, shape: Vec<usize>, bytes: Vec<u8>) -> Self {
        Self {
            name,
            dtype,
            shape,
            bytes,
        }
    }
}

/// The bytes of a file with these tensors and this entry of metadata.
pub(super) fn serialize(tensors: &[Stored], key: &str, about: &Value) -> Result<Vec<u8>> {
    let failed = |e: safetensors::SafeTensorError| Error::Format {
        file: "tensors to write".into(),
        format: FORMAT,
        message: e.to_string(),
        source: Some(Box::new(e)),
    };
    let views = tensors
        .iter()
        .map(|t| {
            Ok((
                &t.name,
                TensorView::new(t.dtype, t.shape.clone(), &t.bytes)?,
            ))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    let metadata = [(key.to_string(), about.to_string())].into_iter().collect();
    safetensors::serialize(views, Some(metadata)).map_err(failed)
}
