//! TIFF, as far as the `image` crate does not read it: palettes and floats. The others go to that crate.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ImageBuffer, RgbImage};
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::bands::Bands;
use super::directory::Directory;
use super::format::ImageFormat;
use super::options::DecodeOptions;
use super::orientation;
use crate::problem::ImageProblem;

/// What the decoder may allocate beside the numbers, in bytes: strips and tiles as they are stored.
const BESIDE_PIXELS: u64 = 16 << 20;

const PHOTOMETRIC: u16 = 262;
const PALETTE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;
/// Bands one behind the other.
const PLANAR: u16 = 2;

/// Decodes the first page of a TIFF with a palette or with numbers of 32 bits; `None` for others.
pub(super) fn decode(
    bytes: &[u8],
    options: &DecodeOptions,
) -> Option<Result<RgbImage, ImageProblem>> {
    let indices = as_indices(bytes);
    let mut decoder = Decoder::new(Cursor::new(indices.as_deref().unwrap_or(bytes))).ok()?;
    let kind = decoder.colortype().ok()?;
    let channels = match (kind, &indices) {
        (ColorType::Gray(8), Some(_)) | (ColorType::Gray(32 | 64), None) => 1,
        (ColorType::RGB(32 | 64), None) => 3,
        (_, Some(_)) => return Some(Err(refused("its palette does not have 256 colors"))),
        (ColorType::Multiband { num_samples, .. }, None) => {
            let bands = options.bands.ok_or_else(|| {
                let message = format!(
                    "it has {num_samples} bands; say which are red, green and blue (`DecodeOptions::with_bands`, --bands 3,2,1)"
                );
                refused(message)
            });
            return Some(
                bands.and_then(|bands| read_bands(decoder, num_samples.into(), &bands, options)),
            );
        }
        _ => return None,
    };
    Some(read(decoder, channels, indices.is_some(), options))
}

/// A decoder that stays within the limits, the size of the picture, and how it is turned.
type Prepared<'a> = (Decoder<Cursor<&'a [u8]>>, [u32; 2], Orientation);

fn failed(error: tiff::TiffError) -> ImageProblem {
    ImageProblem::refused(ImageFormat::Tiff, &error.to_string(), error)
}

fn prepared<'a>(
    mut decoder: Decoder<Cursor<&'a [u8]>>,
    channels: usize,
    options: &DecodeOptions,
) -> Result<Prepared<'a>, ImageProblem> {
    let (width, height) = decoder.dimensions().map_err(failed)?;
    options.check_size(width, height)?;
    let pixels = u64::from(width) * u64::from(height);
    // Numbers of up to eight bytes, and levels.
    let bytes = pixels.saturating_mul(9 * channels as u64);
    options.check_memory(bytes.saturating_add(3 * pixels))?;
    let mut limits = Limits::default();
    let most = bytes.saturating_add(BESIDE_PIXELS);
    limits.decoding_buffer_size = usize::try_from(most).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    decoder = decoder.with_limits(limits);
    let turned = match decoder.find_tag(Tag::Orientation).map_err(failed)? {
        Some(value) if options.upright => {
            let value = value.into_u16().unwrap_or(1).min(255) as u8;
            Orientation::from_exif(value).unwrap_or(Orientation::NoTransforms)
        }
        _ => Orientation::NoTransforms,
    };
    Ok((decoder, [width, height], turned))
}

/// Three bands of a picture with several.
fn read_bands(
    decoder: Decoder<Cursor<&[u8]>>,
    count: usize,
    bands: &Bands,
    options: &DecodeOptions,
) -> Result<RgbImage, ImageProblem> {
    let rgb = bands.rgb().map(usize::from);
    if let Some(band) = rgb.iter().find(|band| **band > count) {
        return Err(refused(format!("it has {count} bands, and no band {band}")));
    }
    let (mut decoder, [width, height], turned) = prepared(decoder, count, options)?;
    let bytes = matches!(decoder.colortype(), Ok(kind) if kind.bit_depth() == 8);
    let mut numbers = DecodingResult::U8(Vec::new());
    // Unlike `read_image`, it reads bands that are stored one behind the other, too.
    decoder.read_image_to_buffer(&mut numbers).map_err(failed)?;
    let planes = decoder.find_tag(Tag::PlanarConfiguration).map_err(failed)?;
    let planar = planes.is_some_and(|value| value.into_u16().is_ok_and(|value| value == PLANAR));
    let numbers = as_f64(numbers)?;
    let pixels = width as usize * height as usize;
    if numbers.len() != count * pixels {
        return Err(refused("fewer numbers than its size says"));
    }
    let at = |pixel: usize, band: usize| {
        if planar {
            numbers[(band - 1) * pixels + pixel]
        } else {
            numbers[pixel * count + band - 1]
        }
    };
    let values = (0..pixels).flat_map(|pixel| rgb.map(|band| at(pixel, band)));
    let [black, white] = match bands.range() {
        Some(range) => range,
        None if bytes => [0.0, 255.0],
        None => {
            let (least, most) = values.fold(
                (f64::INFINITY, f64::NEG_INFINITY),
                |(least, most), value| (least.min(value), most.max(value)),
            );
            return Err(refused(format!(
                "its bands {bands} have numbers from {least} to {most}; say which are black and white, as --bands {bands}:0-{most}"
            )));
        }
    };
    // What is no number, such as a gap between two pictures, is black.
    let level = |value: f64| {
        (255.0 * (value - black) / (white - black))
            .clamp(0.0, 255.0)
            .round() as u8
    };
    let image = ImageBuffer::from_raw(width, height, values.map(level).collect());
    let image = image.ok_or_else(|| refused("fewer pixels than its size says"))?;
    Ok(orientation::turn(image, turned))
}

fn as_f64(numbers: DecodingResult) -> Result<Vec<f64>, ImageProblem> {
    fn wide<T: Into<f64>>(values: Vec<T>) -> Vec<f64> {
        values.into_iter().map(Into::into).collect()
    }
    Ok(match numbers {
        DecodingResult::U8(values) => wide(values),
        DecodingResult::U16(values) => wide(values),
        DecodingResult::U32(values) => wide(values),
        DecodingResult::I8(values) => wide(values),
        DecodingResult::I16(values) => wide(values),
        DecodingResult::I32(values) => wide(values),
        DecodingResult::F32(values) => wide(values),
        DecodingResult::F64(values) => values,
        _ => return Err(refused("its numbers are of a type that is not read")),
    })
}

fn read(
    decoder: Decoder<Cursor<&[u8]>>,
    channels: usize,
    palette: bool,
    options: &DecodeOptions,
) -> Result<RgbImage, ImageProblem> {
    let (mut decoder, [width, height], turned) = prepared(decoder, channels, options)?;
    let pixels = u64::from(width) * u64::from(height);
    let numbers = decoder.read_image().map_err(failed)?;
    let levels = match (numbers, palette) {
        (DecodingResult::U8(indices), true) => {
            let colors = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(failed)?;
            of_palette(&indices, &colors)?
        }
        (numbers, _) => levels(as_f64(numbers)?)?,
    };
    let rgb: Vec<u8> = if levels.len() == pixels as usize {
        levels.into_iter().flat_map(|level| [level; 3]).collect()
    } else {
        levels
    };
    let image = ImageBuffer::from_raw(width, height, rgb);
    let image = image.ok_or_else(|| refused("it has fewer pixels than its size says"))?;
    Ok(orientation::turn(image, turned))
}

/// The colors of indices; the palette has all reds, then all greens, then all blues, in 16 bits.
fn of_palette(indices: &[u8], colors: &[u16]) -> Result<Vec<u8>, ImageProblem> {
    let length = colors.len() / 3;
    let mut rgb = Vec::with_capacity(3 * indices.len());
    for index in indices {
        let index = usize::from(*index);
        for channel in 0..3 {
            let color = colors
                .get(channel * length + index)
                .filter(|_| index < length);
            let color =
                color.ok_or_else(|| refused("a pixel has a color that is not in the palette"))?;
            // Some programs write 8 bits into the 16.
            rgb.push((color >> 8) as u8);
        }
    }
    if colors.iter().all(|color| *color < 256) {
        return Err(refused("its palette has 8 bits in place of 16"));
    }
    Ok(rgb)
}

/// Numbers as levels: those from 0 to 1 as shares of 255, those up to 255 as they are. What is larger may mean anything.
fn levels(values: Vec<f64>) -> Result<Vec<u8>, ImageProblem> {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in &values {
        if !value.is_finite() {
            return Err(refused("numbers that are not finite"));
        }
        (least, most) = (least.min(*value), most.max(*value));
    }
    let scale = match most {
        _ if least < 0.0 || most > 255.0 => {
            let message = format!(
                "its numbers go from {least} to {most}; write them as levels from 0 to 1, or from 0 to 255"
            );
            return Err(refused(message));
        }
        most if most <= 1.0 => 255.0,
        _ => 1.0,
    };
    let level = |value: f64| (value * scale).round() as u8;
    Ok(values.into_iter().map(level).collect())
}

fn refused(message: impl Into<String>) -> ImageProblem {
    ImageProblem::broken(ImageFormat::Tiff, message)
}

/// A TIFF whose first page has a palette, as one with the indices as gray levels.
fn as_indices(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"II*\0") && !bytes.starts_with(b"MM\0*") {
        return None;
    }
    let directory = Directory::first(bytes);
    let value = directory.value(PHOTOMETRIC)?;
    if directory.short(value)? != PALETTE {
        return None;
    }
    let mut changed = bytes.to_vec();
    let gray = directory.encoded(BLACK_IS_ZERO);
    changed.get_mut(value..value + 2)?.copy_from_slice(&gray);
    Some(changed)
}
