//! The chunks of a WebP, as far as they are looked at here.

use image::metadata::Orientation;

use super::orientation;

/// The chunks of a part of the file: names, lengths, and data, of which the last may be cut short.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = (&[u8; 4], usize, &[u8])> {
    std::iter::from_fn(move || {
        let (name, tail) = rest.split_first_chunk::<4>()?;
        let (length, tail) = tail.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let (data, next) = tail.split_at(length.min(tail.len()));
        // Data of odd length are followed by one byte more.
        rest = next.get(length % 2..).unwrap_or_default();
        Some((name, length, data))
    })
}

/// The chunks of a file.
fn of_file(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], usize, &[u8])> {
    chunks(bytes.get(12..).unwrap_or_default())
}

/// Whether the file has fewer bytes than its header says. A decoder that finds all of the pixels does not notice, and what
/// follows them, such as the orientation, would be lost without a word.
pub(super) fn is_cut_short(bytes: &[u8]) -> bool {
    let length = bytes.get(4..).and_then(<[u8]>::first_chunk);
    let length = length.map_or(0, |length| u32::from_le_bytes(*length) as usize);
    // The byte that fills up the last chunk may be missing.
    bytes.len() + 1 < length.saturating_add(8)
}

/// The orientation in the `EXIF` chunk, or in that of XMP. Decoders allocate what the chunk says that it has, up to 4 GB; here it must be in
/// the file.
pub(super) fn orientation(bytes: &[u8]) -> Orientation {
    let extended = of_file(bytes)
        .next()
        .is_some_and(|(name, ..)| name == b"VP8X");
    let chunk = |wanted: &[u8; 4]| {
        let mut all = of_file(bytes);
        let (_, length, data) = all.find(|(name, ..)| extended && *name == wanted)?;
        (data.len() == length).then_some(data)
    };
    let exif = chunk(b"EXIF").and_then(orientation::of_exif);
    let found = exif.or_else(|| chunk(b"XMP ").and_then(orientation::of_xmp));
    found.unwrap_or(Orientation::NoTransforms)
}

/// The width and the height that the first lossy picture has by its own header, if there is one. The decoder allocates by
/// these, and compares them with the size of the whole only afterwards.
pub(super) fn lossy_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let of_picture = |data: &[u8]| {
        let &[w0, w1, h0, h1] = data.get(6..10)?.first_chunk()?;
        let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
        Some((side([w0, w1]), side([h0, h1])))
    };
    of_file(bytes).find_map(|(name, _, data)| match name {
        b"VP8 " => of_picture(data),
        // A frame of an animation has 16 bytes of its own before its chunks.
        b"ANMF" => chunks(data.get(16..)?)
            .find(|(name, ..)| *name == b"VP8 ")
            .and_then(|(.., data)| of_picture(data)),
        _ => None,
    })
}
