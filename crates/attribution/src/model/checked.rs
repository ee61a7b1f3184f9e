//! A model whose answers are checked and counted, and which reports how far the work is: what the methods call.

use crate::ability::Ability;
use crate::check;
use crate::error::{Error, Result};
use crate::model::gradient_fn::{BlockActivations, GradientFn, ScoresAndGradient, Shape};
use crate::model::progress::Progress;
use crate::pixels::Pixels;
use std::cell::Cell;

/// The activations of a block for one image.
pub(crate) struct Block {
    pub score: f64,
    /// Height, width, channels.
    pub shape: [usize; 3],
    pub activations: Vec<f32>,
    pub gradient: Vec<f32>,
}

/// A model whose answers are checked and counted. `gradients` and `scores_of`, which the methods call again and again,
/// report each image as a step; single scores do not count as steps.
pub(crate) struct Checked<'a> {
    model: &'a dyn GradientFn,
    /// Height, width, channels of every image.
    image: [usize; 3],
    evaluations: Cell<usize>,
    /// Steps that are done, and all of them where their number is known.
    progress: Cell<Progress>,
}

impl<'a> Checked<'a> {
    pub fn new(model: &'a dyn GradientFn, pixels: &Pixels) -> Result<Self> {
        if pixels.len() == 0 {
            return Err(Error::Empty { what: "the image" });
        }
        Ok(Self {
            model,
            image: pixels.shape(),
            evaluations: Cell::new(0),
            progress: Cell::new(Progress {
                done: 0,
                total: None,
            }),
        })
    }

    /// Number of images that the model has been asked about so far.
    pub fn evaluations(&self) -> usize {
        self.evaluations.get()
    }

    /// Says how many steps there will be, and reports that none is done.
    pub fn expect_steps(&self, total: usize) {
        let total = Some(total);
        self.report(Progress { done: 0, total });
    }

    /// Reports that so many more steps are done.
    pub fn step(&self, steps: usize) {
        let Progress { done, total } = self.progress.get();
        let done = done + steps;
        self.report(Progress { done, total });
    }

    fn report(&self, progress: Progress) {
        self.progress.set(progress);
        self.model.report(progress);
    }

    /// The shape of a batch of `n` images, which are counted.
    fn count(&self, n: usize) -> Shape {
        self.evaluations.set(self.evaluations.get() + n);
        let [h, w, c] = self.image;
        [n, h, w, c]
    }

    /// Scores and gradients of `n` images.
    pub fn gradients(&self, pixels: &[f32], n: usize) -> Result<ScoresAndGradient> {
        let answer = self.model.scores_and_gradient(pixels, self.count(n));
        let (scores, gradient) = answer.map_err(Error::Model)?;
        let what = "the model's gradient";
        check::length(what, gradient.len(), pixels.len())?;
        check::all_finite(what, gradient.iter().map(|&v| f64::from(v)))?;
        let scores = checked(scores, n)?;
        self.step(n);
        Ok((scores, gradient))
    }

    /// Score and gradient of one image.
    pub fn gradient(&self, pixels: &Pixels) -> Result<(f64, Vec<f32>)> {
        let (scores, gradient) = self.gradients(pixels.values(), 1)?;
        Ok((first(&scores)?, gradient))
    }

    /// Scores of `n` images.
    pub fn scores(&self, pixels: &[f32], n: usize) -> Result<Vec<f64>> {
        let scores = self.model.scores(pixels, self.count(n));
        checked(scores.map_err(Error::Model)?, n)
    }

    /// Score of one image.
    pub fn score(&self, pixels: &Pixels) -> Result<f64> {
        first(&self.scores(pixels.values(), 1)?)
    }

    /// One score for each item; `push` appends the image of an item to a batch.
    pub fn scores_of<T>(
        &self,
        items: &[T],
        batch: usize,
        mut push: impl FnMut(&mut Vec<f32>, &T),
    ) -> Result<Vec<f64>> {
        let mut scores = Vec::with_capacity(items.len());
        let mut images = Vec::new();
        for items in items.chunks(batch) {
            images.clear();
            for item in items {
                push(&mut images, item);
            }
            scores.extend(self.scores(&images, items.len())?);
            self.step(items.len());
        }
        Ok(scores)
    }

    /// Largest class probability of one image, where the model gives it.
    pub fn confidence(&self, pixels: &Pixels) -> Result<Option<f64>> {
        let [h, w, c] = self.image;
        let Some(answer) = self.model.confidence(pixels.values(), [1, h, w, c]) else {
            return Ok(None);
        };
        self.count(1);
        first(&checked(answer.map_err(Error::Model)?, 1)?).map(Some)
    }

    /// Activations and gradient at the block, for one image.
    pub fn block(&self, pixels: &Pixels, method: &'static str) -> Result<Block> {
        let ability = Ability::Block;
        let answer = self
            .model
            .block(pixels.values(), self.count(1))
            .ok_or(Error::Ability { method, ability })?;
        let BlockActivations {
            scores,
            shape,
            activations,
            gradient,
        } = answer.map_err(Error::Model)?;
        let scores = checked(scores, 1)?;
        for (what, values) in [
            ("activations at the block", &activations),
            ("gradient at the block", &gradient),
        ] {
            check::values(what, values.iter().map(|&v| f64::from(v)), shape)?;
        }
        Ok(Block {
            score: first(&scores)?,
            shape,
            activations,
            gradient,
        })
    }
}

fn first(scores: &[f64]) -> Result<f64> {
    let empty = Error::Empty { what: "the scores" };
    scores.first().copied().ok_or(empty)
}

/// The scores, if there are `n` and all are finite.
fn checked(scores: Vec<f64>, n: usize) -> Result<Vec<f64>> {
    check::length("the model's scores", scores.len(), n)?;
    check::all_finite("the model's scores", scores.iter().copied())?;
    Ok(scores)
}
