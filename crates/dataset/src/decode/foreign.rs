//! What is not decoded, by name: other formats of images, other files, and the rare kinds of JPEG.

use super::format::escaped_start;
use super::raw::raw_photograph;
use crate::problem::ImageProblem;

/// The number of bytes at the start of a file that tell what it is.
pub(crate) const KIND_BYTES: usize = 4096;

/// A kind of file: its name, what a user can do, and the bytes of which some are in each such file.
struct Kind {
    name: &'static str,
    remedy: &'static str,
    /// Each is a place in the file and the bytes that are there.
    magic: &'static [(usize, &'static [u8])],
}

const fn kind(
    name: &'static str,
    remedy: &'static str,
    magic: &'static [(usize, &'static [u8])],
) -> Kind {
    Kind {
        name,
        remedy,
        magic,
    }
}

const CONVERT: &str = "convert it to JPEG or PNG";
const DEVELOP: &str = "export it as JPEG from a program for raw photographs";
const FRAMES: &str = "take single frames out of it, for instance with ffmpeg";
const UNPACK: &str = "unpack it first";
const REMOVE: &str = "remove it, or download the image again";

/// The first row that fits counts.
const KINDS: &[Kind] = &[
    kind(
        "HEIC",
        "convert it to JPEG, or set the phone's camera to the most compatible format",
        &[
            (4, b"ftyphei"),
            (4, b"ftyphev"),
            (4, b"ftypmif1"),
            (4, b"ftypmsf1"),
        ],
    ),
    kind("AVIF", CONVERT, &[(4, b"ftypavif"), (4, b"ftypavis")]),
    kind("Canon raw (CR3)", DEVELOP, &[(4, b"ftypcrx ")]),
    kind(
        "a QuickTime video (MOV)",
        FRAMES,
        &[(4, b"ftypqt"), (4, b"moov"), (4, b"mdat"), (4, b"wide")],
    ),
    kind("an MP4 video", FRAMES, &[(4, b"ftyp")]),
    kind("JPEG XL", CONVERT, &[(0, b"\xff\x0a"), (4, b"JXL \r\n")]),
    kind(
        "JPEG 2000",
        CONVERT,
        &[(4, b"jP  \r\n"), (0, b"\xff\x4f\xff\x51")],
    ),
    kind(
        "JPEG XR",
        CONVERT,
        &[(0, b"II\xbc\x01"), (0, b"II\xbc\x00")],
    ),
    kind("Canon raw (CR2)", DEVELOP, &[(8, b"CR\x02\0")]),
    kind(
        "Olympus raw (ORF)",
        DEVELOP,
        &[(0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR")],
    ),
    kind("Panasonic raw (RW2)", DEVELOP, &[(0, b"IIU\0")]),
    kind("Fujifilm raw (RAF)", DEVELOP, &[(0, b"FUJIFILMCCD-RAW")]),
    kind(
        "TIFF",
        CONVERT,
        &[(0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")],
    ),
    kind("Photoshop (PSD)", CONVERT, &[(0, b"8BPS")]),
    kind("GIMP (XCF)", CONVERT, &[(0, b"gimp xcf")]),
    kind("OpenEXR", CONVERT, &[(0, b"\x76\x2f\x31\x01")]),
    kind(
        "Radiance HDR",
        CONVERT,
        &[(0, b"#?RADIANCE"), (0, b"#?RGBE")],
    ),
    kind("DDS", CONVERT, &[(0, b"DDS ")]),
    kind("DICOM", CONVERT, &[(128, b"DICM")]),
    kind("a Windows cursor (CUR)", CONVERT, &[(0, b"\0\0\x02\0")]),
    kind("PDF", "export its pages as JPEG or PNG", &[(0, b"%PDF-")]),
    kind("PostScript", CONVERT, &[(0, b"%!PS")]),
    kind("an AVI video", FRAMES, &[(8, b"AVI LIST")]),
    kind(
        "a WebM or Matroska video",
        FRAMES,
        &[(0, b"\x1a\x45\xdf\xa3")],
    ),
    kind(
        "a zip archive",
        UNPACK,
        &[(0, b"PK\x03\x04"), (0, b"PK\x05\x06")],
    ),
    kind("a gzip archive", UNPACK, &[(0, b"\x1f\x8b")]),
    kind("a 7z archive", UNPACK, &[(0, b"7z\xbc\xaf\x27\x1c")]),
    kind("a RAR archive", UNPACK, &[(0, b"Rar!\x1a\x07")]),
    kind("a tar archive", UNPACK, &[(257, b"ustar")]),
    kind(
        "a pointer of Git LFS, not the file itself",
        "fetch the files with `git lfs pull`",
        &[(0, b"version https://git-lfs.github.com/spec/")],
    ),
];

/// What is wrong with a file that starts with `bytes` and has no [`ImageFormat`](super::ImageFormat).
pub(crate) fn problem(bytes: &[u8]) -> ImageProblem {
    let fits = |kind: &&Kind| {
        let mut magic = kind.magic.iter();
        magic.any(|(at, there)| bytes.get(*at..).is_some_and(|b| b.starts_with(there)))
    };
    let found = KINDS.iter().find(fits).map(|kind| match kind.name {
        "TIFF" => raw_photograph(bytes).map_or((kind.name, kind.remedy), |raw| (raw, DEVELOP)),
        "HEIC" if brands(bytes).any(|brand| brand.starts_with(b"avi")) => ("AVIF", CONVERT),
        name => (name, kind.remedy),
    });
    match found.or_else(|| of_text(bytes)) {
        Some((name, remedy)) => ImageProblem::NotDecoded { name, remedy },
        None => ImageProblem::UnknownFormat {
            start: escaped_start(bytes),
        },
    }
}

/// The compatible brands of an ISO media file.
fn brands(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let length = bytes.first_chunk().map_or(0, |b| u32::from_be_bytes(*b));
    let end = bytes.len().min(length as usize);
    bytes.get(16..end).unwrap_or_default().chunks_exact(4)
}

/// A text whose kind its first words tell.
fn of_text(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let start = &bytes[..bytes.len().min(KIND_BYTES)];
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    // Before the element there may be a declaration and comments, also in front of a web page.
    let marked = text.starts_with('<');
    if text.starts_with("<svg") || (marked && text.contains("<svg") && !text.contains("<html")) {
        return Some(("SVG", "export it as PNG"));
    }
    if marked && (text.contains("<!doctype html") || text.contains("<html")) {
        return Some(("a web page (HTML), perhaps of an error", REMOVE));
    }
    let other = match text {
        _ if text.starts_with("<?xml") => "an XML file",
        _ if text.starts_with('{') && text.contains('"') => "a JSON file",
        _ => return None,
    };
    Some((other, REMOVE))
}

/// What is wrong with a JPEG whose frame header has this marker and this body, if it is of a rare kind.
pub(super) fn of_jpeg(marker: u8, body: &[u8]) -> Option<ImageProblem> {
    let name = match marker {
        0xc3 => "a lossless JPEG",
        0xc5..=0xc7 => "a hierarchical JPEG",
        0xc9 | 0xca => "a JPEG with arithmetic coding",
        0xcb => "a lossless JPEG with arithmetic coding",
        0xcd..=0xcf => "a hierarchical JPEG with arithmetic coding",
        0xf7 => "JPEG-LS",
        _ => match body {
            [12, ..] => "a JPEG with 12 bits per value",
            [bits, ..] if *bits != 8 => "a JPEG with an unknown number of bits per value",
            [_, _, _, _, _, 1 | 3 | 4, ..] => return None,
            [_, _, _, _, _, 2, ..] => "a JPEG with two components",
            [_, _, _, _, _, ..] => "a JPEG with an impossible number of components",
            _ => return None,
        },
    };
    Some(ImageProblem::NotDecoded {
        name,
        remedy: "convert it to an ordinary JPEG, of 8 bits and with Huffman coding",
    })
}

#[cfg(test)]
mod tests {
    use super::super::raw::tests::tiff;
    use super::{of_jpeg, problem};

    fn named(bytes: &[u8]) -> String {
        problem(bytes).to_string()
    }

    #[test]
    fn every_kind_is_named() {
        let at = |place: usize, magic: &[u8]| [&vec![b'.'; place], magic].concat();
        let rows: &[(&str, Vec<u8>)] = &[
            ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
            ("HEIC", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic".to_vec()),
            ("AVIF", b"\0\0\0\x18ftypavif\0\0\0\0avifmif1".to_vec()),
            ("AVIF", b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif".to_vec()),
            ("(CR3)", b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom".to_vec()),
            ("(MOV)", b"\0\0\0\x14ftypqt  \0\0\x02\0qt  ".to_vec()),
            ("MP4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec()),
            ("JPEG XL", b"\xff\x0a\xfa\x1f\x01\x90".to_vec()),
            ("JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n".to_vec()),
            ("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n".to_vec()),
            ("JPEG 2000", b"\xff\x4f\xff\x51\0\x2f".to_vec()),
            ("JPEG XR", b"II\xbc\x01\x08\0\0\0".to_vec()),
            ("(CR2)", b"II*\0\x10\0\0\0CR\x02\0".to_vec()),
            ("(ORF)", b"IIRO\x08\0\0\0".to_vec()),
            ("(RW2)", b"IIU\0\x18\0\0\0".to_vec()),
            ("(RAF)", b"FUJIFILMCCD-RAW 0201".to_vec()),
            ("this is TIFF", b"II+\0\x08\0\0\0".to_vec()),
            (
                "(NEF)",
                tiff(false, &[(0x010f, "NIKON"), (0x014a, "there")]),
            ),
            ("(ARW)", tiff(true, &[(0x010f, "SONY"), (0x014a, "there")])),
            ("(DNG)", tiff(true, &[(0x010f, "Apple"), (0xc612, "1.4")])),
            ("(PSD)", b"8BPS\0\x01\0\0\0\0".to_vec()),
            ("(XCF)", b"gimp xcf v011\0".to_vec()),
            ("OpenEXR", b"\x76\x2f\x31\x01\x02\0\0\0".to_vec()),
            ("Radiance", b"#?RADIANCE\n".to_vec()),
            ("DDS", b"DDS |\0\0\0".to_vec()),
            ("DICOM", at(128, b"DICM")),
            ("(CUR)", b"\0\0\x02\0\x01\0\x10\x10".to_vec()),
            ("PDF", b"%PDF-1.7\n".to_vec()),
            ("PostScript", b"%!PS-Adobe-3.0\n".to_vec()),
            ("AVI", b"RIFF\0\0\x01\0AVI LIST".to_vec()),
            ("Matroska", b"\x1a\x45\xdf\xa3\x01\0\0\0".to_vec()),
            ("zip", b"PK\x03\x04\x14\0\0\0".to_vec()),
            ("gzip", b"\x1f\x8b\x08\0\0\0\0\0".to_vec()),
            ("7z", b"7z\xbc\xaf\x27\x1c\0\x04".to_vec()),
            ("RAR", b"Rar!\x1a\x07\x01\0".to_vec()),
            ("tar", at(257, b"ustar\0")),
            (
                "git lfs pull",
                b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a".to_vec(),
            ),
            ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'>".to_vec()),
            (
                "SVG",
                b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- drawn -->\n<svg>".to_vec(),
            ),
            ("HTML", b"\n<!DOCTYPE html><html><svg>".to_vec()),
            ("HTML", b"<html><title>404 Not Found".to_vec()),
            (
                "an XML file",
                b"<?xml version='1.0'?><Error><Code>AccessDenied".to_vec(),
            ),
            ("a JSON file", b"{\"error\": \"not found\"}".to_vec()),
        ];
        for (name, bytes) in rows {
            let said = named(bytes);
            assert!(
                said.contains(name) && said.contains("which is not decoded; "),
                "{name}: {said}"
            );
        }
        for (start, bytes) in [
            ("\"hello\"", &b"hello"[..]),
            ("\"\\x00\\x01", b"\0\x01\x02\x03"),
        ] {
            let said = named(bytes);
            assert!(
                said.contains("not a JPEG, PNG") && said.contains(start),
                "{said}"
            );
        }
    }

    #[test]
    fn rare_kinds_of_jpeg_are_named() {
        let body = |bits, components| [bits, 0, 16, 0, 16, components, 1, 0x11, 0];
        for (marker, bits, components, name) in [
            (0xc3, 8, 3, "lossless"),
            (0xc5, 8, 3, "hierarchical"),
            (0xc9, 8, 3, "arithmetic"),
            (0xca, 8, 3, "arithmetic"),
            (0xcb, 8, 3, "lossless JPEG with arithmetic"),
            (0xce, 8, 3, "hierarchical JPEG with arithmetic"),
            (0xf7, 8, 3, "JPEG-LS"),
            (0xc1, 12, 3, "12 bits"),
            (0xc0, 8, 2, "two components"),
            (0xc0, 8, 0, "impossible number"),
            (0xc2, 8, 9, "impossible number"),
        ] {
            let problem = of_jpeg(marker, &body(bits, components)).unwrap();
            let said = problem.to_string();
            assert!(said.contains(name) && said.contains("convert it"), "{said}");
        }
        for (marker, components) in [(0xc0, 1), (0xc1, 3), (0xc2, 4)] {
            assert!(of_jpeg(marker, &body(8, components)).is_none());
        }
    }
}
