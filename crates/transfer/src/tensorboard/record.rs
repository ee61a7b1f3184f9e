//! The frame around each event, which is TensorFlow's record format: the length (u64), its masked CRC, the data, and
//! their masked CRC, all little-endian.

use std::path::Path;

use crate::error::{Error, Result};

/// Largest length of a record that [`read_records`] accepts, in bytes. A larger length means that the file is damaged.
pub const MAX_RECORD: u64 = 256 << 20;

/// CRC-32C, rotated and shifted, so that a CRC of data that contain CRCs stays a good one.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// `data` in its frame.
pub(super) fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut framed = Vec::with_capacity(data.len() + 16);
    framed.extend(length);
    framed.extend(masked_crc(&length).to_le_bytes());
    framed.extend(data);
    framed.extend(masked_crc(data).to_le_bytes());
    framed
}

/// Reads the records of an event file, which are serialized `Event` messages, and verifies both checksums of each. An
/// incomplete record at the end of the file, left by a writer that was killed, is ignored.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Mismatch`] if a checksum or a length is wrong.
pub fn read_records(path: impl AsRef<Path>) -> Result<Vec<Vec<u8>>> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let mut rest = &bytes[..];
    let mut records = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<12>() {
        let [l0, l1, l2, l3, l4, l5, l6, l7, c0, c1, c2, c3] = *header;
        let length = [l0, l1, l2, l3, l4, l5, l6, l7];
        let what = || format!("record {} of {}", records.len(), path.display());
        check(&what(), &length, u32::from_le_bytes([c0, c1, c2, c3]))?;
        let length = u64::from_le_bytes(length);
        if length > MAX_RECORD {
            let limit = format!("at most {MAX_RECORD} bytes");
            return Err(Error::mismatch(what(), limit, length));
        }
        let split = after.split_at_checked(length as usize);
        let Some((data, (crc, after))) =
            split.and_then(|(data, after)| Some((data, after.split_first_chunk::<4>()?)))
        else {
            break;
        };
        check(&what(), data, u32::from_le_bytes(*crc))?;
        records.push(data.to_vec());
        rest = after;
    }
    Ok(records)
}

fn check(what: &str, data: &[u8], found: u32) -> Result<()> {
    match masked_crc(data) {
        expected if expected == found => Ok(()),
        expected => Err(Error::mismatch(
            format!("checksum in {what}"),
            format!("{expected:08x}"),
            format!("{found:08x}: the file is damaged"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_crc_is_tensorflows() {
        // From tensorflow/core/lib/hash/crc32c_test.cc: CRC-32C of 32 zero bytes is 0x8a9136aa.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        let unmasked = masked_crc(&[0; 32])
            .wrapping_sub(0xa282_ead8)
            .rotate_left(15);
        assert_eq!(unmasked, 0x8a91_36aa);
    }

    #[test]
    fn damage_is_found_and_a_torn_tail_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let whole = [frame(b"one"), frame(b""), frame(b"three")].concat();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let records = read_records(&path).unwrap();
            let ends = [19, 35, 56];
            assert_eq!(records.len(), ends.iter().filter(|&&e| cut >= e).count());
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            std::fs::write(&path, &damaged).unwrap();
            assert!(read_records(&path).is_err(), "byte {at}");
        }
    }
}
