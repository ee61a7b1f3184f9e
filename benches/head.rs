//! Training a head on 1,342 embeddings of 1,024 values, two classes; `peers/head.py` does the
//! same work with NumPy and scikit-learn, and sets its times beside these.

use criterion::{Criterion, criterion_group, criterion_main};
use transfer::head::GradientDescent;
use transfer::{Embeddings, HeadConfig};

const IMAGES: usize = 1342;
const DIM: usize = 1024;

/// Values like those after a ReLU6 and a pool; a tenth of them tell the classes apart.
fn embeddings() -> Embeddings {
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    let targets: Vec<usize> = (0..IMAGES).map(|i| usize::from(i % 5 < 2)).collect();
    let mut values = Vec::with_capacity(IMAGES * DIM);
    for &target in &targets {
        for column in 0..DIM {
            let (u, v) = (random(), random());
            let shift = if column % 10 == 0 {
                0.12 * target as f32
            } else {
                0.0
            };
            values.push(1.5 * u * v + shift);
        }
    }
    Embeddings::new(values, DIM, targets).expect("sound by construction")
}

fn bench(criterion: &mut Criterion) {
    let training = embeddings();
    let mut group = criterion.benchmark_group(format!("head/{IMAGES}x{DIM}"));
    group.sample_size(10);
    let parity = HeadConfig::new().with_recipe(GradientDescent::parity());
    group.bench_function("parity_4000_steps_of_100", |b| {
        b.iter(|| parity.training(&training).fit().expect("sound"));
    });
    let converged = HeadConfig::new();
    group.bench_function("converged_cross_validated", |b| {
        b.iter(|| converged.training(&training).fit().expect("sound"));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
