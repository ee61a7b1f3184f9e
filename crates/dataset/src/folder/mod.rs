//! A folder of images: one sub-folder for each class.

mod open;
mod parts;
pub(crate) mod walk;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::problem::Skipped;
use crate::split::subset::Subset;

pub use open::FolderOptions;
pub(crate) use walk::name_as_text;

/// One image file of an [`ImageFolder`].
///
/// It is a path as well (`AsRef<Path>`), so that lists of items go where lists of paths go, such as to
/// [`PixelLoader::for_each_batch`](crate::PixelLoader::for_each_batch).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageItem {
    /// The path of the file.
    pub path: PathBuf,
    /// The path from the folder, with `/` between its parts: `class/file`, and with deeper folders `class/folder/file`; it
    /// stays the same when the folder moves. Where the folder is divided already it is `train/class/file`, and where a
    /// table has the labels it is the path in the folder of the images. A byte that is not UTF-8 is written as U+FFFD and
    /// two hexadecimal digits, so that different names stay different.
    pub name: String,
    /// The class, as an index into [`ImageFolder::classes`].
    pub class: usize,
}

impl ImageItem {
    /// The name of the file without the class: what follows the last `/` of [`name`](Self::name).
    pub fn file(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

impl AsRef<Path> for ImageItem {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// The name, such as `class/file`.
impl fmt::Display for ImageItem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// A folder with one sub-folder of images for each class.
///
/// The classes, and the files of each class, are sorted by the bytes of their names; folders inside class folders are gone
/// into. Whether a file is an image is decided by its first bytes, never by the extension of its name. Everything that is
/// left out (hidden files, files that are not images or cannot be read, links to folders) is listed in
/// [`ImageFolder::skipped`] with the reason. Files are not decoded here: a broken file is reported when it is loaded, or by
/// [`audit`](crate::audit).
///
/// The classes may also come from a table ([`ImageFolder::labeled`]), and the folder may be divided into training,
/// validation and test already ([`Split::ready`](crate::Split::ready)).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # dataset::sample::write(dir.path(), 2, 7)?;
/// let folder = dataset::ImageFolder::open(dir.path())?;
/// assert_eq!(folder.classes(), ["boat", "cloud"]);
/// assert_eq!(folder.images().len(), 4);
/// assert!(folder.skipped().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ImageFolder {
    pub(crate) root: PathBuf,
    pub(crate) classes: Vec<String>,
    pub(crate) images: Vec<ImageItem>,
    pub(crate) skipped: Vec<Skipped>,
    /// The part of each image, where the folder or its table says it.
    pub(crate) subsets: Option<Vec<Subset>>,
    /// The group of each image, where a table says it.
    pub(crate) groups: Option<Vec<String>>,
    /// How much each image counts, where a table says it.
    pub(crate) weights: Option<Vec<f64>>,
    /// Files that a table names and that are not there.
    pub(crate) missing: Vec<String>,
    pub(crate) remarks: Vec<String>,
}

impl ImageFolder {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            classes: Vec::new(),
            images: Vec::new(),
            skipped: Vec::new(),
            subsets: None,
            groups: None,
            weights: None,
            missing: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// The path of the folder, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names of the classes (the sub-folders, or what a table says), sorted by their bytes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The images, sorted by class, and in each class by the bytes of the names of their files and folders, level by level.
    pub fn images(&self) -> &[ImageItem] {
        &self.images
    }

    /// The images, in the order of [`ImageFolder::images`].
    pub fn iter(&self) -> std::slice::Iter<'_, ImageItem> {
        self.images.iter()
    }

    /// The files and folders that are left out, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The files that a table of labels names and that are not there, or are no images, as the table names them.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// How the folder was understood where there was a choice, in sentences for people: that it is divided already, which
    /// columns of a table were used and which were not, rows without a file.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The part of each image, in the order of [`ImageFolder::images`], where the folder is divided already.
    pub fn subsets(&self) -> Option<&[Subset]> {
        self.subsets.as_deref()
    }

    /// The group of each image, in the order of [`ImageFolder::images`], where a table has one: images of one group belong
    /// on one side of a split.
    pub fn groups(&self) -> Option<&[String]> {
        self.groups.as_deref()
    }

    /// How much each image counts in a training, in the order of [`ImageFolder::images`], where a table says it: positive
    /// numbers. An image of weight 2 counts as two images.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The folder with those of its images alone that are in this part, and all classes. Where the folder is not divided,
    /// it has all images in the part for training.
    #[must_use]
    pub fn part(&self, subset: Subset) -> Self {
        let is_in = |index: usize| match &self.subsets {
            Some(subsets) => subsets[index] == subset,
            None => subset == Subset::Training,
        };
        let kept = |index: &usize| is_in(*index);
        let kept: Vec<usize> = (0..self.images.len()).filter(kept).collect();
        let mut part = self.clone();
        part.keep(&kept);
        // What is left out is of no part: it is told once.
        if subset != Subset::Training {
            part.skipped = Vec::new();
        }
        part
    }

    /// Sorts the images by class; in each class their order stays.
    pub(crate) fn in_order(mut self) -> Self {
        let mut order: Vec<usize> = (0..self.images.len()).collect();
        order.sort_by_key(|&index| self.images[index].class);
        self.keep(&order);
        self
    }

    /// Keeps the images of these indices, in this order, with all that is known of them.
    pub(crate) fn keep(&mut self, kept: &[usize]) {
        fn select<T: Clone>(values: &[T], kept: &[usize]) -> Vec<T> {
            kept.iter().map(|&index| values[index].clone()).collect()
        }
        self.images = select(&self.images, kept);
        self.subsets = self.subsets.as_deref().map(|all| select(all, kept));
        self.groups = self.groups.as_deref().map(|all| select(all, kept));
        self.weights = self.weights.as_deref().map(|all| select(all, kept));
    }

    /// The number of images per class, in the order of [`ImageFolder::classes`].
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for image in &self.images {
            counts[image.class] += 1;
        }
        counts
    }
}

impl<'a> IntoIterator for &'a ImageFolder {
    type Item = &'a ImageItem;
    type IntoIter = std::slice::Iter<'a, ImageItem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
