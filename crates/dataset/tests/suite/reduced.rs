//! JPEGs decoded at a fraction of their size.

use std::fs;
use std::path::{Path, PathBuf};

use dataset::{DecodeOptions, RgbImage, decode};

use crate::common::shared;

const SIZE: (u32, u32) = (187, 154);

/// A photograph in every sampling, order and mode (see `reduced.py`), and what Pillow makes of it.
fn fixtures() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reduced");
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jpg"));
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let theirs = fs::read(path.with_extension("rgb")).unwrap();
        (name, fs::read(path).unwrap(), theirs)
    };
    paths.iter().map(read).collect()
}

/// Decoded at 1 / `fraction`.
fn reduced(bytes: &[u8], fraction: u32) -> RgbImage {
    let whole = decode(bytes, &DecodeOptions::default()).unwrap();
    let side = whole.width().min(whole.height()).div_ceil(fraction);
    let image = decode(bytes, &DecodeOptions::default().with_reduce_to(Some(side))).unwrap();
    let expected = (
        whole.width().div_ceil(fraction),
        whole.height().div_ceil(fraction),
    );
    assert_eq!(image.dimensions(), expected);
    image
}

/// The means of squares of pixels.
fn means(image: &RgbImage, side: u32) -> Vec<u8> {
    let (width, height) = image.dimensions();
    let mean = |x: u32, y: u32, channel: usize| {
        let pixels = (y * side..height.min((y + 1) * side))
            .flat_map(|y| (x * side..width.min((x + 1) * side)).map(move |x| (x, y)));
        let values = pixels.map(|(x, y)| f64::from(image.get_pixel(x, y).0[channel]));
        let (count, sum) = values.fold((0.0, 0.0), |(n, sum), value| (n + 1.0, sum + value));
        (sum / count).round() as u8
    };
    (0..height.div_ceil(side))
        .flat_map(|y| (0..width.div_ceil(side)).flat_map(move |x| [0, 1, 2].map(|c| mean(x, y, c))))
        .collect()
}

/// Mean and largest difference.
fn difference(ours: &[u8], theirs: &[u8]) -> (f64, u8) {
    assert_eq!(ours.len(), theirs.len());
    let differences = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = differences.clone().map(u64::from).sum();
    (sum as f64 / ours.len() as f64, differences.max().unwrap())
}

#[test]
fn every_kind_of_jpeg_is_reduced_as_by_averaging_and_as_by_pillow() {
    for (name, bytes, theirs) in fixtures() {
        let whole = decode(&bytes, &DecodeOptions::default()).unwrap();
        assert_eq!(whole.dimensions(), SIZE, "{name}");
        for fraction in [8, 4] {
            // Colors are half as sharp, or less, where they are in one direction only or the picture is progressive.
            let levels = match name.as_str() {
                "411" => 2.5,
                "420_progressive" | "422" | "440" => 2.25,
                _ if fraction == 8 => 1.0,
                _ => 2.0,
            };
            // A progressive picture at 1/4 is left to the decoder of whole ones.
            if fraction == 4 && name.contains("progressive") {
                let options = DecodeOptions::default().with_reduce_to(Some(30));
                assert_eq!(decode(&bytes, &options).unwrap(), whole, "{name}");
                continue;
            }
            let ours = reduced(&bytes, fraction);
            let (to_means, _) = difference(&ours, &means(&whole, fraction));
            eprintln!("{name} 1/{fraction}: {to_means:.2} levels from the means");
            assert!(to_means < levels, "{name} 1/{fraction}: {to_means}");
            if fraction == 8 {
                let (to_pillow, _) = difference(&ours, &theirs);
                eprintln!("{name} 1/8: {to_pillow:.2} levels from Pillow");
                assert!(to_pillow < levels, "{name} 1/8: {to_pillow}");
            }
        }
        // At 1/2 the whole picture is as fast.
        let options = DecodeOptions::default().with_reduce_to(Some(77));
        assert_eq!(decode(&bytes, &options).unwrap(), whole, "{name}");
    }
}

/// Blocks of one color have no other frequency than zero: nothing is lost, and nothing may be moved.
#[test]
fn flat_blocks_are_reduced_to_their_colors() {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor as Factor};

    // So gray that no mixture leaves the range.
    let color = |x: u32, y: u32| [(x * 24 % 64 + 96) as u8, (y * 24 % 64 + 96) as u8, 120];
    for (factor, across, down) in [
        (Factor::F_1_1, 8, 8),
        (Factor::F_2_1, 16, 8),
        (Factor::F_1_2, 8, 16),
        (Factor::F_2_2, 16, 16),
        (Factor::F_4_1, 32, 8),
        (Factor::F_4_2, 32, 16),
        (Factor::F_1_4, 8, 32),
        (Factor::F_2_4, 16, 32),
    ] {
        for (progressive, restart) in [(false, 0), (false, 3), (true, 0), (true, 3)] {
            let image = RgbImage::from_fn(203, 166, |x, y| color(x / across, y / down).into());
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, 100);
            encoder.set_sampling_factor(factor);
            encoder.set_progressive(progressive);
            encoder.set_restart_interval(restart);
            encoder
                .encode(image.as_raw(), 203, 166, ColorType::Rgb)
                .unwrap();
            let ours = reduced(&bytes, 8);
            for (x, y, pixel) in ours.enumerate_pixels() {
                let gray = |[r, g, b]: [u8; 3]| {
                    (299 * i32::from(r) + 587 * i32::from(g) + 114 * i32::from(b)) / 1000
                };
                let expected = color(8 * x / across, 8 * y / down);
                let far = (gray(pixel.0) - gray(expected)).abs();
                assert!(
                    far <= 3,
                    "{factor:?} {progressive} {restart}: {far} at {x}, {y}"
                );
            }
        }
    }
}

#[test]
fn real_thumbnails_are_reduced_as_by_averaging() {
    let Some(folder) = shared("data/boat-cloud/test") else {
        return;
    };
    let folder = dataset::ImageFolder::open(folder).unwrap();
    let (mut worst, mut sum, mut count) = (0.0_f64, 0.0, 0.0);
    for item in folder.images().iter().step_by(5) {
        let bytes = fs::read(&item.path).unwrap();
        let whole = decode(&bytes, &DecodeOptions::default()).unwrap();
        let (mean, _) = difference(&reduced(&bytes, 8), &means(&whole, 8));
        (worst, sum, count) = (worst.max(mean), sum + mean, count + 1.0);
    }
    let mean = sum / count;
    eprintln!("{mean:.2} levels in the mean, {worst:.2} in the worst of {count} thumbnails");
    assert!(mean < 1.5 && worst < 6.0, "{mean}, {worst}");
}
