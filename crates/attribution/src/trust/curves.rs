//! Deletion and insertion.

use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::error::{Error, Result};
use crate::methods::{check_batch, one_baseline};
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;
use crate::random::Random;

/// Scores while an image is taken apart or put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Part of the image that is replaced (deletion) or shown (insertion), from 0 to 1, ascending.
    pub fractions: Vec<f64>,
    /// The score at each.
    pub scores: Vec<f64>,
    /// Area under the curve (trapezoid over the fractions): the mean score on the way.
    pub area: f64,
}

/// What [`Faithfulness::measure`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct FaithfulnessCurves {
    /// The most important parts deleted first: the sooner the score falls, the smaller the area.
    pub deletion: Curve,
    /// The most important parts shown first: the sooner the score rises, the larger the area.
    pub insertion: Curve,
    /// Parts deleted in random order, the mean of several orders.
    pub random_deletion: Curve,
    /// Parts shown in random order, the mean of several orders.
    pub random_insertion: Curve,
    /// Images that the model was asked about.
    pub evaluations: usize,
}

impl FaithfulnessCurves {
    /// How much smaller the deletion area is than the random one: positive where the map knows what counts.
    pub fn deletion_margin(&self) -> f64 {
        self.random_deletion.area - self.deletion.area
    }

    /// How much larger the insertion area is than the random one: positive where the map knows what counts.
    pub fn insertion_margin(&self) -> f64 {
        self.insertion.area - self.random_insertion.area
    }
}

/// Deletion and insertion curves (Petsiuk et al. 2018), against random orders.
///
/// Square cells are replaced, or shown, instead of single pixels, and by the image blurred: holes of one pixel, or with
/// hard edges, are noise that fools a network whichever pixels they are, and the more the wider they are strewn, so that a
/// random order would win. `(steps + 1) * 2 * (1 + orders)` scores at most, fewer where there are fewer cells than steps.
/// Meant for probabilities; logits work as well.
///
/// ```
/// use attribution::{Baseline, BoxError, Faithfulness, GradientXInput, Method, Pixels};
///
/// // The score is the left half of the image.
/// let left = |pixels: &[f32], [n, h, w, _]: [usize; 4]| -> Result<(Vec<f64>, Vec<f32>), BoxError> {
///     let weight = |i: usize| f32::from(u8::from(i % w < w / 2));
///     let score = |image: &[f32]| image.iter().enumerate().map(|(i, v)| f64::from(weight(i) * v)).sum();
///     Ok((pixels.chunks(h * w).map(score).collect(), (0..n * h * w).map(weight).collect()))
/// };
/// let pixels = Pixels::new(vec![255.0; 64], [8, 8, 1])?;
/// let why = GradientXInput::new().attribute(&left, &pixels)?;
/// // One colour stays the same when blurred, so black hides it here.
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
    /// Cells of 16 pixels, 28 steps, 2 random orders with seed 0, blurred (10 pixels) where deleted or not yet shown,
    /// 8 images at a time.
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

    /// Side of a cell in pixels; defaults to 16.
    #[must_use]
    pub fn with_cell(mut self, side: usize) -> Self {
        self.cell = side;
        self
    }

    /// Steps from the whole image to nothing; defaults to 28.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Random orders to compare with; defaults to 2.
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

    /// What is seen where cells are deleted; defaults to the image blurred by 10 pixels. One image only.
    #[must_use]
    pub fn with_deleted(mut self, baseline: Baseline) -> Self {
        self.deleted = baseline;
        self
    }

    /// What is seen where cells are not yet shown; defaults to the image blurred by 10 pixels. One image only.
    #[must_use]
    pub fn with_hidden(mut self, baseline: Baseline) -> Self {
        self.hidden = baseline;
        self
    }

    /// Images a call of the model; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Takes the image apart and puts it together in the order of `attribution`, summed over channels and cells.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings out of range, [`Error::Shape`] where the map has another size than the image, and
    /// those of the model.
    pub fn measure(
        &self,
        model: &dyn GradientFn,
        pixels: &Pixels,
        attribution: &Attribution,
    ) -> Result<FaithfulnessCurves> {
        check_batch(self.batch)?;
        let [h, w, c] = pixels.shape();
        if attribution.shape()[..2] != [h, w] {
            return Err(Error::Shape {
                what: "the map",
                expected: [h, w, c],
                found: attribution.shape(),
            });
        }
        if self.cell == 0 || self.cell > h.max(w) {
            let expected = format!("1 to the image's longer side, {}", h.max(w));
            return Err(Error::setting("cell", expected, &self.cell));
        }
        for (name, value) in [("steps", self.steps), ("orders", self.orders)] {
            if value == 0 || value > 1 << 20 {
                return Err(Error::setting(name, "1 to 1048576", &value));
            }
        }
        let model = Checked::new(model, pixels)?;
        let deleted = one_baseline(&self.deleted, pixels)?;
        let hidden = one_baseline(&self.hidden, pixels)?;

        let across = w.div_ceil(self.cell);
        let cells = h.div_ceil(self.cell) * across;
        let cell_of = |i: usize| i / w / self.cell * across + i % w / self.cell;
        let mut sums = vec![0.0_f64; cells];
        for (i, value) in attribution.per_pixel().iter().enumerate() {
            sums[cell_of(i)] += value;
        }
        let mut order: Vec<usize> = (0..cells).collect();
        order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]));

        let curve = |order: &[usize], from: &Pixels, to: &Pixels| -> Result<Curve> {
            let mut rank = vec![0; cells];
            for (place, &cell) in order.iter().enumerate() {
                rank[cell] = place;
            }
            let steps = self.steps.min(cells);
            let taken: Vec<usize> = (0..=steps).map(|k| (k * cells).div_ceil(steps)).collect();
            let mut scores = Vec::with_capacity(taken.len());
            for taken in taken.chunks(self.batch) {
                let mut images = Vec::with_capacity(taken.len() * pixels.len());
                for &n in taken {
                    let both = from.values().iter().zip(to.values()).enumerate();
                    images.extend(both.map(|(i, (&before, &after))| {
                        if rank[cell_of(i / c)] < n {
                            after
                        } else {
                            before
                        }
                    }));
                }
                scores.extend(model.scores(&images, taken.len())?);
            }
            let fractions = taken.iter().map(|&n| n as f64 / cells as f64).collect();
            Ok(Curve::new(fractions, scores))
        };

        let mut random = Random::new(self.seed);
        let mut random_curves = |from: &Pixels, to: &Pixels| -> Result<Curve> {
            let curves = (0..self.orders)
                .map(|_| curve(&random.order(cells), from, to))
                .collect::<Result<Vec<_>>>()?;
            Ok(Curve::mean(&curves))
        };
        Ok(FaithfulnessCurves {
            deletion: curve(&order, pixels, &deleted)?,
            insertion: curve(&order, &hidden, pixels)?,
            random_deletion: random_curves(pixels, &deleted)?,
            random_insertion: random_curves(&hidden, pixels)?,
            evaluations: model.evaluations(),
        })
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
