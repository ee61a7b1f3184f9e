//! A drawn set of images, to try the whole way from a folder to a classifier without any data.
//!
//! Scenes of boats and scenes of clouds share their skies, seas, weather and rocks, and half of
//! the boats sail under clouds of their own: what tells the classes apart is shape, not colour. A
//! logistic regression on mean colours gets little more than half of them right.
//!
//! Picture `i` of a class depends on the seed and on `i` alone, so that a larger set starts with
//! the smaller one.

mod canvas;
mod scene;

use std::path::Path;

use files::{create_parent_folder, remove_unfinished, write_bytes};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

use crate::error::{Error, Result};
use crate::threads;

/// The two classes of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A boat at sea.
    Boat,
    /// Clouds above the sea.
    Cloud,
}

impl Subject {
    /// Both, in the order of their folders.
    pub const ALL: [Self; 2] = [Self::Boat, Self::Cloud];

    /// Name of the class and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boat => "boat",
            Self::Cloud => "cloud",
        }
    }
}

/// Draws picture number `index` of a class: 256 pixels wide, 192 high.
///
/// ```
/// use dataset::sample::{Subject, draw};
/// assert_eq!(draw(Subject::Boat, 3, 1), draw(Subject::Boat, 3, 1));
/// assert_ne!(draw(Subject::Boat, 3, 1), draw(Subject::Boat, 3, 2));
/// ```
pub fn draw(subject: Subject, index: u64, seed: u64) -> RgbImage {
    scene::draw(subject, index, seed)
}

/// Writes `images_per_class` JPEGs to `dir/boat` and as many to `dir/cloud`
/// (`boat_00000.jpg` and on). The same seed gives the same bytes.
///
/// # Errors
/// [`Error::Io`] where a file cannot be written.
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
