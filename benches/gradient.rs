//! Images a second whose gradient with respect to the pixels is taken, alpha 1.0, 224 px: the compiled engine beside
//! Burn's autodiff on `flex`. `peers/engines.py --task gradient` asks the same of PyTorch.

use std::hint::black_box;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::Device;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mobilenet::{GradientOptions, ImageBatch, Layer, MobileNetConfig};

fn gradient(criterion: &mut Criterion) {
    let device = Device::flex();
    let net = MobileNetConfig::new()
        .init(&device)
        .expect("a net")
        .freeze();
    let compiled = net.compile().expect("this processor");
    for batch in [1, 8] {
        let shape = [batch, 224, 224];
        let bytes: Vec<u8> = (0..batch * 224 * 224 * 3)
            .map(|i| (i * 7919 % 256) as u8)
            .collect();
        let pixels = ImageBatch::from_u8(&bytes, shape).expect("pixels");
        let mut group = criterion.benchmark_group(format!("gradient/alpha_1/batch_{batch}"));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_secs(1))
            .measurement_time(Duration::from_secs(5))
            .throughput(Throughput::Elements(batch as u64));
        group.bench_function("compiled", |b| {
            b.iter(|| {
                let options = GradientOptions::new(Layer::Logits);
                black_box(
                    compiled.pixel_gradients(&pixels, options, |_, _, gradient| gradient[0] = 1.0),
                )
            });
        });
        group.bench_function("burn_flex", |b| {
            b.iter(|| {
                let input = net.input(&bytes, shape, &device.clone().autodiff());
                let input = input.expect("an input").require_grad();
                let logits = net.forward(input.clone()).expect("logits");
                let gradients = logits.narrow(1, 0, 1).sum().backward();
                black_box(input.grad(&gradients).map(|gradient| gradient.into_data()))
            });
        });
        group.finish();
    }
}

criterion_group!(benches, gradient);
criterion_main!(benches);
