//! File bytes to 224 x 224 pixels, one thread: thumbnails as they are, larger pictures decoded whole and at the reduced
//! size that is enough. Photographs are 4:2:0, as cameras write them, but for the one that says otherwise.
//! `benches/peers/decode_resize.py` of the workspace does the same in Pillow, on the files that `DECODE_RESIZE_DIR`
//! names, which this bench writes where they are missing.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::{env, fs};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dataset::sample::{Subject, draw};
use dataset::{DecodeOptions, PixelLoader, ResizePolicy};
use image::imageops::{FilterType, resize};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Folder, width (the height is three quarters of it), sampling, progressive, count.
const PICTURES: [(&str, u16, SamplingFactor, bool, u64); 6] = [
    ("thumbnails_224x168", 224, SamplingFactor::F_2_2, false, 64),
    ("photographs_0.5mp", 800, SamplingFactor::F_2_2, false, 16),
    ("photographs_2mp", 1600, SamplingFactor::F_2_2, false, 8),
    ("photographs_12mp", 4000, SamplingFactor::F_2_2, false, 4),
    (
        "photographs_12mp_444",
        4000,
        SamplingFactor::F_1_1,
        false,
        4,
    ),
    (
        "photographs_12mp_progressive",
        4000,
        SamplingFactor::F_2_2,
        true,
        4,
    ),
];

/// Writes drawn JPEGs of quality 90.
fn write(
    folder: &Path,
    (_, width, sampling, progressive, count): (&str, u16, SamplingFactor, bool, u64),
) {
    fs::create_dir_all(folder).expect("a folder");
    for index in 0..count {
        let path = folder.join(format!("{index}.jpg"));
        if path.exists() {
            continue;
        }
        let image = draw(Subject::ALL[index as usize % 2], index, 1);
        let height = width * 3 / 4;
        let mut image = resize(&image, width.into(), height.into(), FilterType::CatmullRom);
        // Sensor noise: without it the file would be smaller than any photograph.
        let mut state = 1_u32;
        for value in image.iter_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = value.saturating_add((state >> 29) as u8);
        }
        let mut encoder = Encoder::new_file(&path, 90).expect("a file");
        encoder.set_sampling_factor(sampling);
        encoder.set_progressive(progressive);
        encoder
            .encode(image.as_raw(), width, height, ColorType::Rgb)
            .expect("a JPEG");
    }
}

fn decode_resize(criterion: &mut Criterion) {
    let root = env::var_os("DECODE_RESIZE_DIR")
        .map_or_else(|| env::temp_dir().join("decode_resize"), PathBuf::from);
    let reduced = PixelLoader::new(ResizePolicy::Squash, 224);
    let whole = reduced
        .clone()
        .with_decode_options(DecodeOptions::default());
    let mut group = criterion.benchmark_group("decode_resize_224");
    group.sample_size(10);
    for pictures in PICTURES {
        let (name, _, _, _, count) = pictures;
        let folder = root.join(name);
        write(&folder, pictures);
        group.throughput(Throughput::Elements(count));
        for (how, loader) in [("whole", &whole), ("reduced", &reduced)] {
            group.bench_function(format!("{name}_n{count}/{how}"), |bench| {
                bench.iter(|| {
                    for index in 0..count {
                        let path = folder.join(format!("{index}.jpg"));
                        black_box(loader.load(path).expect("a picture"));
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, decode_resize);
criterion_main!(benches);
