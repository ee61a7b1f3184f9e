//! What the methods promise: completeness, dummy, symmetry, linearity, implementation invariance, and how often they ask.

use attribution::methods::{
    BlurIntegratedGradients, Draw, ExpectedGradients, GradCam, GradCamPlusPlus, Gradient,
    GradientXInput, GuidedBackpropagation, GuidedIntegratedGradients, IntegratedGradients,
    LayerCam, Occlusion, Rise, Rule, ScoreCam, SmoothGrad, Xrai,
};
use attribution::model::{BlockTuple, Randomized};
use attribution::trust::{
    Faithfulness, Infidelity, MaxSensitivity, Square, randomization_check, rank_correlation,
};
use attribution::{Attribution, Baseline, BoxError, Completeness, Error, Method, Model, Pixels};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cell::Cell;
use std::rc::Rc;

type Answer = Result<(Vec<f64>, Vec<f32>), BoxError>;
const SIDE: usize = 8;

fn pixels() -> Pixels {
    let values = (0..SIDE * SIDE).map(|i| (i * i * 7 % 251) as f32).collect();
    Pixels::new(values, [SIDE, SIDE, 1]).unwrap()
}

/// Images from a function of one image.
fn each(function: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> impl Fn(&[f32], [usize; 4]) -> Answer {
    move |pixels, [_, h, w, c]| {
        let (mut scores, mut gradients) = (Vec::new(), Vec::new());
        for image in pixels.chunks_exact(h * w * c) {
            let image: Vec<f64> = image.iter().map(|&v| f64::from(v) / 255.0).collect();
            let (score, gradient) = function(&image);
            scores.push(score);
            gradients.extend(gradient.iter().map(|&g| (g / 255.0) as f32));
        }
        Ok((scores, gradients))
    }
}

/// The product of the first two, the square of the third, a sine of the fourth; the rest are dummies.
fn smooth(x: &[f64]) -> (f64, Vec<f64>) {
    let mut gradient = vec![0.0; x.len()];
    gradient[..4].copy_from_slice(&[x[1], x[0], 2.0 * x[2], 3.0 * (3.0 * x[3]).cos()]);
    (x[0] * x[1] + x[2] * x[2] + (3.0 * x[3]).sin(), gradient)
}

/// All pixels times fixed weights.
fn linear(x: &[f64]) -> (f64, Vec<f64>) {
    let weights: Vec<f64> = (0..x.len()).map(|i| (i as f64).sin()).collect();
    (weights.iter().zip(x).map(|(w, x)| w * x).sum(), weights)
}

fn baselines() -> Baseline {
    let level = |v: f32| Pixels::new(vec![v; SIDE * SIDE], [SIDE, SIDE, 1]).unwrap();
    Baseline::Set(vec![level(0.0), level(100.0)])
}

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

/// A model with every ability; what each call asks about is counted.
fn counted(calls: &Rc<Cell<usize>>) -> Model<'static> {
    let count = |calls: &Rc<Cell<usize>>| {
        let calls = Rc::clone(calls);
        move |n: usize| calls.set(calls.get() + n)
    };
    let (gradient, guided, scores, block) =
        (count(calls), count(calls), count(calls), count(calls));
    Model::new(move |p: &[f32], shape: [usize; 4]| -> Answer {
        gradient(shape[0]);
        each(smooth)(p, shape)
    })
    .with_guided(move |p: &[f32], shape: [usize; 4]| -> Answer {
        guided(shape[0]);
        each(linear)(p, shape)
    })
    .with_scores(move |p: &[f32], shape: [usize; 4]| {
        scores(shape[0]);
        Ok(each(smooth)(p, shape)?.0)
    })
    .with_block(
        move |p: &[f32], shape: [usize; 4]| -> Result<BlockTuple, BoxError> {
            block(shape[0]);
            let (scores, _) = each(smooth)(p, shape)?;
            let activations = vec![0.0, 1.0, 2.0, 5.0, 5.0, 5.0, 0.0, 0.0, 3.0, 4.0, 4.0, 4.0];
            Ok((scores, [2, 2, 3], activations, vec![0.5; 12]))
        },
    )
}

#[test]
fn every_method_asks_as_often_as_its_documentation_says() {
    let inner = || IntegratedGradients::new().with_steps(10);
    let occlusion = Occlusion::new().with_window(4).with_stride(2);
    let expected = ExpectedGradients::new(baselines()).with_samples(30);
    // How many images each asks about, and whether it promises that its map sums to the score difference.
    let methods: Vec<(Box<dyn Method>, usize, bool)> = vec![
        (Box::new(Gradient::new()), 1, false),
        (Box::new(GradientXInput::new()), 1, false),
        (Box::new(inner()), 12, true),
        (Box::new(inner().with_baseline(baselines())), 2 * 12, true),
        (
            Box::new(SmoothGrad::new(Gradient::new()).with_samples(7)),
            8,
            false,
        ),
        (Box::new(expected), 30 + 1 + 2, true),
        (
            Box::new(BlurIntegratedGradients::new().with_steps(9)),
            11,
            true,
        ),
        (
            Box::new(GuidedIntegratedGradients::new().with_steps(9)),
            11,
            true,
        ),
        (Box::new(GuidedBackpropagation::new()), 1, false),
        (Box::new(GradCam::new()), 1, false),
        (Box::new(GradCamPlusPlus::new()), 1, false),
        (Box::new(LayerCam::new()), 1, false),
        // Block, baseline, and all three channels, none of which is the same everywhere.
        (Box::new(ScoreCam::new()), 5, false),
        (Box::new(ScoreCam::new().with_channels(1)), 3, false),
        (Box::new(occlusion), 10, false),
        (Box::new(Rise::new().with_masks(20)), 21, false),
        (Box::new(Xrai::new(inner())), 12, false),
    ];
    for (method, expected, promised) in methods {
        let calls = Rc::new(Cell::new(0));
        let model = counted(&calls);
        let why = method.attribute(&model, &pixels()).unwrap();
        let found = (calls.get(), why.evaluations());
        assert_eq!(found, (expected, expected), "{}", method.name());
        assert_eq!(why.map().len(), why.shape().iter().product::<usize>());
        assert!(
            (why.score() - smooth_score()).abs() < 1e-9
                || method.name() == "guided-backpropagation"
        );
        // Either the error is stated, or the reason why there is none.
        match why.completeness() {
            Completeness::Promised { delta, relative } => {
                assert!(promised, "{}", method.name());
                assert_eq!(why.convergence_delta(), Some(*delta));
                assert!(relative.is_some() && why.completeness_error() == *relative);
                assert!(why.baseline_score().is_some());
            }
            Completeness::NotPromised(reason) => {
                assert!(!promised && reason.len() > 20, "{}", method.name());
                assert_eq!(
                    (why.convergence_delta(), why.completeness_error()),
                    (None, None)
                );
            }
        }
        // The same again, number for number.
        assert_eq!(
            why,
            method.attribute(&model, &pixels()).unwrap(),
            "{}",
            method.name()
        );
    }
}

fn smooth_score() -> f64 {
    let image: Vec<f64> = pixels()
        .values()
        .iter()
        .map(|&v| f64::from(v) / 255.0)
        .collect();
    smooth(&image).0
}

/// By hand, as the papers (and `pytorch-grad-cam`) have it: a block of two cells and two channels.
#[test]
fn cams_are_those_of_a_block_computed_by_hand() {
    let model = |sign: f32| {
        Model::new(each(smooth)).with_block(move |_: &[f32], [n, ..]: [usize; 4]| {
            let gradient = [1.0, -1.0, 0.5, 2.0].map(|g| sign * g).to_vec();
            Ok((vec![0.0; n], [1, 2, 2], vec![1.0, 2.0, 3.0, 0.0], gradient))
        })
    };
    let close = |method: &dyn Method, sign: f32, expected: [f64; 2]| {
        let why = method.attribute(&model(sign), &pixels()).unwrap();
        assert_eq!(why.shape(), [1, 2, 1]);
        for (found, expected) in why.map().iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-6,
                "{}: {:?} is not {expected}",
                method.name(),
                why.map()
            );
        }
        assert_eq!(why.warnings().is_empty(), expected != [0.0; 2]);
    };
    // Mean gradients 0.75 and 0.5.
    let cam = GradCam::new().with_native_resolution(true);
    close(&cam, 1.0, [0.75 * 1.0 + 0.5 * 2.0, 0.75 * 3.0]);
    close(&cam, -1.0, [0.0; 2]);
    close(&cam.with_sign(true), -1.0, [-1.75, -2.25]);
    // g / (2 g^2 + sum(a) g^3), times g again and only where g > 0: the channels' activations sum to 4 and 2.
    let first = 1.0 / (2.0 + 4.0) + 0.125 / (2.0 * 0.25 + 4.0 * 0.125);
    let second = 8.0 / (2.0 * 4.0 + 2.0 * 8.0);
    let plus_plus = GradCamPlusPlus::new().with_native_resolution(true);
    close(&plus_plus, 1.0, [first + 2.0 * second, 3.0 * first]);
    // Turned round, only the second channel's first gradient speaks for the score.
    close(&plus_plus, -1.0, [2.0 / (2.0 + 2.0), 0.0]);
    // Each activation times its own gradient, where that is positive.
    let layer = LayerCam::new().with_native_resolution(true);
    close(&layer, 1.0, [1.0, 3.0 * 0.5]);
    close(&layer, -1.0, [2.0, 0.0]);
}

#[test]
fn methods_that_need_more_say_what_they_need() {
    let methods: [Box<dyn Method>; 4] = [
        Box::new(GradCam::new()),
        Box::new(GradCamPlusPlus::new()),
        Box::new(LayerCam::new()),
        Box::new(ScoreCam::new()),
    ];
    for method in methods {
        let error = method.attribute(&each(smooth), &pixels()).unwrap_err();
        assert!(matches!(error, Error::Ability { method: of, .. } if of == method.name()));
        assert!(error.to_string().contains("Model::with_block"), "{error}");
    }
}

#[test]
fn baselines_are_what_they_are_called() {
    let values = (0..48).map(|i| (i * 37 % 251) as f32).collect();
    let image = Pixels::new(values, [4, 4, 3]).unwrap();
    let of = |baseline: Baseline| baseline.images(&image).unwrap();
    let named = |name: &str| of(name.parse().unwrap());
    for (name, level) in [("black", 0.0), ("white", 255.0), ("grey", 127.5)] {
        assert_eq!(named(name)[0].values(), [level; 48], "{name}");
    }
    let channel_means = |image: &Pixels| -> Vec<f32> {
        let of = |c: usize| image.values().iter().skip(c).step_by(3).sum::<f32>() / 16.0;
        (0..3).map(of).collect()
    };
    let mean = &named("mean")[0];
    for (found, expected) in mean
        .values()
        .iter()
        .zip(channel_means(&image).iter().cycle())
    {
        assert!((found - expected).abs() < 1e-3);
    }
    // A blur makes neighbours alike: the more, the wider.
    let rough = |image: &Pixels| -> f32 {
        let pairs = image.values().iter().zip(&image.values()[3..]);
        pairs.map(|(a, b)| (a - b).abs()).sum()
    };
    let blurred = [0.5, 2.0].map(|sigma| rough(&of(Baseline::Blur { sigma })[0]));
    assert!(
        rough(&image) > blurred[0] && blurred[0] > 2.0 * blurred[1],
        "{blurred:?}"
    );
    // Noise: several, all different, within the levels, and the same again with the same seed.
    let noise = |seed| of(Baseline::Noise { count: 3, seed });
    let drawn = noise(1);
    assert!(drawn.len() == 3 && drawn[0] != drawn[1] && drawn == noise(1) && drawn != noise(2));
    let mut all = drawn.iter().flat_map(Pixels::values);
    assert!(all.all(|level| (0.0..=255.0).contains(level)));
    for count in [0, 4097, usize::MAX] {
        let error = Baseline::Noise { count, seed: 0 }
            .images(&image)
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::Setting {
                    setting: "noise",
                    ..
                }
            ),
            "{error}"
        );
    }
    assert!(Attribution::new("huge", vec![], [usize::MAX, 2, 3], 0.0).is_err());
    assert!(Pixels::new(vec![], [usize::MAX, 2, 3]).is_err());
}

#[test]
fn several_baselines_are_averaged() {
    let set = baselines().images(&pixels()).unwrap();
    let run = |baseline: Baseline| {
        let method = IntegratedGradients::new().with_baseline(baseline);
        method.attribute(&each(smooth), &pixels()).unwrap()
    };
    let all = run(baselines());
    let each: Vec<_> = set
        .into_iter()
        .map(|image| run(Baseline::Image(image)))
        .collect();
    for (i, &found) in all.map().iter().enumerate() {
        let expected = each[0].map()[i].midpoint(each[1].map()[i]);
        assert!((found - expected).abs() < 1e-12);
    }
    let mean = each
        .iter()
        .map(|why| why.baseline_score().unwrap() / 2.0)
        .sum::<f64>();
    assert!((all.baseline_score().unwrap() - mean).abs() < 1e-12);
}

/// A baseline that the model is sure about is no "nothing", and every method with one says so.
#[test]
fn a_confident_baseline_is_warned_of() {
    let methods: [Box<dyn Method>; 3] = [
        Box::new(IntegratedGradients::new()),
        Box::new(ExpectedGradients::new(Baseline::Black)),
        Box::new(GuidedIntegratedGradients::new()),
    ];
    for method in methods {
        for (probability, warned) in [(0.9, true), (0.4, false)] {
            let model = Model::new(each(smooth))
                .with_confidence(move |_: &[f32], [n, ..]: [usize; 4]| Ok(vec![probability; n]));
            let why = method.attribute(&model, &pixels()).unwrap();
            let found = why.warnings().iter().any(|w| w.contains("probability 0.9"));
            assert_eq!(found, warned, "{}: {:?}", method.name(), why.warnings());
        }
    }
}

#[test]
fn score_cam_shows_the_channel_that_raises_the_score() {
    // The score is the mean of the left half; the first channel is there, the second on the right.
    let left = |x: &[f64]| {
        let weights: Vec<f64> = (0..x.len())
            .map(|i| f64::from(u8::from(i % SIDE < 4)))
            .collect();
        (weights.iter().zip(x).map(|(w, x)| w * x).sum(), weights)
    };
    let model = Model::new(each(left)).with_block(|_: &[f32], [n, ..]: [usize; 4]| {
        Ok((
            vec![0.0; n],
            [1, 2, 2],
            vec![1.0, 0.0, 0.0, 1.0],
            vec![0.0; 4],
        ))
    });
    let white = Pixels::new(vec![255.0; 64], [SIDE, SIDE, 1]).unwrap();
    let method = ScoreCam::new().with_baseline(Baseline::Black);
    let why = method.attribute(&model, &white).unwrap();
    assert!(
        why.map()[0] > 3.0 * why.map()[7] && why.map()[7] >= 0.0,
        "{:?}",
        &why.map()[..8]
    );
}

#[test]
fn xrai_ranks_the_region_that_counts_first() {
    const WIDE: usize = 40;
    let right = |x: &[f64]| {
        let weights: Vec<f64> = (0..x.len())
            .map(|i| f64::from(u8::from(i % WIDE >= 20)))
            .collect();
        (weights.iter().zip(x).map(|(w, x)| w * x).sum(), weights)
    };
    let values = (0..WIDE * WIDE).map(|i| if i % WIDE < 20 { 60.0 } else { 200.0 });
    let image = Pixels::new(values.collect(), [WIDE, WIDE, 1]).unwrap();
    let why = Xrai::new(IntegratedGradients::new())
        .attribute(&each(right), &image)
        .unwrap();
    let middle = |x: usize| why.map()[20 * WIDE + x];
    assert!(
        middle(35) > 0.5 && middle(5) < 0.1,
        "{} {}",
        middle(35),
        middle(5)
    );
}

#[test]
fn settings_out_of_range_are_refused() {
    let calls = Rc::new(Cell::new(0));
    let model = counted(&calls);
    let small = Baseline::Image(Pixels::new(vec![0.0], [1, 1, 1]).unwrap());
    let segment = vec![vec![true; 3]];
    let draw = |baseline, position| vec![Draw { baseline, position }];
    let wrong: Vec<Box<dyn Method>> = vec![
        Box::new(ExpectedGradients::new(baselines()).with_samples(0)),
        Box::new(ExpectedGradients::new(baselines()).with_draws(draw(2, 0.5))),
        Box::new(ExpectedGradients::new(baselines()).with_draws(draw(0, f64::NAN))),
        Box::new(ExpectedGradients::new(small.clone())),
        Box::new(BlurIntegratedGradients::new().with_steps(0)),
        Box::new(BlurIntegratedGradients::new().with_max_sigma(f64::NAN)),
        Box::new(GuidedIntegratedGradients::new().with_steps(0)),
        Box::new(GuidedIntegratedGradients::new().with_fraction(0.0)),
        Box::new(GuidedIntegratedGradients::new().with_max_distance(2.0)),
        Box::new(GuidedIntegratedGradients::new().with_baseline(baselines())),
        Box::new(ScoreCam::new().with_channels(0)),
        Box::new(ScoreCam::new().with_batch(0)),
        Box::new(Xrai::new(Gradient::new()).with_segments(vec![])),
        Box::new(Xrai::new(Gradient::new()).with_segments(segment)),
        Box::new(Xrai::new(GradCam::new().with_native_resolution(true))),
    ];
    for method in wrong {
        let error = method.attribute(&model, &pixels()).unwrap_err();
        println!("{}: {error}", method.name());
        assert!(!matches!(error, Error::Model(_)), "{error}");
    }
    let why = Gradient::new().attribute(&model, &pixels()).unwrap();
    let other = Attribution::new("other", vec![0.0], [1, 1, 1], 0.0).unwrap();
    let measure = |f: Faithfulness| f.measure(&model, &pixels(), &why);
    assert!(measure(Faithfulness::new().with_steps(0)).is_err());
    assert!(measure(Faithfulness::new().with_cell(9)).is_err());
    assert!(measure(Faithfulness::new().with_orders(0)).is_err());
    assert!(
        Faithfulness::new()
            .with_cell(2)
            .measure(&model, &pixels(), &other)
            .is_err()
    );
    assert!(rank_correlation(&why, &other).is_err());
    let infidelity = Infidelity::new().with_side(3);
    assert!(
        infidelity
            .clone()
            .with_samples(0)
            .measure(&model, &pixels(), &why)
            .is_err()
    );
    assert!(
        infidelity
            .with_drawn_squares(vec![Square { top: 6, left: 0 }])
            .measure(&model, &pixels(), &why)
            .is_err()
    );
    let sensitivity = MaxSensitivity::new().with_radius(-1.0);
    assert!(
        sensitivity
            .measure(&Gradient::new(), &model, &pixels())
            .is_err()
    );
    let error = randomization_check(&Gradient::new(), &model, &pixels()).unwrap_err();
    assert!(
        error.to_string().contains("Model::with_randomized"),
        "{error}"
    );
}

#[test]
fn a_map_that_knows_beats_chance_and_one_that_lies_loses() {
    let model = each(linear);
    let why = GradientXInput::new()
        .with_zero(127.5)
        .attribute(&model, &pixels())
        .unwrap();
    let black_and_grey = Faithfulness::new()
        .with_cell(1)
        .with_orders(20)
        .with_deleted(Baseline::Gray)
        .with_hidden(Baseline::Gray);
    let curves = black_and_grey.measure(&model, &pixels(), &why).unwrap();
    assert!(curves.deletion_margin() > 0.0 && curves.insertion_margin() > 0.0);
    assert_eq!(curves.evaluations, 29 * 2 * 21);
    assert_eq!(
        curves.deletion.scores.first(),
        curves.insertion.scores.last()
    );
    let upside_down = why.map().iter().map(|v| -v).collect();
    let lie = Attribution::new("lie", upside_down, why.shape(), why.score()).unwrap();
    let curves = black_and_grey.measure(&model, &pixels(), &lie).unwrap();
    assert!(curves.deletion_margin() < 0.0 && curves.insertion_margin() < 0.0);

    // What a linear model loses is what the map says; a map of another unit fits after scaling.
    let infidelity = Infidelity::new().with_side(3).with_baseline(Baseline::Gray);
    let found = infidelity.measure(&model, &pixels(), &why).unwrap();
    assert!(
        found.infidelity < 1e-9 && found.relative.unwrap() < 1e-6,
        "{found:?}"
    );
    let double = why.map().iter().map(|v| 2.0 * v).collect();
    let double = Attribution::new("2", double, why.shape(), why.score()).unwrap();
    let found = infidelity.measure(&model, &pixels(), &double).unwrap();
    assert!((found.scale.unwrap() - 0.5).abs() < 1e-6 && found.relative.unwrap() < 1e-6);
    assert!(found.infidelity > 1e-6);

    // The gradient of a linear function stays where it is.
    let sensitivity = MaxSensitivity::new().measure(&Gradient::new(), &model, &pixels());
    assert_eq!(sensitivity.unwrap(), Some(0.0));
}

#[test]
fn the_randomization_check_sees_what_changes() {
    let negative = |x: &[f64]| {
        let (score, gradient) = linear(x);
        (-score, gradient.iter().map(|g| -g).collect())
    };
    let model = Model::new(each(linear)).with_randomized(vec![
        Randomized::new("head", each(linear)),
        Randomized::new("stem", each(negative)),
    ]);
    let steps = randomization_check(&Gradient::new(), &model, &pixels()).unwrap();
    let found: Vec<_> = steps
        .iter()
        .map(|s| (s.layer.as_str(), s.correlation.unwrap().round()))
        .collect();
    assert_eq!(found, [("head", 1.0), ("stem", -1.0)]);
    assert!(
        steps
            .iter()
            .all(|s| (s.magnitude_correlation.unwrap() - 1.0).abs() < 1e-12)
    );
}
