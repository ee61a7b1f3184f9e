//! What each method does, how often it asks the model, and what it refuses.

use attribution::methods::{
    BlurIntegratedGradients, Draw, ExpectedGradients, GradCam, GradCamPlusPlus, Gradient,
    GradientXInput, GuidedBackpropagation, GuidedIntegratedGradients, IntegratedGradients,
    LayerCam, Occlusion, Rise, ScoreCam, SmoothGrad, Xrai,
};
use attribution::trust::{
    Faithfulness, Infidelity, MaxSensitivity, Square, randomization_check, rank_correlation,
};
use attribution::{Attribution, Baseline, Completeness, Error, Method, Model, Pixels};
use std::cell::Cell;
use std::rc::Rc;

use crate::support::{SIDE, baselines, counted, each, pixels, smooth};

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
    for (name, level) in [("black", 0.0), ("white", 255.0), ("gray", 127.5)] {
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
    // A blur makes neighbors more alike, the more the wider it is.
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

/// The warning names a baseline that is no class to the model, or says that none of the plain ones is.
#[test]
fn the_warning_of_a_baseline_says_what_helps() {
    let warning = |sure: fn(f32) -> bool| {
        let confidence = move |x: &[f32], [n, ..]: [usize; 4]| {
            let of = |image: &[f32]| if sure(image[0]) { 0.9 } else { 0.4 };
            Ok(x.chunks(x.len() / n).map(of).collect())
        };
        let model = Model::new(each(smooth)).with_confidence(confidence);
        let method = IntegratedGradients::new().with_baseline(Baseline::Black);
        let why = method.attribute(&model, &pixels()).unwrap();
        why.warnings().last().cloned().unwrap_or_default()
    };
    let helped = warning(|level| level != 127.5);
    assert!(
        helped.contains("the baseline `gray` is of no class"),
        "{helped}"
    );
    let helpless = warning(|_| true);
    assert!(helpless.contains("`grad-cam`"), "{helpless}");
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
