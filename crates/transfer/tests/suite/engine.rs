//! The compiled engine and Burn's say the same.

use crate::common::{levels, weights};
use burn::tensor::Device;
use mobilenet::Weights;
use transfer::{Backbone, Classifier, Layer};

#[derive(Debug, Clone, Copy)]
enum Engine {
    Compiled,
    Burn,
}

fn classifier(weights: &Weights, layer: Layer, engine: Engine) -> Classifier {
    let backbone = match engine {
        Engine::Compiled => Backbone::new(weights.clone()).unwrap(),
        Engine::Burn => Backbone::on(weights.clone(), &Device::flex()).unwrap(),
    };
    let backbone = backbone.with_layer(layer).unwrap();
    crate::common::classifier(backbone)
}

fn close(found: &[f32], expected: &[f32], what: &str) {
    let largest = expected.iter().fold(1e-30f32, |max, x| max.max(x.abs()));
    assert_eq!(found.len(), expected.len(), "{what}");
    assert!(found.iter().all(|x| x.is_finite()), "{what}");
    let off = found
        .iter()
        .zip(expected)
        .fold(0f32, |max, (a, b)| max.max((a - b).abs()));
    assert!(off <= 1e-4 * largest, "{what}: off by {off} of {largest}");
}

fn relative_l2(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let square = |x: f32| f64::from(x) * f64::from(x);
    let difference: f64 = found.iter().zip(expected).map(|(a, b)| square(a - b)).sum();
    let size: f64 = expected.iter().map(|&x| square(x)).sum();
    (difference / size.max(1e-30)).sqrt()
}

#[test]
fn without_a_device_the_net_is_compiled() {
    let name = |backbone: Backbone| backbone.engine().name();
    let compiled = name(Backbone::new(weights(1, 9)).unwrap());
    assert!(compiled.starts_with("compiled "), "{compiled}");
    for device in [Device::flex(), Device::flex().autodiff()] {
        let burn = name(Backbone::on(weights(1, 9), &device).unwrap());
        assert!(burn.starts_with("burn "), "{burn}");
    }
}

#[test]
fn any_engine_of_the_same_net_runs_a_backbone() {
    let weights = weights(2, 17);
    let engine = std::sync::Arc::new(weights.compile().unwrap());
    let backbone = Backbone::with_engine(weights.clone(), engine.clone()).unwrap();
    let pixels = levels(17 * 17 * 3, 6);
    let expected = Backbone::new(weights.clone()).unwrap();
    assert_eq!(
        backbone.forward(&pixels, 1).unwrap(),
        expected.forward(&pixels, 1).unwrap()
    );
    let other = weights.with_blocks(1).unwrap();
    let error = Backbone::with_engine(other, engine).unwrap_err();
    assert!(error.to_string().contains("blocks: 1"), "{error}");
}

#[test]
fn outputs_agree_on_odd_sizes_and_numbers_of_blocks() {
    for (blocks, size, layer) in [
        (13, 65, Layer::Logits),
        (13, 97, Layer::Embedding),
        (5, 33, Layer::Embedding),
        (0, 7, Layer::Embedding),
        (13, 65, Layer::joined([3, 11, 13]).unwrap()),
        (5, 33, Layer::joined([0, 4]).unwrap()),
    ] {
        let weights = weights(blocks, size);
        let both =
            [Engine::Compiled, Engine::Burn].map(|engine| classifier(&weights, layer, engine));
        let pixels = levels(9 * size * size * 3, 1);
        let [compiled, burn] = both
            .each_ref()
            .map(|c| c.backbone().forward(&pixels, 9).unwrap());
        close(
            &compiled,
            &burn,
            &format!("{blocks} blocks, {size} px, {layer}"),
        );
        // Burn's bits do not depend on the images around one.
        let image = size * size * 3;
        let alone = both[1].backbone().forward(&pixels[8 * image..], 1).unwrap();
        assert_eq!(alone, burn[8 * both[1].backbone().dim()..]);
        assert!(both[1].backbone().forward(&[], 0).unwrap().is_empty());
        assert!(both[1].backbone().forward(&pixels, 8).is_err());
    }
}

#[test]
fn gradients_agree_plain_guided_and_at_blocks() {
    for (blocks, size, layer) in [
        (13, 65, Layer::Logits),
        (4, 33, Layer::Embedding),
        (4, 33, Layer::joined([0, 2, 4]).unwrap()),
        (4, 33, Layer::joined([1, 3]).unwrap()),
    ] {
        let weights = weights(blocks, size);
        let [compiled, burn] =
            [Engine::Compiled, Engine::Burn].map(|engine| classifier(&weights, layer, engine));
        let shape = [2, size, size, 3];
        let pixels: Vec<f32> = levels(2 * size * size * 3, 2)
            .into_iter()
            .map(f32::from)
            .collect();
        let score = || Classifier::probability(1);
        for (what, a, b) in [
            ("plain", compiled.gradient(1), burn.gradient(1)),
            (
                "guided",
                compiled.guided_gradient_of(score()),
                burn.guided_gradient_of(score()),
            ),
        ] {
            let (scores, gradient) = a(&pixels, shape).unwrap();
            let (burn_scores, burn_gradient) = b(&pixels, shape).unwrap();
            let off = relative_l2(&gradient, &burn_gradient);
            assert!(off < 1e-3, "{what}, {blocks} blocks: {off}");
            assert!((scores[1] - burn_scores[1]).abs() < 1e-5);
        }
        let alone = compiled.scores_of(score())(&pixels, shape).unwrap();
        let (scores, _) = compiled.gradient(1)(&pixels, shape).unwrap();
        assert_eq!(alone, scores);
        for block in [0, 1, blocks] {
            let (_, shape_a, maps, gradient) =
                compiled.block_gradient_of(block, score())(&pixels, shape).unwrap();
            let (_, shape_b, burn_maps, burn_gradient) =
                burn.block_gradient_of(block, score())(&pixels, shape).unwrap();
            assert_eq!(shape_a, shape_b);
            assert_eq!(maps.len(), 2 * shape_a.iter().product::<usize>());
            close(&maps, &burn_maps, "maps");
            let off = relative_l2(&gradient, &burn_gradient);
            assert!(off < 1e-3, "block {block} of {blocks}: {off}");
        }
        assert!(compiled.block_gradient_of(blocks + 1, score())(&pixels, shape).is_err());
        assert!(burn.block_gradient_of(blocks + 1, score())(&pixels, shape).is_err());
    }
}

#[test]
fn the_gradient_is_the_slope_of_the_score() {
    for engine in [Engine::Compiled, Engine::Burn] {
        let classifier = classifier(&weights(2, 15), Layer::Embedding, engine);
        let shape = [1, 15, 15, 3];
        let pixels: Vec<f32> = levels(15 * 15 * 3, 3).into_iter().map(f32::from).collect();
        let (_, gradient) = classifier.gradient(2)(&pixels, shape).unwrap();
        // Along the gradient itself, the slope is its length.
        let length = gradient
            .iter()
            .map(|g| f64::from(g * g))
            .sum::<f64>()
            .sqrt();
        let moved = |step: f64| -> Vec<f32> {
            let step = (step / length) as f32;
            pixels
                .iter()
                .zip(&gradient)
                .map(|(p, g)| p + step * g)
                .collect()
        };
        let score = classifier.scores_of(Classifier::probability(2));
        let at = |step| score(&moved(step), shape).unwrap()[0];
        let slope = (at(2.0) - at(-2.0)) / 4.0;
        assert!(
            (slope / length - 1.0).abs() < 0.03,
            "{engine:?}: {slope} {length}"
        );
    }
}

#[test]
fn a_score_that_cannot_be_is_an_error() {
    let classifier = classifier(&weights(1, 9), Layer::Embedding, Engine::Compiled);
    let pixels = vec![1.0; 9 * 9 * 3];
    let error = classifier.gradient(3)(&pixels, [1, 9, 9, 3])
        .unwrap_err()
        .to_string();
    assert!(error.contains("below 3"), "{error}");
    let short = classifier.gradient_of(|_: &[f64]| Ok::<_, transfer::Error>((1.0, vec![1.0])));
    let error = short(&pixels, [1, 9, 9, 3]).unwrap_err().to_string();
    assert!(error.contains("derivatives"), "{error}");
    assert!(classifier.gradient(0)(&pixels, [1, 9, 27, 1]).is_err());
    assert!(classifier.gradient(0)(&pixels, [1, 9, 8, 3]).is_err());
}

#[test]
fn randomized_from_the_top_and_repeatable() {
    let classifier = classifier(&weights(3, 17), Layer::Embedding, Engine::Compiled);
    let shape = [1, 17, 17, 3];
    let pixels: Vec<f32> = levels(17 * 17 * 3, 4).into_iter().map(f32::from).collect();
    let before = classifier.gradient(0)(&pixels, shape).unwrap();
    let run = |seed| {
        let steps = classifier.randomized_of(seed, Classifier::probability(0));
        let steps = steps.map(|step| {
            let (layer, gradient) = step.unwrap();
            (layer, gradient(&pixels, shape).unwrap())
        });
        steps.collect::<Vec<_>>()
    };
    let (steps, others) = (run(1), run(2));
    let names: Vec<&str> = steps.iter().map(|(layer, _)| &layer[..]).collect();
    assert_eq!(names, ["head", "block 3", "block 2", "block 1", "stem"]);
    assert_eq!(steps, run(1));
    for (step, other) in steps.iter().zip(&others) {
        assert_ne!(step.1, other.1, "{}", step.0);
        assert_ne!(step.1, before);
        assert!(step.1.1.iter().any(|&g| g != 0.0), "{}", step.0);
    }
    assert_eq!(classifier.gradient(0)(&pixels, shape).unwrap(), before);
}

#[test]
fn a_net_with_its_own_classes_says_what_its_logits_say() {
    let weights = weights(13, 64);
    let backbone = || Backbone::new(weights.clone()).unwrap();
    let mut names: Vec<String> = (0..10).map(|k| format!("class {k}")).collect();
    names[7] = "class 2".into();
    let classifier = Classifier::pretrained(backbone(), &names).unwrap();
    assert_eq!(classifier.classes()[1..3], ["class 1", "class 2 (2)"]);
    assert_eq!(classifier.classes()[7], "class 2 (7)");
    let pixels = levels(64 * 64 * 3, 5);
    let logits = backbone()
        .with_layer(Layer::Logits)
        .unwrap()
        .forward(&pixels, 1)
        .unwrap();
    let mut expected: Vec<f64> = logits.into_iter().map(f64::from).collect();
    transfer::head::softmax(&mut expected, 1.0);
    for (found, expected) in classifier.predict(&pixels, 1).unwrap().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6);
    }
    assert!(Classifier::pretrained(backbone(), &names[1..]).is_err());
    let cut = Backbone::new(weights.with_blocks(3).unwrap()).unwrap();
    let error = Classifier::pretrained(cut, &names).unwrap_err();
    assert!(error.to_string().contains("classifier.weight"), "{error}");
}
