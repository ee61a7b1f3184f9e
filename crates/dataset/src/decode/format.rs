//! The formats of image files.

use std::fmt;

use super::raw::raw_photograph;

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
    /// TIFF; only the first page is decoded.
    Tiff,
    /// PNM: PBM, PGM, PPM and PAM.
    Pnm,
    /// QOI, the quite OK image format.
    Qoi,
    /// Windows icon; the largest image is decoded.
    Ico,
    /// Truevision TGA.
    Tga,
}

impl ImageFormat {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Jpeg,
        Self::Png,
        Self::Gif,
        Self::WebP,
        Self::Bmp,
        Self::Tiff,
        Self::Pnm,
        Self::Qoi,
        Self::Ico,
        Self::Tga,
    ];

    /// The format of a file that starts with `bytes`, of which the first 4,096 are enough; `None` for other formats.
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
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..]
                if raw_photograph(bytes).is_none() =>
            {
                Some(Self::Tiff)
            }
            // BigTIFF, whose offsets have 8 bytes.
            [b'I', b'I', b'+', 0, ..] | [b'M', b'M', 0, b'+', ..] => Some(Self::Tiff),
            [b'P', b'1'..=b'7', b'\n' | b'\r' | b' ' | b'\t', ..] => Some(Self::Pnm),
            [b'q', b'o', b'i', b'f', ..] => Some(Self::Qoi),
            [0, 0, 1, 0, count, ..] if *count > 0 => Some(Self::Ico),
            _ if is_tga(bytes) => Some(Self::Tga),
            _ => None,
        }
    }

    /// The usual name of the format, such as `JPEG`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Pnm => "PNM",
            Self::Qoi => "QOI",
            Self::Ico => "ICO",
            Self::Tga => "TGA",
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
            Self::Tiff => &["tif", "tiff"],
            Self::Pnm => &["ppm", "pgm", "pbm", "pnm", "pam"],
            Self::Qoi => &["qoi"],
            Self::Ico => &["ico"],
            Self::Tga => &["tga"],
        }
    }
}

/// TGA has no mark: all of the header must make sense.
fn is_tga(bytes: &[u8]) -> bool {
    let Some(
        &[
            _,
            map,
            kind,
            f0,
            f1,
            l0,
            l1,
            depth,
            _,
            _,
            _,
            _,
            w0,
            w1,
            h0,
            h1,
            bits,
            flags,
        ],
    ) = bytes.first_chunk()
    else {
        return false;
    };
    let [first, length, width, height] =
        [[f0, f1], [l0, l1], [w0, w1], [h0, h1]].map(u16::from_le_bytes);
    let colors = match (map, kind) {
        (0, 2 | 10) => length == 0 && depth == 0 && matches!(bits, 15 | 16 | 24 | 32),
        (0, 3 | 11) => length == 0 && depth == 0 && matches!(bits, 8 | 16),
        (1, 1 | 9) => {
            (1..=256).contains(&length) && matches!(depth, 15 | 16 | 24 | 32) && bits == 8
        }
        _ => false,
    };
    // The bits of the flags: four of alpha, two of the corner, two that must be 0.
    colors && first == 0 && width > 0 && height > 0 && flags & 0xc0 == 0
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
