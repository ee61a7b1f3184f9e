use dataset::decode::ImageFormat as Format;
use dataset::{DecodeOptions, Error, ImageProblem, RgbImage, decode};
use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba};
use std::io::Cursor;

use crate::common::{encode, gradient, phone, put};

const FORMATS: [ImageFormat; 5] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::Gif,
    ImageFormat::WebP,
    ImageFormat::Bmp,
];

fn read(bytes: &[u8]) -> Result<RgbImage, Error> {
    decode(bytes, &DecodeOptions::default())
}

fn problem(bytes: &[u8]) -> ImageProblem {
    match read(bytes) {
        Err(Error::Image { problem, .. }) => problem,
        other => panic!("expected a problem, found {other:?}"),
    }
}

#[test]
fn every_format_is_sniffed_and_decoded() {
    let image = gradient(40, 30);
    for format in FORMATS {
        let bytes = encode(&image, format);
        assert_eq!(
            Format::sniff(&bytes[..18]).map(|f| f.name().to_lowercase()),
            { Some(format!("{format:?}").to_lowercase()) }
        );
        let decoded = read(&bytes).unwrap();
        assert_eq!(decoded.dimensions(), (40, 30), "{format:?}");
        let tolerance = match format {
            ImageFormat::Jpeg | ImageFormat::Gif => 40,
            _ => 0,
        };
        assert!(
            decoded
                .iter()
                .zip(image.iter())
                .all(|(a, b)| a.abs_diff(*b) <= tolerance)
        );
    }
}

/// A TIFF block that holds nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    tiff
}

pub fn jpeg_with_exif(image: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100)
        .encode_image(image)
        .unwrap();
    let mut block = b"Exif\0\0".to_vec();
    block.extend(exif(orientation));
    let mut segment = vec![0xff, 0xe1];
    segment.extend(((block.len() + 2) as u16).to_be_bytes());
    segment.extend(block);
    bytes.splice(2..2, segment);
    bytes
}

/// `eXIf` before the pixels or, as the standard allows, after them.
fn png_with_exif(image: &RgbImage, orientation: u8, after: bool) -> Vec<u8> {
    let mut bytes = encode(image, ImageFormat::Png);
    let block = exif(orientation);
    let mut chunk = (block.len() as u32).to_be_bytes().to_vec();
    chunk.extend(b"eXIf");
    chunk.extend(&block);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk[4..]);
    chunk.extend(crc.sum().to_be_bytes());
    let at = if after { bytes.len() - 12 } else { 33 };
    bytes.splice(at..at, chunk);
    bytes
}

#[test]
fn every_orientation_is_turned_upright() {
    // The corner that is white says how the picture was turned.
    let mut upright = RgbImage::from_pixel(32, 16, [0, 0, 0].into());
    for (x, y) in (0..8).flat_map(|x| (0..8).map(move |y| (x, y))) {
        upright.put_pixel(x, y, [255; 3].into());
    }
    let stored = |orientation| match orientation {
        2 => flip_horizontal(&upright),
        3 => rotate180(&upright),
        4 => flip_vertical(&upright),
        5 => flip_horizontal(&rotate90(&upright)),
        6 => rotate270(&upright),
        7 => flip_horizontal(&rotate270(&upright)),
        8 => rotate90(&upright),
        _ => upright.clone(),
    };
    for orientation in 0..=9 {
        let image = stored(orientation);
        for bytes in [
            jpeg_with_exif(&image, orientation),
            png_with_exif(&image, orientation, false),
            png_with_exif(&image, orientation, true),
        ] {
            let decoded = read(&bytes).unwrap();
            assert_eq!(decoded.dimensions(), (32, 16), "orientation {orientation}");
            let far = decoded
                .iter()
                .zip(upright.iter())
                .filter(|(a, b)| a.abs_diff(**b) > 30);
            assert_eq!(far.count(), 0, "orientation {orientation}");
            let as_stored = decode(&bytes, &DecodeOptions::default().with_upright(false)).unwrap();
            assert_eq!(as_stored.dimensions(), image.dimensions());
        }
    }
}

#[test]
fn every_color_mode_becomes_rgb() {
    let png = |image: DynamicImage| {
        let mut bytes = Vec::new();
        image
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .unwrap();
        *read(&bytes).unwrap().get_pixel(0, 0)
    };
    let gray = ImageBuffer::from_pixel(2, 2, Luma([77_u8]));
    assert_eq!(png(gray.into()).0, [77; 3]);
    let gray_alpha = ImageBuffer::from_pixel(2, 2, LumaA([100_u8, 51]));
    assert_eq!(png(gray_alpha.into()).0, [224; 3]);
    let clear = ImageBuffer::from_pixel(2, 2, Rgba([9_u8, 9, 9, 0]));
    assert_eq!(png(clear.clone().into()).0, [255; 3]);
    let deep = ImageBuffer::from_pixel(2, 2, Rgb([257_u16 * 3, 257 * 200 + 100, 65535]));
    assert_eq!(png(deep.into()).0, [3, 200, 255]);
    let deep_gray = ImageBuffer::from_pixel(2, 2, Luma([257_u16 * 9]));
    assert_eq!(png(deep_gray.into()).0, [9; 3]);
    let mut bytes = Vec::new();
    DynamicImage::from(clear)
        .write_to(&mut Cursor::new(&mut bytes), ImageFormat::WebP)
        .unwrap();
    let red = DecodeOptions::default().with_background([200, 0, 0]);
    assert_eq!(decode(&bytes, &red).unwrap().get_pixel(0, 0).0, [200, 0, 0]);
}

/// Pillow wrote these (see `modes.py`); the numbers are what Pillow reads.
#[test]
fn inks_and_palettes_equal_pillow() {
    for (name, bytes) in [
        (
            "cmyk_adobe.jpg",
            include_bytes!("../fixtures/cmyk_adobe.jpg").as_slice(),
        ),
        ("ycck.jpg", include_bytes!("../fixtures/ycck.jpg")),
        ("palette.png", include_bytes!("../fixtures/palette.png")),
        (
            "progressive.jpg",
            include_bytes!("../fixtures/progressive.jpg"),
        ),
        ("grey.jpg", include_bytes!("../fixtures/grey.jpg")),
    ] {
        let expected = match name {
            "cmyk_adobe.jpg" => include_bytes!("../fixtures/cmyk_adobe.rgb").as_slice(),
            "ycck.jpg" => include_bytes!("../fixtures/ycck.rgb"),
            "palette.png" => include_bytes!("../fixtures/palette.rgb"),
            "progressive.jpg" => include_bytes!("../fixtures/progressive.rgb"),
            _ => include_bytes!("../fixtures/grey.rgb"),
        };
        let decoded = read(bytes).unwrap();
        assert_eq!(decoded.len(), expected.len(), "{name}");
        let far = decoded
            .iter()
            .zip(expected)
            .filter(|(a, b)| a.abs_diff(**b) > 3)
            .count();
        assert!(
            far * 100 <= expected.len(),
            "{name}: {far} of {} values differ",
            expected.len()
        );
    }
}

#[test]
fn four_inks_take_more_memory_than_three_colors() {
    let inks = include_bytes!("../fixtures/ycck.jpg").as_slice();
    for (bytes, each) in [
        (inks, 11),
        (include_bytes!("../fixtures/progressive.jpg"), 9),
    ] {
        let pixels = (read(bytes).unwrap().len() / 3) as u64;
        let limited = |limit| decode(bytes, &DecodeOptions::default().with_max_memory(limit));
        limited(each * pixels).unwrap();
        let error = limited(each * pixels - 1).unwrap_err().to_string();
        assert!(error.contains("the memory that decoding takes"), "{error}");
    }
}

#[test]
fn limits_hold_before_anything_is_allocated() {
    let side = 65_535_u16;
    let mut jpeg = encode(&gradient(16, 16), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
    let mut gif = encode(&gradient(16, 16), ImageFormat::Gif);
    gif[6..8].copy_from_slice(&side.to_le_bytes());
    gif[8..10].copy_from_slice(&side.to_le_bytes());
    let mut bmp = encode(&gradient(16, 16), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&u32::from(side).to_le_bytes());
    bmp[22..26].copy_from_slice(&u32::from(side).to_le_bytes());
    let mut png = encode(&gradient(16, 16), ImageFormat::Png);
    png[16..20].copy_from_slice(&u32::from(side).to_be_bytes());
    png[20..24].copy_from_slice(&u32::from(side).to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&png[12..29]);
    png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    for (name, bytes) in [("jpeg", jpeg), ("gif", gif), ("bmp", bmp), ("png", png)] {
        let found = problem(&bytes);
        assert!(
            matches!(found, ImageProblem::OverLimit { .. }),
            "{name}: {found}"
        );
    }
    let png = encode(&gradient(20, 10), ImageFormat::Png);
    let refuse = |options: DecodeOptions| decode(&png, &options).unwrap_err().to_string();
    assert!(refuse(DecodeOptions::default().with_max_pixels(199)).contains("200"));
    assert!(refuse(DecodeOptions::default().with_max_side(19)).contains("20"));
    assert!(refuse(DecodeOptions::default().with_max_bytes(50)).contains("50"));
}

#[test]
fn truncations_and_flipped_bytes_are_reported_or_decoded_never_worse() {
    let image = dataset::sample::draw(dataset::sample::Subject::Boat, 4, 4);
    for format in FORMATS {
        let bytes = encode(&image, format);
        for end in (0..bytes.len())
            .step_by(1024)
            .chain([1, 2, 3, 17, bytes.len() - 2])
        {
            let result = read(&bytes[..end]);
            // Only what follows the last pixel may be missing without notice.
            assert!(
                result.is_err() || end + 64 > bytes.len(),
                "{format:?} cut at {end}"
            );
        }
        for at in (0..bytes.len()).step_by(bytes.len() / 60 + 1).chain(0..40) {
            for flip in [0x01, 0x80, 0xff] {
                let mut broken = bytes.clone();
                broken[at] ^= flip;
                let limited = DecodeOptions::default()
                    .with_max_pixels(1 << 20)
                    .with_reduce_to(Some(32));
                if let Ok(decoded) = decode(&broken, &limited) {
                    assert!(u64::from(decoded.width()) * u64::from(decoded.height()) <= 1 << 20);
                }
            }
        }
    }
}

#[test]
fn messages_say_what_was_found() {
    assert!(matches!(problem(b""), ImageProblem::Empty));
    assert!(problem(b"<html>404").to_string().contains("a web page"));
    assert!(problem(b"words").to_string().contains("\"words\""));
    let jpeg = encode(&gradient(64, 64), ImageFormat::Jpeg);
    let cut = problem(&jpeg[..jpeg.len() / 2 + 200]).to_string();
    assert!(
        cut.contains("it is cut short; ") && cut.contains(" % of it"),
        "{cut}"
    );
}

#[test]
fn the_limits_are_about_what_is_decoded() {
    let bytes = phone();
    let options = dataset::ResizePolicy::CenterCrop.decode_options(224);
    assert_eq!(decode(&bytes, &options).unwrap().dimensions(), (2040, 1530));
    let refuse = |options: DecodeOptions| decode(&bytes, &options).unwrap_err().to_string();
    let said = refuse(options.clone().with_max_pixels(2040 * 1530 - 1));
    assert!(
        said.contains("3121200, over")
            && said
                .contains("`DecodeOptions::with_max_pixels` or the option --max-pixels raises it"),
        "{said}"
    );
    let said = refuse(options.with_max_side(2039));
    assert!(
        said.contains("2040, over") && said.contains("with_max_side"),
        "{said}"
    );
    let said = refuse(DecodeOptions::default());
    assert!(said.contains("199756800, over"), "{said}");
    // The audit looks at it as well.
    let dir = tempfile::tempdir().unwrap();
    put(dir.path().join("a/phone.jpg"), &bytes);
    let folder = dataset::ImageFolder::open(dir.path()).unwrap();
    let findings = dataset::audit::run(&[&folder]).unwrap();
    assert!(
        findings
            .iter()
            .all(|f| f.kind == dataset::audit::Kind::OneColor),
        "{findings:?}"
    );
}

/// The names come from the frame header; the table is tested beside it.
#[test]
fn rare_kinds_of_jpeg_are_named() {
    let jpeg = encode(&gradient(16, 16), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    for (at, value, name) in [
        (frame + 1, 0xc3, "lossless"),
        (frame + 1, 0xc9, "arithmetic"),
        (frame + 4, 12, "12 bits"),
        (frame + 9, 2, "two components"),
    ] {
        let mut rare = jpeg.clone();
        rare[at] = value;
        let found = problem(&rare);
        assert!(matches!(found, ImageProblem::NotDecoded { .. }), "{found}");
        assert!(found.to_string().contains(name), "{found}");
    }
}

#[test]
fn files_of_other_kinds_are_named_in_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path().join("a/x.jpg"),
        encode(&gradient(2, 2), ImageFormat::Jpeg),
    );
    put(
        dir.path().join("a/y.heic"),
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    );
    put(
        dir.path().join("a/z.jpg"),
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a",
    );
    let folder = dataset::ImageFolder::open(dir.path()).unwrap();
    let said: Vec<_> = folder.skipped().iter().map(ToString::to_string).collect();
    assert!(
        said[0].contains("y.heic") && said[0].contains("this is HEIC"),
        "{said:?}"
    );
    assert!(
        said[1].contains("z.jpg") && said[1].contains("git lfs pull"),
        "{said:?}"
    );
}
