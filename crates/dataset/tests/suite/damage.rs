//! Damaged JPEGs: what cannot be decoded is seen, and how much it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dataset::{DecodeOptions, Error, ImageProblem, RgbImage, decode};
use jpeg_encoder::{ColorType, Encoder};

use crate::common::gradient;

const SIDE: u16 = 256;

/// A picture with equally many details everywhere, of 16 rows of 16 units: a share of its data is that share of its rows.
fn picture() -> RgbImage {
    let mut image = gradient(SIDE.into(), SIDE.into());
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let noise =
            (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77)).wrapping_mul(0x2c1b_3c6d);
        pixel.0[1] = 97 + (noise >> 16) as u8 % 61;
    }
    image
}

fn jpeg(restart: u16, progressive: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 80);
    encoder.set_progressive(progressive);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    if restart > 0 {
        encoder.set_restart_interval(restart);
    }
    let image = picture();
    encoder.encode(&image, SIDE, SIDE, ColorType::Rgb).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<RgbImage, Error> {
    decode(bytes, &DecodeOptions::default())
}

/// How many percent of it are damaged, and why.
fn damage(bytes: &[u8]) -> (u8, String) {
    match read(bytes) {
        Err(Error::Image {
            problem: ImageProblem::Damaged {
                percent, reason, ..
            },
            ..
        }) => (percent, reason),
        Ok(_) => panic!("decoded"),
        Err(error) => panic!("{error}"),
    }
}

/// Where the data of the first scan start.
fn start(bytes: &[u8]) -> usize {
    let scan = bytes.windows(2).position(|w| w == [0xff, 0xda]).unwrap();
    scan + 2 + usize::from(bytes[scan + 3])
}

/// Where the restart markers are.
fn restarts(bytes: &[u8]) -> Vec<usize> {
    let all = start(bytes)..bytes.len() - 1;
    all.filter(|&at| bytes[at] == 0xff && (0xd0..=0xd7).contains(&bytes[at + 1]))
        .collect()
}

#[test]
fn a_whole_picture_needs_no_end_and_may_be_followed_by_anything() {
    for bytes in [jpeg(0, false), jpeg(5, false)] {
        let image = read(&bytes).unwrap();
        let open = &bytes[..bytes.len() - 2];
        assert_eq!(read(open).unwrap(), image);
        for rest in [
            &b"\xff"[..],
            b"\0\0\0\0",
            b"ftypmp42 a video",
            &bytes[..],
            &[0xff; 40],
        ] {
            for bytes in [
                [&bytes[..], rest].concat(),
                [open, &[0xff, 0xd9], rest].concat(),
            ] {
                assert_eq!(read(&bytes).unwrap(), image);
            }
        }
        for rest in [&b"\0\0\0\0"[..], b"ftypmp42 a video", &bytes[..]] {
            assert_eq!(read(&[open, rest].concat()).unwrap(), image);
        }
        let reduced = DecodeOptions::default().with_reduce_to(Some(16));
        assert_eq!(
            decode(open, &reduced).unwrap(),
            decode(&bytes, &reduced).unwrap()
        );
    }
    let progressive = jpeg(0, true);
    let image = read(&progressive).unwrap();
    assert_eq!(
        read(&[&progressive[..], &progressive].concat()).unwrap(),
        image
    );
}

/// A picture of one color has less than a byte for each row, and decoders read ahead.
#[test]
fn a_plain_picture_is_whole() {
    for (width, height) in [(16, 400), (1, 1), (8, 8), (300, 17)] {
        let mut bytes = Vec::new();
        let image = RgbImage::from_pixel(width.into(), height.into(), [200, 30, 60].into());
        let encoder = Encoder::new(&mut bytes, 90);
        encoder
            .encode(&image, width, height, ColorType::Rgb)
            .unwrap();
        for bytes in [&bytes[..], &bytes[..bytes.len() - 2]] {
            let decoded = decode(bytes, &DecodeOptions::default().with_max_damage(0)).unwrap();
            let far = decoded
                .iter()
                .zip(image.iter())
                .filter(|(a, b)| a.abs_diff(**b) > 3);
            assert_eq!(far.count(), 0, "{width} x {height}");
        }
    }
}

#[test]
fn what_is_cut_off_is_counted() {
    let bytes = jpeg(0, false);
    let data = start(&bytes);
    for eighth in 1..8 {
        let cut = data + (bytes.len() - data) * eighth / 8;
        // Without an end, and with one, as a program writes it that repairs files.
        for bytes in [
            bytes[..cut].to_vec(),
            [&bytes[..cut], &[0xff, 0xd9]].concat(),
        ] {
            let (percent, reason) = damage(&bytes);
            let expected = 100 - 100 * eighth as i32 / 8;
            assert!(
                (i32::from(percent) - expected).abs() <= 2,
                "{eighth}: {percent} %"
            );
            assert!(
                reason.contains("cut short") || reason.contains("end"),
                "{reason}"
            );
            // At a reduced size too.
            let options = DecodeOptions::default().with_reduce_to(Some(16));
            assert!(decode(&bytes, &options).is_err());
            let options = DecodeOptions::default().with_max_damage(percent);
            assert_eq!(decode(&bytes, &options).unwrap().dimensions(), (256, 256));
        }
    }
    // A part of the last unit, which a decoder that reads ahead makes up. One of 256 units is 1 %, rounded up.
    let cut = &bytes[..bytes.len() - 12];
    let options = |percent| DecodeOptions::default().with_max_damage(percent);
    assert!(decode(cut, &options(0)).is_err());
    let image = decode(cut, &options(1)).unwrap();
    assert_eq!(
        image.get_pixel(100, 100),
        read(&bytes).unwrap().get_pixel(100, 100)
    );
    let progressive = jpeg(0, true);
    for eighth in 2..8 {
        let cut = &progressive[..progressive.len() * eighth / 8];
        let error = read(cut).unwrap_err().to_string();
        assert!(error.contains("the JPEG is cut short"), "{error}");
    }
}

#[test]
fn markers_where_none_belong_are_seen() {
    let bytes = jpeg(0, false);
    let middle = usize::midpoint(start(&bytes), bytes.len());
    for (code, word) in [
        (0xd9, "end"),
        (0xd3, "marker"),
        (0xd8, "marker"),
        (0xc0, "marker"),
        (0xda, "marker"),
        (0xe5, "marker"),
        (0xfe, "marker"),
        (0x40, "marker"),
    ] {
        let mut bytes = bytes.clone();
        bytes[middle..middle + 2].copy_from_slice(&[0xff, code]);
        let (percent, reason) = damage(&bytes);
        assert!((48..=52).contains(&percent), "{code:x}: {percent} %");
        assert!(reason.contains(word), "{code:x}: {reason}");
    }
    for progressive in [jpeg(0, true), jpeg(3, true)] {
        let mut bytes = progressive;
        let middle = usize::midpoint(start(&bytes), bytes.len());
        bytes[middle..middle + 2].copy_from_slice(&[0xff, 0xc0]);
        let (percent, reason) = damage(&bytes);
        assert!(
            (30..70).contains(&percent) && reason.contains("marker"),
            "{percent}: {reason}"
        );
    }
}

/// After an end that damage has made there are more data.
#[test]
fn an_end_before_the_last_scan_is_seen() {
    let mut bytes = jpeg(0, true);
    let middle = usize::midpoint(start(&bytes), bytes.len());
    bytes[middle..middle + 2].copy_from_slice(&[0xff, 0xd9]);
    let (percent, reason) = damage(&bytes);
    assert_eq!(reason, "the end marker comes before the last scan");
    assert!((30..70).contains(&percent), "{percent}");
    // A program may leave scans out.
    read(&bytes[..middle + 2]).unwrap();
}

#[test]
fn restart_markers_out_of_order_are_seen() {
    let sound = jpeg(16, false);
    let markers = restarts(&sound);
    assert_eq!(markers.len(), 15);
    let (sixth, eighth) = (markers[6], markers[8]);
    let swapped = {
        let mut bytes = sound.clone();
        bytes.swap(sixth + 1, eighth + 1);
        bytes
    };
    let without = [&sound[..sixth], &sound[sixth + 2..]].concat();
    let without_an_interval = [&sound[..sixth], &sound[markers[7]..]].concat();
    let twice = [&sound[..sixth], &sound[markers[5]..sixth], &sound[sixth..]].concat();
    for bytes in [swapped, without, without_an_interval, twice] {
        let (percent, reason) = damage(&bytes);
        assert!(reason.contains("restart marker"), "{reason}");
        assert!((40..70).contains(&percent), "{percent}");
    }
}

#[test]
fn data_that_go_on_are_seen() {
    let bytes = jpeg(0, false);
    let data = start(&bytes);
    let end = bytes.len() - 2;
    // The start of the data again: nothing is wrong with the codes, but there are too many.
    let more = &bytes[data..data + (end - data) / 4];
    let long = [&bytes[..end], more, &bytes[end..]].concat();
    let (percent, reason) = damage(&long);
    assert!(reason.contains("more data than"), "{reason}");
    assert!((15..25).contains(&percent), "{percent}");
}

#[test]
fn the_audit_lists_every_damaged_picture() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a");
    fs::create_dir(&folder).unwrap();
    let bytes = jpeg(0, false);
    let data = start(&bytes);
    fs::write(folder.join("whole.jpg"), &bytes).unwrap();
    fs::write(folder.join("open.jpg"), &bytes[..bytes.len() - 2]).unwrap();
    let mut expected = Vec::new();
    for percent in [20, 50, 93] {
        let cut = data + (bytes.len() - data) * percent / 100;
        let path = folder.join(format!("{percent}.jpg"));
        fs::write(&path, &bytes[..cut]).unwrap();
        expected.push(path);
    }
    let folder = dataset::ImageFolder::open(dir.path()).unwrap();
    let findings = dataset::audit::run(&[&folder]).unwrap();
    let unreadable = findings
        .iter()
        .filter(|f| f.kind == dataset::audit::Kind::Unreadable);
    let found: Vec<_> = unreadable.flat_map(|f| f.paths.clone()).collect();
    assert_eq!(found, expected);
}

/// As in `damage.py`.
fn damaged(bytes: &[u8], kind: &str, at: usize) -> Vec<u8> {
    let (before, after) = bytes.split_at(at);
    let noise: Vec<u8> = (0..16).map(|i| ((37 * i + 11) % 256) as u8).collect();
    match kind {
        "flip" => [before, &[after[0] ^ 0xff], &after[1..]].concat(),
        "cut" => before.to_vec(),
        "insert" => [before, &noise, after].concat(),
        "delete" => [before, &after[16..]].concat(),
        "zero" => [before, &[0; 16], &after[16..]].concat(),
        "end" => [before, &[0xff, 0xd9], &after[2..]].concat(),
        "restart" => [before, &[0xff, 0xd3], &after[2..]].concat(),
        kind => panic!("{kind}"),
    }
}

/// How many rows differ visibly.
fn rows_that_differ(a: &RgbImage, b: &RgbImage) -> usize {
    let rows = a.rows().zip(b.rows());
    let far = |(a, b): &(&image::Rgb<u8>, &image::Rgb<u8>)| {
        a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 16)
    };
    rows.filter(|(a, b)| a.clone().zip(b.clone()).any(|pair| far(&pair)))
        .count()
}

/// Pillow refuses next to nothing but what is cut. What it reads, and we read too, must be the same picture.
#[test]
fn damage_at_every_eighth_is_refused_or_read_as_pillow_reads_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let table = fs::read_to_string(folder.join("damage.csv")).unwrap();
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut hidden = Vec::new();
    for line in table.lines().skip(1) {
        let [name, kind, eighth, theirs] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let bytes = fs::read(folder.join(format!("reduced/{name}.jpg"))).unwrap();
        let whole = read(&bytes).unwrap();
        let at = bytes.len() * eighth.parse::<usize>().unwrap() / 8;
        let ours = read(&damaged(&bytes, kind, at)).ok();
        let ours = ours.map(|image| rows_that_differ(&image, &whole));
        let theirs = theirs.parse::<usize>().ok();
        let outcome = match (ours, theirs) {
            (None, None) => "both refuse",
            (Some(ours), Some(theirs)) if ours.abs_diff(theirs) <= 16 => "the same picture",
            (Some(_), Some(_)) => "two pictures",
            (None, Some(_)) => "only Pillow reads",
            (Some(_), None) => "only we read",
        };
        if outcome == "two pictures" || outcome == "only we read" {
            hidden.push(format!("{line}: {ours:?}"));
        }
        *counts.entry((name.to_owned(), outcome)).or_default() += 1;
    }
    eprintln!("{counts:#?}\n{hidden:#?}");
    assert!(hidden.is_empty(), "{hidden:#?}");
}
