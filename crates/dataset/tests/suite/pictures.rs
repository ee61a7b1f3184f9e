//! Filters, thumbnails, contact sheets.

use std::fs;

use dataset::thumbnail::{contact_sheet, thumbnail, write_thumbnail};
use dataset::{DecodeOptions, GrayImage, RgbImage, decode, filters};
use image::ImageFormat;

use crate::common::{encode, gradient, put};

/// What scikit-image makes of a picture (see `filters.py`).
#[test]
fn filters_equal_scikit_image_to_a_level() {
    let bytes = include_bytes!("../fixtures/filters.bin");
    let (width, height) = (40, 32);
    let pixels = (width * height) as usize;
    let (rgb, theirs) = bytes.split_at(3 * pixels);
    let image = RgbImage::from_raw(width, height, rgb.to_vec()).unwrap();
    let gray = filters::rgb2gray(&image);
    let ours: [GrayImage; 5] = [
        gray.clone(),
        filters::equalize_hist(&gray),
        filters::adjust_gamma(&gray, 0.5),
        filters::adjust_gamma(&gray, 2.0),
        filters::adjust_log(&gray),
    ];
    assert_eq!(theirs.len(), 5 * pixels);
    for (name, (ours, theirs)) in ["gray", "equalized", "gamma 0.5", "gamma 2", "log"]
        .iter()
        .zip(ours.iter().zip(theirs.chunks_exact(pixels)))
    {
        let worst = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst.unwrap() <= 1, "{name}: {worst:?} levels");
    }
}

#[test]
fn thumbnails_fit_keep_their_aspect_and_are_antialiased() {
    for ((width, height), side, expected) in [
        ((400, 300), 100, (100, 75)),
        ((300, 400), 100, (75, 100)),
        ((5000, 3), 100, (100, 1)),
        ((50, 40), 100, (50, 40)),
        ((50, 40), 0, (50, 40)),
    ] {
        let small = thumbnail(&gradient(width, height), side);
        assert_eq!(small.dimensions(), expected, "{width} x {height} to {side}");
    }
    // Lines of one pixel become gray, not black or white.
    let lines = RgbImage::from_fn(400, 400, |x, _| [255 * (x % 2) as u8; 3].into());
    let small = thumbnail(&lines, 100);
    assert!(small.iter().all(|v| (96..=160).contains(v)));
}

#[test]
fn written_thumbnails_are_upright_jpegs_of_the_quality_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("turned.png");
    put(&from, include_bytes!("../fixtures/turned.png"));
    let size = |quality: u8| {
        let to = dir.path().join(format!("new folder/{quality}.jpg"));
        write_thumbnail(&from, &to, 12, quality).unwrap();
        let bytes = fs::read(&to).unwrap();
        let small = decode(&bytes, &DecodeOptions::default()).unwrap();
        // Stored as 64 x 48, to be turned by a quarter.
        assert_eq!(small.dimensions(), (9, 12));
        bytes.len()
    };
    assert!(size(20) < size(95));
    let refused = write_thumbnail(&from, dir.path().join("x.jpg"), 12, 0).unwrap_err();
    assert!(refused.to_string().contains("1 to 100"), "{refused}");
}

#[cfg(unix)]
#[test]
fn written_files_can_be_read_by_whom_the_umask_allows() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain");
    put(&plain, b"as the system makes files");
    let from = dir.path().join("x.png");
    put(&from, encode(&gradient(8, 8), ImageFormat::Png));
    let written = dir.path().join("x.jpg");
    write_thumbnail(&from, &written, 4, 90).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(written), mode(plain));
}

#[test]
fn a_contact_sheet_shows_each_picture_in_its_cell() {
    let colors = [[200, 0, 0], [0, 200, 0], [0, 0, 200]];
    let images: Vec<RgbImage> = colors
        .iter()
        .map(|&color| RgbImage::from_pixel(40, 20, color.into()))
        .collect();
    let sheet = contact_sheet(&images, 2, 16);
    assert_eq!(sheet.dimensions(), (4 + 2 * 20, 4 + 2 * 20));
    for (at, color) in [(12, 12), (32, 12), (12, 32)].into_iter().zip(colors) {
        assert_eq!(sheet.get_pixel(at.0, at.1).0, color);
    }
    assert_eq!(sheet.get_pixel(32, 32).0, [255; 3], "an empty cell");
    assert_eq!(sheet.get_pixel(12, 5).0, [255; 3], "above a wide picture");
    assert_eq!(contact_sheet(&[], 0, 0).dimensions(), (9, 4));
}
