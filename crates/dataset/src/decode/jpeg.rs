//! JPEG: the whole image by zune-jpeg (SIMD), or a reduced size from the lowest frequencies.

use image::RgbImage;
use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::{ZByteReaderTrait, ZCursor};
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::entropy::{Data, Ending, Reading, Source};
use super::format::ImageFormat;
use super::options::DecodeOptions;
use super::reduced::{self, Extent};
use super::segments::{Segments, without_unused};
use super::{foreign, orientation};
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
    let used = without_unused(bytes);
    let bytes = used.as_ref();
    let segments = Segments::read(bytes);
    if let Some(problem) = segments
        .frame
        .and_then(|(marker, body)| foreign::of_jpeg(marker, body))
    {
        return Err(problem);
    }
    // The limits are about what is decoded.
    let [width, height] = segments.size();
    if let Some(fraction) = fraction(width.min(height), options) {
        options.check_reduced([width, height], fraction)?;
        if let Some(image) = at_fraction(bytes, &segments, fraction, options.upright)? {
            return Ok(image);
        }
    }
    whole(bytes, &segments, options)
}

/// Decodes at 1 / `fraction`; `None` if the whole image is needed.
fn at_fraction(
    bytes: &[u8],
    segments: &Segments,
    fraction: u32,
    upright: bool,
) -> Result<Option<RgbImage>, ImageProblem> {
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), zune_options());
    let header = Header::read(&mut decoder)?;
    if segments.progressive() && !segments.has_end(bytes) {
        return Ok(None);
    }
    let image = reduced(bytes, header.size, fraction, header.colors, segments.adobe);
    Ok(image.map(|image| orientation::turn(image, header.orientation(segments, upright))))
}

/// What zune-jpeg reads before the first scan.
struct Header {
    size: (u32, u32),
    colors: ColorSpace,
    /// As EXIF says it.
    orientation: Option<Orientation>,
}

impl Header {
    fn read<T: ZByteReaderTrait>(decoder: &mut JpegDecoder<T>) -> Result<Self, ImageProblem> {
        decoder.decode_headers().map_err(problem)?;
        let (width, height) = decoder
            .dimensions()
            .ok_or_else(|| broken("no frame header"))?;
        let exif = decoder.exif();
        Ok(Self {
            size: (width as u32, height as u32),
            colors: decoder.input_colorspace().unwrap_or(ColorSpace::Unknown),
            orientation: exif.and_then(|exif| orientation::of_exif(exif)),
        })
    }

    /// The orientation, where it matters.
    fn orientation(&self, segments: &Segments, upright: bool) -> Orientation {
        let xmp = || segments.xmp.and_then(orientation::of_xmp);
        let found = self.orientation.or_else(xmp);
        found
            .filter(|_| upright)
            .unwrap_or(Orientation::NoTransforms)
    }
}

/// Decodes the whole image, if not too much of it is damaged.
fn whole(
    bytes: &[u8],
    segments: &Segments,
    options: &DecodeOptions,
) -> Result<RgbImage, ImageProblem> {
    let single = segments.single_scan(bytes);
    let data = Data::find(bytes, segments, single);
    // Of a single scan the end marker is left out: at a marker the decoder would make up what is missing.
    let marker = if single { 0 } else { data.ending.length() };
    let reading = Reading::of(&data, data.end + marker);
    let mut decoder = JpegDecoder::new_with_options(Source::new(bytes, &reading), zune_options());
    let header = Header::read(&mut decoder)?;
    let (width, height) = header.size;
    options.check_size(width, height)?;
    // RGB, and for a progressive image all coefficients, which have two bytes each.
    let inks = matches!(header.colors, ColorSpace::CMYK | ColorSpace::YCCK);
    let each = if inks { 3 + 4 * 2 } else { 3 + 3 * 2 };
    options.check_memory(u64::from(width) * u64::from(height) * each)?;
    if !single && matches!(data.ending, Ending::File) {
        // How much is missing is known only where the rows follow each other.
        return Err(ImageProblem::Truncated {
            format: ImageFormat::Jpeg,
        });
    }
    // These inks are not inverted, but zune-jpeg takes them for the inverted inks of Adobe.
    let plain_inks = header.colors == ColorSpace::CMYK && !segments.adobe;
    let zune_options = zune_options().jpeg_set_out_colorspace(if plain_inks {
        ColorSpace::CMYK
    } else {
        ColorSpace::RGB
    });
    // Only the data are read strictly: cameras write many headers with harmless mistakes.
    decoder.set_options(zune_options.set_strict_mode(true));
    let strict = decoder.decode();
    drop(decoder);
    // Counting is as slow as decoding, so it is done where something looks wrong.
    let extent = || {
        let size = [width as usize, height as usize];
        Extent::of(&bytes[..data.end], size).filter(|_| single)
    };
    let mut pixels = match strict {
        Ok(pixels) => data
            .check_end(&reading, extent, options.max_damage)
            .map(|()| pixels),
        Err(error) => {
            let source = Source::new(bytes, &reading);
            let (reached, unread) = (reading.reached.get(), data.unread(bytes, &reading));
            let lenient = JpegDecoder::new_with_options(source, zune_options).decode();
            let pixels = lenient.map_err(problem)?;
            let gray = gray_rows(&pixels, height as usize);
            let missing = match extent() {
                Some(extent) => extent.missing(),
                None if single => gray,
                // Where the rows do not follow each other, what has not been read tells how much is missing.
                None => unread,
            };
            if missing > options.max_damage {
                let said = if reached >= data.end {
                    "the data end early".into()
                } else {
                    message(&error)
                };
                return Err(data.damaged(missing, said));
            }
            Ok(pixels)
        }
    }?;
    if plain_inks {
        pixels = inks_to_rgb(&pixels, false);
    }
    let found = pixels.len();
    let image = RgbImage::from_raw(width, height, pixels)
        .filter(|image| image.as_raw().len() == found)
        .ok_or_else(|| broken(format!("{found} bytes for {width} x {height} pixels")))?;
    Ok(orientation::turn(
        image,
        header.orientation(segments, options.upright),
    ))
}

/// How many percent of the rows, rounded up, are at the end and of the gray with which zune-jpeg fills what it cannot
/// decode.
fn gray_rows(pixels: &[u8], height: usize) -> u8 {
    let row = (pixels.len() / height.max(1)).max(1);
    let rows = pixels.chunks_exact(row).rev();
    let gray = rows
        .take_while(|row| row.iter().all(|value| *value == 128))
        .count();
    (gray * 100).div_ceil(height.max(1)) as u8
}

/// Width and height as stored, from the header alone.
pub(crate) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), zune_options());
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    Some((width as u32, height as u32))
}

/// The fraction at which an image with such a shorter side is decoded; `None` for the whole image.
fn fraction(short: u32, options: &DecodeOptions) -> Option<u32> {
    let side = options.reduce_to.filter(|&side| side > 0)?;
    [8, 4].into_iter().find(|f| short.div_ceil(*f) >= side)
}

/// Decodes at 1 / `fraction`, 8 or 4; `None` if the whole image is needed. `colors` is the color space of the file.
fn reduced(
    bytes: &[u8],
    (width, height): (u32, u32),
    fraction: u32,
    colors: ColorSpace,
    adobe: bool,
) -> Option<RgbImage> {
    let size = [width as usize, height as usize];
    let planes = reduced::planes(bytes, size, 8 / fraction as usize)?;
    let pixels = match (colors, &planes[..]) {
        (ColorSpace::Luma, [gray]) => gray.iter().flat_map(|&gray| [gray; 3]).collect(),
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

/// What the decoder said, in one line.
fn message(error: &DecodeErrors) -> String {
    match error {
        // The errors' Display is their Debug form.
        DecodeErrors::Format(message) => message.clone(),
        DecodeErrors::FormatStatic(message) => (*message).to_owned(),
        DecodeErrors::ExhaustedData => "the data end early".to_owned(),
        error => format!("{error:?}"),
    }
}

fn problem(error: DecodeErrors) -> ImageProblem {
    if matches!(error, DecodeErrors::ExhaustedData) {
        return ImageProblem::Truncated {
            format: ImageFormat::Jpeg,
        };
    }
    ImageProblem::refused(ImageFormat::Jpeg, &message(&error), error)
}

fn broken(message: impl Into<String>) -> ImageProblem {
    ImageProblem::broken(ImageFormat::Jpeg, message)
}

#[cfg(test)]
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
