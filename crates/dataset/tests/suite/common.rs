//! What several tests need.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use dataset::RgbImage;
use image::{ImageEncoder, ImageFormat};

/// A file or folder of the data that are not part of the project; says so where they are missing.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SHARED_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(path);
    if !path.exists() {
        eprintln!("skipped: {} is missing", path.display());
        return None;
    }
    Some(path)
}

/// A picture whose every pixel differs from its neighbors in all channels.
pub fn gradient(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let part = |v: u32, of: u32| (255 * v / of.max(2).saturating_sub(1)).min(255) as u8;
        [part(x, width), part(y, height), part(x + y, width + height)].into()
    })
}

pub fn encode(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    image
        .write_to(&mut Cursor::new(&mut bytes), format)
        .expect("an encoder that works");
    bytes
}

/// A gray JPEG of 16,320 x 12,240 pixels, as phones take them, of 2.3 MB: each block is the code for a difference of 0
/// (`00`) and the code for the end (`1010`).
pub fn phone() -> Vec<u8> {
    let mut small = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut small);
    let gray = image::GrayImage::from_pixel(16, 16, [128].into());
    encoder
        .write_image(&gray, 16, 16, image::ExtendedColorType::L8)
        .expect("an encoder that works");
    let at = |code: u8| {
        small
            .windows(2)
            .position(|w| w == [0xff, code])
            .expect("a marker")
    };
    let (frame, scan) = (at(0xc0), at(0xda));
    small[frame + 5..frame + 9].copy_from_slice(&[0x2f, 0xd0, 0x3f, 0xc0]);
    small.truncate(scan + 2 + usize::from(small[scan + 3]));
    small.extend([0x28, 0xa2, 0x8a].repeat(16_320 * 12_240 / 64 / 4));
    small.extend([0xff, 0xd9]);
    small
}

/// Writes a file, making its folder.
pub fn put(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}
