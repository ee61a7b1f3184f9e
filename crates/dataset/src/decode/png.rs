//! The chunks of a PNG, as far as they are looked at or left out here.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;
use image::metadata::Orientation;
use memchr::memchr;

use super::orientation;

/// The chunks that change no pixel and have any length: texts, a color profile, and EXIF. Decoders inflate some of them, and
/// a few bytes can become gigabytes.
const UNUSED: [&[u8; 4]; 5] = [b"iCCP", b"iTXt", b"zTXt", b"tEXt", b"eXIf"];

/// A chunk: its name, its data, and all of its bytes with length and checksum.
struct Chunk<'a> {
    name: &'a [u8; 4],
    data: &'a [u8],
    whole: &'a [u8],
}

/// The chunks of a file, up to the first one that is cut short.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        let (name, tail) = tail.split_first_chunk::<4>()?;
        let data = tail.get(..u32::from_be_bytes(*length) as usize)?;
        // The four bytes after the data are a checksum; at the end of the file they may be missing.
        let (whole, next) = rest
            .split_at_checked(data.len() + 12)
            .unwrap_or((rest, &[]));
        rest = next;
        Some(Chunk { name, data, whole })
    })
}

/// So many bytes of a text are inflated.
const LONGEST_TEXT: u64 = 1 << 20;

/// The orientation in the `eXIf` chunk, in a profile as ImageMagick writes it, or in XMP, in this order. The chunks may come
/// after the pixels.
pub(super) fn orientation(bytes: &[u8]) -> Orientation {
    let exif = chunks(bytes).filter(|chunk| chunk.name == b"eXIf");
    let exif = exif.filter_map(|chunk| orientation::of_exif(chunk.data));
    let profile = texts(bytes)
        .filter(|(key, _)| matches!(*key, b"Raw profile type exif" | b"Raw profile type APP1"))
        .filter_map(|(_, text)| orientation::of_exif(&of_profile(&text)?));
    let xmp = texts(bytes)
        .filter(|(key, _)| *key == b"XML:com.adobe.xmp")
        .filter_map(|(_, text)| orientation::of_xmp(&text));
    let mut found = exif.chain(profile).chain(xmp);
    found.next().unwrap_or(Orientation::NoTransforms)
}

/// The texts of a file: their keys, and the texts themselves.
fn texts(bytes: &[u8]) -> impl Iterator<Item = (&[u8], Cow<'_, [u8]>)> {
    chunks(bytes).filter_map(|chunk| {
        let end = memchr(0, chunk.data)?;
        let (key, rest) = (&chunk.data[..end], &chunk.data[end + 1..]);
        let text = match (chunk.name, rest) {
            (b"tEXt", text) => text.into(),
            (b"zTXt", [0, packed @ ..]) => inflate(packed).into(),
            (b"iTXt", [packed, _, rest @ ..]) => {
                // A language and a translated key, each with a zero behind it.
                let rest = &rest[memchr(0, rest)? + 1..];
                let text = &rest[memchr(0, rest)? + 1..];
                match packed {
                    0 => text.into(),
                    _ => inflate(text).into(),
                }
            }
            _ => return None,
        };
        Some((key, text))
    })
}

fn inflate(packed: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut reader = ZlibDecoder::new(packed).take(LONGEST_TEXT);
    // What is broken is read as far as it goes.
    let _ = reader.read_to_end(&mut text);
    text
}

/// The bytes of a profile: a line with its name, one with its length, then hexadecimal digits.
fn of_profile(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.trim_ascii_start().splitn(3, |byte| *byte == b'\n');
    let (_, _, digits) = (lines.next()?, lines.next()?, lines.next()?);
    let digits = digits
        .iter()
        .filter_map(|byte| char::from(*byte).to_digit(16));
    let digits: Vec<u8> = digits.map(|digit| digit as u8).collect();
    let (pairs, _) = digits.as_chunks::<2>();
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The file without the chunks that no pixel depends on.
pub(super) fn without_unused(bytes: &[u8]) -> Cow<'_, [u8]> {
    let unused = |chunk: &Chunk| UNUSED.contains(&chunk.name);
    if !chunks(bytes).any(|chunk| unused(&chunk)) {
        return bytes.into();
    }
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(&bytes[..8]);
    let mut seen = 8;
    for chunk in chunks(bytes) {
        seen += chunk.whole.len();
        if !unused(&chunk) {
            kept.extend_from_slice(chunk.whole);
        }
    }
    // What is not a chunk is for the decoder to refuse.
    kept.extend_from_slice(&bytes[seen..]);
    kept.into()
}
