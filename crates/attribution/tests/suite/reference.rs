//! Against captum and PAIR's saliency on a small convolutional net (`fixtures/reference.py`).

#[cfg(feature = "burn")]
use attribution::Model;
use attribution::methods::{
    BlurIntegratedGradients, Draw, ExpectedGradients, GradCam, Gradient, GradientXInput,
    GuidedBackpropagation, GuidedIntegratedGradients, IntegratedGradients, Occlusion, Rule,
    SmoothGrad, Xrai,
};
use attribution::trust::{Infidelity, MaxSensitivity, Square};
use attribution::{Attribution, Baseline, Method, Score};

use crate::net::{Fixture, Net, TARGET};

/// The most that a value may be off, relative to the largest magnitude of the reference.
const TOLERANCE: f64 = 1e-4;
fn check(fixture: &Fixture, name: &str, found: &[f64]) {
    let expected = fixture.values(name);
    assert_eq!(found.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .fold(0.0_f64, |m, (f, e)| m.max((f - e).abs()));
    println!("{name}: off by {:.1e} of the largest", worst / largest);
    assert!(
        worst <= TOLERANCE * largest,
        "{name}: off by {:e}",
        worst / largest
    );
}

fn explain(net: &Net, method: impl Method) -> Attribution {
    method
        .attribute(&net.model(), &net.fixture.pixels())
        .unwrap()
}

fn net() -> Net {
    Net {
        fixture: Fixture::read(),
    }
}

#[test]
fn gradients_are_captums() {
    let net = net();
    let fixture = &net.fixture;
    check(fixture, "gradient", explain(&net, Gradient::new()).map());
    check(
        fixture,
        "gradient-x-input",
        explain(&net, GradientXInput::new()).map(),
    );
    let guided = explain(&net, GuidedBackpropagation::new());
    check(fixture, "guided-backpropagation", guided.map());
    let probability = net.gradient(Score::Probability(TARGET), false);
    let why = Gradient::new()
        .attribute(&probability, &fixture.pixels())
        .unwrap();
    check(fixture, "gradient.probability", why.map());
}

#[test]
fn integrated_gradients_are_captums() {
    let net = net();
    for (captum, rule) in [
        ("riemann_left", Rule::Left),
        ("riemann_right", Rule::Right),
        ("riemann_middle", Rule::Midpoint),
        ("riemann_trapezoid", Rule::Trapezoid),
        ("gausslegendre", Rule::GaussLegendre),
    ] {
        let method = IntegratedGradients::new().with_steps(20).with_rule(rule);
        let why = explain(&net, method);
        // captum's trapezoid weights sum to 1 - 1 / steps; ours sum to 1.
        let missing = if rule == Rule::Trapezoid { 0.95 } else { 1.0 };
        let map: Vec<f64> = why.map().iter().map(|v| v * missing).collect();
        check(&net.fixture, &format!("ig.{captum}"), &map);
    }
    let method = IntegratedGradients::new()
        .with_steps(20)
        .with_baseline(Baseline::Gray);
    check(&net.fixture, "ig.grey", explain(&net, method).map());
}

#[test]
fn noise_and_baselines_are_captums() {
    let net = net();
    let drawn = || net.fixture.images("noise");
    for (kind, method) in [
        ("smoothgrad", SmoothGrad::new(Gradient::new())),
        ("smoothgrad_sq", SmoothGrad::squared(Gradient::new())),
        ("vargrad", SmoothGrad::variance(Gradient::new())),
    ] {
        let why = explain(&net, method.with_drawn_noise(drawn()));
        check(&net.fixture, &format!("noise.{kind}"), why.map());
    }
    let draws = net.fixture.values("draws").chunks_exact(2);
    let draw = |d: &[f64]| Draw {
        baseline: d[0] as usize,
        position: d[1],
    };
    let draws = draws.map(draw).collect();
    let baselines = Baseline::Set(net.fixture.images("baselines"));
    let why = explain(&net, ExpectedGradients::new(baselines).with_draws(draws));
    check(&net.fixture, "expected-gradients", why.map());
}

#[test]
fn regions_are_captums() {
    let net = net();
    let cam = GradCam::new().with_native_resolution(true);
    check(&net.fixture, "grad-cam", explain(&net, cam).map());
    check(
        &net.fixture,
        "grad-cam.signed",
        explain(&net, cam.with_sign(true)).map(),
    );
    let occlusion = Occlusion::new().with_window(6).with_stride(4);
    check(&net.fixture, "occlusion", explain(&net, occlusion).map());
}

#[test]
fn trust_is_captums() {
    let net = net();
    let squares = net.fixture.values("squares").chunks_exact(2);
    let square = |s: &[f64]| Square {
        top: s[0] as usize,
        left: s[1] as usize,
    };
    let squares = squares.map(square).collect();
    let why = explain(&net, IntegratedGradients::new().with_steps(20));
    let infidelity = Infidelity::new()
        .with_side(7)
        .with_drawn_squares(squares)
        .measure(&net.model(), &net.fixture.pixels(), &why)
        .unwrap();
    check(&net.fixture, "infidelity", &[infidelity.infidelity]);
    let sensitivity = MaxSensitivity::new()
        .with_drawn_changes(net.fixture.images("changes"))
        .measure(&Gradient::new(), &net.model(), &net.fixture.pixels())
        .unwrap();
    check(&net.fixture, "sensitivity", &[sensitivity.unwrap()]);
}

#[test]
fn paths_and_regions_are_pairs() {
    let net = net();
    let blur = BlurIntegratedGradients::as_published(127.5)
        .with_max_sigma(10.0)
        .with_steps(15);
    check(
        &net.fixture,
        "blur-integrated-gradients",
        explain(&net, blur).map(),
    );
    let guided = GuidedIntegratedGradients::new().with_steps(20);
    check(
        &net.fixture,
        "guided-integrated-gradients",
        explain(&net, guided.clone()).map(),
    );
    let free = guided.with_fraction(0.1).with_max_distance(1.0);
    check(
        &net.fixture,
        "guided-integrated-gradients.free",
        explain(&net, free).map(),
    );
    let segments = net.fixture.values("segments").chunks_exact(400);
    let segments = segments
        .map(|s| s.iter().map(|&v| v > 0.0).collect())
        .collect();
    let base = IntegratedGradients::new().with_steps(20);
    let why = explain(&net, Xrai::new(base).with_segments(segments));
    check(&net.fixture, "xrai", why.map());
}

/// The same net in Burn, its gradient by autodiff.
#[cfg(feature = "burn")]
#[test]
fn burn_gives_the_same_gradient() {
    use attribution::{GradientFn, autodiff, autodiff_block};
    use burn::tensor::activation::relu;
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::ConvOptions;
    use burn::tensor::{Device, Tensor, TensorData};

    fn tensor<const D: usize>(fixture: &Fixture, name: &str, device: &Device) -> Tensor<D> {
        let shape: [usize; D] = fixture.0[name].0.clone().try_into().unwrap();
        Tensor::from_data(TensorData::new(fixture.f32s(name), shape), device)
    }
    let (net, device) = (net(), Device::flex());
    let features = |x: Tensor<4>| {
        let device = x.device();
        let layer = |x: Tensor<4>, name: &str, stride: usize| {
            let weight = tensor(&net.fixture, &format!("net.{name}.weight"), &device);
            let bias = tensor(&net.fixture, &format!("net.{name}.bias"), &device);
            let options = ConvOptions::new([stride; 2], [1, 1], [1, 1], 1);
            relu(conv2d(x, weight, Some(bias), options))
        };
        layer(layer(x / 127.5 - 1.0, "conv1", 2), "conv2", 1)
    };
    let rest = |x: Tensor<4>| {
        let device = x.device();
        let weight = tensor::<2>(&net.fixture, "net.fc.weight", &device).transpose();
        let bias = tensor::<1>(&net.fixture, "net.fc.bias", &device).unsqueeze();
        let pooled = x.mean_dim(3).mean_dim(2).flatten::<2>(1, 3);
        pooled.matmul(weight) + bias
    };
    for (name, score) in [
        ("gradient", Score::Logit(TARGET)),
        ("gradient.probability", Score::Probability(TARGET)),
    ] {
        let model = autodiff(|x| rest(features(x)), score, &device);
        let why = Gradient::new()
            .attribute(&model, &net.fixture.pixels())
            .unwrap();
        check(&net.fixture, name, why.map());
        // Two images in a batch, and the scores alone.
        let both = [net.fixture.f32s("pixels"), vec![100.0; 1200]].concat();
        let (scores, gradients) = model.scores_and_gradient(&both, [2, 20, 20, 3]).unwrap();
        let first: Vec<f64> = gradients[..1200].iter().map(|&g| f64::from(g)).collect();
        check(&net.fixture, name, &first);
        assert_eq!(model.scores(&both, [2, 20, 20, 3]).unwrap(), scores);
        let confidence = model.confidence(&both, [2, 20, 20, 3]).unwrap().unwrap();
        assert!(confidence.iter().all(|p| (0.25..=1.0).contains(p)));
    }
    let block = autodiff_block(features, rest, Score::Logit(TARGET), &device);
    let model = Model::new(autodiff(
        |x| rest(features(x)),
        Score::Logit(TARGET),
        &device,
    ))
    .with_block(block);
    let cam = GradCam::new().with_native_resolution(true);
    let why = cam.attribute(&model, &net.fixture.pixels()).unwrap();
    check(&net.fixture, "grad-cam", why.map());
    let beyond = autodiff(|x| rest(features(x)), Score::Logit(4), &device);
    let error = Gradient::new()
        .attribute(&beyond, &net.fixture.pixels())
        .unwrap_err();
    assert!(
        error.to_string().contains("target 4 is out of range"),
        "{error}"
    );
    let model = autodiff(|x| rest(features(x)), Score::Logit(0), &device);
    assert!(model.scores(&[], [0, 20, 20, 3]).is_err());
}
