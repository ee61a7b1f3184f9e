//! Functions whose attributions are known exactly.

use attribution::methods::{
    Gradient, GradientXInput, GuidedBackpropagation, Occlusion, Rise, Rule, SmoothGrad,
};
use attribution::{Baseline, BoxError, Error, IntegratedGradients, Method, Model, Pixels};
use std::cell::Cell;

type Answer = Result<(Vec<f64>, Vec<f32>), BoxError>;

/// A batch function from one of a single image.
fn each(function: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> impl Fn(&[f32], [usize; 4]) -> Answer {
    move |pixels, [n, h, w, c]| {
        let mut scores = Vec::new();
        let mut gradients = Vec::new();
        for image in pixels.chunks_exact(h * w * c) {
            let image: Vec<f64> = image.iter().map(|&v| f64::from(v)).collect();
            let (score, gradient) = function(&image);
            scores.push(score);
            gradients.extend(gradient.iter().map(|&g| g as f32));
        }
        assert_eq!(scores.len(), n);
        Ok((scores, gradients))
    }
}

fn linear(weights: &[f64]) -> impl Fn(&[f64]) -> (f64, Vec<f64>) {
    move |x| {
        (
            weights.iter().zip(x).map(|(w, x)| w * x).sum(),
            weights.to_vec(),
        )
    }
}

/// relu(2 a - b) - relu(b - c), piecewise linear: kinks on most paths.
fn relu_net(x: &[f64]) -> (f64, Vec<f64>) {
    let (u, v) = (2.0 * x[0] - x[1], x[1] - x[2]);
    let (du, dv) = (f64::from(u8::from(u > 0.0)), f64::from(u8::from(v > 0.0)));
    (u.max(0.0) - v.max(0.0), vec![2.0 * du, -du - dv, dv])
}

fn row(values: &[f32]) -> Pixels {
    Pixels::new(values.to_vec(), [1, values.len(), 1]).unwrap()
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance, "{found:?} is not {expected:?}");
    }
}

#[test]
fn a_linear_function_is_explained_by_every_rule() {
    let model = each(linear(&[1.0, -2.0, 0.0]));
    let pixels = row(&[4.0, 3.0, 9.0]);
    close(
        Gradient::new().attribute(&model, &pixels).unwrap().map(),
        &[1.0, -2.0, 0.0],
        0.0,
    );
    let why = GradientXInput::new()
        .with_zero(1.0)
        .attribute(&model, &pixels)
        .unwrap();
    close(why.map(), &[3.0, -4.0, 0.0], 0.0);
    for rule in ["midpoint", "left", "right", "trapezoid", "gauss-legendre"] {
        let rule: Rule = rule.parse().unwrap();
        let method = IntegratedGradients::new()
            .with_rule(rule)
            .with_steps(7)
            .with_baseline(Baseline::White);
        let why = method.attribute(&model, &pixels).unwrap();
        close(why.map(), &[-251.0, 504.0, 0.0], 1e-4);
        assert!(why.completeness_error().unwrap() < 1e-7, "{rule}");
        assert_eq!((why.steps(), why.evaluations()), (7, 9));
    }
}

#[test]
fn a_quadratic_needs_the_right_rule() {
    // d/dx x^2 along t x: midpoint, trapezoid and Gauss are exact in mean, left and right are off by 1 / steps.
    let model = each(|x| (x[0] * x[0], vec![2.0 * x[0]]));
    let pixels = row(&[6.0]);
    let sum = |rule| {
        let method = IntegratedGradients::new().with_rule(rule).with_steps(4);
        method.attribute(&model, &pixels).unwrap().sum()
    };
    close(
        &[
            sum(Rule::Midpoint),
            sum(Rule::Trapezoid),
            sum(Rule::GaussLegendre),
            sum(Rule::Left),
            sum(Rule::Right),
        ],
        &[36.0, 36.0, 36.0, 27.0, 45.0],
        1e-4,
    );
    let method = IntegratedGradients::new()
        .with_rule(Rule::Right)
        .with_steps(4);
    let why = method.attribute(&model, &pixels).unwrap();
    assert!((why.convergence_delta().unwrap() - 9.0).abs() < 1e-4);
    assert!((why.completeness_error().unwrap() - 0.25).abs() < 1e-6);
}

#[test]
fn a_tolerance_is_kept_on_a_net_with_kinks_and_every_evaluation_is_a_step() {
    let calls = Cell::new(0);
    let model = |pixels: &[f32], shape: [usize; 4]| -> Answer {
        calls.set(calls.get() + shape[0]);
        each(relu_net)(pixels, shape)
    };
    let pixels = row(&[50.0, 30.0, 80.0]);
    let baseline = Baseline::Image(row(&[10.0, 60.0, 20.0]));
    // By hand: u = 80 t... from 2*10-60 = -40 to 70, positive from t = 4/11; v from 40 to -50, positive until t = 4/9.
    let (u, v) = (7.0 / 11.0, 4.0 / 9.0);
    let exact = [80.0 * u, 30.0 * u + 30.0 * v, 60.0 * v];
    for tolerance in [0.1, 0.01, 1e-4] {
        calls.set(0);
        let method = IntegratedGradients::new()
            .with_baseline(baseline.clone())
            .with_tolerance(tolerance);
        let why = method.attribute(&model, &pixels).unwrap();
        assert!(why.completeness_error().unwrap() <= tolerance);
        close(why.map(), &exact, 110.0 * tolerance);
        assert_eq!((calls.get(), calls.get()), (why.steps(), why.evaluations()));
        // Two kinks, each found by halving: far fewer steps than equal ones would need.
        assert!(why.steps() < 17 + 64, "{}", why.steps());
        assert!(why.warnings().is_empty());
    }
}

#[test]
fn a_tolerance_out_of_reach_is_said() {
    let model = each(|x| ((x[0] * 9.0).sin(), vec![9.0 * (x[0] * 9.0).cos()]));
    let method = IntegratedGradients::new()
        .with_tolerance(1e-6)
        .with_max_steps(64);
    let why = method.attribute(&model, &row(&[255.0])).unwrap();
    assert_eq!(why.steps(), 64);
    assert!(
        why.warnings()[0].contains("64 steps"),
        "{:?}",
        why.warnings()
    );
}

#[test]
fn scores_that_do_not_differ_are_said_at_once() {
    // x (10 - x) is 0 at both ends, and nothing that adds to 0 can be off by a per cent of it.
    let model = each(|x| (x[0] * (10.0 - x[0]), vec![10.0 - 2.0 * x[0]]));
    let method = IntegratedGradients::new().with_tolerance(0.01);
    let why = method.attribute(&model, &row(&[10.0])).unwrap();
    assert_eq!((why.steps(), why.completeness_error()), (17, None));
    let said = why.warnings().join("; ");
    assert!(
        said.contains("have the same score") && !said.contains("inf"),
        "{said}"
    );
}

#[test]
fn smooth_grad_has_the_warnings_of_all_its_runs_each_once() {
    // One of the three copies has a score that is mostly the baseline's.
    let model = each(linear(&[1.0]));
    let inner = IntegratedGradients::new().with_baseline(Baseline::Image(row(&[9.0])));
    let run = |noise: &[f32]| {
        let noise = noise.iter().map(|&n| row(&[n])).collect();
        let method = SmoothGrad::new(inner.clone()).with_drawn_noise(noise);
        let why = method.attribute(&model, &row(&[30.0])).unwrap();
        why.warnings().to_vec()
    };
    assert_eq!(run(&[0.0, 1.0]).len(), 0);
    let late = run(&[0.0, -20.0, -20.0, 1.0]);
    assert!(
        late.len() == 1 && late[0].contains("the image 10.0"),
        "{late:?}"
    );
    assert_eq!(run(&[-19.0, 0.0, -20.0]).len(), 2);
}

#[test]
fn a_baseline_with_most_of_the_score_is_warned_of() {
    let model = each(linear(&[1.0]));
    let near = Baseline::Image(row(&[9.0]));
    let why = IntegratedGradients::new()
        .with_baseline(near)
        .attribute(&model, &row(&[10.0]))
        .unwrap();
    assert!(
        why.warnings()[0].contains("baseline"),
        "{:?}",
        why.warnings()
    );
}

#[test]
fn bad_input_is_refused_with_a_reason() {
    let model = each(linear(&[1.0, 1.0]));
    let pixels = row(&[1.0, 2.0]);
    let attribute = |method: IntegratedGradients| method.attribute(&model, &pixels).unwrap_err();
    let other = Baseline::Image(row(&[1.0]));
    assert!(matches!(
        attribute(IntegratedGradients::new().with_baseline(other)),
        Error::Shape { .. }
    ));
    assert!(matches!(
        attribute(IntegratedGradients::new().with_baseline(Baseline::Set(vec![]))),
        Error::Empty { .. }
    ));
    assert!(matches!(
        attribute(IntegratedGradients::new().with_steps(0)),
        Error::Setting {
            setting: "steps",
            ..
        }
    ));
    assert!(matches!(
        attribute(IntegratedGradients::new().with_batch(0)),
        Error::Setting {
            setting: "batch",
            ..
        }
    ));
    for tolerance in [0.0, -1.0, f64::NAN] {
        let error = attribute(IntegratedGradients::new().with_tolerance(tolerance));
        assert!(matches!(
            error,
            Error::Setting {
                setting: "tolerance",
                ..
            }
        ));
    }
    let nan =
        |p: &[f32], [n, ..]: [usize; 4]| -> Answer { Ok((vec![1.0; n], vec![f32::NAN; p.len()])) };
    let error = Gradient::new().attribute(&nan, &pixels).unwrap_err();
    assert!(
        error.to_string().contains("gradient: value 0 is NaN"),
        "{error}"
    );
    let short = |_: &[f32], [n, ..]: [usize; 4]| -> Answer { Ok((vec![1.0; n], vec![])) };
    assert!(matches!(
        Gradient::new().attribute(&short, &pixels),
        Err(Error::Length { .. })
    ));
    let broken = |_: &[f32], _: [usize; 4]| -> Answer { Err("no such layer".into()) };
    assert!(
        Gradient::new()
            .attribute(&broken, &pixels)
            .unwrap_err()
            .to_string()
            .contains("no such layer")
    );
    assert!(matches!(
        Pixels::new(vec![], [0, 2, 3]),
        Err(Error::Empty { .. })
    ));
    assert!(matches!(
        Pixels::new(vec![0.0], [1, 2, 1]),
        Err(Error::Length { .. })
    ));
    assert!(matches!(
        Pixels::new(vec![f32::NAN], [1, 1, 1]),
        Err(Error::NotFinite { .. })
    ));
    let empty = Pixels::from(&image::RgbImage::new(0, 4));
    assert!(matches!(
        Gradient::new().attribute(&model, &empty),
        Err(Error::Empty { .. })
    ));
}

#[test]
fn smooth_grad_of_a_linear_function_is_its_gradient_and_has_no_variance() {
    let model = each(linear(&[1.0, -2.0, 0.0]));
    let pixels = row(&[4.0, 3.0, 9.0]);
    let why = SmoothGrad::new(Gradient::new())
        .with_samples(5)
        .attribute(&model, &pixels)
        .unwrap();
    close(why.map(), &[1.0, -2.0, 0.0], 1e-12);
    assert_eq!(
        (why.score(), why.evaluations(), why.seed()),
        (-2.0, 6, Some(0))
    );
    let why = SmoothGrad::squared(Gradient::new())
        .attribute(&model, &pixels)
        .unwrap();
    close(why.map(), &[1.0, 4.0, 0.0], 1e-12);
    let why = SmoothGrad::variance(Gradient::new())
        .attribute(&model, &pixels)
        .unwrap();
    close(why.map(), &[0.0; 3], 1e-12);
}

#[test]
fn smooth_grad_takes_noise_that_was_drawn_elsewhere() {
    // d/dx x^2 = 2 x at 3 + 1 and 3 - 1: 8 and 4.
    let model = each(|x| (x[0] * x[0], vec![2.0 * x[0]]));
    let noise = vec![row(&[1.0]), row(&[-1.0])];
    let run = |method: SmoothGrad<Gradient>| {
        let method = method.with_drawn_noise(noise.clone());
        method.attribute(&model, &row(&[3.0])).unwrap().map()[0]
    };
    assert_eq!(run(SmoothGrad::new(Gradient)), 6.0);
    assert_eq!(run(SmoothGrad::squared(Gradient)), 40.0);
    assert_eq!(run(SmoothGrad::variance(Gradient)), 4.0);
}

#[test]
fn occlusion_gives_the_fall_of_each_window() {
    let model = each(linear(&[1.0, 2.0, 3.0, 4.0]));
    let pixels = Pixels::new(vec![10.0; 4], [2, 2, 1]).unwrap();
    let method = Occlusion::new()
        .with_window(1)
        .with_stride(1)
        .with_baseline(Baseline::Black);
    let why = method.attribute(&model, &pixels).unwrap();
    close(why.map(), &[10.0, 20.0, 30.0, 40.0], 1e-9);
    assert_eq!((why.steps(), why.evaluations()), (4, 5));
    let error = Occlusion::new().attribute(&model, &pixels).unwrap_err();
    assert!(matches!(
        error,
        Error::Setting {
            setting: "window",
            ..
        }
    ));
}

#[test]
fn rise_ranks_what_counts_first() {
    // The score is what is seen of a patch in the middle of 32 x 32 pixels.
    let patch = |y: usize, x: usize| (12..20).contains(&y) && (12..20).contains(&x);
    let weights: Vec<f64> = (0..1024)
        .map(|i| f64::from(u8::from(patch(i / 32, i % 32))))
        .collect();
    let model = each(linear(&weights));
    let pixels = Pixels::new(vec![255.0; 1024], [32, 32, 1]).unwrap();
    let method = Rise::new()
        .with_masks(400)
        .with_cells(4)
        .with_baseline(Baseline::Black);
    let why = method.attribute(&model, &pixels).unwrap();
    let best = (0..1024)
        .max_by(|&a, &b| why.map()[a].total_cmp(&why.map()[b]))
        .unwrap();
    assert!(patch(best / 32, best % 32), "{best}");
    assert_eq!(why, method.attribute(&model, &pixels).unwrap());
    assert_eq!(why.evaluations(), 401);
}

#[test]
fn guided_backpropagation_needs_its_rule() {
    let pixels = row(&[1.0]);
    let error = GuidedBackpropagation::new()
        .attribute(&each(linear(&[2.0])), &pixels)
        .unwrap_err();
    assert!(error.to_string().contains("Model::with_guided"), "{error}");
    let model = Model::new(each(linear(&[2.0]))).with_guided(each(linear(&[1.0])));
    let why = GuidedBackpropagation::new()
        .attribute(&model, &pixels)
        .unwrap();
    assert_eq!(why.map(), [1.0]);
}
