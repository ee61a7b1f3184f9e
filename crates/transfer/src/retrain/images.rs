//! Where the images of a job come from, and how they are divided.

use std::path::{Path, PathBuf};

use dataset::split::BesideTestFolder;
use dataset::{HashedSplit, ImageFolder, Split};

use crate::error::{Error, Result};

/// The images of a job, and how they are divided. A path converts to a folder with one sub-folder of images for each
/// class, where a hash of the file names assigns a tenth to validation and a tenth to the test.
#[derive(Debug, Clone)]
pub struct ImageSource(Source);

#[derive(Debug, Clone)]
enum Source {
    Folder {
        path: PathBuf,
        split: HashedSplit,
        test: Option<(PathBuf, BesideTestFolder)>,
    },
    Divided(Box<DividedImages>),
}

/// Images that are found and divided.
#[derive(Debug, Clone)]
pub struct DividedImages {
    /// The classes, and all images of the folder.
    pub folder: ImageFolder,
    /// The images of each part.
    pub split: Split,
    /// How the images were divided, in words; the classifier file stores this text.
    pub description: String,
}

impl From<&str> for ImageSource {
    fn from(path: &str) -> Self {
        Self::folder(path, HashedSplit::default())
    }
}

impl From<&Path> for ImageSource {
    fn from(path: &Path) -> Self {
        Self::folder(path, HashedSplit::default())
    }
}

impl From<PathBuf> for ImageSource {
    fn from(path: PathBuf) -> Self {
        Self::folder(path, HashedSplit::default())
    }
}

impl From<DividedImages> for ImageSource {
    fn from(images: DividedImages) -> Self {
        Self(Source::Divided(Box::new(images)))
    }
}

impl ImageSource {
    /// A folder with one sub-folder of images for each class, divided by `split`.
    pub fn folder(path: impl Into<PathBuf>, split: HashedSplit) -> Self {
        Self(Source::Folder {
            path: path.into(),
            split,
            test: None,
        })
    }

    /// Takes the test images from a separate folder with the same sub-folders; `beside` says how the images of the
    /// first folder are used. Images that are divided already stay as they are.
    pub fn with_test_folder(mut self, path: impl Into<PathBuf>, beside: BesideTestFolder) -> Self {
        if let Source::Folder { test, .. } = &mut self.0 {
            *test = Some((path.into(), beside));
        }
        self
    }

    /// Lists the folders and divides the images.
    ///
    /// # Errors
    /// The errors of [`ImageFolder::open`] and [`HashedSplit::apply`], and if there are fewer than two classes.
    pub fn open(self) -> Result<DividedImages> {
        let images = match self.0 {
            Source::Divided(images) => *images,
            Source::Folder { path, split, test } => {
                let folder = ImageFolder::open(path)?;
                // Before the images are divided: that would fail for another reason.
                check_classes(&folder)?;
                let beside = test.as_ref().map(|(_, beside)| *beside);
                let divided = match &test {
                    None => split.apply(&folder)?,
                    Some((test, beside)) => {
                        split.apply_beside(&folder, &ImageFolder::open(test)?, *beside)?
                    }
                };
                DividedImages {
                    folder,
                    split: divided,
                    description: split.describe(beside),
                }
            }
        };
        check_classes(&images.folder)?;
        Ok(images)
    }
}

fn check_classes(folder: &ImageFolder) -> Result<()> {
    match folder.classes() {
        [only] => Err(Error::mismatch(
            format!("classes of {}", folder.root().display()),
            "two sub-folders of images or more, one for each class",
            format!("`{only}` as the only class"),
        )),
        _ => Ok(()),
    }
}
