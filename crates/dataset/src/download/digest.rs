//! Digests that a list expects of files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use files::hex;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The digest that a file is expected to have: MD5, SHA-1 or SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected(Vec<u8>);

impl Expected {
    /// A digest that is written in hexadecimal or in base64; its length tells which one it is. `None` for other texts.
    ///
    /// ```
    /// use dataset::download::Expected;
    /// let digest = Expected::parse("098f6bcd4621d373cade4e832627b4f6").expect("an MD5 digest");
    /// assert!(digest.fits(b"test"));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = of_hex(text).or_else(|| STANDARD.decode(text).ok())?;
        matches!(bytes.len(), 16 | 20 | 32).then_some(Self(bytes))
    }

    /// Whether a file with these bytes has the digest.
    pub fn fits(&self, bytes: &[u8]) -> bool {
        match self.0.len() {
            16 => Md5::digest(bytes).as_slice() == self.0,
            20 => Sha1::digest(bytes).as_slice() == self.0,
            _ => Sha256::digest(bytes).as_slice() == self.0,
        }
    }

    /// What kind of digest it is.
    pub fn name(&self) -> &'static str {
        match self.0.len() {
            16 => "MD5",
            20 => "SHA-1",
            _ => "SHA-256",
        }
    }

    /// The digest in hexadecimal.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let byte = |pair: &[u8; 2]| {
        let digits = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(digits, 16).ok()
    };
    pairs.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::Expected;

    #[test]
    fn digests_are_told_by_their_length() {
        for (text, name) in [
            ("098f6bcd4621d373cade4e832627b4f6", "MD5"),
            ("CY9rzUYh03PK3k6DJie09g==", "MD5"),
            ("A94A8FE5CCB19BA61C4C0873D391E987982FBBD3", "SHA-1"),
            ("n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", "SHA-256"),
        ] {
            let digest = Expected::parse(text).unwrap();
            assert_eq!(digest.name(), name);
            assert!(digest.fits(b"test") && !digest.fits(b"tests"), "{text}");
        }
        for text in ["", "abc", "boat", "098f6bcd4621d373cade4e832627b4"] {
            assert_eq!(Expected::parse(text), None, "{text}");
        }
    }
}
