//! How near a quantized net is to the net in floats.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How near rows of outputs are to those of a reference, for example the logits of a quantized net to those in floats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fidelity {
    /// Number of rows.
    pub images: usize,
    /// The part of rows whose largest value is at the same place, in [0, 1]; [`None`] where there is no row. Of equal
    /// values the first counts.
    pub agreement: Option<f64>,
    /// Signal-to-quantization-noise ratio in decibels: `10 log10(Σ reference² / Σ (found - reference)²)` over all values.
    /// [`None`] where the reference is zero or nothing differs.
    pub sqnr: Option<f64>,
}

impl Fidelity {
    /// Compares rows of `dim` values.
    ///
    /// # Errors
    /// [`Error::Input`] if the lengths differ or are no multiple of `dim`.
    pub fn of(reference: &[f32], found: &[f32], dim: usize) -> Result<Self> {
        if reference.len() != found.len() || dim == 0 || !reference.len().is_multiple_of(dim) {
            return Err(Error::Input(format!(
                "{} values to compare with {}, in rows of {dim}",
                found.len(),
                reference.len()
            )));
        }
        let images = reference.len() / dim;
        let rows = reference.chunks_exact(dim).zip(found.chunks_exact(dim));
        let same = rows.filter(|(a, b)| largest(a) == largest(b)).count();
        let (mut signal, mut noise) = (0.0, 0.0);
        for (&reference, &found) in reference.iter().zip(found) {
            signal += f64::from(reference).powi(2);
            noise += (f64::from(found) - f64::from(reference)).powi(2);
        }
        Ok(Self {
            images,
            agreement: (images > 0).then(|| same as f64 / images as f64),
            sqnr: (signal > 0.0 && noise > 0.0).then(|| 10.0 * (signal / noise).log10()),
        })
    }
}

/// Where the largest value is, the first of several.
fn largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (i, &value) in row.iter().enumerate() {
        if value > row[best] {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_of_a_tenth_is_twenty_decibels() {
        let found = Fidelity::of(&[1.0, 0.0, 0.0, 1.0], &[1.1, 0.0, 0.0, 0.9], 2).unwrap();
        assert_eq!((found.images, found.agreement), (2, Some(1.0)));
        assert!((found.sqnr.unwrap() - 20.0).abs() < 1e-4);
        let other = Fidelity::of(&[1.0, 0.0], &[0.0, 1.0], 2).unwrap();
        assert_eq!(other.agreement, Some(0.0));
        let same = Fidelity::of(&[1.0], &[1.0], 1).unwrap();
        assert_eq!(same.sqnr, None);
        assert_eq!(Fidelity::of(&[], &[], 3).unwrap().agreement, None);
        assert!(Fidelity::of(&[1.0], &[1.0], 0).is_err());
        assert!(Fidelity::of(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 2).is_err());
    }
}
