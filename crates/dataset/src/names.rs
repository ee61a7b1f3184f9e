//! File names as text from which the same name can be made again.

use std::ffi::OsStr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serializer};

/// A path as text. The JSON of this crate writes every path in this way.
///
/// Each byte that is not UTF-8 becomes `\xNN` with two hexadecimal digits. A backslash in the name that is followed by
/// `x` and two hexadecimal digits becomes `\x5c`. All other text is unchanged. So a UTF-8 name nearly always stays as
/// it is, and different names stay different. [`unescaped`] reads the text.
///
/// ```
/// # #[cfg(unix)] {
/// use dataset::names::{escaped, unescaped};
/// use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
/// let name = OsStr::from_bytes(b"fr\xfchling.jpg");
/// assert_eq!(escaped(name), r"fr\xfchling.jpg");
/// assert_eq!(unescaped(r"fr\xfchling.jpg"), name);
/// # }
/// ```
pub fn escaped(path: impl AsRef<OsStr>) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for chunk in path.as_ref().as_encoded_bytes().utf8_chunks() {
        for (at, c) in chunk.valid().char_indices() {
            match escape(&chunk.valid()[at..]) {
                Some(_) => text.push_str("\\x5c"),
                None => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The path from the text that [`escaped`] made. On systems whose file names are not bytes, escapes for bytes that are
/// not UTF-8 are left as they are.
pub fn unescaped(text: &str) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(c) = rest.chars().next() {
        let length = if let Some(byte) = escape(rest) {
            bytes.push(byte);
            4
        } else {
            bytes.extend(&rest.as_bytes()[..c.len_utf8()]);
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    path_of(bytes, text)
}

/// The byte for which `\xNN` stands at the start of the text.
fn escape(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("\\x")?.as_bytes().get(..2)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>, _: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>, text: &str) -> PathBuf {
    String::from_utf8(bytes).map_or_else(|_| text.into(), PathBuf::from)
}

/// A list of paths in JSON; for `serde(with)`.
pub(crate) fn serialize<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(escaped))
}

pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    Ok(texts.iter().map(|text| unescaped(text)).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_could_be_misread_is_escaped() {
        for name in ["a b/ü.jpg", r"C:\photos\1.jpg", r"\x", r"\xg0", r"\\"] {
            assert_eq!(escaped(name), name);
            assert_eq!(unescaped(name), Path::new(name));
        }
        assert_eq!(escaped(r"\x41"), r"\x5cx41");
        assert_eq!(unescaped(r"\x5cx41"), Path::new(r"\x41"));
    }

    #[cfg(unix)]
    proptest! {
        #[test]
        fn bytes_come_back(bytes in prop::collection::vec(
            prop_oneof![Just(b'\\'), Just(b'x'), Just(b'5'), Just(b'c'), 1..=255_u8], 0..40,
        )) {
            use std::os::unix::ffi::OsStrExt;
            let name = OsStr::from_bytes(&bytes);
            let read = unescaped(&escaped(name));
            prop_assert_eq!(read.as_os_str(), name);
        }
    }
}
