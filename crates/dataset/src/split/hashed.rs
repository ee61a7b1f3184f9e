//! The hashed split: which set an image belongs to follows from its name alone.

use sha1::{Digest, Sha1};

use super::{Set, Split, check_percentages};
use crate::{Error, ImageFolder, ImageItem, Result};

/// `MAX_NUM_IMAGES_PER_CLASS` of `retrain.py`.
const MAX_IMAGES: u32 = (1 << 27) - 1;

/// The split of `retrain.py`: SHA-1 of an image's name, as a percentage.
///
/// By default the name is `class/file`, so that the split stays the same when the folder moves,
/// and an image keeps its set whatever is added to or removed from the folder. `_nohash_` and
/// what follows it in a name is ignored: variants of one picture stay together.
///
/// The percentage is `(sha1 mod 2^27) * 100 / (2^27 - 1)`; images below the validation percentage
/// (default 10) are for validation, the next (default 10) for testing, the rest for training.
#[derive(Debug, Clone, PartialEq)]
pub struct HashedSplit {
    validation: f64,
    testing: f64,
    parity: Option<String>,
}

impl Default for HashedSplit {
    fn default() -> Self {
        Self {
            validation: 10.0,
            testing: 10.0,
            parity: None,
        }
    }
}

impl HashedSplit {
    /// How much is for validation, in per cent; defaults to 10.
    pub fn with_validation_percentage(mut self, percentage: f64) -> Self {
        self.validation = percentage;
        self
    }

    /// How much is for testing, in per cent; defaults to 10.
    pub fn with_testing_percentage(mut self, percentage: f64) -> Self {
        self.testing = percentage;
        self
    }

    /// Hashes the path as `retrain.py` did, `image_dir/class/file`, where `image_dir` is the text
    /// that was given to it on its command line. Another text for the same folder gives another
    /// split. The default hashes `class/file`.
    pub fn with_parity(mut self, image_dir: &str) -> Self {
        self.parity = Some(image_dir.to_owned());
        self
    }

    /// Divides a folder. The order in each set is that of [`ImageFolder::images`].
    ///
    /// # Errors
    /// [`Error::Option`] for percentages of which one is below 0, or that are 100 or more together;
    /// [`Error::EmptySet`] where a set with a percentage above 0 would have no image, or a class
    /// none to train on.
    pub fn apply(&self, folder: &ImageFolder) -> Result<Split> {
        check_percentages(self.validation, self.testing)?;
        Split::by(folder, |item| self.set_of(&self.hashed_name(item))).check(
            folder,
            self.validation > 0.0,
            self.testing > 0.0,
        )
    }

    /// The set that a name belongs to.
    pub(super) fn set_of(&self, name: &str) -> Set {
        let percentage = percentage(name);
        if percentage < self.validation {
            Set::Validation
        } else if percentage < self.validation + self.testing {
            Set::Testing
        } else {
            Set::Training
        }
    }

    /// What is hashed: the name with all from `_nohash_` on cut off.
    fn hashed_name(&self, item: &ImageItem) -> String {
        let path = match self.parity.as_deref() {
            None | Some("") => item.name.clone(),
            Some(dir) if dir.ends_with('/') => format!("{dir}{}", item.name),
            Some(dir) => format!("{dir}/{}", item.name),
        };
        path.split("_nohash_").next().unwrap_or_default().to_owned()
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

/// The labels that `retrain.py` makes of folder names: lower case, every run of characters other
/// than a to z and 0 to 9 one space.
///
/// # Errors
/// [`Error::LabelCollision`] where two names become one; the original mixed such classes silently.
pub fn parity_labels(classes: &[String]) -> Result<Vec<String>> {
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
