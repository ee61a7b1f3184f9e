//! Small files that ask for much memory. Each is decoded in a process of its own, which says how much it took.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use dataset::{DecodeOptions, decode};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::ImageFormat;

use crate::common::{encode, gradient};

const FILE: &str = "HOSTILE_FILE";

/// What the process has had at most, in kB: of memory, and of addresses.
fn peaks() -> Option<[u64; 2]> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    };
    Some([value("VmHWM:")?, value("VmPeak:")?])
}

#[test]
#[ignore = "run by the tests below, in processes of their own"]
fn child() {
    let Ok(path) = std::env::var(FILE) else {
        return;
    };
    let bytes = fs::read(path).unwrap();
    let before = peaks();
    let result = decode(&bytes, &DecodeOptions::default());
    let more = before.zip(peaks()).map(|(before, after)| {
        let more = |i: usize| (after[i] - before[i]) / 1000;
        format!("{} {}", more(0), more(1))
    });
    let said = result.map_or_else(|error| error.to_string(), |_| "decoded".into());
    println!("took {} {said}", more.unwrap_or("? ?".into()));
}

/// How decoding ends, and by how many megabytes the peaks of memory and of addresses grow; these are 0 where the system does
/// not tell them.
fn measured(name: &str, bytes: &[u8]) -> (String, [u64; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile");
    fs::write(&path, bytes).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::child", "--ignored", "--nocapture"])
        .args(["--test-threads", "1"])
        .env(FILE, &path)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text
        .lines()
        .find_map(|line| Some(line.split_once("took ")?.1))
        .unwrap_or_else(|| panic!("{name}: the process died: {text}"));
    let mut words = line.splitn(3, ' ');
    let mut number = || words.next().unwrap().parse().unwrap_or(0);
    let peaks = [number(), number()];
    let said = words.next().unwrap().to_owned();
    eprintln!("{name}, {} bytes: {peaks:?} MB, {said}", bytes.len());
    (said, peaks)
}

/// So many megabytes of zeros, deflated: a thousandth.
fn zeros(megabytes: usize) -> Vec<u8> {
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::new(6));
    let zeros = vec![0; 1 << 20];
    (0..megabytes).for_each(|_| deflated.write_all(&zeros).unwrap());
    deflated.finish().unwrap()
}

#[allow(clippy::trivially_copy_pass_by_ref)] // Called with literals.
fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(data);
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], name, data, &crc.sum().to_be_bytes()].concat()
}

/// Texts and profiles that inflate to a gigabyte each, before and after the pixels.
#[test]
fn what_no_pixel_depends_on_is_not_inflated() {
    let image = gradient(16, 16);
    let png = encode(&image, ImageFormat::Png);
    let bomb = zeros(1024);
    let with = |head: &[u8]| [head, &bomb].concat();
    for (name, data) in [
        (b"iCCP", with(b"p\0\0")),
        (b"zTXt", with(b"Raw profile type iptc\0\0")),
        (b"iTXt", with(b"XML:com.adobe.xmp\0\x01\0\0\0")),
        (b"tEXt", [&b"k\0"[..], &vec![b'x'; 8 << 20]].concat()),
        (b"eXIf", vec![0; 8 << 20]),
    ] {
        for at in [33, png.len() - 12] {
            let mut bytes = png.clone();
            bytes.splice(at..at, chunk(name, &data));
            assert_eq!(decode(&bytes, &DecodeOptions::default()).unwrap(), image);
            let name = String::from_utf8_lossy(name);
            let (said, peaks) = measured(&name, &bytes);
            assert_eq!(said, "decoded", "{name}");
            assert!(peaks.iter().all(|peak| *peak < 64), "{name}: {peaks:?}");
        }
    }
}

/// A lossy WebP of 16 x 16 pixels, in the extended form, whose picture says that it has other sides.
fn webp(sides: u16, exif: Option<u32>) -> Vec<u8> {
    let chunk = |name: &[u8; 4], length: u32, data: &[u8]| {
        [&name[..], &length.to_le_bytes(), data].concat()
    };
    let lossy =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/decode/lossy.webp"));
    let lossy = lossy.unwrap();
    let at = lossy.windows(4).position(|name| name == b"VP8 ").unwrap();
    let mut picture = lossy[at..].to_vec();
    picture[14..16].copy_from_slice(&sides.to_le_bytes());
    picture[16..18].copy_from_slice(&sides.to_le_bytes());
    let flags = if exif.is_some() { 8 } else { 0 };
    let mut body = b"WEBP".to_vec();
    body.extend(chunk(b"VP8X", 10, &[flags, 0, 0, 0, 15, 0, 0, 15, 0, 0]));
    body.extend(picture);
    if let Some(length) = exif {
        body.extend(chunk(b"EXIF", length, b"II*\0"));
    }
    [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}

/// A GIF of 16 x 16 pixels, whose one frame has other sides.
fn gif(sides: u16) -> Vec<u8> {
    let mut gif = encode(&gradient(16, 16), ImageFormat::Gif);
    let frame = gif.iter().position(|byte| *byte == 0x2c).unwrap();
    gif[frame + 5..frame + 7].copy_from_slice(&sides.to_le_bytes());
    gif[frame + 7..frame + 9].copy_from_slice(&sides.to_le_bytes());
    gif
}

/// A JPEG with so many extended XMP segments of one byte.
fn jpeg_of_segments(count: u32) -> Vec<u8> {
    let jpeg = encode(&gradient(16, 16), ImageFormat::Jpeg);
    let mut segments = Vec::new();
    for i in 0..count {
        let mut body = b"http://ns.adobe.com/xmp/extension/\0".to_vec();
        body.extend([b'0'; 32]);
        body.extend((count + 1).to_be_bytes());
        body.extend(i.to_be_bytes());
        body.push(b'x');
        segments.extend([0xff, 0xe1]);
        segments.extend((body.len() as u16 + 2).to_be_bytes());
        segments.extend(body);
    }
    [&jpeg[..2], &segments, &jpeg[2..]].concat()
}

#[test]
fn what_a_header_promises_is_not_allocated() {
    for (name, bytes) in [
        ("a frame of a WebP", webp(16383, None)),
        ("a block of a WebP", webp(16, Some(0xffff_fff0))),
        ("a frame of a GIF", gif(20_000)),
    ] {
        let (_, peaks) = measured(name, &bytes);
        assert!(peaks.iter().all(|peak| *peak < 64), "{name}: {peaks:?}");
    }
}

/// A decoder that puts such segments together looks at all of them after each one.
#[test]
fn many_segments_take_little_time() {
    let start = std::time::Instant::now();
    let bytes = jpeg_of_segments(100_000);
    let image = decode(&bytes, &DecodeOptions::default()).unwrap();
    assert_eq!(image.dimensions(), (16, 16));
    eprintln!("{} bytes of segments: {:?}", bytes.len(), start.elapsed());
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
