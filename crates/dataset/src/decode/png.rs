//! The chunks of a PNG, as far as they are looked at or left out here.

use std::borrow::Cow;

use image::metadata::Orientation;

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

/// The orientation in the `eXIf` chunk, which may come after the pixels.
pub(super) fn orientation(bytes: &[u8]) -> Orientation {
    let exif = chunks(bytes).find(|chunk| chunk.name == b"eXIf");
    exif.map_or(Orientation::NoTransforms, |chunk| {
        orientation::of_exif(chunk.data)
    })
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
