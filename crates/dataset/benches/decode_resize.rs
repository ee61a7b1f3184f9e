//! File bytes to 224 x 224 pixels, one thread: thumbnails, and photographs of 12 megapixels with
//! and without decoding at reduced size. `benches/peers/decode_resize.py` of the workspace does the same in Pillow, on the
//! files that `DECODE_RESIZE_DIR` names, which this bench writes where they are missing.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::{env, fs};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dataset::sample::{Subject, draw};
use dataset::{DecodeOptions, PixelLoader, ResizePolicy};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};

/// Writes drawn JPEGs of a width; quality 90.
fn photographs(folder: &Path, width: u32, count: u64) -> Vec<PathBuf> {
    fs::create_dir_all(folder).expect("a folder");
    (0..count)
        .map(|index| {
            let path = folder.join(format!("{index}.jpg"));
            if !path.exists() {
                let image = draw(Subject::ALL[index as usize % 2], index, 1);
                let mut image = resize(&image, width, width * 3 / 4, FilterType::CatmullRom);
                // Sensor noise: without it the file would be smaller than any photograph.
                let mut state = 1_u32;
                for value in image.iter_mut() {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *value = value.saturating_add((state >> 29) as u8);
                }
                let mut jpeg = Vec::new();
                JpegEncoder::new_with_quality(&mut jpeg, 90)
                    .encode_image(&image)
                    .expect("a JPEG");
                fs::write(&path, jpeg).expect("a file");
            }
            path
        })
        .collect()
}

fn decode_resize(criterion: &mut Criterion) {
    let folder = env::var_os("DECODE_RESIZE_DIR")
        .map_or_else(|| env::temp_dir().join("decode_resize"), PathBuf::from);
    let thumbnails = photographs(&folder.join("224"), 224, 64);
    let large = photographs(&folder.join("4000"), 4000, 4);
    let reduced = PixelLoader::new(ResizePolicy::Squash, 224);
    let whole = reduced
        .clone()
        .with_decode_options(DecodeOptions::default());
    let mut group = criterion.benchmark_group("decode_resize_224");
    group.sample_size(10);
    for (name, loader, paths) in [
        ("thumbnails_224x168_n64", &whole, &thumbnails),
        ("photographs_12mp_n4_whole", &whole, &large),
        ("photographs_12mp_n4_reduced", &reduced, &large),
    ] {
        group.throughput(Throughput::Elements(paths.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| {
                for path in paths {
                    black_box(loader.load(path).expect("a picture"));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode_resize);
criterion_main!(benches);
