//! Integrated gradients and Grad-CAM; `benches/peers/attribution.py` does the same work with captum on PyTorch.

use std::hint::black_box;

use attribution::model::BlockTuple;
use attribution::{BoxError, GradCam, IntegratedGradients, Method, Model, Pixels};
use burn::tensor::Device;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mobilenet::{CompiledMobileNet, GradientOptions, Layer, MobileNetConfig};

const SIDE: usize = 224;
const TARGET: usize = 286;

fn net(alpha: f64) -> CompiledMobileNet {
    let config = MobileNetConfig::new().with_alpha(alpha).with_classes(1001);
    let net = config.init(&Device::flex()).expect("a sound configuration");
    net.compile()
        .expect("a processor with what the kernels need")
}

fn model(net: &CompiledMobileNet) -> Model<'_> {
    let seed = |_: usize, _: &[f32], out: &mut [f32]| out[TARGET] = 1.0;
    let score = |logits: &[f32]| f64::from(logits[TARGET]);
    let options = GradientOptions::new(Layer::Logits);
    let gradient = move |pixels: &[f32], [n, h, w, _]: [usize; 4]| -> Result<_, BoxError> {
        let pixels = mobilenet::ImageBatch::from_f32(pixels, [n, h, w])?;
        let answer = net.pixel_gradients(&pixels, options, seed)?;
        let scores = answer.outputs.chunks(net.classes()).map(score).collect();
        Ok((scores, answer.gradients))
    };
    let block = move |pixels: &[f32], [n, h, w, _]: [usize; 4]| -> Result<BlockTuple, BoxError> {
        let pixels = mobilenet::ImageBatch::from_f32(pixels, [n, h, w])?;
        let answer = net.block_gradients(&pixels, net.config().blocks, options, seed)?;
        let scores = answer.outputs.chunks(net.classes()).map(score).collect();
        let [_, h, w, c] = answer.activations.shape;
        Ok((
            scores,
            [h, w, c],
            answer.activations.values,
            answer.gradients,
        ))
    };
    Model::new(gradient).with_block(block)
}

fn bench(c: &mut Criterion) {
    let levels = (0..SIDE * SIDE * 3).map(|i| (i * i % 256) as f32).collect();
    let pixels = Pixels::new(levels, [SIDE, SIDE, 3]).expect("sound by construction");
    let mut group = c.benchmark_group("attribution");
    group.sample_size(10).throughput(Throughput::Elements(1));
    for alpha in [0.25, 1.0] {
        let net = net(alpha);
        let model = model(&net);
        let methods: [(String, Box<dyn Method>); 2] = [
            (
                format!("integrated-gradients/{alpha:?}/{SIDE}/50"),
                Box::new(IntegratedGradients::new()),
            ),
            (
                format!("grad-cam/{alpha:?}/{SIDE}"),
                Box::new(GradCam::new()),
            ),
        ];
        for (id, method) in methods {
            group.bench_function(id, |b| {
                b.iter(|| method.attribute(&model, black_box(&pixels)).expect("sound"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
