//! The formats of image files.

use std::fmt;

/// The formats of image files that can be decoded. `Display` gives the usual name, such as `JPEG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ImageFormat {
    /// JPEG: baseline, extended and progressive, with 8 bits per value.
    Jpeg,
    /// PNG.
    Png,
    /// GIF; only the first frame is decoded.
    Gif,
    /// WebP, lossy and lossless; only the first frame is decoded.
    WebP,
    /// Windows bitmap.
    Bmp,
}

impl ImageFormat {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP, Self::Bmp];

    /// The format of a file that starts with `bytes`, of which the first 18 are enough; `None` for other formats.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            // Two letters alone could be any text: the size of one of the known headers must follow.
            [b'B', b'M', rest @ ..] => match rest.get(12..16)? {
                [12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0] => Some(Self::Bmp),
                _ => None,
            },
            _ => None,
        }
    }

    /// The usual name of the format: `JPEG`, `PNG`, `GIF`, `WebP` or `BMP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
        }
    }

    /// The extensions of file names that are usual for this format, in lower case, the most usual first.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::Png => &["png", "apng"],
            Self::Gif => &["gif"],
            Self::WebP => &["webp"],
            Self::Bmp => &["bmp", "dib"],
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The first bytes of a file, to be shown.
pub(super) fn escaped_start(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes[..bytes.len().min(12)].escape_ascii())
}
