//! The compiled net against Burn's, and against itself in other batches and on other numbers of threads.

use burn::module::{Param, RunningState};
use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;
use rayon::prelude::*;

use super::kernels::tests::Numbers;
use super::*;
use crate::blocks::Blocks;
use crate::config::MobileNetConfig;
use crate::config::Padding;
use crate::gradients::GradientOptions;
use crate::image_batch::ImageBatch;
use crate::layer::Layer;
use crate::model::{ConvBlock, MobileNet};

/// Fills a net with random weights. With a `beta` per channel from `centers` and sums that stay near it, every
/// ReLU6 passes or does not by channel: no activation sits at a kink.
fn randomize(net: &mut MobileNet, seed: u64, centers: Option<&[f32]>) {
    let device = net.device();
    let mut numbers = Numbers(seed);
    let tensor = |values: Vec<f32>| Tensor::<1>::from_floats(values.as_slice(), &device);
    let mut convolution = |block: &mut ConvBlock| {
        let dims = block.conv.weight.dims();
        let (outputs, inputs) = (dims[0], dims[1] * dims[2] * dims[3]);
        // Sums of inputs of about 1 (or 3, at a center) have about that size again, or stay within 2.
        let scale = if centers.is_some() {
            0.9 / (inputs as f32).sqrt() / 3.0
        } else {
            3.0 / (inputs as f32).sqrt()
        };
        let weight: Vec<f32> = numbers
            .vec(outputs * inputs)
            .into_iter()
            .map(|w| w * scale)
            .collect();
        let weight = Tensor::<4>::from_data(TensorData::new(weight, dims), &device);
        block.conv.weight = Param::from_tensor(weight);
        let beta = (0..outputs).map(|_| match centers {
            Some(centers) => centers[numbers.below(centers.len())],
            None => numbers.next() * 2.0,
        });
        let beta: Vec<f32> = beta.collect();
        block.bn.beta = Param::from_tensor(tensor(beta));
        let gamma = numbers
            .vec(outputs)
            .into_iter()
            .map(|x| 1.0 + 0.3 * x)
            .collect();
        block.bn.gamma = Param::from_tensor(tensor(gamma));
        let variance = numbers
            .vec(outputs)
            .into_iter()
            .map(|x| 1.0 + 0.3 * x)
            .collect();
        block.bn.running_var = RunningState::new(tensor(variance));
        let mean = numbers.vec(outputs).into_iter().map(|x| 0.3 * x).collect();
        block.bn.running_mean = RunningState::new(tensor(mean));
    };
    convolution(&mut net.stem);
    for block in &mut net.blocks {
        convolution(&mut block.depthwise);
        convolution(&mut block.pointwise);
    }
}

fn close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    assert!(found.iter().all(|x| x.is_finite()), "{what}");
    let largest = expected.iter().fold(1e-30f32, |max, x| max.max(x.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .fold(0.0f32, |max, (a, b)| max.max((a - b).abs()));
    assert!(
        worst <= tolerance * largest,
        "{what}: off by {worst} of {largest}"
    );
}

fn relative_l2(found: &[f32], expected: &[f32]) -> f64 {
    let square = |x: f64| x * x;
    let difference: f64 = found
        .iter()
        .zip(expected)
        .map(|(a, b)| square(f64::from(a - b)))
        .sum();
    (difference
        / expected
            .iter()
            .map(|x| square(f64::from(*x)))
            .sum::<f64>()
            .max(1e-60))
    .sqrt()
}

fn nhwc(map: Tensor<4>) -> Vec<f32> {
    map.permute([0, 2, 3, 1]).into_data().try_to_vec().unwrap()
}

fn configs() -> impl Strategy<Value = MobileNetConfig> {
    let alpha = prop_oneof![Just(0.25), Just(0.5), Just(0.75), Just(1.0), 0.1f64..1.4];
    let padding = prop_oneof![
        Just(Padding::Same),
        Just(Padding::End),
        Just(Padding::Both),
        Just(Padding::EndButStem)
    ];
    (alpha, padding, 0..=13usize, 0..30usize).prop_map(|(alpha, padding, blocks, classes)| {
        let config = MobileNetConfig::new()
            .with_alpha(alpha)
            .with_padding(padding)
            .with_classes(classes);
        config.with_normalization(120.0, 60.0).with_blocks(blocks)
    })
}

fn levels(seed: u64, shape: [usize; 3]) -> Vec<u8> {
    let mut numbers = Numbers(seed);
    (0..shape.iter().product::<usize>() * 3)
        .map(|_| numbers.below(256) as u8)
        .collect()
}

fn compiled_on_all(net: &MobileNet) -> Vec<CompiledMobileNet> {
    let compiled = InstructionSet::available().into_iter().map(|set| {
        let options = CompileOptions::new().with_instruction_set(set);
        (set, net.compile_with(&options).unwrap())
    });
    // Of those with kernels for floats.
    let own = compiled.filter(|(set, net)| *set == net.instruction_set());
    own.map(|(_, net)| net).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() })]

    #[test]
    fn forward_agrees_with_burn(
        config in configs(), height in 33..90usize, width in 33..90usize, n in 1..4usize, block in 0..14usize, seed: u64
    ) {
        let device = Device::flex();
        let mut net = config.init(&device).unwrap();
        randomize(&mut net, seed, None);
        let shape = [n, height, width];
        let image = levels(seed, shape);
        let floats: Vec<f32> = image.iter().map(|&x| f32::from(x)).collect();
        let pixels = ImageBatch::from_u8(&image, shape).unwrap();
        let input = net.input(&image, shape, &device).unwrap();
        let block = block.min(config.blocks);
        let embedding: Vec<f32> = net.embed(input.clone()).into_data().try_to_vec().unwrap();
        let map = net.features_after(input.clone(), block);
        let dims = map.dims();
        let map = nhwc(map);
        for compiled in compiled_on_all(&net) {
            let found = compiled.embed(&pixels).unwrap();
            close(&found, &embedding, 1e-4, "embedding");
            prop_assert_eq!(&compiled.embed(&ImageBatch::from_f32(&floats, shape).unwrap()).unwrap(), &found);
            let features = compiled.features(&pixels, block).unwrap();
            prop_assert_eq!(features.shape, [dims[0], dims[2], dims[3], dims[1]]);
            close(&features.values, &map, 1e-4, "map");
            if config.classes > 0 {
                let logits: Vec<f32> = net.forward(input.clone()).unwrap().into_data().try_to_vec().unwrap();
                close(&compiled.logits(&pixels).unwrap(), &logits, 1e-4, "logits");
            } else {
                prop_assert!(compiled.logits(&pixels).is_err());
            }
        }
    }

    #[test]
    fn gradients_agree_with_burn_away_from_kinks(
        config in configs(), height in 33..70usize, width in 33..70usize, block in 0..14usize, seed: u64
    ) {
        let device = Device::flex();
        let mut net = config.init(&device).unwrap();
        randomize(&mut net, seed, Some(&[3.0, 3.0, 3.0, -3.0, 9.0]));
        let net = burn::module::Module::freeze(net);
        let shape = [2, height, width];
        let image = levels(seed, shape);
        let pixels = ImageBatch::from_u8(&image, shape).unwrap();
        let autodiff = device.clone().autodiff();
        let input = net.input(&image, shape, &autodiff).unwrap().require_grad();
        let block = block.min(config.blocks);
        let map = net.features_after(input.clone(), block);
        let output = if config.classes > 0 { net.forward(input.clone()).unwrap() } else { net.embed(input.clone()) };
        let [n, length] = output.dims();
        let direction = Numbers(seed ^ 1).vec(n * length);
        let direction_tensor = Tensor::<2>::from_data(TensorData::new(direction.clone(), [n, length]), &autodiff);
        let gradients = (output.clone() * direction_tensor).sum().backward();
        let std = config.std as f32;
        let expected: Vec<f32> = nhwc(input.grad(&gradients).unwrap()).into_iter().map(|g| g / std).collect();
        let output: Vec<f32> = output.into_data().try_to_vec().unwrap();
        let map = nhwc(map.inner());
        let at = if config.classes > 0 { Layer::Logits } else { Layer::Embedding };
        for compiled in compiled_on_all(&net) {
            let hand_in = |i: usize, found: &[f32], out: &mut [f32]| {
                assert_eq!(found.len(), length);
                out.copy_from_slice(&direction[i * length..(i + 1) * length]);
            };
            let found = compiled.pixel_gradients(&pixels, GradientOptions::new(at), hand_in).unwrap();
            close(&found.outputs, &output, 1e-4, "outputs");
            let off = relative_l2(&found.gradients, &expected);
            prop_assert!(off < 1e-4, "{}: gradient off by {off}", compiled.instruction_set());
            let stopped = compiled.block_gradients(&pixels, block, GradientOptions::new(at), hand_in).unwrap();
            close(&stopped.activations.values, &map, 1e-4, "map");
            prop_assert_eq!(&stopped.outputs, &found.outputs);
        }
    }
}

/// Gradients by Burn, one convolution at a time, so that what passes a ReLU6 is decided here: at the map after each
/// block, and last at the input. `pools` are the gradients at the pools of some blocks, `[n, channels]`.
fn backwards(
    net: &MobileNet,
    input: Tensor<4>,
    pools: &[(usize, Tensor<2>)],
    guided: bool,
) -> Vec<Vec<f32>> {
    let autodiff = input.device().autodiff();
    let before = |layer: &ConvBlock, x: Tensor<4>| layer.bn.forward(layer.conv.forward(x));
    let blocks = net.blocks.iter().map(|b| vec![&b.depthwise, &b.pointwise]);
    let blocks: Vec<_> = std::iter::once(vec![&net.stem]).chain(blocks).collect();
    let mut x = input;
    let mut inputs = Vec::new();
    for layer in blocks.iter().flatten() {
        inputs.push(x.clone());
        x = before(layer, x).clamp(0.0, 6.0);
    }
    let mut gradient = x.zeros_like();
    let mut found = Vec::new();
    for (block, layers) in blocks.iter().enumerate().rev() {
        for (_, pool) in pools.iter().filter(|(of, _)| *of == block) {
            let [n, channels, height, width] = gradient.dims();
            let spread = pool.clone().reshape([n, channels, 1, 1]) / (height * width) as f32;
            gradient = gradient + spread.expand([n, channels, height, width]);
        }
        found.push(nhwc(gradient.clone()));
        for layer in layers.iter().rev() {
            let x = inputs.pop().unwrap().into_data();
            let x = Tensor::<4>::from_data(x, &autodiff).require_grad();
            let sum = before(layer, x.clone());
            let z = sum.clone().inner();
            let passes = z.clone().greater_elem(0.0).float() * z.lower_elem(6.0).float();
            if guided {
                gradient = gradient.clamp_min(0.0);
            }
            let upstream = Tensor::<4>::from_data((gradient * passes).into_data(), &autodiff);
            let gradients = (sum * upstream).sum().backward();
            gradient = x.grad(&gradients).unwrap();
        }
    }
    found.reverse();
    found.push(nhwc(gradient));
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..Default::default() })]

    #[test]
    fn gradients_at_blocks_guided_and_joined_agree_with_burn_away_from_kinks(
        config in configs(), height in 33..60usize, width in 33..60usize, block in 0..14usize,
        joined in 1..1u16 << 14, seed: u64
    ) {
        let device = Device::flex();
        let mut net = config.init(&device).unwrap();
        randomize(&mut net, seed, Some(&[3.0, 3.0, 3.0, -3.0, 9.0]));
        let net = burn::module::Module::freeze(net);
        let (last, block) = (config.blocks, block.min(config.blocks));
        let shape = [2, height, width];
        let image = levels(seed, shape);
        let pixels = ImageBatch::from_u8(&image, shape).unwrap();
        let input = net.input(&image, shape, &device).unwrap();
        let chosen = (0..=last).filter(|b| joined >> b & 1 == 1);
        // All of them may be behind the last.
        let chosen = Blocks::new(chosen.chain((joined % (2 << last) == 0).then_some(last))).unwrap();
        let mut outputs = vec![Layer::Embedding, Layer::Joined(chosen)];
        outputs.extend((config.classes > 0).then_some(Layer::Logits));
        for output in outputs {
            let length = match output {
                Layer::Embedding => config.feature_dim(),
                Layer::Logits => config.classes,
                Layer::Joined(blocks) => config.joined_dim(blocks),
            };
            let direction = Numbers(seed ^ 1).vec(2 * length);
            let tensor = Tensor::<2>::from_data(TensorData::new(direction.clone(), [2, length]), &device);
            let pools = match output {
                Layer::Embedding => vec![(last, tensor)],
                Layer::Logits => {
                    let weight = net.classifier.as_ref().unwrap().weight.val();
                    vec![(last, tensor.matmul(weight.transpose()))]
                }
                Layer::Joined(blocks) => {
                    let mut start = 0;
                    let part = |block| {
                        let from = start;
                        start += config.channels_after(block);
                        (block, tensor.clone().slice([0..2, from..start]))
                    };
                    blocks.iter().map(part).collect()
                }
            };
            for guided in [false, true] {
                let expected = backwards(&net, input.clone(), &pools, guided);
                let std = config.std as f32;
                let at_pixels: Vec<f32> = expected[last + 1].iter().map(|g| g / std).collect();
                let options = GradientOptions::new(output).with_guided(guided);
                for compiled in compiled_on_all(&net) {
                    let hand_in = |i: usize, _: &[f32], out: &mut [f32]| {
                        out.copy_from_slice(&direction[i * length..(i + 1) * length]);
                    };
                    let found = compiled.pixel_gradients(&pixels, options, hand_in).unwrap();
                    let off = relative_l2(&found.gradients, &at_pixels);
                    prop_assert!(off < 1e-4, "{output:?}, guided {guided}: pixels off by {off}");
                    let found = compiled.block_gradients(&pixels, block, options, hand_in).unwrap();
                    let off = relative_l2(&found.gradients, &expected[block]);
                    prop_assert!(off < 1e-4, "{output:?}, guided {guided}: block {block} off by {off}");
                }
            }
        }
    }
}

#[test]
fn same_bits_in_any_batch_and_on_any_number_of_threads() {
    let device = Device::flex();
    let mut net = MobileNetConfig::new()
        .with_alpha(0.5)
        .with_classes(7)
        .init(&device)
        .unwrap();
    randomize(&mut net, 3, None);
    let shape = [5, 75, 64];
    let image = levels(3, shape);
    let one = image.len() / 5;
    let hand_in = |_: usize, output: &[f32], out: &mut [f32]| out.copy_from_slice(output);
    for compiled in compiled_on_all(&net) {
        let run = |threads: usize, pixels: &[u8], n: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let pixels = ImageBatch::from_u8(pixels, [n, 75, 64]).unwrap();
                let options = GradientOptions::new(Layer::Logits);
                let logits = compiled.logits(&pixels).unwrap();
                let gradients = compiled.pixel_gradients(&pixels, options, hand_in).unwrap();
                assert_eq!(gradients.outputs, logits);
                let block = compiled
                    .block_gradients(&pixels, 6, options, hand_in)
                    .unwrap();
                assert_eq!(block.activations, compiled.features(&pixels, 6).unwrap());
                (logits, gradients.gradients, block.gradients)
            })
        };
        let whole = run(1, &image, 5);
        assert!(whole.1.iter().any(|&x| x != 0.0) && whole.2.iter().any(|&x| x != 0.0));
        for threads in [2, 3, 8] {
            assert_eq!(run(threads, &image, 5), whole, "{threads} threads");
        }
        for i in 0..5 {
            let (logits, pixels, block) = run(3, &image[i * one..(i + 1) * one], 1);
            assert_eq!(logits, whole.0[i * 7..(i + 1) * 7]);
            assert_eq!(pixels, whole.1[i * one..(i + 1) * one]);
            assert_eq!(block, whole.2[i * block.len()..(i + 1) * block.len()]);
        }
    }
}

/// Threads that look out for the parts of one image must not keep another image, or its caller, from going on.
#[test]
fn many_callers_at_once_get_what_one_gets() {
    let config = MobileNetConfig::new().with_alpha(0.25).with_classes(7);
    let net = config.init(&Device::flex()).unwrap().compile().unwrap();
    let images = levels(5, [4, 40, 50]);
    let logits = |i: usize| {
        let image = &images[i % 4 * 6000..][..6000];
        net.logits(&ImageBatch::from_u8(image, [1, 40, 50]).unwrap())
            .unwrap()
    };
    let expected: Vec<_> = (0..4).map(logits).collect();
    let ask = |i: usize| assert_eq!(logits(i), expected[i % 4]);
    for threads in [2, 3, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| (0..200).into_par_iter().for_each(ask));
    }
    std::thread::scope(|scope| {
        for caller in 0..4 {
            scope.spawn(move || (caller..caller + 50).for_each(ask));
        }
    });
}

/// The gradient at a block is how the output changes with that map: of the last one, the embedding's own.
#[test]
fn gradient_at_the_last_block_is_spread_over_its_pixels() {
    let net = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_blocks(4)
        .init(&Device::flex())
        .unwrap()
        .compile()
        .unwrap();
    let image = levels(4, [1, 40, 50]);
    let pixels = ImageBatch::from_u8(&image, [1, 40, 50]).unwrap();
    let options = GradientOptions::new(Layer::Embedding);
    let found = net
        .block_gradients(&pixels, 4, options, |_, _, out| out.fill(3.0))
        .unwrap();
    let [_, height, width, _] = found.activations.shape;
    assert!(
        found
            .gradients
            .iter()
            .all(|&g| g == 3.0 / (height * width) as f32)
    );
}

#[test]
fn guided_gradients_are_positive_where_they_enter_the_stem() {
    let mut net = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_blocks(0)
        .init(&Device::flex())
        .unwrap();
    randomize(&mut net, 5, None);
    let net = net.compile().unwrap();
    let image = levels(5, [1, 33, 33]);
    let pixels = ImageBatch::from_u8(&image, [1, 33, 33]).unwrap();
    let run = |guided: bool, sign: f32| {
        let options = GradientOptions::new(Layer::Embedding).with_guided(guided);
        net.pixel_gradients(&pixels, options, |_, _, out| out.fill(sign))
            .unwrap()
            .gradients
    };
    assert_eq!(run(true, 1.0), run(false, 1.0), "nothing to hold back");
    assert!(
        run(true, -1.0).iter().all(|&g| g == 0.0) && run(false, -1.0).iter().any(|&g| g != 0.0)
    );
}

#[test]
fn wrong_sizes_are_errors() {
    assert!(ImageBatch::from_u8(&[0; 12], [1, 2, 3]).is_err());
    assert!(ImageBatch::from_u8(&[], [1, 0, 3]).is_err());
    assert!(ImageBatch::from_f32(&[], [usize::MAX, 2, 3]).is_err());
    let device = Device::flex();
    let net = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_blocks(2)
        .init(&device)
        .unwrap()
        .compile()
        .unwrap();
    let pixel = ImageBatch::from_u8(&[1, 2, 3], [1, 1, 1]).unwrap();
    assert_eq!(net.embed(&pixel).unwrap().len(), net.feature_dim());
    assert!(
        net.embed(&ImageBatch::from_u8(&[], [0, 9, 9]).unwrap())
            .unwrap()
            .is_empty()
    );
    assert!(net.features(&pixel, 3).is_err());
    let gradient = |_: usize, _: &[f32], _: &mut [f32]| {};
    assert!(
        net.pixel_gradients(&pixel, GradientOptions::new(Layer::Logits), gradient)
            .is_err()
    );
    // A batch without images plans for none of any size.
    assert!(ImageBatch::from_u8(&[], [0, 1, 1 << 40]).is_err());
    assert!(ImageBatch::from_f32(&[], [0, 65_537, 1]).is_err());
    let widest = ImageBatch::from_u8(&[], [0, 1 << 16, 1 << 16]).unwrap();
    assert!(net.embed(&widest).unwrap().is_empty());
}

#[test]
fn both_engines_say_from_which_size_on_something_is_left() {
    let device = Device::flex();
    let least = |padding: Padding, blocks: usize| {
        let config = MobileNetConfig::new().with_padding(padding);
        let net = config.with_alpha(0.25).with_classes(0).with_blocks(blocks);
        let net = net.init(&device).unwrap();
        let compiled = net.compile().unwrap();
        let works = |side: usize| {
            let (image, shape) = (vec![9; side * 3 * 40], [1, side, 40]);
            let input = net.input(&image, shape, &device);
            let found = compiled.embed(&ImageBatch::from_u8(&image, shape).unwrap());
            assert_eq!(input.is_ok(), found.is_ok(), "{side}");
            input.is_ok_and(|x| net.embed(x).dims() == [1, net.feature_dim()])
        };
        (1..40).find(|&side| works(side)).unwrap()
    };
    let found = [
        Padding::Same,
        Padding::Both,
        Padding::End,
        Padding::EndButStem,
    ]
    .map(|padding| (least(padding, 13), least(padding, 2)));
    assert_eq!(found, [(1, 1), (1, 1), (32, 4), (31, 3)]);
    let net = MobileNetConfig::new()
        .with_alpha(0.25)
        .init(&device)
        .unwrap();
    assert!(net.input::<u8>(&[], [0, 1, 1 << 40], &device).is_err());
}

#[test]
fn numbers_beyond_f32_are_refused_and_not_nan() {
    let device = Device::flex();
    let config = MobileNetConfig::new().with_alpha(0.25).with_blocks(1);
    for (mean, std) in [
        (0.0, 1e-300),
        (1e300, 1.0),
        (0.0, 1e-40),
        (1e38, 1e-5),
        (0.0, 1e300),
        (0.0, 0.0),
    ] {
        let config = config.clone().with_normalization(mean, std);
        assert!(config.check().is_err(), "{mean} {std}");
    }
    assert!(config.clone().with_epsilon(1e-60).check().is_err());
    for (gamma, variance) in [(1.0, -1.0), (1.0, f32::NAN), (3e38, 1e-36)] {
        let mut net = config.init(&device).unwrap();
        let n = net.stem.bn.gamma.dims()[0];
        let filled = |value: f32| Tensor::<1>::from_floats(vec![value; n].as_slice(), &device);
        net.stem.bn.gamma = Param::from_tensor(filled(gamma));
        net.stem.bn.running_var = RunningState::new(filled(variance));
        let error = net.compile().unwrap_err();
        assert!(matches!(error, crate::Error::Mismatch { .. }), "{error}");
    }
}

#[test]
fn blocks_that_a_net_lacks_are_an_error_in_both_engines() {
    let device = Device::flex();
    let config = MobileNetConfig::new().with_alpha(0.25).with_blocks(4);
    let net = config.init(&device).unwrap();
    let compiled = net.compile().unwrap();
    let image = levels(6, [1, 40, 40]);
    let pixels = ImageBatch::from_u8(&image, [1, 40, 40]).unwrap();
    let input = || net.input(&image, [1, 40, 40], &device).unwrap();
    for blocks in [&[5][..], &[13], &[2, 11]] {
        let blocks = Blocks::new(blocks.iter().copied()).unwrap();
        let errors = [
            net.embed_blocks(input(), blocks).unwrap_err(),
            compiled.embed_blocks(&pixels, blocks).unwrap_err(),
        ];
        assert_eq!(errors[0].to_string(), errors[1].to_string());
    }
    let blocks = Blocks::new([1, 4]).unwrap();
    let expected = net.embed_blocks(input(), blocks).unwrap();
    let expected: Vec<f32> = expected.into_data().try_to_vec().unwrap();
    let found = compiled.embed_blocks(&pixels, blocks).unwrap();
    close(&found, &expected, 1e-4, "joined");
}
