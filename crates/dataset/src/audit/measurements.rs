//! What is measured of one image.

use std::path::Path;

use image::RgbImage;
use sha2::{Digest, Sha256};

use super::finding::{Finding, Kind};
use super::fingerprint::Fingerprint;
use super::small_copy::{details, small_copy};
use crate::decode::{DecodeOptions, ImageFormat, decode, jpeg_size};
use crate::difference_hash::difference_hash;
use crate::error::Error;
use crate::filters::rgb2gray;
use crate::memory::bounded;
use crate::problem::ImageProblem;
use crate::thumbnail::thumbnail;

/// Extensions of formats that are not decoded: a phone or a program may have given them to a JPEG.
const FOREIGN: [&str; 14] = [
    "arw", "avif", "cr2", "cr3", "dng", "heic", "heif", "jp2", "jxl", "nef", "pdf", "psd", "svg",
    "xcf",
];

/// What the audit keeps of an image that can be decoded: about 550 bytes, whatever its size.
pub(super) struct Image<'a> {
    pub(super) path: &'a Path,
    /// Index of the folder that the image is in.
    pub(super) subset: usize,
    pub(super) class: &'a str,
    /// How it is decoded.
    options: &'a DecodeOptions,
    pub(super) digest: [u8; 32],
    /// The difference hash.
    pub(super) hash: u64,
    /// Of the details; `None` if there are none, so that the image resembles no other.
    pub(super) fingerprint: Option<Fingerprint>,
}

impl<'a> Image<'a> {
    /// Reads and measures the image at `path`: what is kept of it, and what is found. A finding alone where it cannot be
    /// decoded.
    pub(super) fn of(
        path: &'a Path,
        subset: usize,
        class: &'a str,
        options: &'a DecodeOptions,
    ) -> Result<(Self, Vec<Finding>), Finding> {
        with_image(path, options, |bytes, image, size| {
            let small = small_copy(image);
            let (mean, deviation) = spread(&small);
            let measurements = Measurements {
                path,
                format: ImageFormat::sniff(bytes),
                size,
                mean,
                deviation,
                sharpness: sharpness(&thumbnail(image, 256)),
            };
            let kept = Self {
                path,
                subset,
                class,
                options,
                digest: Sha256::digest(bytes).into(),
                hash: difference_hash(image),
                fingerprint: details(&small).map(|details| Fingerprint::of(&details)),
            };
            (kept, measurements.findings())
        })
    }

    /// The small copy, from the file once more; a finding where that has become impossible.
    pub(super) fn small_copy(&self) -> Result<RgbImage, Finding> {
        with_image(self.path, self.options, |_, image, _| small_copy(image))
    }
}

/// Calls `look` with the bytes of an image file, the image, and its size as it is stored; a finding where it cannot be
/// decoded.
fn with_image<T>(
    path: &Path,
    options: &DecodeOptions,
    look: impl Fn(&[u8], &RgbImage, (u32, u32)) -> T,
) -> Result<T, Finding> {
    let unreadable = |error: Error| Finding {
        kind: Kind::Unreadable,
        paths: vec![path.to_path_buf()],
        detail: match error {
            Error::Image { bytes, problem, .. } => {
                format!("{problem} ({bytes} bytes)")
            }
            error => error.to_string(),
        },
    };
    let bytes = options.read(path).map_err(unreadable)?;
    let decoded = |options: &DecodeOptions| {
        let image = decode(&bytes, options)?;
        let stored = jpeg_size(&bytes).filter(|_| options.reduce_to.is_some());
        Ok(look(&bytes, &image, stored.unwrap_or(image.dimensions())))
    };
    let looked = match bounded(options, decoded) {
        // Photographs of 200 megapixels are used, but at a reduced size.
        Err(Error::Image {
            problem: ImageProblem::OverLimit { .. },
            ..
        }) if ImageFormat::sniff(&bytes) == Some(ImageFormat::Jpeg) => {
            bounded(&options.clone().with_reduce_to(Some(512)), decoded)
        }
        looked => looked,
    };
    looked.map_err(unreadable)
}

/// What is measured of one image by itself.
struct Measurements<'a> {
    path: &'a Path,
    format: Option<ImageFormat>,
    size: (u32, u32),
    mean: f64,
    deviation: f64,
    sharpness: f64,
}

impl Measurements<'_> {
    fn findings(&self) -> Vec<Finding> {
        let (w, h) = self.size;
        let (short, long) = (w.min(h), w.max(h));
        let mut found = Vec::new();
        let mut add = |kind, detail: String| {
            found.push(Finding {
                kind,
                paths: vec![self.path.to_path_buf()],
                detail,
            });
        };
        if let Some(format) = self.format
            && let Some(extension) = self.other_extension(format)
        {
            add(
                Kind::WrongExtension,
                format!("named .{extension}, but it is a {format}"),
            );
        }
        if short < 32 {
            add(Kind::Tiny, format!("{w} x {h} pixels"));
        }
        if f64::from(long) > 4.0 * f64::from(short) {
            add(Kind::AspectRatio, format!("{w} x {h} pixels"));
        }
        // One cause gives one finding: an image that is black has no edges either.
        if self.deviation < 3.0 {
            add(
                Kind::OneColor,
                format!("colors deviate by {:.1} levels", self.deviation),
            );
        } else if self.mean < 20.0 {
            add(
                Kind::Dark,
                format!("mean brightness {:.1} of 255", self.mean),
            );
        } else if self.sharpness < 5.0 {
            add(
                Kind::Blurred,
                format!("sharpness {:.2} (below 5)", self.sharpness),
            );
        }
        found
    }

    /// The extension, where it is that of another format.
    fn other_extension(&self, format: ImageFormat) -> Option<String> {
        let extension = self.path.extension()?.to_str()?.to_lowercase();
        let of = |format: ImageFormat| format.extensions().contains(&extension.as_str());
        let other = ImageFormat::ALL.into_iter().any(of) || FOREIGN.contains(&extension.as_str());
        (other && !of(format)).then_some(extension)
    }
}

/// Mean brightness, and the largest standard deviation of the three channels.
fn spread(image: &RgbImage) -> (f64, f64) {
    let count = f64::from(image.width() * image.height());
    let moments = [0, 1, 2].map(|channel| {
        let values = || image.pixels().map(move |p| f64::from(p.0[channel]));
        let mean = values().sum::<f64>() / count;
        (
            mean,
            (values().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count).sqrt(),
        )
    });
    let mean = moments.iter().map(|(mean, _)| mean).sum::<f64>() / 3.0;
    (
        mean,
        moments
            .iter()
            .fold(0.0, |most, (_, deviation)| deviation.max(most)),
    )
}

/// The mean magnitude of the largest hundredth of the Laplacian. One sharp edge is enough, so that a boat before a plain
/// sky counts as sharp.
fn sharpness(image: &RgbImage) -> f64 {
    let gray = rgb2gray(image);
    let (w, h) = gray.dimensions();
    let at = |x: u32, y: u32| f64::from(gray.get_pixel(x, y).0[0]);
    let mut edges = Vec::new();
    for y in 1..h.saturating_sub(1) {
        for x in 1..w.saturating_sub(1) {
            let around = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
            edges.push((4.0 * at(x, y) - around).abs());
        }
    }
    if edges.is_empty() {
        return f64::INFINITY;
    }
    edges.sort_by(|a, b| b.total_cmp(a));
    let most = edges.len().div_ceil(100);
    edges[..most].iter().sum::<f64>() / most as f64
}
