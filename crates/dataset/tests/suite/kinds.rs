//! Kinds of images beside the usual ones, and orientations in all containers. The files are made here, byte by byte where no
//! encoder makes them.

use std::io::Write;

use dataset::{DecodeOptions, ImageFolder, RgbImage, decode};
use image::ImageFormat;

use crate::common::{encode, gradient, put};

fn decoded(bytes: &[u8]) -> RgbImage {
    decode(bytes, &DecodeOptions::default()).unwrap()
}

fn refused(bytes: &[u8]) -> String {
    let refused = decode(bytes, &DecodeOptions::default());
    refused.unwrap_err().to_string()
}

fn rgba_icon(image: &RgbImage) -> Vec<u8> {
    let image = image::DynamicImage::from(image.clone()).into_rgba8();
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Ico).unwrap();
    bytes.into_inner()
}

#[test]
fn pnm_qoi_ico_and_tga_are_read() {
    let image = gradient(20, 10);
    for (format, ending) in [
        (ImageFormat::Pnm, "ppm"),
        (ImageFormat::Qoi, "qoi"),
        (ImageFormat::Ico, "ico"),
        (ImageFormat::Tga, "tga"),
    ] {
        let bytes = match format {
            // Icons are of RGBA.
            ImageFormat::Ico => rgba_icon(&image),
            _ => encode(&image, format),
        };
        assert_eq!(decoded(&bytes), image, "{ending}");
        let dir = tempfile::tempdir().unwrap();
        put(dir.path().join(format!("a/1.{ending}")), &bytes);
        assert_eq!(
            ImageFolder::open(dir.path()).unwrap().images().len(),
            1,
            "{ending}"
        );
    }
    // Numbers of two bytes whose highest one is not 65,535.
    let mut wide = b"P5\n# 12 bits\n2 2\n4095\n".to_vec();
    wide.extend(
        [0_u16, 1365, 2730, 4095]
            .iter()
            .flat_map(|v| v.to_be_bytes()),
    );
    assert_eq!(
        decoded(&wide).as_raw()[..],
        [0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255]
    );
    let ascii = b"P2\n2 1\n255\n0 200\n";
    assert_eq!(decoded(ascii).as_raw()[..], [0, 0, 0, 200, 200, 200]);
}

/// A PNG of 2 x 1 pixels, red and blue, with one more chunk after the pixels.
fn png_with(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let image = RgbImage::from_raw(2, 1, vec![255, 0, 0, 0, 0, 255]).unwrap();
    let mut png = encode(&image, ImageFormat::Png);
    let end = png.len() - 12;
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(&name);
    chunk.extend(data);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk[4..]);
    chunk.extend(crc.sum().to_be_bytes());
    png.splice(end..end, chunk);
    png
}

/// EXIF with an orientation alone.
fn exif(orientation: u8) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    bytes.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

const XMP: &[u8] = b"<x:xmpmeta><rdf:Description tiff:Orientation=\"3\"/></x:xmpmeta>";

/// Before, only the chunk `eXIf` counted.
#[test]
fn orientations_of_png_are_found_in_all_their_places() {
    let upright = [255, 0, 0, 0, 0, 255];
    let turned = [0, 0, 255, 255, 0, 0];
    let profile = |exif: &[u8]| {
        let digits: String = exif.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("\nexif\n{:8}\n{digits}\n", exif.len()).into_bytes()
    };
    let with_mark = [b"Exif\0\0", &exif(3)[..]].concat();
    let raw = b"Raw profile type exif\0".to_vec();
    let xmp = b"XML:com.adobe.xmp\0".to_vec();
    for (what, name, data) in [
        ("eXIf", b"eXIf", exif(3)),
        ("tEXt", b"tEXt", [&raw[..], &profile(&with_mark)].concat()),
        (
            "zTXt",
            b"zTXt",
            [&raw[..], b"\0", &zlib(&profile(&exif(3)))].concat(),
        ),
        ("XMP", b"iTXt", [&xmp[..], b"\0\0\0\0", XMP].concat()),
        (
            "packed XMP",
            b"iTXt",
            [&xmp[..], b"\x01\0\0\0", &zlib(XMP)].concat(),
        ),
    ] {
        let png = png_with(*name, &data);
        assert_eq!(decoded(&png).as_raw()[..], turned, "{what}");
        let as_stored = DecodeOptions::default().with_upright(false);
        assert_eq!(
            decode(&png, &as_stored).unwrap().as_raw()[..],
            upright,
            "{what}"
        );
    }
    for (name, data) in [
        (b"zTXt", [&raw[..], b"\0 no zlib"].concat()),
        (b"tEXt", b"Raw profile type exif\0\nexif".to_vec()),
        (b"iTXt", b"XML:com.adobe.xmp\0\x01".to_vec()),
        (b"tEXt", b"no zero".to_vec()),
    ] {
        assert_eq!(decoded(&png_with(*name, &data)).as_raw()[..], upright);
    }
}

#[test]
fn xmp_of_jpegs_turns_them() {
    let image = RgbImage::from_fn(32, 16, |x, _| [if x < 16 { 250 } else { 5 }; 3].into());
    let jpeg = encode(&image, ImageFormat::Jpeg);
    let segment = [b"http://ns.adobe.com/xap/1.0/\0", XMP].concat();
    let mut with = jpeg[..2].to_vec();
    with.extend([0xff, 0xe1]);
    with.extend((segment.len() as u16 + 2).to_be_bytes());
    with.extend(&segment);
    with.extend(&jpeg[2..]);
    assert!(decoded(&jpeg).get_pixel(0, 0).0[0] > 200);
    assert!(decoded(&with).get_pixel(0, 0).0[0] < 50);
}

/// What follows the pixels may turn them, so a file without it is not whole.
#[test]
fn a_webp_that_is_cut_behind_its_pixels_is_refused() {
    let image = gradient(6, 4);
    let mut webp = encode(&image, ImageFormat::WebP);
    assert_eq!(decoded(&webp), image);
    let whole = webp.len();
    webp.extend(b"XMP ");
    webp.extend((XMP.len() as u32).to_le_bytes());
    webp.extend(XMP);
    let length = webp.len() as u32 - 8;
    webp[4..8].copy_from_slice(&length.to_le_bytes());
    assert_eq!(decoded(&webp), image);
    webp.truncate(whole + 4);
    assert!(refused(&webp).contains("cut short"));
}

/// A BMP of 3 x 2 pixels: its header of this length, colors, a gap, and rows of these bytes, the lowest first.
fn bmp(
    header: u32,
    bits: u16,
    colors: &[u8],
    gap: usize,
    rows: &[&[u8]],
    top_down: bool,
) -> Vec<u8> {
    let pixels: Vec<u8> = rows
        .iter()
        .flat_map(|row| {
            let mut row = row.to_vec();
            row.resize(row.len().next_multiple_of(4), 0);
            row
        })
        .collect();
    let mut info = header.to_le_bytes().to_vec();
    if header == 12 {
        info.extend([3, 0, 2, 0, 1, 0]);
        info.extend(bits.to_le_bytes());
    } else {
        let height: i32 = if top_down { -2 } else { 2 };
        info.extend(3_i32.to_le_bytes());
        info.extend(height.to_le_bytes());
        info.extend([1, 0]);
        info.extend(bits.to_le_bytes());
        info.extend(0_u32.to_le_bytes());
        info.extend((pixels.len() as u32).to_le_bytes());
        info.extend([0; 8]);
        info.extend((colors.len() as u32 / 4).to_le_bytes());
        info.resize(header as usize, 0);
    }
    let offset = 14 + info.len() + colors.len() + gap;
    let mut bytes = b"BM".to_vec();
    bytes.extend(((offset + pixels.len()) as u32).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((offset as u32).to_le_bytes());
    bytes.extend(info);
    bytes.extend(colors);
    bytes.extend(vec![0xaa; gap]);
    bytes.extend(pixels);
    bytes
}

/// The pixels lie where the header says, whatever lies before them.
#[test]
fn bmps_are_not_shifted() {
    let rgb = |n: u8| [n, n + 1, n + 2];
    let expected: Vec<u8> = (0..6).flat_map(|pixel| rgb(10 * pixel)).collect();
    let row = |from: u8| -> Vec<u8> {
        (from..from + 3)
            .flat_map(|pixel| {
                let [r, g, b] = rgb(10 * pixel);
                [b, g, r]
            })
            .collect()
    };
    let (upper, lower) = (row(0), row(3));
    for header in [40, 52, 56, 108, 124] {
        for gap in [0, 2, 12, 68] {
            let bytes = bmp(header, 24, &[], gap, &[&lower, &upper], false);
            assert_eq!(
                decoded(&bytes).as_raw()[..],
                expected,
                "header {header}, gap {gap}"
            );
        }
    }
    // The header of OS/2 2, which begins as that of Windows.
    let bytes = bmp(64, 24, &[], 4, &[&lower, &upper], false);
    assert_eq!(decoded(&bytes).as_raw()[..], expected);
    let bytes = bmp(12, 24, &[], 0, &[&lower, &upper], false);
    assert_eq!(decoded(&bytes).as_raw()[..], expected);
    let bytes = bmp(40, 24, &[], 0, &[&upper, &lower], true);
    assert_eq!(decoded(&bytes).as_raw()[..], expected);
    // Palettes of 8, 4 and 1 bits, with fewer colors than there are indices, and a gap.
    let colors: Vec<u8> = (0..6)
        .flat_map(|pixel| {
            let [r, g, b] = rgb(10 * pixel);
            [b, g, r, 0]
        })
        .collect();
    for gap in [0, 4, 20] {
        let bytes = bmp(40, 8, &colors, gap, &[&[3, 4, 5], &[0, 1, 2]], false);
        assert_eq!(decoded(&bytes).as_raw()[..], expected, "gap {gap}");
        let bytes = bmp(40, 4, &colors, gap, &[&[0x34, 0x50], &[0x01, 0x20]], false);
        assert_eq!(decoded(&bytes).as_raw()[..], expected, "gap {gap}");
        let bytes = bmp(
            40,
            1,
            &colors[..8],
            gap,
            &[&[0b0100_0000], &[0b1010_0000]],
            false,
        );
        let pixels: Vec<u8> = [1, 0, 1, 0, 1, 0]
            .iter()
            .flat_map(|n| rgb(10 * n))
            .collect();
        assert_eq!(decoded(&bytes).as_raw()[..], pixels, "gap {gap}");
    }
}
