//! The split for test images in a separate folder.

use super::hashed::HashedSplit;
use super::sets::{Percentages, Split};
use crate::error::Result;
use crate::folder::ImageFolder;

/// How the images of the training folder are used if the test images have a separate folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BesideTestFolder {
    /// All of them are training images; settings are then chosen by cross-validation.
    #[default]
    Training,
    /// The validation percentage is used for validation, and the rest for training.
    Validation,
    /// Training and validation images are the same as without a test folder, as in `retrain.py`. The images that would
    /// have been test images are not used.
    SetAside,
}

impl HashedSplit {
    /// Divides `folder` for training and validation, and takes all images of `test` for testing.
    ///
    /// # Errors
    /// If the two folders have different classes, and the errors of [`apply`](Self::apply).
    pub fn apply_beside(
        &self,
        folder: &ImageFolder,
        test: &ImageFolder,
        beside: BesideTestFolder,
    ) -> Result<Split> {
        let all = Split::from_folders(folder, None, Some(test))?;
        let kept = match beside {
            BesideTestFolder::Training => return Ok(all),
            BesideTestFolder::Validation => {
                self.clone().with_testing_percentage(0.0).apply(folder)?
            }
            BesideTestFolder::SetAside => self.apply(folder)?,
        };
        Ok(Split {
            testing: all.testing,
            ..kept
        })
    }

    /// How the images are divided, in words, for a record of where a classifier came from. `beside` is what was given to
    /// [`apply_beside`](Self::apply_beside), or `None` without a test folder.
    pub fn describe(&self, beside: Option<BesideTestFolder>) -> String {
        let names = self.hashed();
        let Percentages {
            validation,
            testing,
        } = self.percentages();
        let how = match beside {
            None => {
                return format!("{names}: {validation} % for validation, {testing} % for the test");
            }
            Some(BesideTestFolder::Training) => "all for training".to_string(),
            Some(BesideTestFolder::Validation) => format!("{names}: {validation} % for validation"),
            Some(BesideTestFolder::SetAside) => {
                format!("{names}: {validation} % for validation, {testing} % set aside")
            }
        };
        format!("{how}; the test images are from a folder of their own")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_images_beside_a_test_folder_are_divided_as_asked() {
        let root = tempfile::tempdir().unwrap();
        let [train, test] = ["train", "test"].map(|name| root.path().join(name));
        crate::sample::write(&train, 40, 1).unwrap();
        crate::sample::write(&test, 3, 2).unwrap();
        let [folder, test] = [&train, &test].map(|path| ImageFolder::open(path).unwrap());
        let hashed = HashedSplit::default();
        let without = hashed.apply(&folder).unwrap();
        let split = |beside| hashed.apply_beside(&folder, &test, beside).unwrap();
        let sizes =
            |split: &Split| [&split.training, &split.validation, &split.testing].map(Vec::len);

        let all = split(BesideTestFolder::Training);
        assert_eq!(sizes(&all), [80, 0, 6]);
        let some = split(BesideTestFolder::Validation);
        assert_eq!(some.validation, without.validation);
        assert_eq!(some.training.len() + some.validation.len(), 80);
        let aside = split(BesideTestFolder::SetAside);
        assert_eq!(
            (aside.training, aside.validation),
            (without.training, without.validation)
        );
        assert_eq!(aside.testing, all.testing);
        assert!(
            hashed
                .describe(Some(BesideTestFolder::SetAside))
                .contains("10 % set aside")
        );
    }
}
