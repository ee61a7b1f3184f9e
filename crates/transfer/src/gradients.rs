//! A classifier as the functions that the crate `attribution` needs.

use std::sync::{Arc, Mutex, PoisonError};

use mobilenet::{Engine, GradientOptions, ImageBatch, Layer, OutputGradient};

use crate::classifier::Classifier;
use crate::error::{BoxError, Error, Result};
use crate::head::Head;

/// One score for each image, and the gradient of each score with respect to the pixels of its image.
pub type ScoresAndGradients = (Vec<f64>, Vec<f32>);

/// One score for each image; height, width and channels of a block's maps; the maps, `[n, h, w, c]`; and the gradient of
/// each score with respect to its map, in the layout of the maps.
pub type ScoresMapsAndGradients = (Vec<f64>, [usize; 3], Vec<f32>, Vec<f32>);

/// Takes pixels `[n, h, w, 3]` (0 to 255) and this shape, and returns one score for each image.
pub type ScoresFn = Box<dyn Fn(&[f32], [usize; 4]) -> Result<Vec<f64>, BoxError> + Send + Sync>;

/// Takes pixels `[n, h, w, 3]` (0 to 255) and this shape, and returns scores and gradients. The gradients are per pixel
/// level and in the layout of the pixels.
pub type GradientFn =
    Box<dyn Fn(&[f32], [usize; 4]) -> Result<ScoresAndGradients, BoxError> + Send + Sync>;

/// Takes pixels `[n, h, w, 3]` (0 to 255) and this shape, and returns scores, a block's maps and gradients.
pub type BlockFn =
    Box<dyn Fn(&[f32], [usize; 4]) -> Result<ScoresMapsAndGradients, BoxError> + Send + Sync>;

/// From the logits of an image to a score and its derivative with respect to each logit.
type Score = Arc<dyn Fn(&[f64]) -> Result<(f64, Vec<f64>), BoxError> + Send + Sync>;

/// What the functions need: they do not borrow the classifier.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) head: Head,
    pub(crate) layer: Layer,
    score: Score,
}

/// Functions for attribution methods. The score that they explain is any function of an image's logits that returns its
/// value and its derivative with respect to each logit; [`probability`](Self::probability) is the usual one.
impl Classifier {
    /// A score for the functions below: the probability of class `target`.
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

    /// Does the same as [`gradient_of`](Self::gradient_of) for the probability of class `target`.
    pub fn gradient(&self, target: usize) -> GradientFn {
        self.gradient_of(Self::probability(target))
    }

    /// Computes scores and their gradients with respect to the pixels. The images are not resized: any size is allowed.
    pub fn gradient_of<E: Into<BoxError>>(
        &self,
        score: impl Fn(&[f64]) -> Result<(f64, Vec<f64>), E> + Send + Sync + 'static,
    ) -> GradientFn {
        self.model(score).gradient(false)
    }

    /// Does the same as [`gradient_of`](Self::gradient_of) with guided backpropagation ([Springenberg et al.
    /// 2014](https://arxiv.org/abs/1412.6806)): every ReLU6 of the backbone passes only positive gradients back.
    pub fn guided_gradient_of<E: Into<BoxError>>(
        &self,
        score: impl Fn(&[f64]) -> Result<(f64, Vec<f64>), E> + Send + Sync + 'static,
    ) -> GradientFn {
        self.model(score).gradient(true)
    }

    /// Computes scores, the maps after `block` (0 is the stem, 1 to 13 are the separable blocks, after ReLU6) and the
    /// gradients with respect to the maps, for the CAM family.
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

    /// Computes the scores alone, by a forward pass.
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

    pub(crate) fn model<E: Into<BoxError>>(
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
    pub(crate) fn gradient(self, guided: bool) -> GradientFn {
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
