//! RISE.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::check;
use crate::error::Result;
use crate::methods::method::{Method, MethodInfo};
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::{Pixels, push_between};
use crate::random::Random;
use crate::resample::bilinear;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "rise",
    description: "the mean of random masks, each weighted by the score of the image seen through it",
    asks: "1000 times",
    needs: Ability::Scores,
    complete: false,
    build: |settings| Box::new(Rise::new().with_seed(settings.seed)),
};

/// RISE: the mean of random masks, each weighted by the score of the image seen through it (Petsiuk et al. 2018,
/// <https://arxiv.org/abs/1806.07421>).
///
/// Cost: one score for each mask and one for the image, no gradient. The map has one channel. Only the differences
/// between its pixels matter, because a score that is large everywhere raises the whole map
/// ([`Attribution::has_zero`]). The method is meant for scores that are probabilities.
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
    /// Defaults: 1000 masks of 7 x 7 cells, each cell visible with probability 0.5, gray where hidden, seed 0, batches
    /// of 8 images.
    pub fn new() -> Self {
        Self {
            masks: 1000,
            cells: 7,
            keep: 0.5,
            seed: 0,
            baseline: Baseline::Gray,
            batch: 8,
        }
    }

    /// Number of masks, at least 1; defaults to 1000.
    #[must_use]
    pub fn with_masks(mut self, masks: usize) -> Self {
        self.masks = masks;
        self
    }

    /// Number of cells along each side of a mask before it is enlarged to the image, 1 to 256; defaults to 7.
    #[must_use]
    pub fn with_cells(mut self, cells: usize) -> Self {
        self.cells = cells;
        self
    }

    /// Probability that a cell is visible, above 0 and below 1; defaults to 0.5.
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

    /// The image that is seen where the mask hides the original; defaults to gray. It must be a single image.
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

    /// A coarse random grid, enlarged smoothly and shifted by less than a cell; one value for each pixel.
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
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        check::batch(self.batch)?;
        let [h, w, c] = pixels.shape();
        check::require(self.masks > 0, "masks", self.masks, "at least 1")?;
        check::within("cells", self.cells, 1..=256)?;
        let is_usable = self.keep > 0.0 && self.keep < 1.0;
        check::require(
            is_usable,
            "keep",
            self.keep,
            "a probability between 0 and 1",
        )?;
        let model = Checked::new(model, pixels)?;
        let baseline = self.baseline.image(pixels)?;
        let mut random = Random::new(self.seed);
        let score = model.score(pixels)?;
        model.expect_steps(self.masks);
        let mut map = vec![0.0_f64; h * w];
        let (mut least, mut largest) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut left = self.masks;
        while left > 0 {
            let n = self.batch.min(left);
            left -= n;
            let masks: Vec<Vec<f64>> = (0..n).map(|_| self.mask(&mut random, h, w)).collect();
            let scores = model.scores_of(&masks, n, |images, mask| {
                push_between(images, &baseline, pixels, |i| mask[i / c]);
            })?;
            for (mask, seen) in masks.iter().zip(scores) {
                (least, largest) = (least.min(seen), largest.max(seen));
                for (value, m) in map.iter_mut().zip(mask) {
                    *value += seen * m / (self.masks as f64 * self.keep);
                }
            }
        }
        // Where the score is the same for all masks, the sum would show how the masks happen to be drawn and nothing else.
        let warning = (self.masks > 1 && least == largest).then(|| {
            map.fill(largest);
            "the score is the same under every mask: no part of the image stands out".to_owned()
        });
        Ok(Attribution::new(self.name(), map, [h, w, 1], score)?
            .without_zero()
            .without_completeness(
                "a mean of masks ranks regions; its values are not shares of the score",
            )
            .with_steps(self.masks)
            .with_evaluations(model.evaluations())
            .with_seed(self.seed)
            .with_warnings(warning))
    }
}
