//! A folder of drawn images, to try all steps from a folder to a classifier without data.
//!
//! There are two classes: boats at sea, and clouds above the sea. Both have the same kinds of sky, sea, weather and
//! rocks, and half of the boats sail under clouds. So only the shapes tell the classes apart, not the colors: a
//! logistic regression on the mean colors classifies little more than half of the images correctly.
//!
//! Image `i` of a class depends only on the seed and on `i`, so a larger sample starts with the images of a smaller
//! one.

mod boat;
mod canvas;
mod once;
mod random;
mod scene;
mod subject;

pub use once::write_once;

use std::path::Path;

use files::{create_parent_folder, remove_unfinished, write_bytes};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

pub use subject::Subject;

use crate::error::{Error, Result};
use crate::threads;

/// Draws the image with the index `index` of a class, 256 pixels wide and 192 high.
///
/// ```
/// use dataset::sample::{Subject, draw};
/// assert_eq!(draw(Subject::Boat, 3, 1), draw(Subject::Boat, 3, 1));
/// assert_ne!(draw(Subject::Boat, 3, 1), draw(Subject::Boat, 3, 2));
/// ```
pub fn draw(subject: Subject, index: u64, seed: u64) -> RgbImage {
    scene::draw(subject, index, seed)
}

/// Writes `images_per_class` JPEGs to `dir/boat` (`boat_00000.jpg`, `boat_00001.jpg` and so on) and the same number to
/// `dir/cloud`. The same seed gives the same bytes.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written.
pub fn write(dir: impl AsRef<Path>, images_per_class: usize, seed: u64) -> Result<()> {
    let dir = dir.as_ref();
    for subject in Subject::ALL {
        let folder = dir.join(subject.name());
        if folder.is_dir() {
            remove_unfinished(&folder)?;
        }
    }
    let work = Subject::ALL
        .into_iter()
        .flat_map(|s| (0..images_per_class).map(move |i| (s, i)));
    let written = threads::map(work, |(subject, index)| -> Result<()> {
        let name = subject.name();
        let path = dir.join(name).join(format!("{name}_{index:05}.jpg"));
        let picture = draw(subject, index as u64, seed);
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 88)
            .encode_image(&picture)
            .map_err(Error::encode(&path))?;
        create_parent_folder(&path)?;
        Ok(write_bytes(&path, &jpeg)?)
    });
    written.into_iter().collect()
}
