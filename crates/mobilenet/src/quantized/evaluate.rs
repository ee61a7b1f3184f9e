//! The layers of a quantized net, plainly: loops that are their definition, for one image.

use super::net::{Activation, LayerKind, QuantizedLayer, QuantizedNet, stride};
use super::pool;
use super::requantize::Requantizer;
use crate::config::Padding;
use crate::error::Result;

/// Levels of a map, `[height, width, channels]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub levels: Vec<u8>,
}

impl Map {
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// The levels of a pixel, `None` outside.
    fn pixel(&self, y: Option<usize>, x: Option<usize>) -> Option<&[u8]> {
        let (y, x) = (
            y.filter(|&y| y < self.height)?,
            x.filter(|&x| x < self.width)?,
        );
        let start = (y * self.width + x) * self.channels;
        Some(&self.levels[start..start + self.channels])
    }
}

/// A layer without its zero points.
struct Centered {
    kind: LayerKind,
    /// `weight - zero point`, laid out as the layer's weights: at most 255 from 0.
    weights: Vec<i16>,
    bias: Vec<i32>,
    input: Activation,
    stride: usize,
    padding: Padding,
}

impl Centered {
    fn of(net: &QuantizedNet, index: usize, layer: &QuantizedLayer) -> Self {
        let taps = layer.weights.len() / layer.outputs().max(1);
        let channel = |at: usize| match layer.kind {
            LayerKind::Depthwise => at % layer.outputs(),
            _ => at / taps.max(1),
        };
        let zero_point = |at: usize| layer.weight_zero_points[channel(at)] as i16;
        let weights = layer.weights.iter().enumerate();
        Self {
            kind: layer.kind,
            weights: weights
                .map(|(at, &w)| i16::from(w) - zero_point(at))
                .collect(),
            bias: layer.bias.clone(),
            input: net.input_of(index),
            stride: stride(index),
            padding: net.config.padding.of_block(index.div_ceil(2)),
        }
    }

    /// Level of a map's padding.
    fn center(&self, level: u8) -> i16 {
        i16::from(level) - self.input.zero_point as i16
    }

    /// Height and width of what the layer writes, and of the zeros before its input.
    fn sizes(&self, map: &Map) -> ([usize; 2], [usize; 2]) {
        if matches!(self.kind, LayerKind::Pointwise | LayerKind::Dense) {
            return ([map.height, map.width], [0, 0]);
        }
        let amounts = [map.height, map.width].map(|s| self.padding.amounts(s, self.stride));
        let size = |side: usize, (before, after): (usize, usize)| {
            (side + before + after).saturating_sub(3) / self.stride + 1
        };
        let sizes = [size(map.height, amounts[0]), size(map.width, amounts[1])];
        (sizes, amounts.map(|(before, _)| before))
    }

    /// Shows `visit` the sums of each pixel that the layer writes, row by row.
    fn sums(&self, map: &Map, mut visit: impl FnMut(&[i32])) -> [usize; 2] {
        let ([height, width], before) = self.sizes(map);
        let mut sums = vec![0; self.bias.len()];
        for y in 0..height {
            for x in 0..width {
                let at = |ky: usize, kx: usize| {
                    let y = (y * self.stride + ky).checked_sub(before[0]);
                    map.pixel(y, (x * self.stride + kx).checked_sub(before[1]))
                };
                match self.kind {
                    LayerKind::Stem => {
                        // Outside there is the zero point, which is 0 here.
                        let mut window = [0; 27];
                        for (k, part) in window.chunks_exact_mut(3).enumerate() {
                            for (v, &level) in part.iter_mut().zip(at(k / 3, k % 3).unwrap_or(&[]))
                            {
                                *v = self.center(level);
                            }
                        }
                        self.products(&window, &mut sums);
                    }
                    LayerKind::Pointwise | LayerKind::Dense => {
                        let pixel = map.pixel(Some(y), Some(x)).unwrap_or(&[]);
                        let values: Vec<i16> = pixel.iter().map(|&l| self.center(l)).collect();
                        self.products(&values, &mut sums);
                    }
                    LayerKind::Depthwise => {
                        sums.copy_from_slice(&self.bias);
                        for (k, filter) in self.weights.chunks_exact(self.bias.len()).enumerate() {
                            let Some(pixel) = at(k / 3, k % 3) else {
                                continue;
                            };
                            for ((sum, &level), &w) in sums.iter_mut().zip(pixel).zip(filter) {
                                let product = i32::from(self.center(level)) * i32::from(w);
                                *sum = sum.wrapping_add(product);
                            }
                        }
                    }
                }
                visit(&sums);
            }
        }
        [height, width]
    }

    /// The sums of all outputs for one vector of inputs.
    fn products(&self, values: &[i16], sums: &mut [i32]) {
        let rows = self.weights.chunks_exact(values.len().max(1));
        for ((sum, &bias), row) in sums.iter_mut().zip(&self.bias).zip(rows) {
            // A bias of a hostile file may leave the range; the products cannot.
            let products = row
                .iter()
                .zip(values)
                .map(|(&w, &v)| i32::from(w) * i32::from(v));
            *sum = products.fold(bias, i32::wrapping_add);
        }
    }
}

impl Centered {
    /// The means of what lies under each tap of the filter, over all pixels that the layer writes: `[taps, inputs]`.
    fn tap_means(&self, map: &Map) -> Vec<f64> {
        let ([height, width], before) = self.sizes(map);
        let side = match self.kind {
            LayerKind::Stem | LayerKind::Depthwise => 3,
            LayerKind::Pointwise | LayerKind::Dense => 1,
        };
        let mut sums = vec![0i64; side * side * map.channels];
        for (k, sums) in sums.chunks_exact_mut(map.channels).enumerate() {
            for y in 0..height {
                for x in 0..width {
                    let row = (y * self.stride + k / side).checked_sub(before[0]);
                    let column = (x * self.stride + k % side).checked_sub(before[1]);
                    let pixel = map.pixel(row, column).unwrap_or(&[]);
                    for (sum, &level) in sums.iter_mut().zip(pixel) {
                        *sum += i64::from(self.center(level));
                    }
                }
            }
        }
        let pixels = (height * width) as f64;
        sums.into_iter().map(|sum| sum as f64 / pixels).collect()
    }

    /// The means of the sums, for those means.
    fn mean_sums(&self, taps: &[f64]) -> Vec<f64> {
        let outputs = self.bias.len();
        let mean = |c: usize| -> f64 {
            let products: f64 = match self.kind {
                LayerKind::Depthwise => (c..taps.len())
                    .step_by(outputs)
                    .map(|at| f64::from(self.weights[at]) * taps[at])
                    .sum(),
                _ => self.weights[c * taps.len()..]
                    .iter()
                    .zip(taps)
                    .map(|(&w, tap)| f64::from(w) * tap)
                    .sum(),
            };
            f64::from(self.bias[c]) + products
        };
        (0..outputs).map(mean).collect()
    }
}

/// The layers of a net, ready to be computed.
pub(crate) struct Evaluator<'a> {
    pub net: &'a QuantizedNet,
    layers: Vec<Centered>,
    requantizers: Vec<Requantizer>,
}

impl<'a> Evaluator<'a> {
    /// # Errors
    /// What [`QuantizedNet::check`] finds.
    pub fn new(net: &'a QuantizedNet) -> Result<Self> {
        net.check()?;
        let layers = net.layers.iter().enumerate();
        Ok(Self {
            layers: layers
                .map(|(i, layer)| Centered::of(net, i, layer))
                .collect(),
            requantizers: (0..net.layers.len()).map(|i| net.requantizer(i)).collect(),
            net,
        })
    }

    /// The sums of layer `index` for its input, pixel by pixel.
    pub fn sums(&self, index: usize, map: &Map, visit: impl FnMut(&[i32])) {
        self.layers[index].sums(map, visit);
    }

    /// What layer `index` writes.
    pub fn layer(&self, index: usize, map: &Map) -> Map {
        let (layer, requantizer) = (&self.layers[index], &self.requantizers[index]);
        let channels = layer.bias.len();
        let mut levels = Vec::new();
        let [height, width] = layer.sums(map, |sums| {
            let start = levels.len();
            levels.resize(start + channels, 0);
            requantizer.levels(sums, &mut levels[start..]);
        });
        Map {
            height,
            width,
            channels,
            levels,
        }
    }

    /// The means of what lies under each tap of layer `index`, over all pixels that it writes.
    pub fn tap_means(&self, index: usize, map: &Map) -> Vec<f64> {
        self.layers[index].tap_means(map)
    }

    /// The means of the sums of layer `index`, for the means under its taps.
    pub fn mean_sums(&self, index: usize, taps: &[f64]) -> Vec<f64> {
        self.layers[index].mean_sums(taps)
    }

    /// Runs an image through the convolutions up to those of `last`, and shows `visit` the map after every block.
    pub fn blocks(&self, image: Map, last: usize, mut visit: impl FnMut(usize, &Map)) -> Map {
        let mut map = self.layer(0, &image);
        visit(0, &map);
        for block in 1..=last {
            map = self.layer(2 * block, &self.layer(2 * block - 1, &map));
            visit(block, &map);
        }
        map
    }

    /// The levels of the average pool of the last map.
    pub fn pool(&self, map: &Map) -> Map {
        let mut layers = self.net.layers.iter();
        let last = layers.rfind(|layer| layer.kind != LayerKind::Dense);
        let input = last.map_or(self.net.input, |layer| layer.output);
        let pixels = map.pixels() as i64;
        let levels = sums_of(map)
            .into_iter()
            .map(|sum| pool::level(self.net, input, sum, pixels))
            .collect();
        Map {
            height: 1,
            width: 1,
            channels: map.channels,
            levels,
        }
    }
}

/// Sums of the levels of each channel.
pub(super) fn sums_of(map: &Map) -> Vec<i64> {
    let mut sums = vec![0; map.channels];
    for pixel in map.levels.chunks_exact(map.channels.max(1)) {
        for (sum, &level) in sums.iter_mut().zip(pixel) {
            *sum += i64::from(level);
        }
    }
    sums
}
