//! Infidelity.

use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::error::{Error, Result};
use crate::methods::{check_batch, one_baseline};
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;
use crate::random::Random;

/// What [`Infidelity::measure`] finds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InfidelityResult {
    /// Mean squared difference between what the map says that a change costs and what it costs, in score squared.
    pub infidelity: f64,
    /// The same with the map multiplied by [`scale`](Self::scale), over the mean squared cost: 0 perfect, 1 no better than
    /// a map of zeros, whatever the map's unit. `None` where no change costs anything.
    pub relative: Option<f64>,
    /// The factor that fits the map best; `None` where the map says 0 of every change.
    pub scale: Option<f64>,
}

impl InfidelityResult {
    /// From what the map says of each change and what each costs.
    pub(crate) fn of(said: &[f64], cost: &[f64]) -> Self {
        let n = said.len() as f64;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / n;
        let (ss, sc, cc) = (dot(said, said), dot(said, cost), dot(cost, cost));
        let infidelity = said
            .iter()
            .zip(cost)
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

/// Infidelity (Yeh et al. 2019): does the score change as the map says when squares of the image are replaced?
///
/// For maps whose unit is score, a square's cost is compared with the map's sum in it; give a gradient as
/// gradient x input. One score a square and one of the image.
#[derive(Debug, Clone, PartialEq)]
pub struct Infidelity {
    samples: usize,
    side: usize,
    seed: u64,
    baseline: Baseline,
    batch: usize,
    drawn: Option<Vec<(usize, usize)>>,
}

impl Default for Infidelity {
    fn default() -> Self {
        Self::new()
    }
}

impl Infidelity {
    /// 100 squares of 32 pixels, black, seed 0, 8 images at a time.
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

    /// Squares drawn; defaults to 100.
    #[must_use]
    pub fn with_samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Side of a square in pixels; defaults to 32.
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

    /// What is seen in a square, the map's own baseline if it has one; defaults to black. One image only.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Images a call of the model; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Squares drawn elsewhere, by their top and left: samples and seed are not used.
    #[must_use]
    pub fn with_drawn_squares(mut self, corners: Vec<(usize, usize)>) -> Self {
        self.drawn = Some(corners);
        self
    }

    /// Top and left of each square.
    fn corners(&self, lowest: usize, rightmost: usize) -> Result<Vec<(usize, usize)>> {
        if let Some(drawn) = &self.drawn {
            let outside = |&&(top, left): &&(usize, usize)| top > lowest || left > rightmost;
            if let Some((top, left)) = drawn.iter().find(outside) {
                let expected =
                    format!("squares inside the image, at most at {lowest}, {rightmost}");
                return Err(Error::setting(
                    "squares",
                    expected,
                    &format!("{top}, {left}"),
                ));
            }
            return Ok(drawn.clone());
        }
        let mut random = Random::new(self.seed);
        let one = |_| (random.below(lowest + 1), random.below(rightmost + 1));
        Ok((0..self.samples).map(one).collect())
    }

    /// Replaces random squares and compares.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings out of range, [`Error::Shape`] where the map has another size than the image, and
    /// those of the model.
    pub fn measure(
        &self,
        model: &dyn GradientFn,
        pixels: &Pixels,
        attribution: &Attribution,
    ) -> Result<InfidelityResult> {
        let batch = check_batch(self.batch)?;
        let [h, w, c] = pixels.shape();
        if attribution.shape()[..2] != [h, w] {
            return Err(Error::Shape {
                what: "the map",
                expected: [h, w, c],
                found: attribution.shape(),
            });
        }
        if self.side == 0 || self.side > h.min(w) {
            let expected = format!("1 to the image's shorter side, {}", h.min(w));
            return Err(Error::setting("side", expected, &self.side));
        }
        let samples = self.drawn.as_ref().map_or(self.samples, Vec::len);
        if samples == 0 || samples > 1 << 20 {
            return Err(Error::setting("samples", "1 to 1048576", &samples));
        }
        let model = Checked::new(model, pixels)?;
        let baseline = one_baseline(&self.baseline, pixels)?;
        let map = attribution.per_pixel();
        let corners = self.corners(h - self.side, w - self.side)?;
        let score = model.score(pixels)?;
        let (mut said, mut cost) = (Vec::new(), Vec::new());
        for corners in corners.chunks(batch) {
            let mut images = Vec::with_capacity(corners.len() * pixels.len());
            for &(top, left) in corners {
                let start = images.len();
                images.extend_from_slice(pixels.values());
                let mut sum = 0.0;
                for y in top..top + self.side {
                    let line = y * w + left..y * w + left + self.side;
                    sum += map[line.clone()].iter().sum::<f64>();
                    let line = line.start * c..line.end * c;
                    images[start..][line.clone()].copy_from_slice(&baseline.values()[line]);
                }
                said.push(sum);
            }
            let scores = model.scores(&images, corners.len())?;
            cost.extend(scores.iter().map(|seen| score - seen));
        }
        Ok(InfidelityResult::of(&said, &cost))
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
