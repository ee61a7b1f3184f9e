//! TIFF, as far as the `image` crate does not read it, or reads it wrongly. The others go to that crate.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ImageBuffer, RgbImage};
use tiff::ColorType;
use tiff::decoder::{ChunkType, Decoder, Limits};
use tiff::tags::Tag;

use super::bands::Bands;
use super::directory::Directory;
use super::format::ImageFormat;
use super::options::DecodeOptions;
use super::tiff_samples::{self, Layout, failed, is_planar};
use super::{orientation, tiff_jpeg};
use crate::problem::ImageProblem;

/// What the decoder may allocate beside the numbers, in bytes: strips and tiles as they are stored.
const BESIDE_PIXELS: u64 = 16 << 20;

const PHOTOMETRIC: u16 = 262;
const PALETTE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;
/// How red, green and blue make up the luma.
const YCBCR_COEFFICIENTS: Tag = Tag::Unknown(529);
/// Those of JPEG, and those where a file has none.
const COEFFICIENTS: [f32; 3] = [0.299, 0.587, 0.114];
/// Kinds of extra samples.
const PREMULTIPLIED: u16 = 1;
const ALPHA: u16 = 2;

type Reader<'a> = Decoder<Cursor<&'a [u8]>>;

/// What the numbers of a pixel are.
enum Kind {
    Palette,
    /// Numbers whose range is not known: floats, or integers of 32 bits and more.
    Measured,
    /// Levels from 0 to the highest number of so many bits.
    Levels(usize),
    /// Luma and two differences of color, in 8 bits.
    Luma([f64; 3]),
    Bands(Bands),
}

/// How the channels make up a color, if they are levels.
#[derive(Clone, Copy, PartialEq)]
enum Alpha {
    None,
    Straight,
    Premultiplied,
}

/// Decodes the first page of a TIFF; `None` for those that the `image` crate reads rightly.
pub(super) fn decode(
    bytes: &[u8],
    options: &DecodeOptions,
) -> Option<Result<RgbImage, ImageProblem>> {
    let indices = as_indices(bytes);
    let mut decoder = Decoder::new(Cursor::new(indices.as_deref().unwrap_or(bytes))).ok()?;
    let color = decoder.colortype().ok()?;
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples);
    let extra = extra.ok().flatten().unwrap_or_default();
    let alpha = match extra.first() {
        Some(&PREMULTIPLIED) => Alpha::Premultiplied,
        Some(&ALPHA) => Alpha::Straight,
        _ => Alpha::None,
    };
    if indices.is_none() && tiff_jpeg::is_jpeg(&mut decoder) {
        return Some(of_jpegs(bytes, decoder, options));
    }
    // The `image` crate panics where there are several rows of tiles in each channel.
    let apart = is_planar(&mut decoder) && matches!(decoder.get_chunk_type(), ChunkType::Tile);
    let (kind, bits, channels) = match (color, &indices) {
        (ColorType::Gray(bits @ (1 | 2 | 4 | 8)), Some(_)) => (Kind::Palette, bits, 1),
        (_, Some(_)) => {
            let message =
                "it has a palette, and more than an index of 1, 2, 4 or 8 bits for each pixel";
            return Some(Err(refused(message)));
        }
        (ColorType::Gray(bits @ (32 | 64)), None) => (Kind::Measured, bits, 1),
        (ColorType::RGB(bits @ (32 | 64)), None) => (Kind::Measured, bits, 3),
        (ColorType::Gray(bits @ (2 | 4)), None) => (Kind::Levels(bits.into()), bits, 1),
        (
            ColorType::Multiband {
                bit_depth: bits @ (8 | 16),
                num_samples: 2,
            },
            None,
        ) if alpha != Alpha::None => (Kind::Levels(bits.into()), bits, 2),
        (ColorType::RGB(bits @ (8 | 16)), None) if apart => (Kind::Levels(bits.into()), bits, 3),
        (ColorType::RGBA(bits @ (8 | 16)), None) if apart || alpha == Alpha::Premultiplied => {
            (Kind::Levels(bits.into()), bits, 4)
        }
        (ColorType::YCbCr(8), None) => {
            let found = decoder.get_tag_f32_vec(YCBCR_COEFFICIENTS).ok();
            let found = found.and_then(|found| found.try_into().ok());
            (
                Kind::Luma(found.unwrap_or(COEFFICIENTS).map(f64::from)),
                8,
                3,
            )
        }
        (
            ColorType::Multiband {
                bit_depth: bits,
                num_samples,
            },
            None,
        ) => {
            let Some(bands) = options.bands else {
                let some = if num_samples < 3 { "1,1,1" } else { "3,2,1" };
                let message = format!(
                    "it has {num_samples} bands; say which are red, green and blue (`DecodeOptions::with_bands`, --bands {some})"
                );
                return Some(Err(refused(message)));
            };
            (Kind::Bands(bands), bits, num_samples)
        }
        _ => return None,
    };
    Some(read(
        decoder,
        &kind,
        [bits.into(), channels.into()],
        alpha,
        options,
    ))
}

/// A picture of strips or tiles that are JPEGs.
fn of_jpegs(
    bytes: &[u8],
    decoder: Reader<'_>,
    options: &DecodeOptions,
) -> Result<RgbImage, ImageProblem> {
    let (mut decoder, size, turned) = prepared(decoder, 1, options)?;
    let image = tiff_jpeg::read(bytes, &mut decoder, size, options)?;
    Ok(orientation::turn(image, turned))
}

/// A decoder that stays within the limits, the size of the picture, and how it is turned.
type Prepared<'a> = (Reader<'a>, [u32; 2], Orientation);

fn prepared<'a>(
    mut decoder: Reader<'a>,
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

fn read(
    decoder: Reader<'_>,
    kind: &Kind,
    [bits, channels]: [usize; 2],
    alpha: Alpha,
    options: &DecodeOptions,
) -> Result<RgbImage, ImageProblem> {
    if let Kind::Bands(bands) = kind
        && let Some(band) = bands
            .rgb()
            .iter()
            .find(|band| usize::from(**band) > channels)
    {
        return Err(refused(format!(
            "it has {channels} bands, and no band {band}"
        )));
    }
    let (mut decoder, [width, height], turned) = prepared(decoder, channels, options)?;
    let layout = Layout {
        width: width as usize,
        height: height as usize,
        channels,
        bits,
    };
    let numbers = tiff_samples::read(&mut decoder, &layout)?;
    let rgb = match kind {
        Kind::Palette => {
            let colors = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(failed)?;
            of_palette(&numbers, &colors)?
        }
        Kind::Measured => in_three(&measured(&numbers)?, channels),
        Kind::Levels(bits) => {
            let most = ((1_u32 << bits) - 1) as f64;
            let levels: Vec<f64> = numbers.iter().map(|n| (n * 255.0 / most).round()).collect();
            over(&levels, channels, alpha, options.background)
        }
        Kind::Luma(coefficients) => of_luma(&numbers, *coefficients),
        Kind::Bands(bands) => of_bands(&numbers, channels, bands, bits == 8)?,
    };
    let image = ImageBuffer::from_raw(width, height, rgb);
    let image = image.ok_or_else(|| refused("it has fewer pixels than its size says"))?;
    Ok(orientation::turn(image, turned))
}

/// Three bands of a picture with several.
fn of_bands(
    numbers: &[f64],
    count: usize,
    bands: &Bands,
    bytes: bool,
) -> Result<Vec<u8>, ImageProblem> {
    let rgb = bands.rgb().map(usize::from);
    let pixels = numbers.chunks_exact(count);
    let values = pixels.flat_map(|pixel| rgb.map(|band| pixel[band - 1]));
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
    Ok(values.map(level).collect())
}

/// The colors of indices; the palette has all reds, then all greens, then all blues, in 16 bits.
fn of_palette(indices: &[f64], colors: &[u16]) -> Result<Vec<u8>, ImageProblem> {
    let length = colors.len() / 3;
    let mut rgb = Vec::with_capacity(3 * indices.len());
    for index in indices {
        let index = *index as usize;
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

/// Gray or colors, perhaps with alpha, over a background.
fn over(levels: &[f64], channels: usize, alpha: Alpha, background: [u8; 3]) -> Vec<u8> {
    let colors = if channels < 3 { 1 } else { 3 };
    let pixels = levels.chunks_exact(channels);
    let rgb = pixels.flat_map(|pixel| {
        let opaque = pixel.get(colors).map_or(255.0, |alpha| *alpha);
        [0, 1, 2].map(|channel| {
            let value = pixel[channel.min(colors - 1)];
            let value = if alpha == Alpha::Premultiplied {
                value * 255.0
            } else {
                value * opaque
            };
            let behind = f64::from(background[channel]) * (255.0 - opaque);
            ((value + behind + 127.0) / 255.0).min(255.0) as u8
        })
    });
    rgb.collect()
}

/// From luma and differences of color, by the coefficients of red, green and blue in the luma.
fn of_luma(levels: &[f64], [red, green, blue]: [f64; 3]) -> Vec<u8> {
    let pixels = levels.chunks_exact(3);
    let rgb = pixels.flat_map(|pixel| {
        let (luma, of_blue, of_red) = (pixel[0], pixel[1] - 128.0, pixel[2] - 128.0);
        let r = luma + (2.0 - 2.0 * red) * of_red;
        let b = luma + (2.0 - 2.0 * blue) * of_blue;
        let g = (luma - red * r - blue * b) / green;
        [r, g, b].map(|level| level.round().clamp(0.0, 255.0) as u8)
    });
    rgb.collect()
}

/// Levels of one channel or of three, as three.
fn in_three(levels: &[u8], channels: usize) -> Vec<u8> {
    match channels {
        1 => levels.iter().flat_map(|level| [*level; 3]).collect(),
        _ => levels.to_vec(),
    }
}

/// Numbers as levels: those from 0 to 1 as shares of 255, those up to 255 as they are. What is larger may mean anything.
fn measured(values: &[f64]) -> Result<Vec<u8>, ImageProblem> {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
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
    Ok(values
        .iter()
        .map(|value| (value * scale).round() as u8)
        .collect())
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
