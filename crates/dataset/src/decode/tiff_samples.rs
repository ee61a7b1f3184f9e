//! The numbers of a TIFF, strip by strip or tile by tile, whether its channels lie together or one behind the other.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;

use super::format::ImageFormat;
use crate::problem::ImageProblem;

/// Channels one behind the other.
const PLANAR: u16 = 2;

pub(super) fn failed(error: tiff::TiffError) -> ImageProblem {
    ImageProblem::refused(ImageFormat::Tiff, &error.to_string(), error)
}

/// What is read, and how it lies in the file.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    /// Of each number; below 8, several are in a byte, and each row begins with a byte of its own.
    pub(super) bits: usize,
}

/// Whether the channels lie one behind the other.
pub(super) fn is_planar(decoder: &mut Decoder<Cursor<&[u8]>>) -> bool {
    let found = decoder.find_tag_unsigned(Tag::PlanarConfiguration);
    matches!(found, Ok(Some(PLANAR)))
}

/// All numbers, as `[height, width, channels]`.
pub(super) fn read(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    layout: &Layout,
) -> Result<Vec<f64>, ImageProblem> {
    let &Layout {
        width,
        height,
        channels,
        bits,
    } = layout;
    let (across, down) = decoder.chunk_dimensions();
    let (across, down) = (across.max(1) as usize, down.max(1) as usize);
    let columns = width.div_ceil(across);
    let of_plane = columns * height.div_ceil(down);
    // In each part of the file are so many channels.
    let (planes, together) = if is_planar(decoder) {
        (channels, 1)
    } else {
        (1, channels)
    };
    let mut all = vec![0.0; width * height * channels];
    for index in 0..of_plane * planes {
        let (plane, place) = (index / of_plane, index % of_plane);
        let (left, top) = (place % columns * across, place / columns * down);
        let chunk = decoder.read_chunk(index as u32).map_err(failed)?;
        let (stored, lines) = decoder.chunk_data_dimensions(index as u32);
        let row = stored as usize * together;
        let numbers = match chunk {
            DecodingResult::U8(bytes) if bits < 8 => unpacked(&bytes, bits, row),
            chunk => as_f64(chunk)?,
        };
        let used = (stored as usize).min(width - left);
        let lines = (lines as usize).min(height - top);
        if numbers.len() < lines * row || row == 0 {
            let message = "it has fewer numbers than its size says";
            return Err(ImageProblem::broken(ImageFormat::Tiff, message));
        }
        for (y, numbers) in numbers.chunks_exact(row).take(lines).enumerate() {
            let start = ((top + y) * width + left) * channels;
            let pixels = all[start..start + used * channels].chunks_exact_mut(channels);
            for (pixel, numbers) in pixels.zip(numbers.chunks_exact(together)) {
                pixel[plane..plane + together].copy_from_slice(numbers);
            }
        }
    }
    Ok(all)
}

/// Numbers of 1, 2 or 4 bits, the highest bits first.
fn unpacked(bytes: &[u8], bits: usize, row: usize) -> Vec<f64> {
    let (each, mask) = (8 / bits, (1 << bits) - 1);
    let rows = bytes.chunks_exact((row * bits).div_ceil(8).max(1));
    let number = |row: &[u8], i: usize| row[i / each] >> (8 - bits - i % each * bits) & mask;
    rows.flat_map(|bytes| (0..row).map(move |i| f64::from(number(bytes, i))))
        .collect()
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
        _ => {
            let message = "its numbers are of a type that is not read";
            return Err(ImageProblem::broken(ImageFormat::Tiff, message));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::unpacked;

    #[test]
    fn each_row_begins_with_a_byte_of_its_own() {
        assert_eq!(
            unpacked(&[0b1011_0000, 0b0100_0000], 1, 3),
            [1., 0., 1., 0., 1., 0.]
        );
        assert_eq!(unpacked(&[0b1101_0010], 2, 4), [3., 1., 0., 2.]);
        assert_eq!(
            unpacked(&[0x12, 0x30, 0x45, 0x60], 4, 3),
            [1., 2., 3., 4., 5., 6.]
        );
    }
}
