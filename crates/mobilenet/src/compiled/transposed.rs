//! The weights of the backward pass.

use super::fold::{Filters, Layers};
use super::kernels::{Affine, Packed};

/// The weights, transposed: made when a gradient is first asked for.
pub(super) struct Transposed {
    /// 27 columns, per pixel level.
    pub(super) stem: Packed,
    pub(super) blocks: Vec<(Filters, Packed)>,
    pub(super) classifier: Option<Packed>,
}

impl Transposed {
    pub(super) fn of(layers: &Layers, std: f64) -> Self {
        let blocks = layers.blocks.iter().map(|block| {
            let Filters { weight, after } = &block.depthwise;
            let channels = after.scale.len();
            let mut weight: Vec<f32> = match block.stride {
                // The transpose of a convolution of stride 1 is a convolution with the filter turned round.
                1 => weight.rchunks_exact(channels).flatten().copied().collect(),
                _ => weight.clone(),
            };
            for taps in weight.chunks_exact_mut(channels) {
                taps.iter_mut()
                    .zip(&after.scale)
                    .for_each(|(w, scale)| *w *= scale);
            }
            (
                Filters {
                    weight,
                    after: Affine::none(channels),
                },
                block.pointwise.transposed(1.0),
            )
        });
        Self {
            stem: layers.stem.transposed((1.0 / std) as f32),
            blocks: blocks.collect(),
            classifier: layers
                .classifier
                .as_ref()
                .map(|classifier| classifier.transposed(1.0)),
        }
    }
}
