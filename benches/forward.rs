//! Images a second through the whole net, 224 px, from bytes to logits: the compiled engine beside Burn's `flex`.
//! On all cores; `RAYON_NUM_THREADS=1` for one. `peers/engines.py` asks the same of other runtimes.

use std::hint::black_box;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::Device;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mobilenet::{ImageBatch, MobileNetConfig};

fn forward(criterion: &mut Criterion) {
    let device = Device::flex();
    for alpha in [0.25, 1.0] {
        let config = MobileNetConfig::new().with_alpha(alpha);
        let net = config.init(&device).expect("a net").freeze();
        let compiled = net.compile().expect("this processor");
        for batch in [1, 8, 32] {
            let shape = [batch, 224, 224];
            let bytes: Vec<u8> = (0..batch * 224 * 224 * 3)
                .map(|i| (i * 7919 % 256) as u8)
                .collect();
            let pixels = ImageBatch::from_u8(&bytes, shape).expect("pixels");
            let mut group =
                criterion.benchmark_group(format!("forward/alpha_{alpha}/batch_{batch}"));
            group
                .sample_size(10)
                .warm_up_time(Duration::from_secs(1))
                .measurement_time(Duration::from_secs(4))
                .throughput(Throughput::Elements(batch as u64));
            group.bench_function("compiled", |b| {
                b.iter(|| black_box(compiled.logits(&pixels)));
            });
            group.bench_function("burn_flex", |b| {
                b.iter(|| {
                    let input = net.input(&bytes, shape, &device).expect("an input");
                    black_box(net.forward(input).expect("logits").into_data())
                });
            });
            group.finish();
        }
    }
}

criterion_group!(benches, forward);
criterion_main!(benches);
