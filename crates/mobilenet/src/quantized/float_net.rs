//! A net in floats, plainly, before its activations: what quantization compares with while it calibrates.

use super::net::{LayerKind, stride};
use crate::config::{BLOCKS, MobileNetConfig};
use crate::image_batch::Values;
use crate::weights::folded::FoldedLayer;
use crate::weights::parameters::Layer;

/// A map of floats, `[height, width, channels]`.
pub(super) struct FloatMap {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub values: Vec<f32>,
}

/// The layers of a net, laid out for plain loops.
pub(super) struct FloatNet<'a> {
    config: &'a MobileNetConfig,
    layers: Vec<FloatLayer<'a>>,
}

struct FloatLayer<'a> {
    kind: LayerKind,
    /// `[inputs of one output][outputs]`; depthwise `[9][channels]`.
    weights: Vec<f32>,
    bias: &'a [f32],
}

/// What a layer is.
pub(super) fn kind_of(layer: Layer) -> LayerKind {
    match layer {
        Layer::Stem => LayerKind::Stem,
        Layer::Depthwise(_) => LayerKind::Depthwise,
        Layer::Pointwise(_) => LayerKind::Pointwise,
        Layer::Classifier => LayerKind::Dense,
    }
}

impl<'a> FloatNet<'a> {
    pub fn new(config: &'a MobileNetConfig, layers: &'a [FoldedLayer]) -> Self {
        let of = |layer: &'a FoldedLayer| {
            let (kind, outputs) = (kind_of(layer.layer), layer.bias.len());
            let inputs = layer.weights.len() / outputs.max(1);
            let weights = match kind {
                LayerKind::Depthwise => layer.weights.clone(),
                _ => (0..inputs)
                    .flat_map(|i| layer.weights.iter().skip(i).step_by(inputs).copied())
                    .collect(),
            };
            FloatLayer {
                kind,
                weights,
                bias: &layer.bias,
            }
        };
        Self {
            config,
            layers: layers.iter().map(of).collect(),
        }
    }

    /// Runs an image, and shows `visit` what each layer writes before its ReLU6 (the classifier: its logits) and the
    /// average pool, which is [`None`].
    pub fn run(
        &self,
        pixels: Values<'_>,
        [height, width]: [usize; 2],
        mut visit: impl FnMut(Option<usize>, &FloatMap),
    ) {
        let mut values = vec![0.0; height * width * 3];
        let (scale, mean) = ((1.0 / self.config.std) as f32, self.config.mean as f32);
        pixels.normalize(0..values.len(), scale, mean, &mut values);
        let mut map = FloatMap {
            height,
            width,
            channels: 3,
            values,
        };
        for (index, layer) in self.layers.iter().enumerate() {
            if layer.kind == LayerKind::Dense {
                break;
            }
            map = self.layer(index, &map);
            visit(Some(index), &map);
            map.values.iter_mut().for_each(|v| *v = v.clamp(0.0, 6.0));
        }
        let pool = mean_of(&map);
        visit(None, &pool);
        let last = self.layers.len() - 1;
        if self.layers[last].kind == LayerKind::Dense {
            visit(Some(last), &self.layer(last, &pool));
        }
    }

    /// What a layer writes, before its activation.
    fn layer(&self, index: usize, map: &FloatMap) -> FloatMap {
        let layer = &self.layers[index];
        let channels = layer.bias.len();
        let large = matches!(layer.kind, LayerKind::Stem | LayerKind::Depthwise);
        let stride = if large { stride(index) } else { 1 };
        let rule = self
            .config
            .padding
            .of_block(index.div_ceil(2).min(BLOCKS.len()));
        let sides = [map.height, map.width].map(|side| {
            if large {
                (rule.amounts(side, stride), 3)
            } else {
                ((0, 0), 1)
            }
        });
        let size = |side: usize, ((before, after), filter): ((usize, usize), usize)| {
            (side + before + after).saturating_sub(filter) / stride + 1
        };
        let (height, width) = (size(map.height, sides[0]), size(map.width, sides[1]));
        let mut values = Vec::with_capacity(height * width * channels);
        for y in 0..height {
            for x in 0..width {
                let start = values.len();
                values.extend_from_slice(layer.bias);
                let out = &mut values[start..];
                for k in 0..sides[0].1 * sides[1].1 {
                    let (ky, kx) = (k / sides[1].1, k % sides[1].1);
                    let at = |position: usize, before: usize, side: usize| {
                        position.checked_sub(before).filter(|&p| p < side)
                    };
                    let row = at(y * stride + ky, sides[0].0.0, map.height);
                    let column = at(x * stride + kx, sides[1].0.0, map.width);
                    let Some((row, column)) = row.zip(column) else {
                        continue;
                    };
                    let pixel = (row * map.width + column) * map.channels;
                    layer.add(k, &map.values[pixel..pixel + map.channels], out);
                }
            }
        }
        FloatMap {
            height,
            width,
            channels,
            values,
        }
    }
}

impl FloatLayer<'_> {
    /// Adds what the pixel under tap `k` of the filter gives.
    fn add(&self, k: usize, pixel: &[f32], out: &mut [f32]) {
        if self.kind == LayerKind::Depthwise {
            let filter = &self.weights[k * out.len()..(k + 1) * out.len()];
            for ((out, &x), &w) in out.iter_mut().zip(pixel).zip(filter) {
                *out += x * w;
            }
            return;
        }
        let from = k * pixel.len() * out.len();
        let rows = self.weights[from..].chunks_exact(out.len());
        for (&x, row) in pixel.iter().zip(rows) {
            // Half of what a ReLU6 writes is zero.
            if x != 0.0 {
                for (out, &w) in out.iter_mut().zip(row) {
                    *out += x * w;
                }
            }
        }
    }
}

fn mean_of(map: &FloatMap) -> FloatMap {
    let mut sums = vec![0.0f64; map.channels];
    for pixel in map.values.chunks_exact(map.channels) {
        for (sum, &x) in sums.iter_mut().zip(pixel) {
            *sum += f64::from(x);
        }
    }
    let pixels = (map.height * map.width) as f64;
    FloatMap {
        height: 1,
        width: 1,
        channels: map.channels,
        values: sums.into_iter().map(|sum| (sum / pixels) as f32).collect(),
    }
}
