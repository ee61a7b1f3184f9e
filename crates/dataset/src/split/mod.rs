//! Which images are for training, for choosing and for testing.

mod file;
mod grouped;
mod hashed;
mod seeded;

pub use grouped::{GroupBy, GroupedSplit};
pub use hashed::{HashedSplit, parity_labels};
pub use seeded::{StratifiedSplit, first_fraction, k_fold};

use crate::{Error, ImageFolder, ImageItem, Result};

/// Images divided for training, for choosing (validation) and for one last test.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// What the classifier is fitted on.
    pub training: Vec<ImageItem>,
    /// What its settings are chosen on.
    pub validation: Vec<ImageItem>,
    /// What is looked at once, at the end.
    pub testing: Vec<ImageItem>,
}

/// One of the three sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Training,
    Validation,
    Testing,
}

impl Set {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Training, "training"),
        (Self::Validation, "validation"),
        (Self::Testing, "testing"),
    ];
}

impl Split {
    /// Divides by a rule; the order in each set is that of the folder.
    fn by(folder: &ImageFolder, mut set_of: impl FnMut(&ImageItem) -> Set) -> Self {
        let mut split = Self::default();
        for item in folder.images() {
            let set = set_of(item);
            split.set_mut(set).push(item.clone());
        }
        split
    }

    fn set_mut(&mut self, set: Set) -> &mut Vec<ImageItem> {
        match set {
            Set::Training => &mut self.training,
            Set::Validation => &mut self.validation,
            Set::Testing => &mut self.testing,
        }
    }

    fn sets(&self) -> [&[ImageItem]; 3] {
        [&self.training, &self.validation, &self.testing]
    }

    /// A split of folders that are divided already; all must have the same classes.
    ///
    /// # Errors
    /// [`Error::Format`] where the classes differ.
    pub fn from_folders(
        training: &ImageFolder,
        validation: Option<&ImageFolder>,
        testing: Option<&ImageFolder>,
    ) -> Result<Self> {
        let images = |folder: Option<&ImageFolder>| match folder {
            None => Ok(Vec::new()),
            Some(folder) if folder.classes() == training.classes() => Ok(folder.images().to_vec()),
            Some(folder) => Err(Error::format(
                folder.root(),
                format!(
                    "expected the classes {:?} as in {}, found {:?}",
                    training.classes(),
                    training.root().display(),
                    folder.classes()
                ),
            )),
        };
        Ok(Self {
            training: training.images().to_vec(),
            validation: images(validation)?,
            testing: images(testing)?,
        })
    }

    /// Refuses a split with an empty set that was asked for, or a class without training images.
    fn check(self, folder: &ImageFolder, validation: bool, testing: bool) -> Result<Self> {
        let images = folder.images().len();
        let empty = |set: String, repair: &str| {
            Err(Error::EmptySet {
                set,
                images,
                repair: repair.to_owned(),
            })
        };
        for (index, class) in folder.classes().iter().enumerate() {
            if !self.training.iter().any(|item| item.class == index) {
                let set = format!("training ('{class}')");
                return empty(
                    set,
                    "add images of this class, or lower the other percentages",
                );
            }
        }
        if validation && self.validation.is_empty() {
            return empty(
                "validation".into(),
                "add images, or raise the validation percentage",
            );
        }
        if testing && self.testing.is_empty() {
            return empty(
                "testing".into(),
                "add images, raise the testing percentage, or give a test folder",
            );
        }
        Ok(self)
    }
}

/// Checks two percentages together.
fn check_percentages(validation: f64, testing: f64) -> Result<()> {
    if validation >= 0.0 && testing >= 0.0 && validation + testing < 100.0 {
        return Ok(());
    }
    Err(Error::Option {
        option: "validation and testing percentage",
        expected: "each at least 0, together below 100",
        found: format!("{validation} and {testing}"),
    })
}
