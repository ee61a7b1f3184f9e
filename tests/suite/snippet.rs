//! The program in Python that an export comes with: its pixels are those that the classifier sees, and its answers are the
//! classifier's. `PYTHON` names a Python with Pillow, NumPy and, for the answers, ONNX Runtime.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use dataset::{ResizeFilter, ResizePolicy};
use image::{DynamicImage, ImageBuffer, ImageEncoder, ImageFormat};
use mobilenet::Weights;
use transfer::export::{Export, PixelInput, WeightsFormat};
use transfer::head::{Dense, Head};
use transfer::retrain::Retrain;
use transfer::{Backbone, Classifier};

use crate::support::{example, run};

/// A Python that can import these, or `None` with a word about what is skipped.
fn python(modules: &str) -> Option<PathBuf> {
    let python = std::env::var_os("PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let import = format!("import {modules}");
    let tried = Command::new(&python).args(["-c", &import]).output();
    if tried.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!(
        "SKIPPED: the Python program of an export: {} cannot import {modules}; set PYTHON",
        python.display()
    );
    None
}

/// Levels that change smoothly in both directions, with some edges.
fn level(x: u32, y: u32, channel: u32) -> u8 {
    let wave = (x * (3 + channel) + y * (5 - channel)) % 256;
    let edge = if (x / 24 + y / 18).is_multiple_of(2) {
        40
    } else {
        0
    };
    (wave.abs_diff(128) + edge) as u8
}

/// EXIF that says how a picture is turned.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    tiff
}

fn with_exif(picture: &DynamicImage, format: ImageFormat, orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (w, h, color) = (picture.width(), picture.height(), picture.color().into());
    let exif = exif(orientation);
    if format == ImageFormat::Png {
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder.set_exif_metadata(exif).unwrap();
        encoder
            .write_image(picture.as_bytes(), w, h, color)
            .unwrap();
    } else {
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
        encoder.set_exif_metadata(exif).unwrap();
        encoder
            .write_image(picture.as_bytes(), w, h, color)
            .unwrap();
    }
    bytes
}

/// Pictures of every kind that a program could take for something else. The names of those that decoders may round in their
/// own way end in `.jpg`.
fn pictures(folder: &Path) -> Vec<PathBuf> {
    let (w, h) = (301, 200);
    let rgb = ImageBuffer::from_fn(w, h, |x, y| image::Rgb([0, 1, 2].map(|c| level(x, y, c))));
    let rgb = DynamicImage::ImageRgb8(rgb);
    let rgba = ImageBuffer::from_fn(w, h, |x, y| {
        image::Rgba([
            level(x, y, 0),
            level(x, y, 1),
            level(x, y, 2),
            (x * 255 / w) as u8,
        ])
    });
    let gray_alpha = ImageBuffer::from_fn(h, w, |x, y| {
        image::LumaA([level(x, y, 0), (y * 255 / w) as u8])
    });
    let deep = ImageBuffer::from_fn(w, h, |x, y| {
        image::Luma([u16::from(level(x, y, 0)) << 8 | u16::from(level(y, x, 1))])
    });
    let gray = rgb.to_luma8();
    let mut written = Vec::new();
    let mut write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        written.push(path);
    };
    for (name, picture) in [
        ("rgb.png", rgb.clone()),
        ("rgba.png", DynamicImage::ImageRgba8(rgba.clone())),
        ("gray-alpha.png", DynamicImage::ImageLumaA8(gray_alpha)),
        ("gray.png", DynamicImage::ImageLuma8(gray)),
        ("gray-16.png", DynamicImage::ImageLuma16(deep)),
        ("rgba.webp", DynamicImage::ImageRgba8(rgba)),
        (
            "one.bmp",
            DynamicImage::ImageRgb8(image::RgbImage::from_pixel(1, 1, image::Rgb([9, 200, 30]))),
        ),
    ] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let format = ImageFormat::from_path(name).unwrap();
        if picture.write_to(&mut bytes, format).is_ok() {
            write(name, bytes.get_ref());
        }
    }
    write("palette.png", &palette());
    write("gray-16.pgm", &pgm_of_16_bits());
    for orientation in [1, 3, 6, 7] {
        let png = with_exif(&rgb, ImageFormat::Png, orientation);
        write(&format!("turned-{orientation}.png"), &png);
        let jpeg = with_exif(&rgb, ImageFormat::Jpeg, orientation);
        write(&format!("turned-{orientation}.jpg"), &jpeg);
    }
    let large = rgb.resize_exact(2400, 1800, image::imageops::FilterType::Triangle);
    write("large.jpg", &with_exif(&large, ImageFormat::Jpeg, 8));
    written
}

/// A PNG with a palette of four colors, of which two are transparent.
fn palette() -> Vec<u8> {
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(data);
        let length = (data.len() as u32).to_be_bytes();
        [&length[..], name, data, &crc.sum().to_be_bytes()].concat()
    };
    let row = |y: u8| (0..64_u8).map(move |x| (x / 16 + y / 24) % 4);
    let rows = (0..48_u8).flat_map(|y| std::iter::once(0).chain(row(y)));
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&rows.collect::<Vec<u8>>()).unwrap();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &[0, 0, 0, 64, 0, 0, 0, 48, 8, 3, 0, 0, 0]),
        chunk(
            b"PLTE",
            &[200, 10, 10, 10, 200, 10, 10, 10, 200, 90, 90, 90],
        ),
        chunk(b"tRNS", &[255, 128, 0]),
        chunk(b"IDAT", &packed.finish().unwrap()),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

fn pgm_of_16_bits() -> Vec<u8> {
    let mut bytes = b"P5\n60 40\n65535\n".to_vec();
    bytes.extend((0..60 * 40_u16).flat_map(|at| (at * 27).to_be_bytes()));
    bytes
}

/// Writes what `load` gives for each picture into a file beside it.
const LOAD: &str = "
import importlib.util, sys
spec = importlib.util.spec_from_file_location('snippet', sys.argv[1])
snippet = importlib.util.module_from_spec(spec)
spec.loader.exec_module(snippet)
for path in sys.argv[2:]:
    snippet.load(path).tofile(path + '.input')
";

/// A snippet's pixels for a picture as levels, `[height, width, 3]`.
fn levels(path: &Path, export: Input) -> Vec<f32> {
    let bytes = fs::read(format!("{}.input", path.display())).unwrap();
    let mut values: Vec<f32> = match export.input {
        PixelInput::Byte => bytes.iter().map(|&level| f32::from(level)).collect(),
        _ => bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&value| f32::from_le_bytes(value))
            .collect(),
    };
    if export.input == PixelInput::Normalized {
        values
            .iter_mut()
            .for_each(|value| *value = *value * 127.5 + 127.5);
    }
    let channels_first = export.input == PixelInput::Normalized
        && matches!(
            export.format,
            WeightsFormat::Onnx | WeightsFormat::TimmSafetensors
        );
    if channels_first {
        let plane = values.len() / 3;
        return (0..values.len())
            .map(|at| values[(at % 3) * plane + at / 3])
            .collect();
    }
    values
}

/// What an export takes.
#[derive(Clone, Copy)]
struct Input {
    format: WeightsFormat,
    input: PixelInput,
}

/// Each policy and filter, and each kind of input: the program sees what the classifier sees.
#[test]
fn the_pixels_are_those_of_the_classifier() {
    use PixelInput::{Byte, Float, Normalized};

    let Some(python) = python("numpy, PIL") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pictures = pictures(folder);
    let weights = Weights::open("bundled").unwrap();
    let backbone = Backbone::new(weights).unwrap();
    let head = || {
        let (inputs, outputs) = (backbone.dim(), 2);
        let layer = Dense::new(inputs, vec![0.0; inputs * outputs], vec![0.0; outputs]);
        Head::new(vec![layer.unwrap()]).unwrap()
    };
    for (resize, filter, format, input) in [
        (
            ResizePolicy::Squash,
            ResizeFilter::Bilinear,
            WeightsFormat::Onnx,
            Normalized,
        ),
        (
            ResizePolicy::Squash,
            ResizeFilter::Bicubic,
            WeightsFormat::FrozenGraph,
            Normalized,
        ),
        (
            ResizePolicy::CenterCrop,
            ResizeFilter::Bilinear,
            WeightsFormat::Onnx,
            Byte,
        ),
        (
            ResizePolicy::CenterCrop,
            ResizeFilter::Bicubic,
            WeightsFormat::TimmSafetensors,
            Normalized,
        ),
        (
            ResizePolicy::Letterbox,
            ResizeFilter::Bilinear,
            WeightsFormat::TfjsLayers,
            Float,
        ),
        (
            ResizePolicy::Tf1Squash,
            ResizeFilter::Bilinear,
            WeightsFormat::FrozenGraph,
            Float,
        ),
    ] {
        let backbone = backbone.clone().with_resize(resize).with_filter(filter);
        let loader = backbone.loader();
        let classes = ["boat", "cloud"].map(String::from).to_vec();
        let classifier = Classifier::new(backbone, head(), classes).unwrap();
        let export = Export::new(&classifier).unwrap().with_input(input);
        let snippet = folder.join("snippet.py");
        fs::write(&snippet, export.snippet(format)).unwrap();
        run(Command::new(&python)
            .args(["-c", LOAD])
            .arg(&snippet)
            .args(&pictures));
        for path in &pictures {
            let what = format!(
                "{resize} {filter:?} {format:?} {}",
                path.file_name().unwrap().display()
            );
            let (ours, theirs) = (
                loader.load(path).unwrap(),
                levels(path, Input { format, input }),
            );
            assert_eq!(ours.len(), theirs.len(), "{what}");
            let off: Vec<f32> = ours
                .iter()
                .zip(&theirs)
                .map(|(a, b)| (f32::from(*a) - b).abs())
                .collect();
            let mean = off.iter().sum::<f32>() / off.len() as f32;
            let most = off.iter().copied().fold(0.0, f32::max);
            eprintln!("{what}: at most {most:.2}, on average {mean:.3} levels off");
            let (mean_limit, most_limit) = if path.extension().unwrap() == "jpg" {
                (0.5, 6.0)
            } else {
                (0.1, 1.01)
            };
            assert!(
                mean <= mean_limit && most <= most_limit,
                "{what}: {most} {mean}"
            );
        }
    }
}

/// What the program prints is what `label_image` says, to the digits that are printed.
#[test]
fn the_answers_are_those_of_the_classifier() {
    let Some(python) = python("numpy, PIL, onnxruntime") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let photos = folder.join("photos");
    dataset::sample::write(&photos, 24, 3).unwrap();
    let mut pictures = pictures(folder);
    let drawn = |class: &str| photos.join(format!("{class}/{class}_00003.jpg"));
    pictures.extend([drawn("boat"), drawn("cloud")]);
    let job = Retrain::new(photos.clone()).run().unwrap();
    job.save(folder.join("classifier.safetensors")).unwrap();
    let mut export = example("export");
    export
        .current_dir(folder)
        .args(["--classifier", "classifier.safetensors"]);
    run(export.args([
        "--format",
        "onnx",
        "--output",
        "net.onnx",
        "--snippet",
        "ask.py",
    ]));
    let mut ask = Command::new(&python);
    let said = run(ask
        .current_dir(folder)
        .args(["ask.py", "net.onnx"])
        .args(&pictures));
    let mut lines = said.lines().peekable();
    for path in &pictures {
        let name = path.display().to_string();
        assert_eq!(lines.next(), Some(&name[..]));
        let none = lines
            .next_if(|line| line.contains("none of the classes"))
            .is_some();
        let pixels = job.classifier.backbone().loader().load(path).unwrap();
        let probabilities = job.classifier.predict(&pixels, 1).unwrap();
        // The open-set test is not exported.
        assert_eq!(
            none,
            job.classifier.decide(&probabilities).is_none(),
            "{name}"
        );
        for expected in job.classifier.rank(&probabilities) {
            let (probability, class) = lines.next().unwrap().trim().split_once("  ").unwrap();
            assert_eq!(class, expected.class, "{name}");
            let off = (probability.parse::<f64>().unwrap() - expected.probability).abs();
            let limit = if path.extension().unwrap() == "jpg" {
                0.02
            } else {
                0.002
            };
            assert!(
                off <= limit,
                "{name}: {class} {probability}, here {}",
                expected.probability
            );
        }
    }
    assert_eq!(lines.next(), None);
}
