//! Images a second from a folder of JPEGs to embeddings, bundled weights, nothing cached: decode, resize and forward
//! overlap. `peers/job.py` does the whole job in Python.

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dataset::{ImageFolder, sample};
use mobilenet::Weights;
use transfer::{Backbone, EmbeddingCache};

const IMAGES: usize = 128;

fn embed(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    sample::write(folder.path(), IMAGES / 2, 1).expect("images");
    let folder = ImageFolder::open(folder.path()).expect("a folder of images");
    let weights = Weights::open("bundled").expect("the bundled weights");
    let backbone = Backbone::new(weights).expect("a backbone");
    let mut group = criterion.benchmark_group(format!("embed/alpha_1/{IMAGES}_thumbnails"));
    group
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(15))
        .throughput(Throughput::Elements(IMAGES as u64));
    group.bench_function("cold_cache", |b| {
        b.iter_batched(
            || EmbeddingCache::temporary().expect("a cache"),
            |cache| {
                backbone
                    .embed(folder.images(), &cache, |_| ())
                    .expect("embeddings")
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, embed);
criterion_main!(benches);
