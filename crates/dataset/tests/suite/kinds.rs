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

/// A TIFF of these tags (number, type, values), little-endian, and its pixels at the tag 273 or 324.
fn tiff(tags: &[(u16, u16, &[u32])], pixels: &[u8]) -> Vec<u8> {
    let mut tags: Vec<(u16, u16, Vec<u32>)> = tags
        .iter()
        .map(|(tag, kind, values)| (*tag, *kind, values.to_vec()))
        .collect();
    tags.sort();
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((tags.len() as u16).to_le_bytes());
    let mut after = 8 + 2 + 12 * tags.len() + 4;
    let mut values_after = Vec::new();
    let long_values: usize = tags
        .iter()
        .map(|(_, kind, values)| values.len() * if *kind == 3 { 2 } else { 4 })
        .filter(|length| *length > 4)
        .sum();
    let pixels_at = (after + long_values) as u32;
    for (tag, kind, values) in &mut tags {
        if matches!(*tag, 273 | 324) {
            // Offsets are from the start of the pixels.
            values.iter_mut().for_each(|value| *value += pixels_at);
        }
        let bytes_of: Vec<u8> = values
            .iter()
            .flat_map(|value| match kind {
                3 => (*value as u16).to_le_bytes().to_vec(),
                _ => value.to_le_bytes().to_vec(),
            })
            .collect();
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend((values.len() as u32).to_le_bytes());
        if bytes_of.len() <= 4 {
            let mut inside = bytes_of;
            inside.resize(4, 0);
            bytes.extend(inside);
        } else {
            bytes.extend((after as u32).to_le_bytes());
            after += bytes_of.len();
            values_after.extend(bytes_of);
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(values_after);
    bytes.extend(pixels);
    bytes
}

/// The tags of one strip of 2 x 2 pixels.
fn small(bits: u32, photometric: u32, samples: u32, length: u32) -> Vec<(u16, u16, Vec<u32>)> {
    vec![
        (256, 3, vec![2]),
        (257, 3, vec![2]),
        (258, 3, vec![bits; samples as usize]),
        (259, 3, vec![1]),
        (262, 3, vec![photometric]),
        (273, 4, vec![0]),
        (277, 3, vec![samples]),
        (278, 3, vec![2]),
        (279, 4, vec![length]),
    ]
}

fn of(tags: Vec<(u16, u16, Vec<u32>)>, pixels: &[u8]) -> Vec<u8> {
    let tags: Vec<(u16, u16, &[u32])> = tags
        .iter()
        .map(|(tag, kind, values)| (*tag, *kind, &values[..]))
        .collect();
    tiff(&tags, pixels)
}

#[test]
fn tiffs_of_levels_are_read() {
    let image = gradient(40, 30);
    let rgb = encode(&image, ImageFormat::Tiff);
    assert_eq!(decoded(&rgb), image);
    let gray = of(small(8, 1, 1, 4), &[0, 50, 100, 255]);
    let levels = |image: &RgbImage| image.pixels().map(|pixel| pixel.0).collect::<Vec<_>>();
    assert_eq!(
        levels(&decoded(&gray)),
        [[0; 3], [50; 3], [100; 3], [255; 3]]
    );
    let sixteen: Vec<u8> = [0_u16, 50 * 257, 100 * 257, 65535]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let gray = of(small(16, 1, 1, 8), &sixteen);
    assert_eq!(
        levels(&decoded(&gray)),
        [[0; 3], [50; 3], [100; 3], [255; 3]]
    );
    // Tiles of 16 x 16, of which the image is a corner.
    let mut tags = small(8, 1, 1, 4);
    tags.retain(|(tag, ..)| !matches!(tag, 273 | 278 | 279));
    tags.extend([
        (322, 3, vec![16]),
        (323, 3, vec![16]),
        (324, 4, vec![0]),
        (325, 4, vec![256]),
    ]);
    let mut tile = [0; 256];
    (tile[0], tile[1], tile[16], tile[17]) = (1, 2, 3, 4);
    assert_eq!(
        levels(&decoded(&of(tags, &tile))),
        [[1; 3], [2; 3], [3; 3], [4; 3]]
    );
    // The orientation of TIFF: turned by 180 degrees.
    let mut tags = small(8, 1, 1, 4);
    tags.push((274, 3, vec![3]));
    assert_eq!(
        levels(&decoded(&of(tags, &[1, 2, 3, 4]))),
        [[4; 3], [3; 3], [2; 3], [1; 3]]
    );
}

#[test]
fn tiffs_of_palettes_and_floats_are_read_or_refused() {
    let levels = |image: &RgbImage| image.pixels().map(|pixel| pixel.0).collect::<Vec<_>>();
    let mut palette = vec![0; 3 * 256];
    (palette[7], palette[256 + 7], palette[512 + 7]) = (10 * 257, 20 * 257, 30 * 257);
    let mut tags = small(8, 3, 1, 4);
    tags.push((320, 3, palette));
    assert_eq!(
        levels(&decoded(&of(tags, &[7, 0, 7, 0]))),
        [[10, 20, 30], [0; 3], [10, 20, 30], [0; 3]]
    );
    let float = |values: [f32; 4]| {
        let pixels: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let mut tags = small(32, 1, 1, 16);
        tags.push((339, 3, vec![3]));
        of(tags, &pixels)
    };
    assert_eq!(
        levels(&decoded(&float([0.0, 0.2, 0.4, 1.0]))),
        [[0; 3], [51; 3], [102; 3], [255; 3]]
    );
    assert_eq!(levels(&decoded(&float([0.0, 3.0, 7.0, 255.0])))[1], [3; 3]);
    let said = refused(&float([0.0, 3.0, 7.0, 3000.0]));
    assert!(said.contains("from 0 to 3000"), "{said}");
}

/// Pictures of satellites: 13 bands of 16 bits, pixel by pixel or band by band.
#[test]
fn three_of_many_bands_become_red_green_and_blue() {
    let number = |pixel: u16, band: u16| 100 * band + pixel;
    let bytes =
        |values: Vec<u16>| -> Vec<u8> { values.into_iter().flat_map(u16::to_le_bytes).collect() };
    let by_pixel = (0..4).flat_map(|pixel| (1..=13).map(move |band| number(pixel, band)));
    let by_band = (1..=13).flat_map(|band| (0..4).map(move |pixel| number(pixel, band)));
    let with_extra = |more: Vec<(u16, u16, Vec<u32>)>, tags: Vec<(u16, u16, Vec<u32>)>| {
        let changed: Vec<u16> = more.iter().map(|tag| tag.0).collect();
        let kept = tags.into_iter().filter(|tag| !changed.contains(&tag.0));
        kept.chain(more).collect::<Vec<_>>()
    };
    let extra = (338, 3, vec![0; 12]);
    let strips: Vec<u32> = (0..13).map(|band| 8 * band).collect();
    let planar = vec![
        extra.clone(),
        (273, 4, strips),
        (279, 4, vec![8; 13]),
        (284, 3, vec![2]),
    ];
    for (tags, values) in [
        (vec![extra], bytes(by_pixel.collect())),
        (planar, bytes(by_band.collect())),
    ] {
        let tags = with_extra(tags, small(16, 1, 13, 104));
        let tags: Vec<_> = tags
            .iter()
            .map(|(tag, kind, values)| (*tag, *kind, &values[..]))
            .collect();
        let picture = tiff(&tags, &values);
        let of = |bands: &str| {
            let bands = Some(bands.parse().unwrap());
            decode(&picture, &DecodeOptions::default().with_bands(bands))
        };
        let levels = |image: &RgbImage| image.pixels().map(|pixel| pixel.0).collect::<Vec<_>>();
        let found = levels(&of("4,3,2:200-455").unwrap());
        let expected = [0, 1, 2, 3].map(|pixel| [200 + pixel, 100 + pixel, pixel]);
        assert_eq!(found, expected);
        // What is outside the range is black or white.
        assert_eq!(levels(&of("1,13,13:200-455").unwrap())[0], [0, 255, 255]);
        let said = of("4,3,2").unwrap_err().to_string();
        assert!(
            said.contains("from 200 to 403") && said.contains("--bands 4,3,2:0-403"),
            "{said}"
        );
        let said = of("14,1,1:0-1").unwrap_err().to_string();
        assert!(said.contains("no band 14"), "{said}");
        let said = refused(&picture);
        assert!(
            said.contains("13 bands") && said.contains("--bands"),
            "{said}"
        );
    }
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
