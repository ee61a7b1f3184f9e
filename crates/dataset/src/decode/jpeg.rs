//! JPEG: the whole image by zune-jpeg (SIMD), or a reduced size from the lowest frequencies.

use image::RgbImage;
use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::format::ImageFormat;
use super::options::DecodeOptions;
use super::{orientation, reduced};
use crate::problem::ImageProblem;

/// Not strict, because cameras write many files with harmless mistakes. What matters is checked in this file: that the
/// image is whole, and that its size is within our own limits.
fn zune_options() -> DecoderOptions {
    DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB)
}

pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<RgbImage, ImageProblem> {
    let zune_options = zune_options();
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), zune_options);
    decoder.decode_headers().map_err(problem)?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| broken("no frame header"))?;
    let (width, height) = (width as u32, height as u32);
    options.check_size(width, height)?;
    let segments = Segments::read(bytes);
    if !segments.is_whole(bytes) {
        return Err(ImageProblem::Truncated {
            format: ImageFormat::Jpeg,
        });
    }
    let orientation = match decoder.exif() {
        Some(exif) if options.upright => orientation::of_exif(exif),
        _ => Orientation::NoTransforms,
    };
    if let Some(side) = options.reduce_to.filter(|&side| side > 0)
        && let Some(colors) = decoder.input_colorspace()
        && let Some(image) = reduced(bytes, (width, height), side, colors, segments.adobe)
    {
        return Ok(orientation::turn(image, orientation));
    }
    // RGB, and for a progressive image all coefficients, which have two bytes each.
    let inks = matches!(
        decoder.input_colorspace(),
        Some(ColorSpace::CMYK | ColorSpace::YCCK)
    );
    let bytes = if inks { 3 + 4 * 2 } else { 3 + 3 * 2 };
    options.check_memory(u64::from(width) * u64::from(height) * bytes)?;
    // These inks are not inverted, but zune-jpeg takes them for the inverted inks of Adobe.
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

/// Width and height as stored, from the header alone.
#[cfg(feature = "download")]
pub(crate) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), zune_options());
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    Some((width as u32, height as u32))
}

/// Decodes at 1/8 or, if a side would then be shorter than `side`, at 1/4; `None` if the whole image is needed. `colors` is
/// the color space of the file.
fn reduced(
    bytes: &[u8],
    (width, height): (u32, u32),
    side: u32,
    colors: ColorSpace,
    adobe: bool,
) -> Option<RgbImage> {
    let fraction = [8, 4]
        .into_iter()
        .find(|f| width.min(height).div_ceil(*f) >= side)?;
    let size = [width as usize, height as usize];
    let planes = reduced::planes(bytes, size, 8 / fraction as usize)?;
    let pixels = match (colors, &planes[..]) {
        (ColorSpace::Luma, [grey]) => grey.iter().flat_map(|&grey| [grey; 3]).collect(),
        // An Adobe marker without a transform says that the channels are stored as they are.
        (ColorSpace::RGB | ColorSpace::CMYK, [red, green, blue]) => {
            let rows = red.iter().zip(green).zip(blue);
            rows.flat_map(|((&r, &g), &b)| [r, g, b]).collect()
        }
        (ColorSpace::YCbCr | ColorSpace::YCCK, [luma, blue, red]) => {
            let rows = luma.iter().zip(blue).zip(red);
            rows.flat_map(|((&y, &b), &r)| ycc_to_rgb(y, b, r))
                .collect()
        }
        (ColorSpace::CMYK, [c, m, y, k]) => {
            let rows = c.iter().zip(m).zip(y).zip(k);
            let inks: Vec<u8> = rows.flat_map(|(((&c, &m), &y), &k)| [c, m, y, k]).collect();
            inks_to_rgb(&inks, adobe)
        }
        (ColorSpace::YCCK, [luma, blue, red, key]) => {
            let rows = luma.iter().zip(blue).zip(red).zip(key);
            let ink = |(((&y, &b), &r), &key)| {
                let [r, g, b] = ycc_to_rgb(y, b, r).map(|light| 255 - light);
                [r, g, b, key]
            };
            inks_to_rgb(&rows.flat_map(ink).collect::<Vec<_>>(), true)
        }
        _ => return None,
    };
    RgbImage::from_raw(width.div_ceil(fraction), height.div_ceil(fraction), pixels)
}

/// The arithmetic of zune-jpeg, with 14 bits.
fn ycc_to_rgb(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    let luma = (i32::from(luma) << 14) + 8191;
    let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
    [
        luma + 22970 * red,
        luma - 11700 * red - 5638 * blue,
        luma + 29032 * blue,
    ]
    .map(|value| (value >> 14).clamp(0, 255) as u8)
}

/// Cyan, magenta, yellow and key to red, green and blue. The inks are `inverted` in files of Adobe.
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

/// What the marker segments before the first scan say.
struct Segments {
    /// There is an Adobe APP14 marker.
    adobe: bool,
    /// Where the header of the first scan starts.
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

    /// Whether there is an end marker after the first scan. In the data of a scan each 0xff is followed by a zero, so a file
    /// that was cut has no end marker.
    fn is_whole(&self, bytes: &[u8]) -> bool {
        let scan = self.scan.and_then(|at| bytes.get(at..)).unwrap_or_default();
        scan.windows(2).rev().any(|pair| pair == [0xff, 0xd9])
    }
}

fn problem(error: DecodeErrors) -> ImageProblem {
    let message = match &error {
        DecodeErrors::ExhaustedData => {
            return ImageProblem::Truncated {
                format: ImageFormat::Jpeg,
            };
        }
        // The errors' Display is their Debug form.
        DecodeErrors::Format(message) => message.clone(),
        DecodeErrors::FormatStatic(message) => (*message).to_owned(),
        error => format!("{error:?}"),
    };
    ImageProblem::refused(ImageFormat::Jpeg, &message, error)
}

fn broken(message: impl Into<String>) -> ImageProblem {
    ImageProblem::broken(ImageFormat::Jpeg, message)
}

#[cfg(all(test, feature = "download"))]
mod tests {
    use image::codecs::jpeg::JpegEncoder;

    #[test]
    fn the_size_of_a_panorama_is_known() {
        let mut jpeg = Vec::new();
        let small = image::GrayImage::new(16, 16);
        JpegEncoder::new(&mut jpeg).encode_image(&small).unwrap();
        assert_eq!(super::size(&jpeg), Some((16, 16)));
        // Wider than zune-jpeg allows by itself, not wider than we do.
        let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 7].copy_from_slice(&1500_u16.to_be_bytes());
        jpeg[frame + 7..frame + 9].copy_from_slice(&20_000_u16.to_be_bytes());
        assert_eq!(super::size(&jpeg), Some((20_000, 1500)));
    }
}
