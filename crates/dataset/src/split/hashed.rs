//! The hashed split: the subset of an image follows from the name of its file alone.

use sha1::{Digest, Sha1};

use super::sets::{Percentages, Split};
use super::subset::Subset;
use crate::error::{Error, Result};
use crate::folder::{ImageFolder, ImageItem};

/// `MAX_NUM_IMAGES_PER_CLASS` of `retrain.py`.
const MAX_IMAGES: u32 = (1 << 27) - 1;

/// Divides images by a hash of the file name, as in `retrain.py`. Unlike there, the class is not hashed.
///
/// An image keeps its subset when images are added or removed, when the folder moves, when the folder of a class is
/// renamed, and when the image is relabeled, which moves its file to the folder of another class. It may change its
/// subset when the file itself is renamed. Files with the same name in several classes are in the same subset.
/// `_nohash_` and everything after it in a name is ignored, so that variants of one image can stay together.
///
/// `retrain.py` also hashes the class and the folder; [`with_retrain_py_paths`](Self::with_retrain_py_paths) does the
/// same.
///
/// The hash is a percentage, `(SHA-1 mod 2^27) * 100 / (2^27 - 1)`. Images below the validation percentage (default 10)
/// are for validation, the next (default 10) for testing, and the rest for training.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HashedSplit {
    percentages: Percentages,
    image_dir: Option<String>,
}

impl HashedSplit {
    /// Sets the share for validation, in percent; defaults to 10.
    pub fn with_validation_percentage(mut self, percentage: f64) -> Self {
        self.percentages.validation = percentage;
        self
    }

    /// Sets the share for testing, in percent; defaults to 10.
    pub fn with_testing_percentage(mut self, percentage: f64) -> Self {
        self.percentages.testing = percentage;
        self
    }

    pub(super) fn percentages(&self) -> Percentages {
        self.percentages
    }

    /// What is hashed, in words.
    pub(super) fn hashed(&self) -> &'static str {
        match &self.image_dir {
            None => "by a hash of the file names",
            Some(_) => "by a hash of the names",
        }
    }

    /// Hashes `image_dir/class/file` instead of `file`, as `retrain.py` does. `image_dir` is the text that was given to
    /// that script on its command line; another text for the same folder gives another split. With an empty text
    /// `class/file` is hashed, which stays the same when the folder moves. In both cases a relabeled image may change
    /// its subset.
    pub fn with_retrain_py_paths(mut self, image_dir: &str) -> Self {
        self.image_dir = Some(image_dir.to_owned());
        self
    }

    /// Divides a folder. The order in each subset is that of [`ImageFolder::images`].
    ///
    /// # Errors
    /// [`Error::Setting`] if a percentage is below 0, or both together are 100 or more; [`Error::EmptySubset`] if a subset
    /// with a percentage above 0 would have no image, or a class would have no image for training.
    pub fn apply(&self, folder: &ImageFolder) -> Result<Split> {
        self.percentages.divide(folder, |item| {
            subset_of(&self.hashed_name(item), self.percentages)
        })
    }

    /// The text that is hashed: the name without `_nohash_` and what follows it.
    fn hashed_name(&self, item: &ImageItem) -> String {
        let path = match self.image_dir.as_deref() {
            None => item.file().to_owned(),
            Some("") => item.name.clone(),
            Some(dir) if dir.ends_with('/') => format!("{dir}{}", item.name),
            Some(dir) => format!("{dir}/{}", item.name),
        };
        path.split("_nohash_").next().unwrap_or_default().to_owned()
    }
}

/// The subset that a name belongs to.
pub(super) fn subset_of(name: &str, percentages: Percentages) -> Subset {
    let percentage = percentage(name);
    if percentage < percentages.validation {
        Subset::Validation
    } else if percentage < percentages.validation + percentages.testing {
        Subset::Testing
    } else {
        Subset::Training
    }
}

/// The hash of a name as a percentage, 0 to 100.
fn percentage(name: &str) -> f64 {
    let digest = Sha1::digest(name.as_bytes());
    // The last four bytes hold the lowest 27 bits of the digest as one big number.
    let low = digest
        .iter()
        .skip(16)
        .fold(0_u32, |low, &byte| low << 8 | u32::from(byte));
    f64::from(low & MAX_IMAGES) * (100.0 / f64::from(MAX_IMAGES))
}

/// The labels that `retrain.py` makes from folder names: in lower case, and each run of characters other than a to z
/// and 0 to 9 becomes one space.
///
/// # Errors
/// [`Error::LabelCollision`] if two names become the same label; `retrain.py` mixed such classes without a warning.
pub fn retrain_py_labels(classes: &[String]) -> Result<Vec<String>> {
    let mut labels: Vec<String> = Vec::with_capacity(classes.len());
    for class in classes {
        let mut label = String::new();
        for c in class.to_lowercase().chars() {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                label.push(c);
            } else if !label.ends_with(' ') {
                label.push(' ');
            }
        }
        if let Some(first) = labels.iter().position(|other| *other == label) {
            return Err(Error::LabelCollision {
                first: classes[first].clone(),
                second: class.clone(),
                label,
            });
        }
        labels.push(label);
    }
    Ok(labels)
}
