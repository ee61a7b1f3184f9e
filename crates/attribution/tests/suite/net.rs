//! The small convolutional net of `fixtures/reference.py`, forward and backward.

use std::collections::HashMap;

use attribution::model::BlockTuple;
use attribution::{BoxError, Model, Pixels, Score};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::support::Answer;

/// The class that is explained.
pub const TARGET: usize = 2;

/// The arrays of the fixture file by name: shape and values.
pub struct Fixture(pub HashMap<String, (Vec<usize>, Vec<f64>)>);

impl Fixture {
    pub fn read() -> Self {
        let bytes = include_bytes!("../fixtures/reference.safetensors");
        let arrays = SafeTensors::deserialize(bytes).unwrap();
        let values = |view: &safetensors::tensor::TensorView| match view.dtype() {
            Dtype::U8 => view.data().iter().map(|&v| f64::from(v)).collect(),
            _ => (view.data().chunks_exact(4))
                .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
                .collect(),
        };
        let array = |view: &safetensors::tensor::TensorView| (view.shape().to_vec(), values(view));
        Self(
            arrays
                .iter()
                .map(|(name, view)| (name.to_owned(), array(&view)))
                .collect(),
        )
    }

    pub fn values(&self, name: &str) -> &[f64] {
        &self.0[name].1
    }

    pub fn f32s(&self, name: &str) -> Vec<f32> {
        self.values(name).iter().map(|&v| v as f32).collect()
    }

    pub fn pixels(&self) -> Pixels {
        Pixels::new(self.f32s("pixels"), [20, 20, 3]).unwrap()
    }

    /// Several images in one array.
    pub fn images(&self, name: &str) -> Vec<Pixels> {
        self.f32s(name)
            .chunks_exact(1200)
            .map(|image| Pixels::new(image.to_vec(), [20, 20, 3]).unwrap())
            .collect()
    }
}

/// Two convolutions with `ReLU`, a mean, a linear layer: forward and backward, in f64.
pub struct Net {
    pub fixture: Fixture,
}

/// What a convolution is: name, inputs, outputs, stride.
type Convolution = (&'static str, usize, usize, usize);
const FIRST: Convolution = ("net.conv1", 3, 6, 2);
const SECOND: Convolution = ("net.conv2", 6, 8, 1);
const SIDE: usize = 20;
const HALF: usize = 10;

impl Net {
    /// Calls `f(input index, output index, weight)` for every product of a 3 x 3 convolution with padding 1.
    fn products(
        &self,
        (name, inputs, outputs, stride): Convolution,
        side: usize,
        mut f: impl FnMut(usize, usize, f64),
    ) {
        let weights = self.fixture.values(&format!("{name}.weight"));
        let out_side = side / stride;
        for y in 0..out_side {
            for x in 0..out_side {
                for (ky, kx) in (0..9).map(|k| (k / 3, k % 3)) {
                    let (iy, ix) = (y * stride + ky, x * stride + kx);
                    if iy == 0 || ix == 0 || iy > side || ix > side {
                        continue;
                    }
                    let from = ((iy - 1) * side + ix - 1) * inputs;
                    let to = (y * out_side + x) * outputs;
                    for o in 0..outputs {
                        for i in 0..inputs {
                            let weight = weights[((o * inputs + i) * 3 + ky) * 3 + kx];
                            f(from + i, to + o, weight);
                        }
                    }
                }
            }
        }
    }

    fn convolution(&self, convolution: Convolution, input: &[f64], side: usize) -> Vec<f64> {
        let (name, _, outputs, stride) = convolution;
        let bias = self.fixture.values(&format!("{name}.bias"));
        let cells = (side / stride).pow(2);
        let mut output: Vec<f64> = bias.iter().copied().cycle().take(cells * outputs).collect();
        self.products(convolution, side, |i, o, w| output[o] += w * input[i]);
        output
    }

    fn transposed(&self, convolution: Convolution, gradient: &[f64], side: usize) -> Vec<f64> {
        let mut back = vec![0.0; side * side * convolution.1];
        self.products(convolution, side, |i, o, w| back[i] += w * gradient[o]);
        back
    }

    /// Score, activations after the second ReLU, gradient there, gradient at the pixels.
    fn one(
        &self,
        pixels: &[f32],
        score: &Score,
        guided: bool,
    ) -> (f64, Vec<f64>, Vec<f64>, Vec<f64>) {
        let relu = |v: &[f64]| v.iter().map(|v| v.max(0.0)).collect::<Vec<_>>();
        let input: Vec<f64> = pixels.iter().map(|&p| f64::from(p) / 127.5 - 1.0).collect();
        let first = self.convolution(FIRST, &input, SIDE);
        let second = self.convolution(SECOND, &relu(&first), HALF);
        let block = relu(&second);
        let cells = (HALF * HALF) as f64;
        let weights = self.fixture.values("net.fc.weight");
        let mut logits = self.fixture.values("net.fc.bias").to_vec();
        for (k, logit) in logits.iter_mut().enumerate() {
            for (i, v) in block.iter().enumerate() {
                *logit += weights[k * 8 + i % 8] * v / cells;
            }
        }
        let (value, at_logits) = score.evaluate(&logits).unwrap();
        let at_block: Vec<f64> = (0..block.len())
            .map(|i| {
                let sum = at_logits.iter().enumerate();
                sum.map(|(k, g)| g * weights[k * 8 + i % 8]).sum::<f64>() / cells
            })
            .collect();
        let through = |gradient: &[f64], before: &[f64]| -> Vec<f64> {
            let pairs = gradient.iter().zip(before);
            pairs
                .map(|(&g, &v)| {
                    if v > 0.0 && (!guided || g > 0.0) {
                        g
                    } else {
                        0.0
                    }
                })
                .collect()
        };
        let back = self.transposed(SECOND, &through(&at_block, &second), HALF);
        let back = self.transposed(FIRST, &through(&back, &first), SIDE);
        let at_pixels = back.iter().map(|g| g / 127.5).collect();
        (value, block, at_block, at_pixels)
    }

    pub fn gradient(&self, score: Score, guided: bool) -> impl Fn(&[f32], [usize; 4]) -> Answer {
        move |pixels, _| {
            let (mut scores, mut gradients) = (Vec::new(), Vec::new());
            for image in pixels.chunks_exact(SIDE * SIDE * 3) {
                let (value, _, _, gradient) = self.one(image, &score, guided);
                scores.push(value);
                gradients.extend(gradient.iter().map(|&g| g as f32));
            }
            Ok((scores, gradients))
        }
    }

    pub fn model(&self) -> Model<'_> {
        let score = Score::Logit(TARGET);
        let block = {
            let score = score.clone();
            move |pixels: &[f32], _: [usize; 4]| -> Result<BlockTuple, BoxError> {
                let (value, activations, gradient, _) = self.one(pixels, &score, false);
                let narrow = |v: Vec<f64>| v.into_iter().map(|v| v as f32).collect();
                Ok((
                    vec![value],
                    [HALF, HALF, 8],
                    narrow(activations),
                    narrow(gradient),
                ))
            }
        };
        Model::new(self.gradient(score.clone(), false))
            .with_guided(self.gradient(score, true))
            .with_block(block)
    }
}
