//! JPEG: whole by zune-jpeg (SIMD), at a fraction of its size by jpeg-decoder.

use image::RgbImage;
use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{DecodeOptions, orientation};
use crate::Problem;

pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<RgbImage, Problem> {
    // Not strict: cameras write many harmless oddities. What matters, that the picture is whole,
    // is checked here.
    let zune_options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), zune_options);
    decoder.decode_headers().map_err(problem)?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| broken("no frame header"))?;
    let (width, height) = (width as u32, height as u32);
    options.check(width, height)?;
    let segments = Segments::read(bytes);
    if !segments.is_whole(bytes) {
        return Err(Problem::Truncated { format: "JPEG" });
    }
    let orientation = match decoder.exif() {
        Some(exif) if options.upright => orientation::of_exif(exif),
        _ => Orientation::NoTransforms,
    };
    if let Some(side) = options
        .reduce_to
        .filter(|&side| width.min(height) / 2 >= side.max(1))
        && let Some(image) = reduced(bytes, width, height, side, &segments)
    {
        return Ok(orientation::turn(image, orientation));
    }
    // Inks that are stored as they are, which zune-jpeg takes for Adobe's inverted ones.
    let plain_inks = decoder.input_colorspace() == Some(ColorSpace::CMYK) && !segments.adobe;
    if plain_inks {
        decoder.set_options(zune_options.jpeg_set_out_colorspace(ColorSpace::CMYK));
    }
    let mut pixels = decoder.decode().map_err(problem)?;
    if plain_inks {
        pixels = inks_to_rgb(&pixels, false);
    }
    let found = pixels.len();
    let image = RgbImage::from_raw(width, height, pixels)
        .filter(|image| image.as_raw().len() == found)
        .ok_or_else(|| broken(format!("{found} bytes for {width} x {height} pixels")))?;
    Ok(orientation::turn(image, orientation))
}

/// Decodes at 1/2, 1/4 or 1/8; `None` where that decoder cannot, and the whole picture is needed.
fn reduced(
    bytes: &[u8],
    width: u32,
    height: u32,
    side: u32,
    segments: &Segments,
) -> Option<RgbImage> {
    use jpeg_decoder::PixelFormat;

    // The smallest fraction that leaves both sides long enough.
    let fraction = [8, 4, 2]
        .into_iter()
        .find(|f| width.min(height).div_ceil(*f) >= side)?;
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let asked = (
        width.div_ceil(fraction) as u16,
        height.div_ceil(fraction) as u16,
    );
    let (width, height) = decoder.scale(asked.0, asked.1).ok()?;
    let pixels = decoder.decode().ok()?;
    let pixels = match decoder.info()?.pixel_format {
        PixelFormat::RGB24 => pixels,
        PixelFormat::L8 => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
        PixelFormat::CMYK32 => inks_to_rgb(&pixels, segments.adobe),
        PixelFormat::L16 => return None,
    };
    RgbImage::from_raw(width.into(), height.into(), pixels)
}

/// Cyan, magenta, yellow and key to red, green and blue; `inverted` as Adobe stores them.
fn inks_to_rgb(inks: &[u8], inverted: bool) -> Vec<u8> {
    let light = |ink: u8| u32::from(if inverted { ink } else { 255 - ink });
    let (pixels, _) = inks.as_chunks::<4>();
    pixels
        .iter()
        .flat_map(|&[c, m, y, key]| {
            [c, m, y].map(|ink| ((light(ink) * light(key) + 127) / 255) as u8)
        })
        .collect()
}

/// What the markers before the first scan say.
struct Segments {
    /// An Adobe APP14 marker is there.
    adobe: bool,
    /// Where the first scan's header starts.
    scan: Option<usize>,
}

impl Segments {
    fn read(bytes: &[u8]) -> Self {
        let mut segments = Self {
            adobe: false,
            scan: None,
        };
        let mut at = 2;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            if byte != 0xff {
                continue;
            }
            let Some(&marker) = bytes.get(at) else { break };
            match marker {
                // Stuffing, padding, and markers without a length.
                0x00 | 0xff => {}
                0x01 | 0xd0..=0xd9 => at += 1,
                0xda => {
                    segments.scan = Some(at + 1);
                    break;
                }
                _ => {
                    let Some(&[high, low]) =
                        bytes.get(at + 1..at + 3).and_then(|b| b.first_chunk())
                    else {
                        break;
                    };
                    let body = bytes.get(at + 3..).unwrap_or_default();
                    segments.adobe |= marker == 0xee && body.starts_with(b"Adobe");
                    at += 1 + usize::from(u16::from_be_bytes([high, low]));
                }
            }
        }
        segments
    }

    /// Whether the end marker follows the first scan. In the scan's data a 0xff is always followed
    /// by a zero, so a file that was cut has none.
    fn is_whole(&self, bytes: &[u8]) -> bool {
        let scan = self.scan.and_then(|at| bytes.get(at..)).unwrap_or_default();
        scan.windows(2).rev().any(|pair| pair == [0xff, 0xd9])
    }
}

fn problem(error: DecodeErrors) -> Problem {
    match error {
        DecodeErrors::ExhaustedData => Problem::Truncated { format: "JPEG" },
        // The errors' Display is their Debug form.
        DecodeErrors::Format(message) => broken(message),
        DecodeErrors::FormatStatic(message) => broken(message),
        error => broken(format!("{error:?}")),
    }
}

fn broken(message: impl Into<String>) -> Problem {
    Problem::Broken {
        format: "JPEG",
        message: message.into(),
    }
}
