//! The estimated error of a map, on gradients that walk at random along the path: the share of each pixel is known, and so
//! is the error of the map.

use attribution::methods::{Gradient, Rule, SmoothGrad};
use attribution::{Attribution, IntegratedGradients, Method, Pixels};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::{SIDE, each, linear, pixels};

/// Cells that the range of a pixel is cut into.
const CELLS: usize = 2000;

/// For each pixel the slope in each cell: 1 more or less than in the cell before, at random.
struct Walk(Vec<Vec<f64>>);

impl Walk {
    fn new() -> Self {
        let walk = |i: usize| {
            let mut coin = ChaCha8Rng::seed_from_u64(i as u64);
            let step = move |slope: &mut f64, _| {
                *slope += if coin.random() { 1.0 } else { -1.0 };
                Some(*slope)
            };
            (0..CELLS).scan(0.0, step).collect()
        };
        Self((0..SIDE * SIDE).map(walk).collect())
    }

    fn slope(&self, i: usize, cell: usize) -> f64 {
        self.0[i][cell.min(CELLS - 1)]
    }

    /// What a pixel adds to the score.
    fn share(&self, (i, &x): (usize, &f64)) -> f64 {
        let (at, cell) = (x * CELLS as f64, (x * CELLS as f64) as usize);
        let whole: f64 = (0..cell).map(|cell| self.slope(i, cell)).sum();
        (whole + (at - cell as f64) * self.slope(i, cell)) / CELLS as f64
    }

    fn score_and_gradient(&self, x: &[f64]) -> (f64, Vec<f64>) {
        let cells = x.iter().map(|x| (x * CELLS as f64) as usize).enumerate();
        let gradient = cells.map(|(i, cell)| self.slope(i, cell)).collect();
        (
            x.iter().enumerate().map(|pixel| self.share(pixel)).sum(),
            gradient,
        )
    }

    /// The true relative error of a map of `pixels()`, and the estimated one, which must be near it.
    fn errors(&self, map: &[f64], why: &Attribution) -> (f64, f64) {
        let image = pixels();
        let image: Vec<f64> = image
            .values()
            .iter()
            .map(|&x| f64::from(x) / 255.0)
            .collect();
        let truth = image.iter().enumerate().map(|pixel| self.share(pixel));
        let (mut off, mut norm) = (0.0, 0.0);
        for (found, truth) in map.iter().zip(truth) {
            off += (found - truth).powi(2);
            norm += truth.powi(2);
        }
        let (off, estimated) = ((off / norm).sqrt(), why.map_error().unwrap());
        let ratio = estimated / off;
        assert!(
            (0.6..1.7).contains(&ratio),
            "{}: {estimated}, not {off}",
            why.steps()
        );
        (off, estimated)
    }
}

#[test]
fn the_error_of_a_map_is_estimated_from_the_steps_of_the_gradient() {
    let walk = Walk::new();
    let walking = |x: &[f64]| walk.score_and_gradient(x);
    let method = IntegratedGradients::new;
    for (method, goal) in [
        (method().with_steps(30), 1.0),
        (method().with_steps(60).with_rule(Rule::Trapezoid), 1.0),
        (method().with_steps(60).with_rule(Rule::Right), 1.0),
        (method().with_tolerance(1e-9).with_max_steps(100), 1.0),
        (method().with_map_tolerance(0.003), 0.003),
        (
            method().with_map_tolerance(0.003).with_tolerance(0.01),
            0.003,
        ),
    ] {
        let why = method.attribute(&each(walking), &pixels()).unwrap();
        let (off, estimated) = walk.errors(why.map(), &why);
        assert!(
            off > 1e-4 && estimated <= goal,
            "{method:?}: {off}, {estimated}"
        );
        assert!(goal == 1.0 || why.warnings().is_empty(), "{method:?}");
    }
    let refined = method().with_map_tolerance(1e-6).with_max_steps(100);
    let why = refined.attribute(&each(walking), &pixels()).unwrap();
    let warning = why.warnings().concat();
    let expected = "with 100 steps, the error of the map is not below";
    assert!(warning.contains(expected), "{warning}");
    let of = |method: &dyn Method| {
        let why = method.attribute(&each(linear), &pixels());
        why.unwrap().map_error()
    };
    assert_eq!(of(&method()), Some(0.0));
    assert_eq!(of(&method().with_steps(1)), None);
    assert_eq!(of(&Gradient::new()), None);
    assert_eq!(of(&SmoothGrad::new(method()).with_samples(2)), None);
}

/// An image so large that the gradients of few steps can be kept: the same pixels again and again.
#[test]
fn a_large_image_is_refined_as_a_small_one() {
    let walk = Walk::new();
    let copies = 1 << 13;
    let large = Pixels::new(pixels().values().repeat(copies), [512, 1024, 1]).unwrap();
    let tiled = |x: &[f64]| {
        let (score, gradient) = walk.score_and_gradient(&x[..SIDE * SIDE]);
        (score * copies as f64, gradient.repeat(copies))
    };
    // The batch of 48 is more than can be kept.
    for batch in [1, 48] {
        let method = IntegratedGradients::new().with_map_tolerance(0.003);
        let method = method.with_batch(batch);
        let walking = each(|x: &[f64]| walk.score_and_gradient(x));
        let of_small = method.attribute(&walking, &pixels()).unwrap();
        let of_large = method.attribute(&each(tiled), &large).unwrap();
        assert!(of_large.warnings().is_empty(), "{:?}", of_large.warnings());
        let [small, steps] = [of_small.steps(), of_large.steps()];
        assert!(steps > 100 && steps < small * 3 / 2, "{small}, {steps}");
        let (_, estimated) = walk.errors(&of_large.map()[..SIDE * SIDE], &of_large);
        assert!(estimated <= 0.003, "{estimated}");
    }
}
