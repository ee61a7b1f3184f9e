//! Numbers as files store them: little-endian, in 32 or 16 bits.

use std::str::FromStr;

use crate::error::{Error, Result};

/// Type of the numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FloatType {
    /// IEEE half precision, rounded to nearest even. The file is half as large, and the logits of MobileNetV1 change by
    /// up to 9e-3 of the largest one.
    F16,
    /// Single precision, as trained. The default.
    #[default]
    F32,
}

/// `f16` or `f32`.
impl FromStr for FloatType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "f16" => Ok(Self::F16),
            "f32" => Ok(Self::F32),
            _ => Err(Error::setting("type of the numbers", name, "f16 or f32")),
        }
    }
}

/// The bytes of f32 numbers.
pub(super) fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// f32 numbers from their bytes.
pub(super) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

/// IEEE half precision, widened.
pub(super) fn halves(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(2)
        .map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32())
        .collect()
}

/// bfloat16, widened.
pub(super) fn brain_halves(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(2)
        .map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32())
        .collect()
}

/// 32-bit integers, widened.
pub(super) fn integers(bytes: &[u8]) -> Vec<i64> {
    bytes
        .chunks_exact(4)
        .map(|b| i64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])))
        .collect()
}

/// The decimal number that an f32 stands for: files hold 0.001 as the nearest f32, and 0.001 is meant.
pub(super) fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_their_names() {
        assert_eq!("f16".parse::<FloatType>().unwrap(), FloatType::F16);
        assert_eq!("f32".parse::<FloatType>().unwrap(), FloatType::default());
        let error = "f64".parse::<FloatType>().unwrap_err().to_string();
        assert!(error.contains("expected f16 or f32"), "{error}");
    }
}
