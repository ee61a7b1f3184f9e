//! All formats but JPEG, decoded by the `image` crate.

use std::io::{Cursor, ErrorKind};

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage};

use super::format::ImageFormat;
use super::options::DecodeOptions;
#[cfg(feature = "tiff")]
use super::tiff;
use super::{bmp, orientation, png, webp};
use crate::problem::ImageProblem;

/// What a decoder may allocate beside what it needs for the pixels, in bytes: tables, and buffers of rows.
const BESIDE_PIXELS: u64 = 16 << 20;

pub(super) fn decode(
    bytes: &[u8],
    format: ImageFormat,
    options: &DecodeOptions,
) -> Result<RgbImage, ImageProblem> {
    #[cfg(feature = "tiff")]
    if format == ImageFormat::Tiff
        && let Some(decoded) = tiff::decode(bytes, options)
    {
        return decoded;
    }
    let problem = |error: ImageError| problem(format, error);
    let orientation = match format {
        ImageFormat::Png if options.upright => png::orientation(bytes),
        ImageFormat::WebP if options.upright => webp::orientation(bytes),
        // TIFF is asked below; the others have none.
        _ => Orientation::NoTransforms,
    };
    if format == ImageFormat::WebP && webp::is_cut_short(bytes) {
        return Err(ImageProblem::Truncated { format });
    }
    let used = match format {
        ImageFormat::Png => png::without_unused(bytes),
        ImageFormat::Bmp => bmp::in_windows_form(bytes),
        _ => bytes.into(),
    };
    let mut reader = ImageReader::with_format(Cursor::new(used.as_ref()), of_image_crate(format));
    reader.limits(limits(options.max_pixels));
    let mut decoder = reader.into_decoder().map_err(problem)?;
    let orientation = match format {
        ImageFormat::Tiff if options.upright => decoder.orientation().map_err(problem)?,
        _ => orientation,
    };
    let (width, height) = decoder.dimensions();
    options.check_size(width, height)?;
    if width == 0 || height == 0 {
        let message = format!("a picture of {width} x {height} pixels");
        return Err(ImageProblem::broken(format, message));
    }
    if format == ImageFormat::WebP
        && let Some((w, h)) = webp::lossy_size(bytes)
        && (w > width || h > height)
    {
        let message = format!("a frame of {w} x {h} pixels in a picture of {width} x {height}");
        return Err(ImageProblem::broken(format, message));
    }
    let pixels = u64::from(width) * u64::from(height);
    options.check_memory(memory(&decoder, format, pixels))?;
    // From here on the limit is that of this picture: frames of a GIF may be larger than the GIF.
    decoder.set_limits(limits(pixels)).map_err(problem)?;
    let image = DynamicImage::from_decoder(decoder).map_err(problem)?;
    let rgb = if image.color().has_alpha() {
        lay_over(&image.into_rgba8(), options.background)
    } else {
        image.into_rgb8()
    };
    Ok(orientation::turn(rgb, orientation))
}

/// What a decoder may allocate for a picture of so many pixels. The largest pixel is RGBA of 16 bits; a decoder has at
/// most the image and a copy in memory.
fn limits(pixels: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(pixels.saturating_mul(16).saturating_add(BESIDE_PIXELS));
    limits
}

/// The most memory that decoding a picture takes at a time, in bytes.
fn memory(decoder: &impl ImageDecoder, format: ImageFormat, pixels: u64) -> u64 {
    // What the file has, and RGB if that is something else.
    let rgb = match decoder.color_type() {
        ColorType::Rgb8 => 0,
        // These become 8-bit RGBA first.
        ColorType::La16 | ColorType::Rgba16 | ColorType::La8 => 7,
        _ => 3,
    };
    // What the decoders have beside: a frame, a canvas and a plane of alpha.
    let beside = match format {
        ImageFormat::WebP => 8,
        ImageFormat::Gif => 4,
        _ => 0,
    };
    let each = rgb + beside;
    decoder
        .total_bytes()
        .saturating_add(pixels.saturating_mul(each))
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
        ImageFormat::Tiff => image::ImageFormat::Tiff,
        ImageFormat::Pnm => image::ImageFormat::Pnm,
        ImageFormat::Qoi => image::ImageFormat::Qoi,
        ImageFormat::Ico => image::ImageFormat::Ico,
        ImageFormat::Tga => image::ImageFormat::Tga,
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
