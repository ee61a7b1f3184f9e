//! Text files as people and spreadsheets write them.

use std::path::Path;

use files::read_at_most;

use crate::error::{Error, Result};

/// The largest text that is read, in bytes.
const LARGEST: u64 = 1 << 30;

/// The text of a file: UTF-8, or UTF-16 with its mark at the start, as PowerShell and Excel write it.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read or has more than 1 GiB; [`Error::Parse`] if it is not text.
pub(crate) fn read(path: &Path) -> Result<String> {
    decode(read_at_most(path, LARGEST)?, strict).map_err(|message| Error::parse(path, message))
}

/// As [`read`], but bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// As [`read`].
#[cfg(feature = "download")]
pub(crate) fn read_or_replace(path: &Path) -> Result<String> {
    let bytes = read_at_most(path, LARGEST)?;
    decode(bytes, |bytes| {
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    })
    .map_err(|message| Error::parse(path, message))
}

/// The text of bytes; `of_utf8` reads those that should be UTF-8.
fn decode(
    bytes: Vec<u8>,
    of_utf8: impl FnOnce(Vec<u8>) -> Result<String, String>,
) -> Result<String, String> {
    let (two, _) = bytes.get(2..).unwrap_or_default().as_chunks::<2>();
    let units: Vec<u16> = match bytes[..] {
        [0xff, 0xfe, ..] => two.iter().map(|unit| u16::from_le_bytes(*unit)).collect(),
        [0xfe, 0xff, ..] => two.iter().map(|unit| u16::from_be_bytes(*unit)).collect(),
        _ => return of_utf8(plain(bytes)?),
    };
    String::from_utf16(&units).map_err(|_| {
        "it begins with the mark of UTF-16, but is not UTF-16; save it as UTF-8".to_owned()
    })
}

/// Bytes without a mark that are no binary file.
fn plain(mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    if bytes.starts_with(&[0x1f, 0x8b]) || bytes.contains(&0) {
        return Err("this is a binary file, not a text; unpack it, or export it as CSV".to_owned());
    }
    Ok(bytes)
}

fn strict(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let (good, bad) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        let byte = bad.first().copied().unwrap_or_default();
        format!("line {line}: the byte {byte:#04x} is not UTF-8; save it as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::{decode, strict};

    #[test]
    fn marks_are_understood_and_bytes_of_other_codes_are_named() {
        let text = "bild,\u{fc}\r\n";
        let utf16 = |swap: bool| {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            let bytes = units.flat_map(|unit: u16| {
                if swap {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            });
            bytes.collect::<Vec<u8>>()
        };
        for bytes in [
            text.as_bytes().to_vec(),
            ["\u{feff}", text].concat().into(),
            utf16(true),
            utf16(false),
        ] {
            assert_eq!(decode(bytes, strict).unwrap(), text);
        }
        let error = decode(b"a\nb\xfc\n".to_vec(), strict).unwrap_err();
        assert!(
            error.contains("line 2") && error.contains("0xfc"),
            "{error}"
        );
        assert!(decode(b"\x1f\x8b\x08".to_vec(), strict).is_err());
    }
}
