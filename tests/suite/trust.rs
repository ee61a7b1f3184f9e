//! How far explanations of real images can be trusted. Most of it takes minutes and is asked for by name.

use attribution::methods::{
    GradCam, GradCamPlusPlus, GradientXInput, GuidedBackpropagation, IntegratedGradients, LayerCam,
};
use attribution::model::Randomized;
use attribution::trust::{Faithfulness, randomization_check, rank_correlation};
use attribution::{Method, Model, Pixels, Score};
use dataset::{DecodeOptions, ImageFolder, ResizePolicy, decode_file};
use image::RgbImage;
use mobilenet::Weights;
use transfer::head::{Dense, Head};
use transfer::{Backbone, Classifier};

use crate::support::shared;

/// A net with ImageNet's classes, its own last layer as the head.
fn imagenet(weights: Weights) -> Classifier {
    let tensor = |wanted: &str| -> Vec<f32> {
        let mut tensors = weights.tensors();
        tensors
            .find(|(name, ..)| *name == wanted)
            .unwrap()
            .2
            .to_vec()
    };
    let (by_input, bias) = (tensor("classifier.weight"), tensor("classifier.bias"));
    let (inputs, outputs) = (by_input.len() / bias.len(), bias.len());
    let by_output = (0..by_input.len())
        .map(|i| by_input[i % inputs * outputs + i / inputs])
        .collect();
    let head = Head::new(vec![Dense::new(inputs, by_output, bias).unwrap()]).unwrap();
    let names = (0..outputs).map(|k| k.to_string()).collect();
    Classifier::new(Backbone::new(weights).unwrap(), head, names).unwrap()
}

fn top(classifier: &Classifier, image: &RgbImage) -> usize {
    let probabilities = classifier.predict(image.as_raw(), 1).unwrap();
    classifier.rank(&probabilities)[0].index
}

fn model(classifier: &Classifier, score: Score) -> Model<'static> {
    let blocks = classifier.backbone().weights().config().blocks;
    let of = move |logits: &[f64]| score.evaluate(logits);
    Model::new(classifier.gradient_of(of.clone()))
        .with_scores(classifier.scores_of(of.clone()))
        .with_guided(classifier.guided_gradient_of(of.clone()))
        .with_block(classifier.block_gradient_of(blocks, of))
}

/// Mean and half the width of its 95 % interval (normal; the samples are a hundred).
fn interval(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, 1.96 * (variance / n).sqrt())
}

fn picture(name: &str) -> RgbImage {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    image::open(format!("{fixtures}/{name}.png"))
        .unwrap()
        .to_rgb8()
}

/// Maps follow what the net has learned: as it forgets, from the top down, they change. Guided backpropagation is known
/// to follow it less (Adebayo et al. 2018).
#[test]
#[ignore = "makes 15 nets: cargo test --test suite forgets -- --ignored --nocapture"]
fn explanations_change_when_the_net_forgets() {
    let classifier = imagenet(Weights::open("bundled").unwrap());
    let image = picture("cat");
    let target = top(&classifier, &image);
    let of = move |logits: &[f64]| Score::Logit(target).evaluate(logits);
    let randomized = classifier
        .randomized_of(1, of)
        .step_by(4)
        .map(|step| step.map(|(layer, gradient)| Randomized::new(layer, gradient)))
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let model = model(&classifier, Score::Logit(target)).with_randomized(randomized);
    let before = classifier.predict(image.as_raw(), 1).unwrap();
    let pixels = Pixels::from(&image);
    let steps = randomization_check(&GradientXInput::new(), &model, &pixels).unwrap();
    for step in &steps {
        println!(
            "down to {}: {:?}, magnitudes {:?}",
            step.layer, step.correlation, step.magnitude_correlation
        );
    }
    assert_eq!(steps.len(), 4);
    // Signs are forgotten at once, magnitudes (where the image has edges) slowly.
    assert!(
        steps.iter().all(|s| s.correlation.unwrap().abs() < 0.2),
        "{steps:?}"
    );
    let last = &steps[3];
    assert!(last.magnitude_correlation.unwrap() < 0.75, "{last:?}");

    // Methods agree more with related methods than with methods of another kind.
    let run = |method: &dyn Method| method.attribute(&model, &pixels).unwrap();
    let cam = run(&GradCam::new());
    let agreement = |other: &dyn Method| rank_correlation(&cam, &run(other)).unwrap().unwrap();
    let (related, unrelated) = (
        [
            agreement(&GradCamPlusPlus::new()),
            agreement(&LayerCam::new()),
        ],
        [
            agreement(&GuidedBackpropagation::new()),
            agreement(&GradientXInput::new()),
        ],
    );
    println!("with related methods {related:?}, with others {unrelated:?}");
    assert_eq!(agreement(&GradCam::new()), 1.0);
    for related in related {
        assert!(unrelated.iter().all(|other| related > other.abs()));
    }
    assert_eq!(
        before,
        classifier.predict(image.as_raw(), 1).unwrap(),
        "explaining changed the net"
    );
}

/// On real images, replacing what a map calls important takes more from the score than replacing at random.
#[test]
#[ignore = "takes minutes: cargo test --test suite faithful -- --ignored --nocapture"]
fn explanations_of_100_images_are_faithful() {
    let Some(shared) = shared("faithfulness on 100 images") else {
        return;
    };
    let classifier = imagenet(Weights::open(shared.join("weights/mobilenet_v1_0.25_224")).unwrap());
    let folder = ImageFolder::open(shared.join("data/boat-cloud/test")).unwrap();
    let methods: [Box<dyn Method>; 2] = [
        Box::new(IntegratedGradients::new()),
        Box::new(GradCam::new()),
    ];
    let mut margins = vec![[Vec::new(), Vec::new()]; methods.len()];
    // Every third of the 337, both classes.
    for item in folder.images().iter().step_by(3).take(100) {
        let image = decode_file(&item.path, &DecodeOptions::default()).unwrap();
        let image = ResizePolicy::Squash.apply(&image, 224);
        let (pixels, target) = (Pixels::from(&image), top(&classifier, &image));
        let model = model(&classifier, Score::Logit(target));
        for (method, margins) in methods.iter().zip(&mut margins) {
            let why = method.attribute(&model, &pixels).unwrap();
            let curves = Faithfulness::new().measure(&model, &pixels, &why).unwrap();
            margins[0].push(curves.deletion_margin());
            margins[1].push(curves.insertion_margin());
        }
    }
    // The logit: the net knows neither boats nor clouds as such, and most of its probabilities are small.
    for (method, margins) in methods.iter().zip(&margins) {
        for (what, margins) in ["deletion", "insertion"].iter().zip(margins) {
            let (mean, half) = interval(margins);
            println!(
                "{} {what}: {mean:.4} +- {half:.4} better than random, n = {}",
                method.name(),
                margins.len()
            );
            assert!(mean - half > 0.0, "{} {what}", method.name());
        }
    }
}

/// The table of steps: how many the adaptive rule takes to bring the relative error under 1 %, and how far its map is from
/// one of many equal steps (`STEPS`, 8192 if not set; `NET` is one of the two), truly and by its own estimate. `MAP=0.01`
/// asks for 1 % of the map, too.
#[test]
#[ignore = "takes minutes to hours: NET=0.25 STEPS=1024 cargo test --test suite adaptive -- --ignored --nocapture"]
fn adaptive_steps_reach_one_per_cent() {
    let Some(shared) = shared("the table of adaptive steps") else {
        return;
    };
    let wanted = std::env::var("NET").unwrap_or_default();
    let equal: usize = std::env::var("STEPS").map_or(8192, |steps| steps.parse().unwrap());
    for (alpha, path) in [
        ("0.25", "mobilenet_v1_0.25_224"),
        ("1.0", "mobilenet_v1_1.0_224/retrained_graph.pb"),
    ] {
        if !wanted.is_empty() && wanted != alpha {
            continue;
        }
        let classifier = imagenet(Weights::open(shared.join("weights").join(path)).unwrap());
        let mut pictures: Vec<_> = std::fs::read_dir(shared.join("golden/pictures"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        pictures.sort();
        for path in pictures {
            let name = path.file_stem().unwrap().display();
            let image = image::open(&path).unwrap().to_rgb8();
            let (pixels, target) = (Pixels::from(&image), top(&classifier, &image));
            let model = model(&classifier, Score::Logit(target));
            let method = IntegratedGradients::new().with_tolerance(0.01);
            let method = match std::env::var("MAP") {
                Ok(tolerance) => method.with_map_tolerance(tolerance.parse().unwrap()),
                Err(_) => method,
            };
            let why = method.attribute(&model, &pixels).unwrap();
            let error = why.completeness_error().unwrap();
            let mut distance = String::from("not asked for");
            if equal > 0 {
                let method = IntegratedGradients::new().with_steps(equal);
                let reference = method.attribute(&model, &pixels).unwrap();
                let pairs = || why.map().iter().zip(reference.map());
                let off = pairs().map(|(a, b)| (a - b).powi(2)).sum::<f64>();
                let norm = pairs().map(|(_, b)| b * b).sum::<f64>();
                let (off, said) = ((off / norm).sqrt(), why.map_error().unwrap());
                distance = format!("{:.2} % (estimated {:.2} %)", 100.0 * off, 100.0 * said);
                assert!((0.8..1.25).contains(&(said / off)), "{name}: {distance}");
            }
            let (steps, error_in_percent) = (why.steps(), 100.0 * error);
            println!("| {alpha} | {name} | {steps} | {error_in_percent:.2} % | {distance} |");
            assert!(error <= 0.01 || !why.warnings().is_empty(), "{name}");
        }
    }
}
