//! What the methods promise: completeness, dummy, symmetry, linearity and implementation invariance.

use attribution::methods::{BlurIntegratedGradients, ExpectedGradients, GuidedIntegratedGradients};
use attribution::{IntegratedGradients, Method, Pixels};

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
