//! Compiled nets of integers against their definition, on every instruction set, in other batches and on other numbers
//! of threads.

use proptest::prelude::*;

use super::CompiledQuantizedNet;
use crate::blocks::Blocks;
use crate::compiled::kernels::tests::Numbers;
use crate::compiled::{CompileOptions, InstructionSet};
use crate::config::{MobileNetConfig, Padding};
use crate::image_batch::ImageBatch;
use crate::layer::Layer;
use crate::quantized::{
    Activation, Arithmetic, DenseOperation, Integers, LayerKind, Pooling, QuantizedLayer,
    QuantizedNet,
};

/// What is unlike in nets that files and this crate have.
#[derive(Debug, Clone, Copy)]
struct Form {
    arithmetic: Arithmetic,
    integers: Integers,
    pooling: Pooling,
    dense: DenseOperation,
    wide_outputs: bool,
    /// Weights, zero points, levels and clamps at the ends of their ranges.
    extreme: bool,
}

/// A net of random integers whose levels fill their range.
fn random(config: &MobileNetConfig, form: Form, seed: u64) -> QuantizedNet {
    let mut numbers = Numbers(seed);
    let unsigned = form.integers == Integers::Unsigned;
    let level = |numbers: &mut Numbers| match (form.extreme, numbers.below(3)) {
        (true, 0) => 255,
        (true, 1) => 0,
        _ => numbers.below(256) as i32,
    };
    let input = Activation {
        scale: 1.0 / 127.5,
        zero_point: level(&mut numbers),
    };
    let output = Activation {
        scale: 6.0 / 255.0,
        zero_point: 0,
    };
    let mut layers: Vec<QuantizedLayer> = Vec::new();
    for (kind, inputs, outputs) in QuantizedNet::shapes(config) {
        let depth = match kind {
            LayerKind::Stem => 27,
            LayerKind::Depthwise => 9,
            LayerKind::Pointwise | LayerKind::Dense => inputs,
        };
        let weight = |numbers: &mut Numbers| match (form.extreme, numbers.below(3)) {
            (true, 0) => -128,
            (true, 1) => 127,
            _ => (numbers.below(256) as i32 - 128) as i8,
        };
        let weights = (0..depth * outputs).map(|_| weight(&mut numbers)).collect();
        let of_layer = numbers.below(256) as i32 - 128;
        let zero_points = |_| match (unsigned, form.extreme) {
            (false, _) => 0,
            (true, true) => [-128, 127][of_layer as usize % 2],
            (true, false) => of_layer,
        };
        let before = layers.last().map_or(input, |l| l.output);
        // Sums have a deviation of about 74 * 74 * sqrt(depth), levels one of about 60.
        let size = 60.0 * output.scale / (before.scale * 74.0 * 74.0 * (depth as f32).sqrt());
        let scales = (0..outputs)
            .map(|_| size * (1.5 + numbers.next()))
            .collect();
        let bias = (0..outputs)
            .map(|_| (numbers.next() * 1e4) as i32)
            .collect();
        let zero_point = if kind == LayerKind::Dense || form.extreme {
            level(&mut numbers)
        } else {
            0
        };
        let clamp = if form.extreme {
            (numbers.below(100) as i32, 100 + numbers.below(156) as i32)
        } else {
            (0, 255)
        };
        layers.push(QuantizedLayer {
            kind,
            weights,
            weight_scales: scales,
            weight_zero_points: (0..outputs).map(zero_points).collect(),
            bias,
            output: Activation {
                zero_point,
                ..output
            },
            clamp,
        });
    }
    let last = layers
        .iter()
        .rev()
        .find(|layer| layer.kind != LayerKind::Dense);
    QuantizedNet {
        pooled: last.map_or(output, |layer| layer.output),
        config: config.clone(),
        input,
        layers,
        arithmetic: form.arithmetic,
        integers: form.integers,
        pooling: form.pooling,
        dense: form.dense,
        softmax: None,
        wide_outputs: form.wide_outputs,
    }
}

fn levels(seed: u64, shape: [usize; 3]) -> Vec<u8> {
    let mut numbers = Numbers(seed);
    (0..shape.iter().product::<usize>() * 3)
        .map(|_| numbers.below(256) as u8)
        .collect()
}

/// The net on every instruction set of this processor that has kernels for integers; says which are skipped.
fn on_all(net: &QuantizedNet) -> Vec<CompiledQuantizedNet> {
    let compile = |set| {
        let compiled = net.compile_with(&CompileOptions::new().with_instruction_set(set));
        match compiled {
            Ok(compiled) if compiled.instruction_set() == set => Some(compiled),
            Ok(_) => None,
            Err(error) if InstructionSet::available().contains(&set) => panic!("{set}: {error}"),
            Err(_) => {
                eprintln!("skipped: integers on {set}, which this processor does not have");
                None
            }
        }
    };
    InstructionSet::ALL
        .into_iter()
        .filter_map(compile)
        .collect()
}

fn forms() -> impl Strategy<Value = Form> {
    let arithmetic = prop_oneof![Just(Arithmetic::Xnnpack), Just(Arithmetic::LiteRtReference)];
    let integers = prop_oneof![Just(Integers::Signed), Just(Integers::Unsigned)];
    let pooling = prop_oneof![Just(Pooling::Mean), Just(Pooling::Average)];
    let dense = prop_oneof![
        Just(DenseOperation::Convolution),
        Just(DenseOperation::FullyConnected)
    ];
    (
        arithmetic,
        integers,
        pooling,
        dense,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(arithmetic, integers, pooling, dense, wide_outputs, extreme)| Form {
                arithmetic,
                integers,
                pooling,
                dense,
                wide_outputs,
                extreme,
            },
        )
}

fn configs() -> impl Strategy<Value = MobileNetConfig> {
    let alpha = prop_oneof![Just(0.25), Just(0.5), Just(0.75), Just(1.0), 0.1f64..1.4];
    let padding = prop_oneof![
        Just(Padding::Same),
        Just(Padding::End),
        Just(Padding::Both),
        Just(Padding::EndButStem)
    ];
    (alpha, padding, 0..=13usize, 0..90usize).prop_map(|(alpha, padding, blocks, classes)| {
        let config = MobileNetConfig::new()
            .with_alpha(alpha)
            .with_padding(padding);
        config.with_classes(classes).with_blocks(blocks)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_form_gives_the_integers_of_the_definition(
        config in configs(), form in forms(), height in 32..80usize, width in 32..80usize, n in 1..4usize,
        block in 0..14usize, seed: u64
    ) {
        let net = random(&config, form, seed);
        let shape = [n, height, width];
        let pixels = levels(seed, shape);
        let images = ImageBatch::from_u8(&pixels, shape).unwrap();
        let block = block.min(config.blocks);
        let features = net.features(&images, block).unwrap();
        let embeddings = net.forward(&images, Layer::Embedding).unwrap();
        let blocks = Blocks::new([block, config.blocks]).unwrap();
        let joined = net.forward(&images, Layer::Joined(blocks)).unwrap();
        for compiled in on_all(&net) {
            let set = compiled.instruction_set();
            let found = compiled.features(&images, block).unwrap();
            prop_assert_eq!(found.shape, features.shape);
            prop_assert!(found.values == features.values, "{}: map of block {}", set, block);
            prop_assert!(compiled.embed(&images).unwrap() == embeddings, "{}: embedding", set);
            prop_assert!(compiled.embed_blocks(&images, blocks).unwrap() == joined, "{}: joined", set);
            if config.classes > 0 {
                let logits = net.forward(&images, Layer::Logits).unwrap();
                prop_assert!(compiled.logits(&images).unwrap() == logits, "{}: logits", set);
            } else {
                prop_assert!(compiled.logits(&images).is_err());
            }
        }
    }
}

fn usual() -> Form {
    Form {
        arithmetic: Arithmetic::Xnnpack,
        integers: Integers::Signed,
        pooling: Pooling::Mean,
        dense: DenseOperation::FullyConnected,
        wide_outputs: true,
        extreme: false,
    }
}

#[test]
fn threads_and_batches_change_nothing() {
    let config = MobileNetConfig::new().with_alpha(0.5).with_classes(130);
    let net = random(&config, usual(), 3);
    let shape = [5, 224, 224];
    let pixels = levels(4, shape);
    let images = ImageBatch::from_u8(&pixels, shape).unwrap();
    let expected = net.forward(&images, Layer::Logits).unwrap();
    for compiled in on_all(&net) {
        for threads in [1, 2, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let set = compiled.instruction_set();
            let found = pool.install(|| compiled.logits(&images).unwrap());
            assert!(found == expected, "{set}, {threads} threads");
            let one = pixels.chunks_exact(224 * 224 * 3).flat_map(|image| {
                let image = ImageBatch::from_u8(image, [1, 224, 224]).unwrap();
                pool.install(|| compiled.logits(&image).unwrap())
            });
            assert!(
                one.collect::<Vec<_>>() == expected,
                "{set}, {threads} threads, one by one"
            );
        }
    }
}

#[test]
fn fractional_levels_are_rounded() {
    let net = random(
        &MobileNetConfig::new().with_alpha(0.25).with_blocks(2),
        usual(),
        5,
    );
    let pixels = levels(6, [1, 40, 40]);
    let floats: Vec<f32> = pixels.iter().map(|&level| f32::from(level) + 0.4).collect();
    let images = ImageBatch::from_u8(&pixels, [1, 40, 40]).unwrap();
    let compiled = net.compile().unwrap();
    let expected = compiled.embed(&images).unwrap();
    let images = ImageBatch::from_f32(&floats, [1, 40, 40]).unwrap();
    assert_eq!(compiled.embed(&images).unwrap(), expected);
}

#[test]
fn sums_that_do_not_fit_are_refused() {
    let config = MobileNetConfig::new().with_alpha(0.25).with_blocks(1);
    let mut net = random(&config, usual(), 7);
    net.layers[2].bias[1] = i32::MAX;
    let error = net.compile().unwrap_err().to_string();
    assert!(
        error.contains("layer 2") && error.contains("32 bits"),
        "{error}"
    );
    let mut net = random(&config, usual(), 7);
    net.layers[1].weight_scales[0] = 1e6;
    let error = net.compile().unwrap_err().to_string();
    assert!(
        error.contains("layer 1") && error.contains("32 bits"),
        "{error}"
    );
}

/// Weights of at most 64 steps on the kernels that multiply bytes as they are, where the most extreme levels meet.
#[test]
fn small_weights_have_kernels_of_their_own() {
    let form = Form {
        arithmetic: Arithmetic::Xnnpack,
        integers: Integers::Signed,
        pooling: Pooling::Mean,
        dense: DenseOperation::FullyConnected,
        wide_outputs: true,
        extreme: true,
    };
    let config = MobileNetConfig::new()
        .with_alpha(0.3)
        .with_classes(7)
        .with_input_size(40);
    let mut net = random(&config, form, 5);
    for layer in &mut net.layers {
        let weights = layer.weights.iter_mut();
        weights.for_each(|w| *w = (*w).clamp(-64, 64));
    }
    let pixels: Vec<u8> = (0..2 * 40 * 40 * 3)
        .map(|i| {
            if i % 3 == 0 {
                255
            } else {
                (i * 7919 % 256) as u8
            }
        })
        .collect();
    let images = ImageBatch::from_u8(&pixels, [2, 40, 40]).unwrap();
    let expected = net.forward(&images, Layer::Logits).unwrap();
    for set in InstructionSet::available() {
        let options = CompileOptions::new().with_instruction_set(set);
        let compiled = net.compile_with(&options).unwrap();
        assert_eq!(compiled.logits(&images).unwrap(), expected, "{set}");
        if set == InstructionSet::Avx2 {
            assert_eq!(compiled.kernels.level_bytes, 1, "levels are bytes");
            net.layers[3].weights[0] = 65;
            let other = net.compile_with(&options).unwrap();
            assert_eq!(other.kernels.level_bytes, 2, "one weight is too large");
            return;
        }
    }
    eprintln!("skipped: AVX2, which this processor does not have");
}
