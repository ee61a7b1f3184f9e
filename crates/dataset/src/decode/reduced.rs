//! JPEGs at 1/8 or 1/4 of their size, from the lowest frequencies of each block alone.
//!
//! A sample is then the mean of the pixels that it replaces, as far as these frequencies tell. All other frequencies are
//! skipped, and skipping them fast is what makes this faster than decoding the whole image. At 1/2 too many frequencies
//! are needed: decoding the whole image is as fast.
//!
//! Huffman-coded JPEGs of 8 bits can be read: baseline and extended ones, and progressive ones at 1/8. For all others, and
//! for everything that looks damaged, the result is `None`, and a decoder of whole images must be used.

use super::frame::Frame;
use super::scan::{Scan, Tables};

/// The components of a JPEG of `size` pixels (across and down), with `side` samples, 1 or 2, for every 8 pixels. All of
/// them have the size of the reduced image, rounded up.
pub(super) fn planes(bytes: &[u8], size: [usize; 2], side: usize) -> Option<Vec<Vec<u8>>> {
    let frame = read(bytes, size, side, &mut Extent::default())?;
    let target = size.map(|length| (length * side).div_ceil(8));
    let planes = frame.components.into_iter().map(|c| c.stretched(target));
    Some(planes.collect())
}

/// How far the data of an image with a single scan go.
#[derive(Default)]
pub(super) struct Extent {
    /// The units that could be read, and their number in the image.
    done: usize,
    units: usize,
    /// The bytes after the last unit.
    pub(super) left: usize,
}

impl Extent {
    /// The extent of an image of `size` pixels whose data end where `bytes` do; `None` if it cannot be told.
    pub(super) fn of(bytes: &[u8], size: [usize; 2]) -> Option<Self> {
        let mut extent = Self::default();
        read(bytes, size, 1, &mut extent);
        (extent.units > 0).then_some(extent)
    }

    /// How many percent of the units, rounded up, could not be read.
    pub(super) fn missing(&self) -> u8 {
        ((self.units - self.done) * 100).div_ceil(self.units) as u8
    }
}

/// Reads the marker segments up to the last scan that is needed.
fn read(bytes: &[u8], size: [usize; 2], side: usize, extent: &mut Extent) -> Option<Frame> {
    let mut tables = Tables::default();
    let (mut at, mut frame) = (2, None::<Frame>);
    loop {
        // In data that are skipped, stuffing and restarts do not count as markers.
        let rest = bytes.get(at..)?;
        let plain = |code| matches!(code, 0 | 1 | 0xff | 0xd0..=0xd7);
        let found = rest
            .array_windows()
            .position(|&[first, code]| first == 0xff && !plain(code))?;
        let (code, rest) = (rest[found + 1], &rest[found + 2..]);
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
        let body = rest.get(2..length)?;
        at += found + 2 + length;
        match code {
            0xc4 => tables.read_huffman(body)?,
            0xdb => tables.read_quantization(body)?,
            0xdd => tables.restart = u16::from_be_bytes(*body.first_chunk()?).into(),
            0xc0..=0xc2 if frame.is_none() => {
                frame = Some(Frame::new(body, code == 0xc2, size, side)?);
            }
            // A second frame, another process, or an image that ends before it begins.
            0xc0..=0xcf | 0xd8 | 0xd9 => return None,
            0xda => {
                let mut now = frame?;
                // Scans of AC coefficients alone are skipped.
                let first = *body.get(body.len().checked_sub(3)?)?;
                if first == 0 || !now.progressive {
                    let scan = Scan::new(&mut now, body, &tables)?;
                    extent.units = scan.units();
                    let mut bits = scan.read(&mut now, bytes, at, &mut extent.done)?;
                    extent.left = bits.left();
                    at = bits.marker()?;
                }
                if now.finished() {
                    return Some(now);
                }
                frame = Some(now);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::planes;

    /// This reader must not need `decode` to catch its panics.
    #[test]
    fn damage_makes_no_panic_and_no_other_size() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reduced");
        let size = [187, 154];
        let check = |bytes: &[u8]| {
            for side in [1, 2] {
                let target = size.map(|length: usize| (length * side).div_ceil(8));
                for plane in planes(bytes, size, side).unwrap_or_default() {
                    assert_eq!(plane.len(), target[0] * target[1]);
                }
            }
        };
        let mut kinds = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "jpg") {
                continue;
            }
            kinds += 1;
            let bytes = fs::read(&path).unwrap();
            assert!(planes(&bytes, size, 1).is_some(), "{}", path.display());
            assert_eq!(planes(&bytes, [188, 154], 1), None, "{}", path.display());
            // All of the headers, and some of the data.
            let headers = (0..700).step_by(7);
            for at in headers.chain((700..bytes.len()).step_by(401)) {
                check(&bytes[..at]);
                for flip in [0x01, 0x80, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= flip;
                    check(&damaged);
                }
            }
        }
        assert_eq!(kinds, 13);
    }
}
