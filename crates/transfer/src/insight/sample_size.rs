use std::collections::HashMap;
use std::ops::ControlFlow;

use metrics::uncertainty::{Estimate, percentile_interval};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::power_law::PowerLaw;
use super::sample_size_curve::{
    Extrapolated, Forecast, SampleSizeCurve, SampleSizePoint, complement,
};
use crate::embeddings::{Embeddings, class_counts};
use crate::error::{Error, Result};
use crate::head::{FitReport, HeadConfig, Recipe, drawn_folds, score};
use crate::threads;

/// Folds where the recipe of the head has none.
const FOLDS: usize = 5;
/// The fits need not be as close to the optimum as that of the head itself.
const TOLERANCE: f64 = 1e-4;
/// A law of three numbers needs errors at so many sizes.
const FEWEST_SIZES: usize = 3;
/// The streams of random numbers: first those of the subsets, then those of the bootstrap.
const BOOTSTRAP_STREAMS: u64 = 1 << 32;

/// Answers the question whether more images would help: measures heads that were fitted on fewer images, and
/// extrapolates.
///
/// A part of the images of each class is drawn at random, and heads are fitted on it by cross-validation: each fold of
/// all images is predicted by a head that was fitted on the drawn images outside this fold. So every size is measured
/// on the same images, and no head predicts images that it has seen. The settings that cross-validation chose for all
/// images are used for all sizes. A power law ([`PowerLaw`]) is fitted to the errors, each weighted by the inverse of
/// its variance. All intervals come from a bootstrap over the images of each class and over the repeats.
///
/// Rows with the same name are variants of one image: they stay together and count as one image.
///
/// Defaults: the fractions 1/8, 1/4, 1/2, 3/4 and 1; 5 repeats of each fraction below 1; 500 bootstrap replicates;
/// level 0.95; seed 0.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use std::ops::ControlFlow;
/// use transfer::insight::SampleSize;
/// use transfer::{Embeddings, HeadConfig};
/// let values = (0..80).flat_map(|i| [(i % 2) as f32, (i % 7) as f32 / 7.0]).collect();
/// let images = Embeddings::new(values, 2, (0..80).map(|i| i % 2).collect())?;
/// let fitted = HeadConfig::new().training(&images).fit()?;
/// let measured = SampleSize::new().measure(&fitted.report, &images, |_, _| ControlFlow::Continue(()))?;
/// println!("{}", measured.expect("nothing stopped it"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SampleSize {
    fractions: Vec<f64>,
    repeats: usize,
    replicates: usize,
    level: f64,
    seed: u64,
}

impl Default for SampleSize {
    fn default() -> Self {
        Self::new()
    }
}

impl SampleSize {
    /// The default settings.
    pub fn new() -> Self {
        Self {
            fractions: vec![0.125, 0.25, 0.5, 0.75, 1.0],
            repeats: 5,
            replicates: 500,
            level: 0.95,
            seed: 0,
        }
    }

    /// The fractions of the images, each above 0 and at most 1; default 1/8, 1/4, 1/2, 3/4 and 1.
    pub fn with_fractions(mut self, fractions: impl Into<Vec<f64>>) -> Self {
        self.fractions = fractions.into();
        self
    }

    /// How often each fraction below 1 is drawn, 1 to 1000; default 5.
    pub fn with_repeats(mut self, repeats: usize) -> Self {
        self.repeats = repeats;
        self
    }

    /// Number of bootstrap replicates, 10 to 1,000,000; default 500.
    pub fn with_replicates(mut self, replicates: usize) -> Self {
        self.replicates = replicates;
        self
    }

    /// The level of the intervals, between 0 and 1; default 0.95.
    pub fn with_level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// The seed of all random draws; default 0.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Checks that all settings are in their range.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first setting that is not.
    pub fn check(&self) -> Result<()> {
        let in_range = |fraction: &f64| *fraction > 0.0 && *fraction <= 1.0;
        if self.fractions.is_empty() || !self.fractions.iter().all(in_range) {
            let expected = "at least one, each above 0 and at most 1";
            let given = format!("{:?}", self.fractions);
            return Err(Error::setting("fractions", given, expected));
        }
        if !(1..=1000).contains(&self.repeats) {
            return Err(Error::setting("repeats", self.repeats, "1 to 1000"));
        }
        if !(10..=1_000_000).contains(&self.replicates) {
            let expected = "10 to 1,000,000";
            return Err(Error::setting("replicates", self.replicates, expected));
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            let expected = "between 0 and 1, both excluded";
            return Err(Error::setting("level", self.level, expected));
        }
        Ok(())
    }

    /// Measures heads like the one of `report`. `images` must be all images that the head was fitted on: the training
    /// images, then, for logistic regression, the validation images.
    ///
    /// `progress(done, total)` is called after each subset. If it returns `Break`, the result is `None`.
    ///
    /// # Errors
    /// [`Error::Setting`] if a setting is out of its range; [`Error::TooFewImages`] if a class has fewer than two
    /// images; [`Error::Mismatch`] if all images of a class are in one of the given folds, or the folds are not those
    /// of these images; and the errors of [`HeadTraining::fit`](crate::head::HeadTraining::fit).
    pub fn measure(
        &self,
        report: &FitReport,
        images: &Embeddings,
        mut progress: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<SampleSizeCurve>> {
        self.check()?;
        let config = settings(report);
        let dealt = Dealt::new(report, images)?;
        let orders = (0..self.repeats).map(|repeat| dealt.order(self.seed, repeat as u64));
        let orders = orders.collect::<Result<Vec<_>>>()?;
        let fractions = self.sizes(&dealt);
        let total = fractions.iter().map(|&f| self.draws(f)).sum();
        let mut done = 0;
        let mut sizes = Vec::with_capacity(fractions.len());
        for fraction in fractions {
            let mut size = Size::default();
            for order in &orders[..self.draws(fraction)] {
                dealt.answer(&config, images, &subset(order, fraction), &mut size)?;
                done += 1;
                if progress(done, total).is_break() {
                    return Ok(None);
                }
            }
            sizes.push(size);
        }
        Ok(Some(self.curve(&dealt, &sizes)))
    }

    /// How often a fraction is drawn: all images can be drawn in one way only.
    fn draws(&self, fraction: f64) -> usize {
        if fraction < 1.0 { self.repeats } else { 1 }
    }

    /// The fractions that differ in their numbers of images, from the smallest up.
    fn sizes(&self, dealt: &Dealt) -> Vec<f64> {
        let mut fractions = self.fractions.clone();
        fractions.sort_by(f64::total_cmp);
        let counts = class_counts(&dealt.targets, dealt.classes);
        // The larger one of two that are equal is kept: of all images, each is drawn once.
        fractions.reverse();
        fractions.dedup_by_key(|fraction| {
            let taken = counts.iter().map(|&images| taken(*fraction, images));
            taken.sum::<usize>()
        });
        fractions.reverse();
        fractions
    }

    /// The points of the curve with their intervals, and what is to be expected of more images.
    fn curve(&self, dealt: &Dealt, sizes: &[Size]) -> SampleSizeCurve {
        let replicates = threads::map(0..self.replicates, |replicate| {
            let mut random = stream(self.seed, BOOTSTRAP_STREAMS + replicate as u64);
            let counts = dealt.draw(&mut random);
            let drawn: Vec<usize> = (0..self.repeats)
                .map(|_| random.random_range(0..self.repeats))
                .collect();
            let means = sizes.iter().map(|size| size.means(&counts, &drawn));
            means.collect::<Vec<[f64; 2]>>()
        });
        let whole = vec![1; dealt.targets.len()];
        let every: Vec<usize> = (0..self.repeats).collect();
        let values: Vec<[f64; 2]> = sizes.iter().map(|s| s.means(&whole, &every)).collect();
        let images: Vec<f64> = sizes.iter().map(Size::images).collect();
        let measured = |at: usize, metric: usize| {
            let replicates: Vec<f64> = replicates.iter().map(|r| r[at][metric]).collect();
            estimate(values[at][metric], &replicates, self.level)
        };
        let points = (0..sizes.len()).map(|at| SampleSizePoint {
            images: images[at],
            accuracy: complement(measured(at, 0)),
            log_loss: measured(at, 1),
        });
        let n = dealt.targets.len();
        let mut curve = SampleSizeCurve {
            images: n,
            points: points.collect(),
            forecast: None,
        };
        if sizes.len() >= FEWEST_SIZES {
            let fitted = |metric| {
                let series = Series::new(&images, &values, &replicates, metric, n);
                series.extrapolated(n as f64, self.level)
            };
            curve.forecast = Some(Forecast::new(2 * n, fitted(0), fitted(1)));
        }
        curve
    }
}

/// The settings that were chosen for all images, so that nothing is chosen anew.
fn settings(report: &FitReport) -> HeadConfig {
    let config = report.config.clone();
    let Recipe::LogisticRegression(recipe) = config.recipe() else {
        return config;
    };
    let mut recipe = recipe.clone();
    recipe.tolerance = recipe.tolerance.max(TOLERANCE);
    // The folds are numbers of all images, not of some.
    recipe.fold_of = None;
    match report.chosen() {
        Some(chosen) => config
            .with_recipe(recipe.with_regularization([chosen.c]))
            .with_class_weights(chosen.class_weights.clone()),
        None => config.with_recipe(recipe),
    }
}

/// A stream of random numbers of its own.
fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}

/// How many images of a class are drawn: at least two, so that a fold leaves one.
fn taken(fraction: f64, images: usize) -> usize {
    ((fraction * images as f64).ceil() as usize).clamp(2.min(images), images)
}

/// The first images of each class.
fn subset(order: &[Vec<usize>], fraction: f64) -> Vec<usize> {
    let of_class = |images: &'_ Vec<usize>| images[..taken(fraction, images.len())].to_vec();
    order.iter().flat_map(of_class).collect()
}

/// The images, each with its rows, its class and its fold.
struct Dealt {
    rows: Vec<Vec<usize>>,
    targets: Vec<usize>,
    folds: Vec<usize>,
    classes: usize,
}

impl Dealt {
    fn new(report: &FitReport, images: &Embeddings) -> Result<Self> {
        let (count, given) = match report.config.recipe() {
            Recipe::LogisticRegression(recipe) => (recipe.folds, recipe.fold_of.as_ref()),
            Recipe::GradientDescent(_) => (FOLDS, None),
        };
        if let Some(given) = given.filter(|given| given.len() != images.len()) {
            return Err(Error::mismatch(
                "images with a fold",
                images.len(),
                given.len(),
            ));
        }
        let fold_of = match given {
            Some(given) => given.clone(),
            None => drawn_folds(report.config.seed(), count, images),
        };
        let folds = fold_of
            .iter()
            .max()
            .map_or(0, |&fold| fold.saturating_add(1));
        if !(2..=images.len()).contains(&folds) {
            let expected = format!("2 to {}, numbered from 0", images.len());
            return Err(Error::mismatch("folds", expected, folds));
        }
        let mut of_name = HashMap::new();
        let mut dealt = Self {
            rows: Vec::new(),
            targets: Vec::new(),
            folds: Vec::new(),
            classes: images.classes(),
        };
        for (row, &target) in images.targets().iter().enumerate() {
            let next = dealt.rows.len();
            let name = images.names().get(row);
            let image = name.map_or(next, |name| *of_name.entry(name).or_insert(next));
            if image == next {
                dealt.rows.push(Vec::new());
                dealt.targets.push(target);
                dealt.folds.push(fold_of[row]);
            }
            dealt.rows[image].push(row);
        }
        let counts = class_counts(&dealt.targets, dealt.classes);
        match counts.iter().position(|&found| found < 2) {
            Some(class) => Err(Error::TooFewImages {
                class: images.class_name(class),
                found: counts[class],
                needed: 2,
            }),
            None => Ok(dealt),
        }
    }

    /// The images of each class in a random order in which the folds take turns, so that the first images are of all folds.
    fn order(&self, seed: u64, repeat: u64) -> Result<Vec<Vec<usize>>> {
        let mut random = stream(seed, repeat);
        let count = self.folds.iter().max().map_or(0, |&fold| fold + 1);
        (0..self.classes)
            .map(|class| {
                let mut of_fold = vec![Vec::new(); count];
                for (image, &target) in self.targets.iter().enumerate() {
                    if target == class {
                        of_fold[self.folds[image]].push(image);
                    }
                }
                of_fold.retain(|images| !images.is_empty());
                if of_fold.len() < 2 {
                    let what = format!("folds of the images of class {class}");
                    return Err(Error::mismatch(what, "2 or more", of_fold.len()));
                }
                of_fold
                    .iter_mut()
                    .for_each(|fold| fold.shuffle(&mut random));
                of_fold.shuffle(&mut random);
                let turns = of_fold.iter().map(Vec::len).max().unwrap_or(0);
                let turn = |turn: usize| of_fold.iter().filter_map(move |fold| fold.get(turn));
                Ok((0..turns).flat_map(turn).copied().collect())
            })
            .collect()
    }

    /// Fits a head for each fold on the images of the subset that are outside of it, and lets it answer all of the fold.
    fn answer(
        &self,
        config: &HeadConfig,
        images: &Embeddings,
        subset: &[usize],
        size: &mut Size,
    ) -> Result<()> {
        let count = self.folds.iter().max().map_or(0, |&fold| fold + 1);
        let folds = threads::map(0..count, |fold| -> Result<_> {
            let learned = subset.iter().filter(|&&image| self.folds[image] != fold);
            let learned: Vec<usize> = learned.copied().collect();
            let rows: Vec<usize> = learned.iter().flat_map(|&i| self.rows[i].clone()).collect();
            let head = config.training(&images.select(&rows)).fit()?.head;
            let asked = (0..self.rows.len()).filter(|&image| self.folds[image] == fold);
            let scores = asked.map(|image| {
                let rows = images.select(&self.rows[image]);
                let answers = head.probabilities(rows.values())?;
                let variants = self.rows[image].len() as f64;
                let answers = answers.chunks_exact(head.classes());
                let (wrong, loss) = answers.fold((0.0, 0.0), |(wrong, loss), answer| {
                    let (right, own) = score(answer, self.targets[image]);
                    (wrong + f64::from(u8::from(!right)), loss + own)
                });
                Ok((image, [wrong / variants, loss / variants]))
            });
            Ok((learned.len(), scores.collect::<Result<Vec<_>>>()?))
        });
        let mut scores = vec![[0.0; 2]; self.rows.len()];
        for fold in folds {
            let (learned, answered) = fold?;
            size.learned.push(learned);
            for (image, score) in answered {
                scores[image] = score;
            }
        }
        size.scores.push(scores);
        Ok(())
    }

    /// How often each image is in a replicate of the bootstrap, which has as many images of each class.
    fn draw(&self, random: &mut ChaCha8Rng) -> Vec<u32> {
        let mut of_class = vec![Vec::new(); self.classes];
        for (image, &target) in self.targets.iter().enumerate() {
            of_class[target].push(image);
        }
        let mut counts = vec![0; self.targets.len()];
        for images in of_class {
            for _ in 0..images.len() {
                counts[images[random.random_range(0..images.len())]] += 1;
            }
        }
        counts
    }
}

/// What was measured with one fraction of the images.
#[derive(Default)]
struct Size {
    /// For each draw, the error and the loss of each image.
    scores: Vec<Vec<[f64; 2]>>,
    /// The numbers of images that the heads were fitted on.
    learned: Vec<usize>,
}

impl Size {
    /// The mean number of images that a head was fitted on.
    fn images(&self) -> f64 {
        self.learned.iter().sum::<usize>() as f64 / self.learned.len() as f64
    }

    /// Mean error and mean loss where the images count so often, over these repeats.
    fn means(&self, counts: &[u32], repeats: &[usize]) -> [f64; 2] {
        let mut sums = [0.0; 2];
        for &repeat in repeats {
            let scores = &self.scores[repeat % self.scores.len()];
            for (score, &count) in scores.iter().zip(counts) {
                sums[0] += f64::from(count) * score[0];
                sums[1] += f64::from(count) * score[1];
            }
        }
        sums.map(|sum| sum / (repeats.len() * counts.len()) as f64)
    }
}

/// A value with the percentile interval of its replicates, which holds the value.
fn estimate(value: f64, replicates: &[f64], level: f64) -> Estimate {
    let interval = percentile_interval(replicates, level);
    let (low, high) = interval.map_or((value, value), |found| (found.low, found.high));
    Estimate {
        value,
        low: low.min(value),
        high: high.max(value),
    }
}

/// One metric at all sizes, and the laws that fit it and its replicates.
struct Series {
    law: PowerLaw,
    replicates: Vec<PowerLaw>,
}

impl Series {
    fn new(
        images: &[f64],
        values: &[[f64; 2]],
        replicates: &[Vec<[f64; 2]>],
        metric: usize,
        n: usize,
    ) -> Self {
        let weight = |at: usize| {
            let drawn = replicates.iter().map(|replicate| replicate[at][metric]);
            let mean = drawn.clone().sum::<f64>() / replicates.len() as f64;
            let squares: f64 = drawn.map(|value| (value - mean).powi(2)).sum();
            // Where no head was wrong, nothing varies; half an image is the least that can be told.
            let least = (0.5 / n as f64).powi(2);
            1.0 / (squares / replicates.len() as f64).max(least)
        };
        let weights: Vec<f64> = (0..images.len()).map(weight).collect();
        let fit = |rows: &[[f64; 2]]| {
            let errors: Vec<f64> = rows.iter().map(|row| row[metric]).collect();
            PowerLaw::fit(images, &errors, &weights)
        };
        Self {
            law: fit(values),
            replicates: threads::map(replicates.iter(), |rows| fit(rows)),
        }
    }

    /// What these laws say of something, with the interval.
    fn of(&self, what: impl Fn(&PowerLaw) -> f64, level: f64) -> Estimate {
        let replicates: Vec<f64> = self.replicates.iter().map(&what).collect();
        estimate(what(&self.law), &replicates, level)
    }

    /// What these laws say of all images, and of twice as many.
    fn extrapolated(&self, n: f64, level: f64) -> Extrapolated {
        Extrapolated {
            law: self.law,
            now: self.of(|law| law.at(n), level),
            doubled: self.of(|law| law.at(2.0 * n), level),
            fall: self.of(|law| law.at(n) - law.at(2.0 * n), level),
        }
    }
}
