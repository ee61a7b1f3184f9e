//! A classifier as the functions that attribution asks for.

use std::sync::{Arc, Mutex, PoisonError};

use mobilenet::{Engine, GradientOptions, ImageBatch, Layer, OutputGradient, Weights};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::classifier::Classifier;
use crate::error::{BoxError, Error, Result};
use crate::head::{Dense, Head};

/// Scores of images, and the gradient of each with respect to its pixels.
pub type Gradients = (Vec<f64>, Vec<f32>);

/// Scores of images, height, width and channels of a block's maps, the maps `[n, h, w, c]`, and the gradient of each
/// score with respect to its map.
pub type BlockOutput = (Vec<f64>, [usize; 3], Vec<f32>, Vec<f32>);

/// From pixels `[n, h, w, 3]` (0 to 255) and that shape to one score an image.
pub type ScoresFn = Box<dyn Fn(&[f32], [usize; 4]) -> Result<Vec<f64>, BoxError> + Send + Sync>;

/// From pixels `[n, h, w, 3]` (0 to 255) and that shape to scores and gradients, the gradients per pixel level and in
/// the layout of the pixels.
pub type GradientFn = Box<dyn Fn(&[f32], [usize; 4]) -> Result<Gradients, BoxError> + Send + Sync>;

/// From pixels `[n, h, w, 3]` (0 to 255) and that shape to what happens at a block.
pub type BlockFn = Box<dyn Fn(&[f32], [usize; 4]) -> Result<BlockOutput, BoxError> + Send + Sync>;

/// From the logits of an image to a score and its derivative with respect to each logit.
type Score = Arc<dyn Fn(&[f64]) -> Result<(f64, Vec<f64>), BoxError> + Send + Sync>;

/// What the functions are made of: they do not borrow the classifier.
#[derive(Clone)]
struct Model {
    engine: Arc<dyn Engine>,
    head: Head,
    layer: Layer,
    score: Score,
}

/// Functions for attribution. Their score is any function of an image's logits, which gives its value and its
/// derivative with respect to each logit; [`probability`](Self::probability) is the usual one.
impl Classifier {
    /// The probability of class `target` as a score.
    pub fn probability(target: usize) -> impl Fn(&[f64]) -> Result<(f64, Vec<f64>)> {
        move |logits| {
            let mut p = logits.to_vec();
            crate::head::softmax(&mut p, 1.0);
            let value = *p.get(target).ok_or_else(|| {
                Error::mismatch("target", format!("a class below {}", logits.len()), target)
            })?;
            let slope = |(k, &p): (usize, &f64)| value * (f64::from(u8::from(k == target)) - p);
            Ok((value, p.iter().enumerate().map(slope).collect()))
        }
    }

    /// [`gradient_of`](Self::gradient_of) the probability of class `target`.
    pub fn gradient(&self, target: usize) -> GradientFn {
        self.gradient_of(Self::probability(target))
    }

    /// Scores and their gradients with respect to the pixels. Images of any size are taken as they are.
    pub fn gradient_of<E: Into<BoxError>>(
        &self,
        score: impl Fn(&[f64]) -> Result<(f64, Vec<f64>), E> + Send + Sync + 'static,
    ) -> GradientFn {
        self.model(score).gradient(false)
    }

    /// As [`gradient_of`](Self::gradient_of), by guided backpropagation
    /// ([Springenberg et al. 2014](https://arxiv.org/abs/1412.6806)): every ReLU6 of the backbone passes positive
    /// gradients only.
    pub fn guided_gradient_of<E: Into<BoxError>>(
        &self,
        score: impl Fn(&[f64]) -> Result<(f64, Vec<f64>), E> + Send + Sync + 'static,
    ) -> GradientFn {
        self.model(score).gradient(true)
    }

    /// Scores, the maps after `block` (0: the stem, 1 to 13: the separable blocks, after ReLU6) and the gradients
    /// there, as the CAM family needs them.
    pub fn block_gradient_of<E: Into<BoxError>>(
        &self,
        block: usize,
        score: impl Fn(&[f64]) -> Result<(f64, Vec<f64>), E> + Send + Sync + 'static,
    ) -> BlockFn {
        let model = self.model(score);
        Box::new(move |pixels, shape| {
            let shape = three_channels(shape)?;
            let (scores, block) = model.with_scores(shape[0], |upstream| {
                let images = ImageBatch::from_f32(pixels, shape)?;
                let options = GradientOptions::new(model.layer);
                let engine = &model.engine;
                Ok(engine.block_gradients(&images, block, options, upstream)?)
            })?;
            let [_, height, width, channels] = block.activations.shape;
            Ok((
                scores,
                [height, width, channels],
                block.activations.values,
                block.gradients,
            ))
        })
    }

    /// Scores alone: a forward pass.
    pub fn scores_of<E: Into<BoxError>>(
        &self,
        score: impl Fn(&[f64]) -> Result<(f64, Vec<f64>), E> + Send + Sync + 'static,
    ) -> ScoresFn {
        let model = self.model(score);
        Box::new(move |pixels, shape| {
            let shape = three_channels(shape)?;
            let outputs = model
                .engine
                .forward(&ImageBatch::from_f32(pixels, shape)?, model.layer)?;
            let logits = model.head.logits(&outputs)?;
            let rows = logits.chunks_exact(model.head.classes());
            rows.map(|logits| Ok((model.score)(logits)?.0)).collect()
        })
    }

    /// [`gradient_of`](Self::gradient_of) ever more randomized copies, for the check of
    /// [Adebayo et al. 2018](https://arxiv.org/abs/1810.03292): first the head, then the head and the layer below it,
    /// down to the stem, each with the name of the lowest layer that is random.
    ///
    /// Weights are drawn from a normal distribution with the deviation of the filter they replace, which keeps the
    /// size of the activations; biases and batch normalisation stay. Each copy is a net of its own in memory; they
    /// are made one by one.
    pub fn randomized_of<E: Into<BoxError>>(
        &self,
        seed: u64,
        score: impl Fn(&[f64]) -> Result<(f64, Vec<f64>), E> + Send + Sync + 'static,
    ) -> impl Iterator<Item = Result<(String, GradientFn)>> {
        let mut model = self.model(score);
        let blocks = self.backbone().weights().config().blocks;
        let classifier = (model.layer == Layer::Logits).then_some(Part::Classifier);
        let parts = std::iter::once(Part::Head)
            .chain(classifier)
            .chain((1..=blocks).rev().map(Part::Block))
            .chain([Part::Stem]);
        let mut weights = None;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        parts.map(move |part| {
            if part == Part::Head {
                model.head = randomize_head(&model.head, &mut rng)?;
            } else {
                let drawn = weights.take();
                let drawn = drawn.unwrap_or_else(|| self.backbone().weights().clone());
                let drawn = randomize(drawn, part, &mut rng)?;
                model.engine = model.engine.with_weights(&drawn)?;
                weights = Some(drawn);
            }
            Ok((part.to_string(), model.clone().gradient(false)))
        })
    }

    fn model<E: Into<BoxError>>(
        &self,
        score: impl Fn(&[f64]) -> Result<(f64, Vec<f64>), E> + Send + Sync + 'static,
    ) -> Model {
        Model {
            engine: Arc::clone(self.backbone().engine()),
            head: self.head().clone(),
            layer: self.backbone().layer(),
            score: Arc::new(move |logits| score(logits).map_err(Into::into)),
        }
    }
}

impl Model {
    fn gradient(self, guided: bool) -> GradientFn {
        Box::new(move |pixels, shape| {
            let shape = three_channels(shape)?;
            let (scores, result) = self.with_scores(shape[0], |upstream| {
                let images = ImageBatch::from_f32(pixels, shape)?;
                let options = GradientOptions::new(self.layer).with_guided(guided);
                Ok(self.engine.pixel_gradients(&images, options, upstream)?)
            })?;
            Ok((scores, result.gradients))
        })
    }

    /// Gives `compute` the derivative of each image's score with respect to the backbone's output; the scores come
    /// along.
    fn with_scores<T>(
        &self,
        n: usize,
        compute: impl FnOnce(&OutputGradient<'_>) -> Result<T>,
    ) -> Result<(Vec<f64>, T), BoxError> {
        // Filled by several threads.
        let scores: Mutex<Vec<Result<f64, BoxError>>> =
            Mutex::new((0..n).map(|_| Ok(f64::NAN)).collect());
        let result = compute(&|i, output, out| {
            let score = self.upstream(output, out);
            let mut scores = scores.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = scores.get_mut(i) {
                *place = score;
            }
        })?;
        let scores = scores.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((scores.into_iter().collect::<Result<_, _>>()?, result))
    }

    fn upstream(&self, output: &[f32], out: &mut [f32]) -> Result<f64, BoxError> {
        let mut score = None;
        let (logits, gradient) = self.head.gradient(output, |logits| {
            let (value, slope) = match (self.score)(logits) {
                Ok((value, slope)) => (Ok(value), slope),
                Err(error) => (Err(error), Vec::new()),
            };
            let length = slope.len();
            score = Some((value, length));
            slope
        })?;
        let (value, length) = score.ok_or("the score was not asked for")?;
        let value = value?;
        if length != logits.len() {
            return Err(Error::mismatch("derivatives of the score", logits.len(), length).into());
        }
        out.copy_from_slice(&gradient);
        Ok(value)
    }
}

fn three_channels([n, height, width, channels]: [usize; 4]) -> Result<[usize; 3]> {
    if channels == 3 {
        Ok([n, height, width])
    } else {
        Err(Error::mismatch("channels", 3, channels))
    }
}

/// What is randomized in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Classifier,
    Block(usize),
    Stem,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => write!(f, "head"),
            Self::Classifier => write!(f, "logits"),
            Self::Block(block) => write!(f, "block {block}"),
            Self::Stem => write!(f, "stem"),
        }
    }
}

fn randomize_head(head: &Head, rng: &mut ChaCha8Rng) -> Result<Head> {
    let layers = head.layers().iter().map(|layer| {
        let weights = random(layer.weights(), layer.inputs(), rng);
        Dense::new(layer.inputs(), weights, layer.bias().to_vec())
    });
    Head::new(layers.collect::<Result<_>>()?)
}

/// Replaces the kernels of a part of the network.
fn randomize(mut weights: Weights, part: Part, rng: &mut ChaCha8Rng) -> Result<Weights> {
    let kernels = match part {
        Part::Head => vec![],
        Part::Classifier => vec!["classifier.weight".to_string()],
        Part::Block(block) => ["depthwise", "pointwise"]
            .map(|conv| format!("blocks.{}.{conv}.conv.weight", block - 1))
            .to_vec(),
        Part::Stem => vec!["stem.conv.weight".to_string()],
    };
    for kernel in kernels {
        let found = weights.tensors().find(|(name, ..)| *name == kernel);
        let Some((_, shape, values)) = found else {
            continue;
        };
        let filters = if part == Part::Classifier {
            1
        } else {
            shape[0]
        };
        let drawn = random(values, values.len() / filters.max(1), rng);
        weights = weights.with_tensor(&kernel, drawn)?;
    }
    Ok(weights)
}

/// Normal numbers with the deviation of the filter of `length` values that they replace.
fn random(weights: &[f32], length: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut drawn = Vec::with_capacity(weights.len());
    for filter in weights.chunks(length.max(1)) {
        let n = filter.len() as f64;
        let mean = filter.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
        let squares = filter.iter().map(|&w| (f64::from(w) - mean).powi(2));
        let deviation = (squares.sum::<f64>() / n).sqrt();
        drawn.extend(filter.iter().map(|_| {
            let z: f64 = StandardNormal.sample(rng);
            (deviation * z) as f32
        }));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_filters_keep_their_deviation_and_follow_the_seed() {
        let weights: Vec<f32> = (0..2000)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) * if i < 1000 { 0.01 } else { 1.0 })
            .collect();
        let draw = |seed| random(&weights, 1000, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let deviation = |values: &[f32]| {
            (values.iter().map(|v| f64::from(v * v)).sum::<f64>() / values.len() as f64).sqrt()
        };
        for range in [0..1000, 1000..2000] {
            let ratio = deviation(&draw(1)[range.clone()]) / deviation(&weights[range]);
            assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
        }
    }
}
