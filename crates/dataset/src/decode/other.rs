//! PNG, GIF, WebP and BMP, decoded by the `image` crate.

use std::io::{Cursor, ErrorKind};

use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage};

use super::format::ImageFormat;
use super::options::DecodeOptions;
use super::orientation;
use crate::problem::ImageProblem;

pub(super) fn decode(
    bytes: &[u8],
    format: ImageFormat,
    options: &DecodeOptions,
) -> Result<RgbImage, ImageProblem> {
    let problem = |error: ImageError| problem(format, error);
    let mut limits = Limits::default();
    // The largest pixel is RGBA of 16 bits; a decoder has at most the image and a copy in memory.
    limits.max_alloc = Some(options.max_pixels.saturating_mul(16).max(1 << 24));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), of_image_crate(format));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(problem)?;
    let (width, height) = decoder.dimensions();
    options.check_size(width, height)?;
    if width == 0 || height == 0 {
        let message = format!("a picture of {width} x {height} pixels");
        return Err(ImageProblem::broken(format, message));
    }
    // What the file has, and RGB if that is something else.
    let rgb = match decoder.color_type() {
        ColorType::Rgb8 => 0,
        // These become 8-bit RGBA first.
        ColorType::La16 | ColorType::Rgba16 | ColorType::La8 => 7,
        _ => 3,
    };
    let pixels = u64::from(width) * u64::from(height);
    options.check_memory(decoder.total_bytes().saturating_add(pixels * rgb))?;
    let orientation = match format {
        _ if !options.upright => image::metadata::Orientation::NoTransforms,
        ImageFormat::Png => orientation::of_png(bytes),
        // The pixels are good even if the EXIF block is broken.
        _ => decoder
            .exif_metadata()
            .ok()
            .flatten()
            .map_or(image::metadata::Orientation::NoTransforms, |exif| {
                orientation::of_exif(&exif)
            }),
    };
    let image = DynamicImage::from_decoder(decoder).map_err(problem)?;
    let rgb = if image.color().has_alpha() {
        lay_over(&image.into_rgba8(), options.background)
    } else {
        image.into_rgb8()
    };
    Ok(orientation::turn(rgb, orientation))
}

fn lay_over(image: &image::RgbaImage, background: [u8; 3]) -> RgbImage {
    let mut rgb = RgbImage::new(image.width(), image.height());
    for (to, from) in rgb.pixels_mut().zip(image.pixels()) {
        let [r, g, b, alpha] = from.0.map(u32::from);
        let over = |value: u32, behind: u8| {
            ((value * alpha + u32::from(behind) * (255 - alpha) + 127) / 255) as u8
        };
        to.0 = [
            over(r, background[0]),
            over(g, background[1]),
            over(b, background[2]),
        ];
    }
    rgb
}

fn of_image_crate(format: ImageFormat) -> image::ImageFormat {
    match format {
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::Gif => image::ImageFormat::Gif,
        ImageFormat::WebP => image::ImageFormat::WebP,
        ImageFormat::Bmp => image::ImageFormat::Bmp,
    }
}

fn problem(format: ImageFormat, error: ImageError) -> ImageProblem {
    match error {
        ImageError::IoError(io) if io.kind() == ErrorKind::UnexpectedEof => {
            ImageProblem::Truncated { format }
        }
        error => ImageProblem::refused(format, &error.to_string(), error),
    }
}
