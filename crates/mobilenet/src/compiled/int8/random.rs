//! Quantized nets of random integers.

use crate::config::MobileNetConfig;
use crate::error::Result;
use crate::quantized::{
    Activation, Arithmetic, DenseOperation, Integers, LayerKind, Pooling, QuantizedLayer,
    QuantizedNet,
};

impl QuantizedNet {
    /// A net of random integers for this configuration, the same for the same `seed` on every machine, with scales such
    /// that the levels of its maps fill their range. Such a net knows nothing; it is for measurements and tests.
    ///
    /// ```
    /// # fn main() -> mobilenet::Result<()> {
    /// use mobilenet::{MobileNetConfig, quantized::QuantizedNet};
    /// let net = QuantizedNet::random(&MobileNetConfig::new().with_alpha(0.25), 0)?.compile()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if a field of the configuration is outside its range.
    pub fn random(config: &MobileNetConfig, seed: u64) -> Result<Self> {
        config.check()?;
        let mut state = seed;
        let input = Activation {
            scale: 1.0 / 127.5,
            zero_point: 128,
        };
        let output = Activation {
            scale: 6.0 / 255.0,
            zero_point: 0,
        };
        let mut before = input;
        let layers = Self::shapes(config)
            .into_iter()
            .map(|(kind, inputs, outputs)| {
                let depth = match kind {
                    LayerKind::Stem => 9 * inputs,
                    LayerKind::Depthwise => 9,
                    LayerKind::Pointwise | LayerKind::Dense => inputs,
                };
                // Bytes have a deviation of 74 from their middle, and so have levels after the sum.
                let size = output.scale / (before.scale * 74.0 * (depth as f32).sqrt());
                before = output;
                QuantizedLayer {
                    kind,
                    weights: (0..depth * outputs)
                        .map(|_| (next(&mut state) >> 56) as i8)
                        .collect(),
                    weight_scales: vec![size; outputs],
                    weight_zero_points: vec![0; outputs],
                    bias: (0..outputs)
                        .map(|_| (next(&mut state) >> 50) as i32)
                        .collect(),
                    output,
                    clamp: (0, 255),
                }
            });
        Ok(Self {
            layers: layers.collect(),
            config: config.clone(),
            input,
            pooled: output,
            arithmetic: Arithmetic::Xnnpack,
            integers: Integers::Signed,
            pooling: Pooling::Mean,
            dense: DenseOperation::FullyConnected,
            softmax: None,
            wide_outputs: true,
        })
    }
}

/// The next value of SplitMix64 (Steele, Lea and Flood, 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
