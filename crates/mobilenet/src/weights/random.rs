//! Random weights.

use super::model_weights::Weights;
use super::parameters::{Array, Arrays, Part, parameters};
use crate::config::MobileNetConfig;
use crate::error::Result;

impl Weights {
    /// Random weights for a net of this configuration, the same for the same `seed` on every machine: uniform kernels
    /// with the variance 2 / fan-in (He et al., 2015), batch normalizations that change nothing, and zero biases. Such
    /// a net has learned nothing; use it for measurements and tests.
    ///
    /// ```
    /// # fn main() -> mobilenet::Result<()> {
    /// use mobilenet::{MobileNetConfig, Weights};
    /// let net = Weights::random(&MobileNetConfig::new().with_alpha(0.25), 0)?.compile()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if a field of the configuration is outside its range.
    pub fn random(config: &MobileNetConfig, seed: u64) -> Result<Self> {
        config.check()?;
        let mut state = seed;
        let arrays = parameters(config).into_iter().map(|p| {
            let values = p.shape.iter().product();
            let data = match p.part {
                // The classifier's kernel is `[in, classes]`, a convolution's `[out, in / groups, k, k]`.
                Part::Kernel => {
                    let fan_in = match p.shape[..] {
                        [inputs, _] => inputs,
                        _ => p.shape[1..].iter().product(),
                    };
                    let bound = (6.0 / fan_in as f64).sqrt();
                    (0..values)
                        .map(|_| (bound * (2.0 * uniform(&mut state) - 1.0)) as f32)
                        .collect()
                }
                Part::Gamma | Part::Variance => vec![1.0; values],
                Part::Beta | Part::Mean | Part::Bias => vec![0.0; values],
            };
            let shape = p.shape.clone();
            (p.name(), Array { shape, data })
        });
        let arrays: Arrays = arrays.collect();
        Ok(Self::in_memory(config.clone(), arrays))
    }
}

/// The next value of SplitMix64 (Steele, Lea and Flood, 2014), between 0 and 1.
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::image_batch::ImageBatch;

    #[test]
    fn the_seed_decides() {
        let config = MobileNetConfig::new().with_alpha(0.25).with_classes(10);
        let digest = |seed| Weights::random(&config, seed).unwrap().digest();
        assert_eq!(digest(1), digest(1));
        assert_ne!(digest(1), digest(2));
    }

    /// Values neither vanish nor saturate on the way through the net.
    #[test]
    fn the_signal_arrives() {
        let config = MobileNetConfig::new().with_alpha(0.25).with_classes(10);
        let net = Weights::random(&config, 0).unwrap().compile().unwrap();
        let pixels: Vec<u8> = (0..64 * 64 * 3).map(|i| (i * 7919 % 256) as u8).collect();
        let pixels = ImageBatch::from_u8(&pixels, [1, 64, 64]).unwrap();
        let embedding = net.embed(&pixels).unwrap();
        let mean = embedding.iter().sum::<f32>() / embedding.len() as f32;
        assert!((0.01..5.0).contains(&mean), "{mean}");
    }

    #[test]
    fn nonsense_is_refused() {
        let config = MobileNetConfig::new().with_alpha(-1.0);
        let error = Weights::random(&config, 0).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
}
