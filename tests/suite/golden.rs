//! The network against TensorFlow's numbers, on every device compiled in.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use mobilenet::{FloatType, MobileNet, Weights};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::support::{devices, picture, root, shared};

/// Relative distance in the largest magnitude.
fn distance(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|x| x.is_finite()));
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .fold(0f32, |m, (a, b)| m.max((a - b).abs()));
    f64::from(worst / largest)
}

/// Relative distance in the L2 norm.
fn l2(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(expected).map(|(a, b)| f64::from(a - b)))
        / norm(&mut expected.iter().map(|&x| f64::from(x)))
}

fn floats(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().unwrap()
}

/// Gradient of the top logit with respect to the normalized input, NHWC.
fn gradient(net: &MobileNet, pixels: &[u8], target: usize, device: &Device) -> Vec<f32> {
    let input = net
        .input(pixels, [1, 224, 224], &device.clone().autodiff())
        .unwrap();
    let input = input.detach().require_grad();
    let logits = net.forward(input.clone()).unwrap();
    let gradients = logits.narrow(1, target, 1).sum().backward();
    let gradient = input.grad(&gradients).unwrap();
    gradient
        .permute([0, 2, 3, 1])
        .into_data()
        .try_to_vec::<f32>()
        .unwrap()
}

struct Reference {
    json: Value,
    arrays: BTreeMap<String, Vec<f32>>,
}

fn reference(folder: &Path, alpha: &str) -> Reference {
    let json = std::fs::read(folder.join(format!("golden_{alpha}.json"))).unwrap();
    let bytes = std::fs::read(folder.join(format!("golden_{alpha}.safetensors"))).unwrap();
    Reference {
        json: serde_json::from_slice(&json).unwrap(),
        arrays: arrays(&bytes),
    }
}

fn arrays(bytes: &[u8]) -> BTreeMap<String, Vec<f32>> {
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    let floats = |data: &[u8]| {
        data.chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    };
    tensors
        .iter()
        .map(|(name, view)| (name.to_string(), floats(view.data())))
        .collect()
}

fn check(weights: &str, alpha: &str, gradient_bound: f64) {
    let Some(shared) = shared("the golden test of a real net") else {
        return;
    };
    let weights = Weights::open(shared.join("weights").join(weights)).unwrap();
    let reference = reference(&shared.join("golden"), alpha);
    for (name, device) in devices() {
        let net = weights.clone().load(&device).unwrap();
        let pictures = reference.json["pictures"].as_object().unwrap();
        let mut gradients = 0;
        for (picture_name, expected) in pictures {
            let label = format!("alpha {alpha} on {name}, {picture_name}");
            let pixels = picture(&shared.join(format!("golden/pictures/{picture_name}.png")));
            let input = net.input(&pixels, [1, 224, 224], &device).unwrap();
            for (block, moments) in expected["blocks"].as_array().unwrap().iter().enumerate() {
                let map = net.features_after(input.clone(), block);
                let map = map.into_data().try_to_vec::<f32>().unwrap();
                let n = map.len() as f64;
                let mean = map.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
                let variance = map
                    .iter()
                    .map(|&v| (f64::from(v) - mean).powi(2))
                    .sum::<f64>()
                    / n;
                for (found, expected) in [(mean, &moments[0]), (variance.sqrt(), &moments[1])] {
                    let expected = expected.as_f64().unwrap();
                    assert!(
                        (found - expected).abs() <= 1e-4 * expected.abs().max(1.0),
                        "{label}, stage {block}: {found} against {expected}"
                    );
                }
                if name != "flex" && block == 3 {
                    break; // The slow devices: the whole net is checked by its outputs below.
                }
            }
            let embedding = distance(
                &floats(net.embed(input.clone())),
                &reference.arrays[&format!("{picture_name}.embedding")],
            );
            let logits = floats(net.forward(input.clone()).unwrap());
            let distance = distance(
                &logits,
                &reference.arrays[&format!("{picture_name}.logits")],
            );
            assert!(embedding <= 1e-4, "{label}: embedding off by {embedding:e}");
            assert!(distance <= 1e-4, "{label}: logits off by {distance:e}");

            // Slow off flex, so one gradient is enough there.
            let Some(expected_gradient) = reference.arrays.get(&format!("{picture_name}.gradient"))
            else {
                continue;
            };
            if name != "flex" && gradients > 0 {
                continue;
            }
            gradients += 1;
            let target = expected["gradient"]["target"].as_u64().unwrap() as usize;
            let l2 = l2(&gradient(&net, &pixels, target, &device), expected_gradient);
            assert!(l2 <= gradient_bound, "{label}: gradient off by {l2:e}");
            let again = floats(net.forward(input).unwrap());
            assert_eq!(again, logits, "{label}: a gradient changed the net");
        }
        assert!(gradients > 0);
    }
}

#[test]
fn alpha_1_agrees_with_tensorflow() {
    check("mobilenet_v1_1.0_224/retrained_graph.pb", "1.0", 2e-2);
}

#[test]
fn alpha_025_agrees_with_tensorflow() {
    check("mobilenet_v1_0.25_224", "0.25", 1e-3);
}

/// Runs everywhere: the reference ran on the half-rounded weights (`fixtures/bundled.py`).
#[test]
fn bundled_agrees_with_tensorflow() {
    let fixtures = root().join("tests/fixtures");
    let expected = arrays(&std::fs::read(fixtures.join("bundled.safetensors")).unwrap());
    let weights = Weights::open("bundled").unwrap();
    for (name, device) in devices() {
        let net = weights.clone().load(&device).unwrap();
        for picture_name in ["astronaut", "cat", "coffee", "rocket"] {
            let pixels = picture(&fixtures.join(format!("{picture_name}.png")));
            let input = net.input(&pixels, [1, 224, 224], &device).unwrap();
            let embedding = floats(net.embed(input.clone()));
            let logits = floats(net.forward(input).unwrap());
            for (what, found) in [("embedding", embedding), ("logits", logits)] {
                let distance = distance(&found, &expected[&format!("{picture_name}.{what}")]);
                assert!(
                    distance <= 1e-4,
                    "{picture_name} on {name}: {what} off by {distance:e}"
                );
            }
        }
    }
}

/// The bundled file holds what this project's import and save make of the frozen graph.
#[test]
fn bundled_is_the_frozen_graph_in_half_precision() {
    let Some(shared) = shared("making the bundled weights again") else {
        return;
    };
    let graph = shared.join("weights/mobilenet_v1_1.0_224/retrained_graph.pb");
    let made = Weights::open(graph)
        .unwrap()
        .to_safetensors(FloatType::F16)
        .unwrap();
    let made = Weights::from_safetensors("made again", &made).unwrap();
    let kept = Weights::open("bundled").unwrap();
    assert_eq!(made.digest(), kept.digest());
    assert!(kept.tensors().eq(made.tensors()));

    let table = std::fs::read_to_string(shared.join("data/imagenet_classes.tsv")).unwrap();
    let names: Vec<&str> = table.lines().filter_map(|l| l.split('\t').nth(2)).collect();
    let kept: Vec<&str> = mobilenet::imagenet::classes(false).collect();
    assert_eq!(kept, names);
}
