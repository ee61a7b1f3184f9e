//! A split: which images are for training, for validation and for testing.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::subset::Subset;
use crate::error::{Error, Result};
use crate::folder::{ImageFolder, ImageItem};

/// Images divided into three subsets: for training, for validation and for testing.
///
/// To write your own rule, collect it from pairs of a [`Subset`] and an [`ImageItem`]:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # dataset::sample::write(dir.path(), 10, 1)?;
/// use dataset::split::{Split, Subset};
/// let folder = dataset::ImageFolder::open(dir.path())?;
/// let subset = |name: &str| if name.ends_with("7.jpg") { Subset::Testing } else { Subset::Training };
/// let split: Split = folder.images().iter().map(|item| (subset(&item.name), item.clone())).collect();
/// assert_eq!((split.training.len(), split.testing.len()), (18, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// The images on which a classifier is fitted.
    pub training: Vec<ImageItem>,
    /// The images on which its settings are chosen.
    pub validation: Vec<ImageItem>,
    /// The images on which the final classifier is tested, once.
    pub testing: Vec<ImageItem>,
}

impl Split {
    /// The images of one subset.
    pub fn subset(&self, subset: Subset) -> &[ImageItem] {
        match subset {
            Subset::Training => &self.training,
            Subset::Validation => &self.validation,
            Subset::Testing => &self.testing,
        }
    }

    /// The number of images of `folder` that are in none of the three subsets.
    pub fn unused(&self, folder: &ImageFolder) -> usize {
        let subsets = Subset::ALL
            .into_iter()
            .flat_map(|subset| self.subset(subset));
        let used: HashSet<&Path> = subsets.map(|item| &*item.path).collect();
        let unused = folder.images().iter();
        unused.filter(|item| !used.contains(&*item.path)).count()
    }

    /// A split whose subsets are folders of their own. The folders for validation and testing may lack classes of the
    /// training folder, but have no others. Their images get the class indices of the training folder.
    ///
    /// # Errors
    /// [`Error::ClassesDiffer`] if a folder has images of classes that `training` does not have.
    pub fn from_folders(
        training: &ImageFolder,
        validation: Option<&ImageFolder>,
        testing: Option<&ImageFolder>,
    ) -> Result<Self> {
        Ok(Self {
            training: training.images().to_vec(),
            validation: images_of(validation, training)?,
            testing: images_of(testing, training)?,
        })
    }

    /// Divides by a rule; the order in each subset is that of the folder.
    pub(super) fn by(folder: &ImageFolder, mut rule: impl FnMut(&ImageItem) -> Subset) -> Self {
        let pair = |item: &ImageItem| (rule(item), item.clone());
        folder.images().iter().map(pair).collect()
    }

    /// Refuses a split in which a subset that was asked for is empty, or in which a class has no training image.
    pub(super) fn check(self, folder: &ImageFolder, wanted: &[Subset]) -> Result<Self> {
        let images = folder.images().len();
        for (index, class) in folder.classes().iter().enumerate() {
            if !self.training.iter().any(|item| item.class == index) {
                return Err(Error::EmptySubset {
                    subset: Subset::Training,
                    class: Some(class.clone()),
                    images,
                });
            }
        }
        match wanted
            .iter()
            .find(|subset| self.subset(**subset).is_empty())
        {
            Some(&subset) => Err(Error::EmptySubset {
                subset,
                class: None,
                images,
            }),
            None => Ok(self),
        }
    }
}

/// The images of a folder with the class indices of another one.
fn images_of(folder: Option<&ImageFolder>, training: &ImageFolder) -> Result<Vec<ImageItem>> {
    let Some(folder) = folder else {
        return Ok(Vec::new());
    };
    let known: HashMap<_, _> = training.classes().iter().zip(0..).collect();
    let index: Vec<Option<usize>> = folder
        .classes()
        .iter()
        .map(|class| known.get(class).copied())
        .collect();
    let images = folder.images().iter().map(|item| {
        index[item.class].map(|class| ImageItem {
            class,
            ..item.clone()
        })
    });
    let images: Option<Vec<_>> = images.collect();
    images.ok_or_else(|| {
        let classes = folder.classes().iter();
        let unknown = classes.filter(|class| !known.contains_key(class));
        Error::ClassesDiffer {
            folder: folder.root().to_path_buf(),
            found: unknown.cloned().collect(),
            reference: training.root().to_path_buf(),
            expected: training.classes().to_vec(),
        }
    })
}

impl Extend<(Subset, ImageItem)> for Split {
    fn extend<I: IntoIterator<Item = (Subset, ImageItem)>>(&mut self, pairs: I) {
        for (subset, item) in pairs {
            match subset {
                Subset::Training => self.training.push(item),
                Subset::Validation => self.validation.push(item),
                Subset::Testing => self.testing.push(item),
            }
        }
    }
}

impl FromIterator<(Subset, ImageItem)> for Split {
    fn from_iter<I: IntoIterator<Item = (Subset, ImageItem)>>(pairs: I) -> Self {
        let mut split = Self::default();
        split.extend(pairs);
        split
    }
}

/// How much is for validation and for testing, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Percentages {
    pub(super) validation: f64,
    pub(super) testing: f64,
}

impl Default for Percentages {
    fn default() -> Self {
        Self {
            validation: 10.0,
            testing: 10.0,
        }
    }
}

impl Percentages {
    /// Divides a folder by a rule, after a check of the percentages and before one of the result.
    pub(super) fn divide(
        self,
        folder: &ImageFolder,
        rule: impl FnMut(&ImageItem) -> Subset,
    ) -> Result<Split> {
        let Self {
            validation,
            testing,
        } = self;
        if !(validation >= 0.0 && testing >= 0.0 && validation + testing < 100.0) {
            return Err(Error::setting(
                "validation and testing percentage",
                format!("{validation} and {testing}"),
                "each at least 0, together below 100",
            ));
        }
        let mut wanted = vec![(Subset::Validation, validation), (Subset::Testing, testing)];
        wanted.retain(|(_, percentage)| *percentage > 0.0);
        let wanted: Vec<_> = wanted.into_iter().map(|(subset, _)| subset).collect();
        Split::by(folder, rule).check(folder, &wanted)
    }
}
