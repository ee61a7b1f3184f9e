//! What the methods promise: completeness, dummy, symmetry, linearity, implementation invariance, and the estimated error of
//! a map.

use attribution::methods::{
    BlurIntegratedGradients, ExpectedGradients, Gradient, GuidedIntegratedGradients, Rule,
    SmoothGrad,
};
use attribution::{IntegratedGradients, Method, Pixels};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::{SIDE, baselines, each, linear, pixels, smooth};

/// The methods that promise completeness, with the error that each may have on a smooth function.
fn complete() -> Vec<(Box<dyn Method>, f64)> {
    let expected = ExpectedGradients::new(baselines()).with_samples(2000);
    let blur = BlurIntegratedGradients::new().with_max_sigma(4.0);
    vec![
        (Box::new(IntegratedGradients::new()), 1e-3),
        (
            Box::new(IntegratedGradients::new().with_tolerance(1e-3)),
            1e-3,
        ),
        (Box::new(expected), 1e-2),
        (Box::new(blur.with_steps(400)), 1e-3),
        (
            Box::new(GuidedIntegratedGradients::new().with_steps(2000)),
            5e-3,
        ),
    ]
}

#[test]
fn complete_methods_sum_to_the_score_difference() {
    for (method, tolerance) in complete() {
        let why = method.attribute(&each(smooth), &pixels()).unwrap();
        let error = why.completeness_error().unwrap();
        assert!(error <= tolerance, "{}: {error}", method.name());
        let sum = why.score() - why.baseline_score().unwrap() + why.convergence_delta().unwrap();
        assert!((why.sum() - sum).abs() < 1e-9, "{}", method.name());
        // A linear function is explained exactly, whatever the path.
        let why = method.attribute(&each(linear), &pixels()).unwrap();
        assert!(
            why.completeness_error().unwrap() < 1e-5,
            "{}",
            method.name()
        );
    }
}

#[test]
fn a_value_that_does_not_count_gets_nothing() {
    for (method, _) in complete() {
        let why = method.attribute(&each(smooth), &pixels()).unwrap();
        assert!(
            why.map()[4..].iter().all(|&v| v == 0.0),
            "{}",
            method.name()
        );
    }
}

/// Gradients that walk at random along the path: each pixel's share is known, and so the error of the map.
#[test]
fn the_error_of_a_map_is_estimated_from_the_steps_of_the_gradient() {
    const CELLS: usize = 2000;
    // In each cell of a pixel's values the slope is 1 more or less than in the one before, as if thrown.
    let walk = |i: usize| {
        let mut coin = ChaCha8Rng::seed_from_u64(i as u64);
        (0..CELLS).scan(0.0, move |slope, _| {
            *slope += if coin.random() { 1.0 } else { -1.0 };
            Some(*slope)
        })
    };
    let slopes: Vec<Vec<f64>> = (0..SIDE * SIDE).map(|i| walk(i).collect()).collect();
    let slope = |i: usize, cell: usize| slopes[i][cell.min(CELLS - 1)];
    let share = |(i, &x): (usize, &f64)| {
        let (at, cell) = (x * CELLS as f64, (x * CELLS as f64) as usize);
        let whole: f64 = (0..cell).map(|cell| slope(i, cell)).sum();
        (whole + (at - cell as f64) * slope(i, cell)) / CELLS as f64
    };
    let walking = |x: &[f64]| {
        let cells = x.iter().map(|x| (x * CELLS as f64) as usize);
        let gradient = cells.enumerate().map(|(i, cell)| slope(i, cell)).collect();
        (x.iter().enumerate().map(share).sum(), gradient)
    };
    let image: Vec<f64> = pixels()
        .values()
        .iter()
        .map(|&x| f64::from(x) / 255.0)
        .collect();
    let truth: Vec<f64> = image.iter().enumerate().map(share).collect();
    let off = |map: &[f64]| {
        let square = |of: &mut dyn Iterator<Item = f64>| of.map(|v| v * v).sum::<f64>();
        let off = square(&mut map.iter().zip(&truth).map(|(a, b)| a - b));
        (off / square(&mut truth.iter().copied())).sqrt()
    };
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
        let (off, said) = (off(why.map()), why.map_error().unwrap());
        println!("{method:?}: {} steps, {said}, truly {off}", why.steps());
        assert!(
            off > 1e-4 && (0.6..1.7).contains(&(said / off)),
            "{method:?}: {said}, not {off}"
        );
        assert!(
            said <= goal && (goal == 1.0 || why.warnings().is_empty()),
            "{said}"
        );
    }
    let why = method()
        .with_map_tolerance(1e-6)
        .with_max_steps(100)
        .attribute(&each(walking), &pixels());
    let warning = why.unwrap().warnings().concat();
    assert!(
        warning.contains("100 steps do not bring the map's error below"),
        "{warning}"
    );
    // A picture so large that the gradients of few steps can be kept: the same pixels again and again.
    let copies = 1 << 13;
    let large = Pixels::new(pixels().values().repeat(copies), [512, 1024, 1]).unwrap();
    let tiled = |x: &[f64]| {
        let (score, gradient): (f64, Vec<f64>) = walking(&x[..SIDE * SIDE]);
        (score * copies as f64, gradient.repeat(copies))
    };
    // The batch of 48 is more than can be kept.
    for batch in [1, 48] {
        let refined = method().with_map_tolerance(0.003).with_batch(batch);
        let of_small = refined.attribute(&each(walking), &pixels()).unwrap();
        let of_large = refined.attribute(&each(tiled), &large).unwrap();
        assert!(of_large.warnings().is_empty(), "{:?}", of_large.warnings());
        let [small, steps] = [of_small.steps(), of_large.steps()];
        println!("{small} steps, {steps} where few can be kept");
        assert!(steps > 100 && steps < small * 3 / 2, "{small}, {steps}");
        let off = off(&of_large.map()[..SIDE * SIDE]);
        let said = of_large.map_error().unwrap();
        assert!(
            said <= 0.003 && (0.6..1.7).contains(&(said / off)),
            "{said}, not {off}"
        );
    }
    let of = |method: &dyn Method| {
        method
            .attribute(&each(linear), &pixels())
            .unwrap()
            .map_error()
    };
    assert_eq!(of(&method()), Some(0.0));
    assert_eq!(of(&method().with_steps(1)), None);
    assert_eq!(of(&Gradient::new()), None);
    assert_eq!(of(&SmoothGrad::new(method()).with_samples(2)), None);
}

#[test]
fn values_that_count_alike_get_the_same() {
    let symmetric = |x: &[f64]| {
        let mut gradient = vec![0.0; x.len()];
        gradient[..2].copy_from_slice(&[x[1], x[0]]);
        (x[0] * x[1], gradient)
    };
    let mut values = vec![0.0; SIDE * SIDE];
    values[..2].copy_from_slice(&[200.0, 200.0]);
    let pixels = Pixels::new(values, [SIDE, SIDE, 1]).unwrap();
    let methods: [Box<dyn Method>; 4] = [
        Box::new(IntegratedGradients::new()),
        Box::new(IntegratedGradients::new().with_tolerance(1e-3)),
        Box::new(ExpectedGradients::new(baselines())),
        Box::new(GuidedIntegratedGradients::new()),
    ];
    for method in methods {
        let why = method.attribute(&each(symmetric), &pixels).unwrap();
        let (a, b) = (why.map()[0], why.map()[1]);
        assert!(
            a != 0.0 && (a - b).abs() <= 1e-9 * a.abs(),
            "{}: {a}, {b}",
            method.name()
        );
    }
}

#[test]
fn a_sum_of_functions_is_explained_by_the_sum_and_the_way_of_computing_does_not_count() {
    let both = |x: &[f64]| {
        let ((f, df), (g, dg)) = (smooth(x), linear(x));
        let gradient = df.iter().zip(&dg).map(|(a, b)| 2.0 * a - b).collect();
        (2.0 * f - g, gradient)
    };
    // x = relu(x) - relu(-x), written as no one would.
    let roundabout = |x: &[f64]| {
        let (_, weights) = linear(x);
        let signed: f64 = weights
            .iter()
            .zip(x)
            .map(|(w, x)| w * (x.max(0.0) - (-x).max(0.0)))
            .sum();
        (signed, weights)
    };
    let methods: [Box<dyn Method>; 3] = [
        Box::new(IntegratedGradients::new()),
        Box::new(ExpectedGradients::new(baselines())),
        Box::new(BlurIntegratedGradients::new().with_max_sigma(3.0)),
    ];
    for method in methods {
        let f = method.attribute(&each(smooth), &pixels()).unwrap();
        let g = method.attribute(&each(linear), &pixels()).unwrap();
        let h = method.attribute(&each(both), &pixels()).unwrap();
        for ((f, g), h) in f.map().iter().zip(g.map()).zip(h.map()) {
            assert!((2.0 * f - g - h).abs() < 1e-5, "{}", method.name());
        }
        let other = method.attribute(&each(roundabout), &pixels()).unwrap();
        for (a, b) in other.map().iter().zip(g.map()) {
            assert!((a - b).abs() < 1e-9, "{}", method.name());
        }
    }
}
