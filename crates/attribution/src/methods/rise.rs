//! RISE.

use crate::attribution::{Attribution, Completeness};
use crate::baseline::Baseline;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;
use crate::random::Random;
use crate::resample::bilinear;

/// The mean of random masks, each weighed by the score of the image seen through it (Petsiuk et al. 2018).
///
/// Scores only: one for each mask and one for the image. One channel. Meant for probabilities: a score that is large
/// everywhere lifts the whole map.
#[derive(Debug, Clone, PartialEq)]
pub struct Rise {
    masks: usize,
    cells: usize,
    keep: f64,
    seed: u64,
    baseline: Baseline,
    batch: usize,
}

impl Default for Rise {
    fn default() -> Self {
        Self::new()
    }
}

impl Rise {
    /// 1000 masks of 7 x 7 cells, each kept with probability 0.5, grey where nothing is kept, seed 0, 8 images at a time.
    pub fn new() -> Self {
        Self {
            masks: 1000,
            cells: 7,
            keep: 0.5,
            seed: 0,
            baseline: Baseline::Grey,
            batch: 8,
        }
    }

    /// Number of masks; defaults to 1000.
    #[must_use]
    pub fn with_masks(mut self, masks: usize) -> Self {
        self.masks = masks;
        self
    }

    /// Cells a side of a mask before it is enlarged; defaults to 7.
    #[must_use]
    pub fn with_cells(mut self, cells: usize) -> Self {
        self.cells = cells;
        self
    }

    /// Probability that a cell is kept; defaults to 0.5.
    #[must_use]
    pub fn with_keep(mut self, probability: f64) -> Self {
        self.keep = probability;
        self
    }

    /// Seed of the masks; defaults to 0.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What is seen where nothing is kept; defaults to grey. One image only.
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

    /// A coarse random grid, enlarged smoothly and shifted by less than a cell.
    fn mask(&self, random: &mut Random, h: usize, w: usize) -> Vec<f64> {
        let grid: Vec<f64> = (0..self.cells * self.cells)
            .map(|_| f64::from(u8::from(random.uniform() < self.keep)))
            .collect();
        let (ch, cw) = (h.div_ceil(self.cells), w.div_ceil(self.cells));
        let size = [(self.cells + 1) * ch, (self.cells + 1) * cw];
        let large = bilinear(&grid, [self.cells, self.cells], size);
        let (top, left) = (random.below(ch), random.below(cw));
        (top..top + h)
            .flat_map(|y| large[y * size[1] + left..][..w].iter().copied())
            .collect()
    }
}

impl Method for Rise {
    fn name(&self) -> &'static str {
        "rise"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let batch = crate::methods::check_batch(self.batch)?;
        let [h, w, c] = pixels.shape();
        if self.masks == 0 {
            return Err(Error::setting("masks", "at least 1", &self.masks));
        }
        if self.cells == 0 || self.cells > 256 {
            return Err(Error::setting("cells", "1 to 256", &self.cells));
        }
        if !(self.keep > 0.0 && self.keep < 1.0) {
            return Err(Error::setting(
                "keep",
                "a probability between 0 and 1",
                &self.keep,
            ));
        }
        let model = Checked::new(model, pixels)?;
        let baseline = crate::methods::one_baseline(&self.baseline, pixels)?;
        let mut random = Random::new(self.seed);
        let score = model.score(pixels)?;
        let mut map = vec![0.0_f64; h * w];
        let mut left = self.masks;
        while left > 0 {
            let n = batch.min(left);
            left -= n;
            let masks: Vec<Vec<f64>> = (0..n).map(|_| self.mask(&mut random, h, w)).collect();
            let mut images = Vec::with_capacity(n * pixels.len());
            for mask in &masks {
                crate::methods::through_mask(&mut images, &baseline, pixels, mask, c);
            }
            for (mask, seen) in masks.iter().zip(model.scores(&images, n)?) {
                for (value, m) in map.iter_mut().zip(mask) {
                    *value += seen * m / (self.masks as f64 * self.keep);
                }
            }
        }
        Ok(Attribution {
            map,
            shape: [h, w, 1],
            score,
            baseline_score: None,
            completeness: Completeness::NotPromised(
                "a mean of masks ranks regions; it is no share of the score",
            ),
            method: self.name().to_owned(),
            steps: self.masks,
            evaluations: model.evaluations(),
            seed: Some(self.seed),
            map_error: None,
            warnings: Vec::new(),
        })
    }
}
