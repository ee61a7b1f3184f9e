//! What several tests need.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use dataset::RgbImage;
use image::ImageFormat;

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

/// A picture whose every pixel differs from its neighbours in all channels.
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

/// Writes a file, making its folder.
pub fn put(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}
