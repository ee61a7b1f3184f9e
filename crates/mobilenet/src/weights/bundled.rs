//! Google's `mobilenet_v1_1.0_224` in half precision, embedded by the feature `bundled`.

use super::model_weights::Weights;
use crate::error::Result;

#[cfg(feature = "bundled")]
pub(super) fn open() -> Result<Weights> {
    let bytes = include_bytes!("../../weights/mobilenet_v1_1.0_224.safetensors");
    Weights::from_safetensors("bundled", bytes)
}

#[cfg(not(feature = "bundled"))]
pub(super) fn open() -> Result<Weights> {
    Err(crate::error::Error::UnknownWeights {
        name: "bundled".into(),
        message: "this program was built without mobilenet's feature `bundled`".into(),
    })
}
