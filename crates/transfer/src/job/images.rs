//! Where the images of a job come from, and how they are divided.

use std::path::{Path, PathBuf};

use dataset::split::{BesideTestFolder, Subset};
use dataset::{HashedSplit, ImageFolder, ImageItem, Split};

use crate::error::{Error, Result};

/// The images of a job, and how they are divided. A path converts to a folder with one sub-folder of images for each
/// class, where a hash of the file names assigns a tenth to validation and a tenth to the test.
#[derive(Debug, Clone)]
pub struct ImageSource(Source);

#[derive(Debug, Clone)]
enum Source {
    Undivided {
        images: Images,
        split: HashedSplit,
        test: Option<(Images, BesideTestFolder)>,
    },
    Divided(Box<DividedImages>),
}

#[derive(Debug, Clone)]
enum Images {
    At(PathBuf),
    Found(Box<ImageFolder>),
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
    /// A folder with one sub-folder of images for each class, divided by `split`. Where the sub-folders are `train`, `val` and
    /// `test`, these are the parts ([`Split::ready`]).
    pub fn folder(path: impl Into<PathBuf>, split: HashedSplit) -> Self {
        Self::undivided(Images::At(path.into()), split)
    }

    /// Images that are found, such as those that a table has labels of ([`ImageFolder::labeled`]). They are divided as the
    /// table says, or by `split`, which then keeps the groups of the table together.
    pub fn of(folder: ImageFolder, split: HashedSplit) -> Self {
        Self::undivided(Images::Found(Box::new(folder)), split)
    }

    fn undivided(images: Images, split: HashedSplit) -> Self {
        Self(Source::Undivided {
            images,
            split,
            test: None,
        })
    }

    /// Takes the test images from a folder of their own, whose sub-folders are classes of the other one: it may lack some.
    /// `beside` says what becomes of the others. Images that are divided already ([`DividedImages`]) stay as they are.
    pub fn with_test_folder(mut self, path: impl Into<PathBuf>, beside: BesideTestFolder) -> Self {
        if let Source::Undivided { test, .. } = &mut self.0 {
            *test = Some((Images::At(path.into()), beside));
        }
        self
    }

    /// Takes the test images from a folder that is opened already, which may be one whose labels are in a table
    /// ([`ImageFolder::labeled`]); otherwise as [`with_test_folder`](Self::with_test_folder).
    pub fn with_test_images(mut self, folder: ImageFolder, beside: BesideTestFolder) -> Self {
        if let Source::Undivided { test, .. } = &mut self.0 {
            *test = Some((Images::Found(Box::new(folder)), beside));
        }
        self
    }

    /// Lists the folders and divides the images.
    ///
    /// # Errors
    /// As [`ImageFolder::open`] and [`HashedSplit::apply_unless_ready`], and where there are fewer than two classes, or no
    /// image in the folder of the test images.
    pub fn open(self) -> Result<DividedImages> {
        let (images, split, test) = match self.0 {
            Source::Divided(images) => {
                check_classes(&images.folder)?;
                return Ok(*images);
            }
            Source::Undivided {
                images,
                split,
                test,
            } => (images, split, test),
        };
        let folder = match images {
            Images::At(path) => ImageFolder::open(path)?,
            Images::Found(folder) => *folder,
        };
        // Before the images are divided: that would fail for another reason.
        check_classes(&folder)?;
        let Some((test, beside)) = test else {
            let (split, description) = split.apply_unless_ready(&folder)?;
            return Ok(DividedImages {
                folder,
                split,
                description,
            });
        };
        let test = test_folder(match test {
            Images::At(path) => ImageFolder::list(path)?,
            Images::Found(folder) => *folder,
        })?;
        let (divided, description) = match Split::ready(&folder)? {
            None => (
                split.apply_beside(&folder, &test, beside)?,
                split.describe(Some(beside)),
            ),
            // Its own test images are set aside.
            Some(ready) => {
                let testing = Split::from_folders(&folder, None, Some(&test))?.testing;
                let words = "as the images are divided already; the test images are from a folder of their own";
                (Split { testing, ..ready }, words.to_string())
            }
        };
        Ok(DividedImages {
            folder,
            split: divided,
            description,
        })
    }
}

/// The test images of a folder, which may lack classes, but not all images. Parts in it are the test alone.
fn test_folder(folder: ImageFolder) -> Result<ImageFolder> {
    let folder = match folder.subsets() {
        Some(_) => folder.part(Subset::Testing),
        None => folder,
    };
    if folder.images().is_empty() {
        let (path, skipped) = (folder.root().to_path_buf(), folder.skipped().to_vec());
        return Err(dataset::Error::NoImages { path, skipped }.into());
    }
    Ok(folder)
}

fn check_classes(folder: &ImageFolder) -> Result<()> {
    let [only] = folder.classes() else {
        return Ok(());
    };
    let root = folder.root();
    let mut expected = "two sub-folders of images or more, one for each class".to_string();
    // `photos/photos/cat`: what was unpacked has a folder around it.
    if !folder.images().is_empty() && folder.images().iter().all(is_nested) {
        let inside = root.join(only);
        let inside = files::shown_path(&inside);
        expected += &format!("; the folders in {inside} may be the classes: give {inside}");
    }
    Err(Error::mismatch(
        format!("classes of {}", files::shown_path(root)),
        expected,
        format!("`{only}` as the only class"),
    ))
}

/// Whether an image lies in a folder in the folder of its class.
fn is_nested(item: &ImageItem) -> bool {
    item.name.matches('/').count() > 1
}
