//! Deletion and insertion curves.

use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::check;
use crate::error::Result;
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;
use crate::random::Random;
use crate::square::{lines, push_replaced};
use std::ops::Range;

/// The scores while more and more of an image is replaced or shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Fraction of the image that is replaced (deletion) or shown (insertion), from 0 to 1, ascending.
    pub fractions: Vec<f64>,
    /// The score at each fraction.
    pub scores: Vec<f64>,
    /// Area under the curve by the trapezoid rule, which is the mean score.
    pub area: f64,
}

/// The result of [`Faithfulness::measure`].
#[derive(Debug, Clone, PartialEq)]
pub struct FaithfulnessCurves {
    /// The most important cells are deleted first. The area is small if the score falls early.
    pub deletion: Curve,
    /// The most important cells are shown first. The area is large if the score rises early.
    pub insertion: Curve,
    /// Cells are deleted in random order; the mean of several orders.
    pub random_deletion: Curve,
    /// Cells are shown in random order; the mean of several orders.
    pub random_insertion: Curve,
    /// Number of images that the model evaluated.
    pub evaluations: usize,
}

impl FaithfulnessCurves {
    /// The area of random deletion minus that of deletion. It is positive if the map finds what is important.
    pub fn deletion_margin(&self) -> f64 {
        self.random_deletion.area - self.deletion.area
    }

    /// The area of insertion minus that of random insertion. It is positive if the map finds what is important.
    pub fn insertion_margin(&self) -> f64 {
        self.insertion.area - self.random_insertion.area
    }
}

/// Deletion and insertion curves (Petsiuk et al. 2018, <https://arxiv.org/abs/1806.07421>), compared with random orders.
///
/// Square cells are replaced or shown instead of single pixels, and they are replaced by the blurred image instead of
/// black. Holes of one pixel and holes with hard edges are noise that misleads a network, especially if they are spread
/// over the image. A random order spreads them most, so with such holes the random order would seem best.
///
/// Cost: at most `(steps + 1) * 2 * (1 + orders)` scores, fewer if there are fewer cells than steps. The measure is
/// meant for probabilities; logits work as well.
///
/// ```
/// use attribution::methods::GradientXInput;
/// use attribution::trust::Faithfulness;
/// use attribution::{Baseline, BoxError, Method, Pixels};
///
/// // The score is the left half of the image.
/// let left = |pixels: &[f32], [n, h, w, _]: [usize; 4]| -> Result<(Vec<f64>, Vec<f32>), BoxError> {
///     let weight = |i: usize| f32::from(u8::from(i % w < w / 2));
///     let score = |image: &[f32]| image.iter().enumerate().map(|(i, v)| f64::from(weight(i) * v)).sum();
///     Ok((pixels.chunks(h * w).map(score).collect(), (0..n * h * w).map(weight).collect()))
/// };
/// let pixels = Pixels::new(vec![255.0; 64], [8, 8, 1])?;
/// let why = GradientXInput::new().attribute(&left, &pixels)?;
/// // A uniform image stays the same when blurred, so black hides it here.
/// let black = Baseline::Black;
/// let measure = Faithfulness::new().with_cell(1).with_deleted(black.clone()).with_hidden(black);
/// let curves = measure.measure(&left, &pixels, &why)?;
/// assert!(curves.deletion_margin() > 0.0 && curves.insertion_margin() > 0.0);
/// # Ok::<(), attribution::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Faithfulness {
    cell: usize,
    steps: usize,
    orders: usize,
    seed: u64,
    deleted: Baseline,
    hidden: Baseline,
    batch: usize,
}

impl Default for Faithfulness {
    fn default() -> Self {
        Self::new()
    }
}

impl Faithfulness {
    /// Defaults: cells of 16 x 16 pixels, 28 steps, 2 random orders with seed 0, batches of 8 images. Cells that are
    /// deleted or not yet shown are blurred by 10 pixels.
    pub fn new() -> Self {
        Self {
            cell: 16,
            steps: 28,
            orders: 2,
            seed: 0,
            deleted: Baseline::Blur { sigma: 10.0 },
            hidden: Baseline::Blur { sigma: 10.0 },
            batch: 8,
        }
    }

    /// Side of a cell in pixels, 1 to the longer side of the image; defaults to 16.
    #[must_use]
    pub fn with_cell(mut self, side: usize) -> Self {
        self.cell = side;
        self
    }

    /// Number of steps from no cell to all cells, 1 to 2^20; defaults to 28.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Number of random orders to compare with, 1 to 2^20; defaults to 2.
    #[must_use]
    pub fn with_orders(mut self, orders: usize) -> Self {
        self.orders = orders;
        self
    }

    /// Seed of the random orders; defaults to 0.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The image that replaces deleted cells; defaults to the image blurred by 10 pixels. It must be a single image.
    #[must_use]
    pub fn with_deleted(mut self, baseline: Baseline) -> Self {
        self.deleted = baseline;
        self
    }

    /// The image that replaces cells that are not yet shown; defaults to the image blurred by 10 pixels. It must be a
    /// single image.
    #[must_use]
    pub fn with_hidden(mut self, baseline: Baseline) -> Self {
        self.hidden = baseline;
        self
    }

    /// Batch size: images per model call, 1 to 4096; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Computes the four curves. The order of the cells is that of `attribution`, summed over the channels and pixels
    /// of each cell, the largest sum first.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for settings out of range, [`Error::Shape`](crate::Error::Shape)
    /// if the map has another size than the image, and those of the model.
    pub fn measure(
        &self,
        model: &dyn GradientFn,
        pixels: &Pixels,
        attribution: &Attribution,
    ) -> Result<FaithfulnessCurves> {
        check::batch(self.batch)?;
        let [h, w, _] = pixels.shape();
        check::same_size("the map", attribution.shape(), pixels.shape())?;
        check::within("cell", self.cell, 1..=h.max(w))?;
        check::within("steps", self.steps, 1..=check::MOST_STEPS)?;
        check::within("orders", self.orders, 1..=check::MOST_STEPS)?;
        let run = Run {
            model: Checked::new(model, pixels)?,
            cells: Cells::new(self.cell, pixels.shape()),
            steps: self.steps,
            batch: self.batch,
        };
        // Deletion and insertion, each in the order of the map and in the random orders.
        run.model
            .expect_steps(2 * (1 + self.orders) * (run.steps() + 1));
        let deleted = self.deleted.image(pixels)?;
        let hidden = self.hidden.image(pixels)?;
        let order = run.cells.order(attribution);
        let mut random = Random::new(self.seed);
        let mut random_curves = |from: &Pixels, to: &Pixels| -> Result<Curve> {
            let curves = (0..self.orders)
                .map(|_| run.curve(&random.order(run.cells.count), from, to))
                .collect::<Result<Vec<_>>>()?;
            Ok(Curve::mean(&curves))
        };
        Ok(FaithfulnessCurves {
            deletion: run.curve(&order, pixels, &deleted)?,
            insertion: run.curve(&order, &hidden, pixels)?,
            random_deletion: random_curves(pixels, &deleted)?,
            random_insertion: random_curves(&hidden, pixels)?,
            evaluations: run.model.evaluations(),
        })
    }
}

/// Square cells that cover an image.
struct Cells {
    side: usize,
    /// Number of cells in a row.
    across: usize,
    count: usize,
    /// Height and width of the image in pixels.
    image: [usize; 2],
}

impl Cells {
    fn new(side: usize, [height, width, _]: [usize; 3]) -> Self {
        let across = width.div_ceil(side);
        Self {
            side,
            across,
            count: height.div_ceil(side) * across,
            image: [height, width],
        }
    }

    /// The pixels of a cell, row by row.
    fn lines(&self, cell: usize) -> impl Iterator<Item = Range<usize>> {
        let corner = [cell / self.across, cell % self.across];
        lines(corner.map(|i| i * self.side), self.side, self.image)
    }

    /// The cells in the order of the map, the largest sum first.
    fn order(&self, attribution: &Attribution) -> Vec<usize> {
        let map = attribution.per_pixel();
        let sum = |cell| self.lines(cell).flatten().fold(0.0, |sum, i| sum + map[i]);
        let sums: Vec<f64> = (0..self.count).map(sum).collect();
        let mut order: Vec<usize> = (0..self.count).collect();
        order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]));
        order
    }
}

/// What all curves of one measurement share.
struct Run<'a> {
    model: Checked<'a>,
    cells: Cells,
    steps: usize,
    batch: usize,
}

impl Run<'_> {
    /// Number of steps of each curve: no more than there are cells.
    fn steps(&self) -> usize {
        self.steps.min(self.cells.count)
    }

    /// The scores while cells of one image give way to those of another, in this order.
    fn curve(&self, order: &[usize], from: &Pixels, to: &Pixels) -> Result<Curve> {
        let (cells, steps) = (self.cells.count, self.steps());
        let taken: Vec<usize> = (0..=steps).map(|k| (k * cells).div_ceil(steps)).collect();
        let scores = self.model.scores_of(&taken, self.batch, |images, &n| {
            let replaced = order[..n].iter().flat_map(|&cell| self.cells.lines(cell));
            push_replaced(images, from, to, replaced);
        })?;
        let fractions = taken.iter().map(|&n| n as f64 / cells as f64).collect();
        Ok(Curve::new(fractions, scores))
    }
}

impl Curve {
    fn new(fractions: Vec<f64>, scores: Vec<f64>) -> Self {
        let stretches = fractions.windows(2).zip(scores.windows(2));
        let area = stretches
            .map(|(f, s)| (f[1] - f[0]) * f64::midpoint(s[0], s[1]))
            .sum();
        Self {
            fractions,
            scores,
            area,
        }
    }

    /// The mean of curves over the same fractions; at least one.
    fn mean(curves: &[Self]) -> Self {
        let n = curves.len() as f64;
        let fractions = curves[0].fractions.clone();
        let scores = (0..fractions.len())
            .map(|i| curves.iter().map(|curve| curve.scores[i]).sum::<f64>() / n)
            .collect();
        Self::new(fractions, scores)
    }
}
