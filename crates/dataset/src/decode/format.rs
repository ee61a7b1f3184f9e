//! Which format a file is, by its first bytes.

/// How many bytes [`Format::sniff`] looks at.
pub(crate) const SNIFF_BYTES: usize = 18;

/// The formats that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG: baseline, extended and progressive, 8 bits.
    Jpeg,
    /// PNG.
    Png,
    /// GIF; the first frame.
    Gif,
    /// WebP, lossy and lossless; the first frame.
    WebP,
    /// Windows bitmap.
    Bmp,
}

impl Format {
    /// The format of a file that starts with `bytes` (18 are enough), or `None`.
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
            // Two letters are little: ask for the size of one of the known headers too.
            [b'B', b'M', rest @ ..] => match rest.get(12..16)? {
                [12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0] => Some(Self::Bmp),
                _ => None,
            },
            _ => None,
        }
    }

    /// Its name, as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
        }
    }

    /// The endings that files of this format usually have, lower case, the first the best.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::Png => &["png", "apng"],
            Self::Gif => &["gif"],
            Self::WebP => &["webp"],
            Self::Bmp => &["bmp", "dib"],
        }
    }

    pub(crate) fn of_image_crate(self) -> image::ImageFormat {
        match self {
            Self::Jpeg => image::ImageFormat::Jpeg,
            Self::Png => image::ImageFormat::Png,
            Self::Gif => image::ImageFormat::Gif,
            Self::WebP => image::ImageFormat::WebP,
            Self::Bmp => image::ImageFormat::Bmp,
        }
    }
}

/// The first bytes of a file, to be shown.
pub(crate) fn escaped_start(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes[..bytes.len().min(12)].escape_ascii())
}
