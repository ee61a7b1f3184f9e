//! JPEGs inside of a TIFF, by the reader of JPEGs, which sees damage.

use std::io::Cursor;

use image::{RgbImage, imageops};
use tiff::decoder::{ChunkType, Decoder};
use tiff::tags::Tag;

use super::format::ImageFormat;
use super::jpeg;
use super::options::DecodeOptions;
use super::tiff_samples::failed;
use crate::problem::ImageProblem;

const JPEG: u16 = 7;
/// What the numbers are, as the TIFF says it.
const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;
const YCBCR: u16 = 6;
const START: [u8; 2] = [0xff, 0xd8];
/// Longest tables: four of each kind, and markers between them.
const TABLES: usize = 1 << 16;

type Reader<'a> = Decoder<Cursor<&'a [u8]>>;

/// Whether the strips or tiles are JPEGs that are read here.
pub(super) fn is_jpeg(decoder: &mut Reader<'_>) -> bool {
    let mut tag = |tag| decoder.find_tag_unsigned::<u16>(tag).ok().flatten();
    let kind = tag(Tag::PhotometricInterpretation);
    let apart = tag(Tag::PlanarConfiguration) == Some(2);
    tag(Tag::Compression) == Some(JPEG)
        && !apart
        && matches!(kind, Some(BLACK_IS_ZERO | RGB | YCBCR))
}

/// Puts the strips or tiles together.
pub(super) fn read(
    bytes: &[u8],
    decoder: &mut Reader<'_>,
    [width, height]: [u32; 2],
    options: &DecodeOptions,
) -> Result<RgbImage, ImageProblem> {
    let (offsets, lengths) = match decoder.get_chunk_type() {
        ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
        ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
    };
    let offsets = decoder.get_tag_u64_vec(offsets).map_err(failed)?;
    let lengths = decoder.get_tag_u64_vec(lengths).map_err(failed)?;
    let tables = decoder.get_tag_u8_vec(Tag::JPEGTables).unwrap_or_default();
    if tables.len() > TABLES {
        return Err(broken("its tables for JPEG are too long"));
    }
    let kind = decoder.find_tag_unsigned::<u16>(Tag::PhotometricInterpretation);
    let kind = kind.map_err(failed)?.unwrap_or(BLACK_IS_ZERO);
    // The size of the whole counts, and the orientation is that of the TIFF.
    let options = options.clone().with_upright(false).with_reduce_to(None);
    let (across, down) = decoder.chunk_dimensions();
    let (across, down) = (across.max(1), down.clamp(1, height));
    let columns = width.div_ceil(across);
    let count = columns as usize * height.div_ceil(down) as usize;
    if offsets.len() < count || lengths.len() < count {
        return Err(broken("it has fewer parts than its size says"));
    }
    let mut whole = RgbImage::new(width, height);
    for (index, (&at, &length)) in offsets.iter().zip(&lengths).take(count).enumerate() {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let end = place(at).saturating_add(place(length));
        let data = bytes.get(place(at)..end).ok_or(ImageProblem::Truncated {
            format: ImageFormat::Tiff,
        })?;
        let part = jpeg::decode(&stream(&tables, data, kind), &options)?;
        let (left, top) = (
            index as u32 % columns * across,
            index as u32 / columns * down,
        );
        if part.width() < across.min(width - left) || part.height() < down.min(height - top) {
            return Err(broken("a part of it is smaller than its size says"));
        }
        imageops::replace(&mut whole, &part, left.into(), top.into());
    }
    Ok(whole)
}

/// A JPEG of its own: with the tables, and a marker of Adobe that says what the channels are.
fn stream(tables: &[u8], data: &[u8], kind: u16) -> Vec<u8> {
    let mut stream = START.to_vec();
    if kind != BLACK_IS_ZERO {
        stream.extend(*b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0");
        stream.push(u8::from(kind == YCBCR));
    }
    let tables = tables.strip_prefix(&START).unwrap_or_default();
    stream.extend(tables.strip_suffix(&[0xff, 0xd9]).unwrap_or(tables));
    stream.extend(data.strip_prefix(&START).unwrap_or(data));
    stream
}

fn broken(message: &str) -> ImageProblem {
    ImageProblem::broken(ImageFormat::Tiff, message)
}
