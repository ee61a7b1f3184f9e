//! TIFFs of every kind. The files are made here, byte by byte.

use dataset::{DecodeOptions, RgbImage, decode};
use image::ImageFormat;

use crate::common::{encode, gradient};

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

/// Several pixels in a byte, gray with alpha, alpha that is multiplied already, and luma with differences of color.
#[test]
fn rare_tiffs_are_read() {
    let levels = |image: &RgbImage| image.pixels().map(|pixel| pixel.0).collect::<Vec<_>>();
    let with = |mut tags: Vec<(u16, u16, Vec<u32>)>, more: Vec<(u16, u16, Vec<u32>)>| {
        tags.extend(more);
        tags
    };
    // Two pixels of four bits in each row, and its colors: all reds, all greens, all blues.
    let colors: Vec<u32> = (0..48).map(|i| 257 * i).collect();
    let tags = with(small(4, 3, 1, 2), vec![(320, 3, colors)]);
    let color = |i: u8| [i, 16 + i, 32 + i];
    assert_eq!(
        levels(&decoded(&of(tags, &[0x3f, 0x01]))),
        [color(3), color(15), color(0), color(1)]
    );
    let gray = |level: u8| [level; 3];
    assert_eq!(
        levels(&decoded(&of(
            small(2, 1, 1, 2),
            &[0b0001_0000, 0b1011_0000]
        ))),
        [gray(0), gray(85), gray(170), gray(255)]
    );
    // White is 0.
    assert_eq!(
        levels(&decoded(&of(small(4, 0, 1, 2), &[0x0f, 0x5a]))),
        [gray(255), gray(0), gray(170), gray(85)]
    );
    let pixels = [100, 255, 100, 0, 100, 51, 0, 255];
    let tags = with(small(8, 1, 2, 8), vec![(338, 3, vec![2])]);
    assert_eq!(
        levels(&decoded(&of(tags, &pixels))),
        [gray(100), gray(255), gray(224), gray(0)]
    );
    let said = refused(&of(small(8, 1, 2, 8), &pixels));
    assert!(
        said.contains("2 bands") && said.contains("--bands 1,1,1"),
        "{said}"
    );
    // Half of red over white, with the color multiplied by the alpha already: before, it was multiplied twice.
    let tags = with(small(8, 2, 4, 16), vec![(338, 3, vec![1])]);
    let half = [128, 0, 0, 128].repeat(4);
    assert_eq!(levels(&decoded(&of(tags, &half))), [[255, 127, 127]; 4]);
    // The primary colors in the numbers of JPEG.
    let luma = [
        [76, 85, 255],
        [150, 44, 21],
        [29, 255, 107],
        [128, 128, 128],
    ]
    .concat();
    let tags = with(small(8, 6, 3, 12), vec![(530, 3, vec![1, 1])]);
    for (found, expected) in levels(&decoded(&of(tags, &luma))).into_iter().zip([
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [128, 128, 128],
    ]) {
        let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off <= Some(2), "{found:?} {expected:?}");
    }
}

/// Channels one behind the other, each in several rows of tiles: the `image` crate panics there.
#[test]
fn tiles_of_single_channels_are_put_together() {
    let (width, height) = (20, 18);
    let image = gradient(width, height);
    let mut pixels = Vec::new();
    for (channel, top, left) in
        (0..3).flat_map(|c| [(c, 0, 0), (c, 0, 16), (c, 16, 0), (c, 16, 16)])
    {
        for (y, x) in (0..16).flat_map(|y| (0..16).map(move |x| (top + y, left + x))) {
            let inside = x < width && y < height;
            pixels.push(if inside {
                image.get_pixel(x, y).0[channel]
            } else {
                77
            });
        }
    }
    let tags = vec![
        (256, 3, vec![width]),
        (257, 3, vec![height]),
        (258, 3, vec![8; 3]),
        (259, 3, vec![1]),
        (262, 3, vec![2]),
        (277, 3, vec![3]),
        (284, 3, vec![2]),
        (322, 3, vec![16]),
        (323, 3, vec![16]),
        (324, 4, (0..12).map(|tile| 256 * tile).collect()),
        (325, 4, vec![256; 12]),
    ];
    assert_eq!(decoded(&of(tags, &pixels)), image);
}

/// Offsets of 8 bytes.
#[test]
fn big_tiffs_are_read() {
    let tags: [(u16, u16, u64); 9] = [
        (256, 3, 2),
        (257, 3, 2),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 16, 16 + 8 + 9 * 20 + 8),
        (277, 3, 1),
        (278, 3, 2),
        (279, 16, 4),
    ];
    let mut bytes = b"II+\0\x08\0\0\0".to_vec();
    bytes.extend(16_u64.to_le_bytes());
    bytes.extend((tags.len() as u64).to_le_bytes());
    for (tag, kind, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(1_u64.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 8]);
    bytes.extend([1, 2, 3, 4]);
    let found: Vec<u8> = decoded(&bytes).pixels().map(|pixel| pixel.0[0]).collect();
    assert_eq!(found, [1, 2, 3, 4]);
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
