//! Infidelity.

use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::check;
use crate::error::Result;
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;
use crate::random::Random;
use crate::square::{lines, push_replaced};

/// The result of [`Infidelity::measure`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InfidelityResult {
    /// Mean squared difference between the sum of the map in a square and the fall of the score when the square is
    /// replaced. Unit: that of the score, squared.
    pub infidelity: f64,
    /// The infidelity of the map multiplied by [`scale`](Self::scale), divided by the mean squared fall of the score.
    /// It does not depend on the unit of the map: 0 is perfect, 1 is no better than a map of zeros. `None` if the score
    /// never changes.
    pub relative: Option<f64>,
    /// The factor for the map that gives the smallest infidelity; `None` if the map sums to 0 in every square.
    pub scale: Option<f64>,
}

impl InfidelityResult {
    /// From the fall of the score that the map expects for each square, and the one that is found.
    fn of(expected: &[f64], found: &[f64]) -> Self {
        let n = expected.len() as f64;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / n;
        let (ss, sc, cc) = (
            dot(expected, expected),
            dot(expected, found),
            dot(found, found),
        );
        let infidelity = expected
            .iter()
            .zip(found)
            .map(|(s, c)| (s - c).powi(2))
            .sum::<f64>()
            / n;
        let explained = if ss > 0.0 { sc * sc / ss } else { 0.0 };
        Self {
            infidelity,
            relative: (cc > 0.0).then(|| (1.0 - explained / cc).max(0.0)),
            scale: (ss > 0.0).then(|| sc / ss),
        }
    }
}

/// A square of the image. [`Infidelity::with_side`] sets its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Square {
    /// Index of its first row.
    pub top: usize,
    /// Index of its first column.
    pub left: usize,
}

/// Infidelity (Yeh et al. 2019, <https://arxiv.org/abs/1901.09392>): whether the score changes by as much as the map
/// says when squares of the image are replaced.
///
/// The measure is meant for maps in the unit of the score, because it compares the fall of the score with the sum of
/// the map in the square. Use it for gradient times input, for example, and not for the gradient. Cost: one score for
/// each square and one for the image.
#[derive(Debug, Clone, PartialEq)]
pub struct Infidelity {
    samples: usize,
    side: usize,
    seed: u64,
    baseline: Baseline,
    batch: usize,
    drawn: Option<Vec<Square>>,
}

impl Default for Infidelity {
    fn default() -> Self {
        Self::new()
    }
}

impl Infidelity {
    /// Defaults: 100 black squares of 32 x 32 pixels, seed 0, batches of 8 images.
    pub fn new() -> Self {
        Self {
            samples: 100,
            side: 32,
            seed: 0,
            baseline: Baseline::Black,
            batch: 8,
            drawn: None,
        }
    }

    /// Number of squares, 1 to 2^20; defaults to 100.
    #[must_use]
    pub fn with_samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Side of a square in pixels, 1 to the shorter side of the image; defaults to 32.
    #[must_use]
    pub fn with_side(mut self, side: usize) -> Self {
        self.side = side;
        self
    }

    /// Seed of the draws; defaults to 0.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The image that replaces a square; defaults to black. Use the baseline of the map if it has one. It must be a
    /// single image.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Batch size: images per model call, 1 to 4096; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Uses these squares instead of random ones; the number of samples and the seed are then ignored.
    #[must_use]
    pub fn with_drawn_squares(mut self, squares: Vec<Square>) -> Self {
        self.drawn = Some(squares);
        self
    }

    /// The squares; `most` is the largest top and left.
    fn squares(&self, [most_top, most_left]: [usize; 2]) -> Result<Vec<Square>> {
        if let Some(drawn) = &self.drawn {
            for square in drawn {
                let is_inside = square.top <= most_top && square.left <= most_left;
                let value = format!("{}, {}", square.top, square.left);
                let expected =
                    format!("squares inside the image, at most at {most_top}, {most_left}");
                check::require(is_inside, "squares", value, expected)?;
            }
            return Ok(drawn.clone());
        }
        let mut random = Random::new(self.seed);
        let one = |_| Square {
            top: random.below(most_top + 1),
            left: random.below(most_left + 1),
        };
        Ok((0..self.samples).map(one).collect())
    }

    /// Replaces the squares one after the other, and compares how far the score falls with the sum of the map in each
    /// square.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for settings out of range, [`Error::Shape`](crate::Error::Shape)
    /// if the map has another size than the image, and those of the model.
    pub fn measure(
        &self,
        model: &dyn GradientFn,
        pixels: &Pixels,
        attribution: &Attribution,
    ) -> Result<InfidelityResult> {
        check::batch(self.batch)?;
        let [h, w, _] = pixels.shape();
        check::same_size("the map", attribution.shape(), pixels.shape())?;
        check::within("side", self.side, 1..=h.min(w))?;
        let samples = self.drawn.as_ref().map_or(self.samples, Vec::len);
        check::within("samples", samples, 1..=check::MOST_STEPS)?;
        let model = Checked::new(model, pixels)?;
        let baseline = self.baseline.image(pixels)?;
        let map = attribution.per_pixel();
        let squares = self.squares([h - self.side, w - self.side])?;
        let score = model.score(pixels)?;
        model.expect_steps(squares.len());
        let lines = |square: &Square| lines([square.top, square.left], self.side, [h, w]);
        let scores = model.scores_of(&squares, self.batch, |images, square| {
            push_replaced(images, pixels, &baseline, lines(square));
        })?;
        let sum = |square: &Square| {
            let sums = lines(square).map(|line| map[line].iter().sum::<f64>());
            sums.sum()
        };
        let expected: Vec<f64> = squares.iter().map(sum).collect();
        let found: Vec<f64> = scores.iter().map(|seen| score - seen).collect();
        Ok(InfidelityResult::of(&expected, &found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_factor_is_found() {
        let result = InfidelityResult::of(&[1.0, 2.0, -1.0], &[2.0, 4.0, -2.0]);
        assert_eq!((result.scale, result.relative), (Some(2.0), Some(0.0)));
        assert!((result.infidelity - 2.0).abs() < 1e-12);
        let nothing = InfidelityResult::of(&[0.0, 0.0], &[1.0, 2.0]);
        assert_eq!((nothing.scale, nothing.relative), (None, Some(1.0)));
        assert_eq!(InfidelityResult::of(&[1.0], &[0.0]).relative, None);
    }
}
