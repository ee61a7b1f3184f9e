use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The numbers that an engine computes with. As text and in files: `f32`, `bf16`, `int8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Precision {
    /// Single precision. The default.
    #[default]
    F32,
    /// Weights and activations of 16 bits, the upper half of single precision; sums in single precision. Forward only.
    Bf16,
    /// Weights and activations of 8 bits, sums of 32: see [`quantized`](crate::quantized). Forward only.
    Int8,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "int8" => Ok(Self::Int8),
            _ => Err(Error::setting("precision", text, "f32, bf16 or int8")),
        }
    }
}
