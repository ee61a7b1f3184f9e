//! Embeddings of images, with the class of each image.

use std::collections::HashMap;

use dataset::ImageFolder;
use dataset::split::Subset;

use crate::error::{Error, Result};

/// Embeddings of labeled images: a matrix `[images, dim]`, and for each row its target (the number of its class) and its
/// name.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// let set = transfer::Embeddings::new(vec![0.0, 1.0, 2.0, 3.0], 2, vec![0, 1])?;
/// assert_eq!((set.len(), set.dim(), set.classes()), (2, 2, 2));
/// assert_eq!(set.row(1), Some(&[2.0, 3.0][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    values: Vec<f32>,
    dim: usize,
    targets: Vec<usize>,
    names: Vec<String>,
    groups: Vec<String>,
    weights: Vec<f64>,
}

impl Embeddings {
    /// Makes embeddings from `values`, which holds `dim` numbers for each of `targets.len()` images, row after row.
    ///
    /// # Errors
    /// If the lengths do not agree, a value is not finite, or a target is
    /// [`MAX_CLASSES`](metrics::Predictions::MAX_CLASSES) or more.
    pub fn new(values: Vec<f32>, dim: usize, targets: Vec<usize>) -> Result<Self> {
        if dim == 0 || dim.checked_mul(targets.len()) != Some(values.len()) {
            return Err(Error::mismatch(
                "values of the embeddings",
                format!("{} images of {dim} values", targets.len()),
                values.len(),
            ));
        }
        let most = metrics::Predictions::MAX_CLASSES;
        if let Some(target) = targets.iter().find(|&&target| target >= most) {
            return Err(Error::mismatch(
                "a target",
                format!("less than {most}"),
                target,
            ));
        }
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::mismatch(
                format!("embedding of image {}", index / dim),
                "finite numbers",
                values[index],
            ));
        }
        Ok(Self {
            values,
            dim,
            targets,
            names: Vec::new(),
            groups: Vec::new(),
            weights: Vec::new(),
        })
    }

    /// Sets the names of the rows (`class/file`), which reports show.
    ///
    /// # Errors
    /// If there is not one name for each row.
    pub fn with_names(mut self, names: Vec<String>) -> Result<Self> {
        if names.len() != self.len() {
            return Err(Error::mismatch("names", self.len(), names.len()));
        }
        self.names = names;
        Ok(self)
    }

    /// Sets the groups of the rows: rows of one group are in one fold of a cross-validation, as pictures of one patient
    /// should be.
    ///
    /// # Errors
    /// If there is not one group for each row.
    pub fn with_groups(mut self, groups: Vec<String>) -> Result<Self> {
        if groups.len() != self.len() {
            return Err(Error::mismatch("groups", self.len(), groups.len()));
        }
        self.groups = groups;
        Ok(self)
    }

    /// Sets how much each row counts in a training: a row of weight 2 counts as two rows. Only
    /// [`LogisticRegression`](crate::head::LogisticRegression) can use weights.
    ///
    /// # Errors
    /// If there is not one weight for each row, or one is not a positive number.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Self> {
        if weights.len() != self.len() {
            return Err(Error::mismatch("weights", self.len(), weights.len()));
        }
        if let Some(weight) = weights.iter().find(|w| !(**w > 0.0 && w.is_finite())) {
            return Err(Error::mismatch("a weight", "a positive number", weight));
        }
        self.weights = weights;
        Ok(self)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Length of an embedding.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// One more than the largest target; 0 if there is no image.
    pub fn classes(&self) -> usize {
        self.targets.iter().max().map_or(0, |&t| t + 1)
    }

    /// All values, `[images, dim]`, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The embedding of one image; `None` if there is no such row.
    pub fn row(&self, index: usize) -> Option<&[f32]> {
        self.values.chunks_exact(self.dim).nth(index)
    }

    /// The true class of each image.
    pub fn targets(&self) -> &[usize] {
        &self.targets
    }

    /// The name of each image; empty if none were given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The group of each image; empty if none were given.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// How much each image counts in a training; empty if all count the same.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// How much the image of a row counts: 1 without weights.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }

    /// With the group and the weight that each image has in `known`, by its name.
    pub(crate) fn with_traits_of(mut self, known: &Self) -> Self {
        let rows: HashMap<&String, usize> = known.names.iter().zip(0..).collect();
        let rows = || self.names.iter().filter_map(|name| rows.get(name));
        let groups: Vec<String> = rows()
            .filter_map(|&row| known.groups.get(row).cloned())
            .collect();
        let weights: Vec<f64> = rows()
            .filter_map(|&row| known.weights.get(row).copied())
            .collect();
        if groups.len() == self.len() {
            self.groups = groups;
        }
        if weights.len() == self.len() {
            self.weights = weights;
        }
        self
    }

    /// Takes the group and the weight that each image has in a folder, by its name.
    pub(crate) fn take_traits(&mut self, folder: &ImageFolder) {
        let images = folder.images().iter().zip(0..);
        let places: HashMap<&str, usize> = images.map(|(item, at)| (&*item.name, at)).collect();
        let places: Option<Vec<usize>> = self
            .names
            .iter()
            .map(|name| places.get(name.as_str()).copied())
            .collect();
        let Some(places) = places.filter(|places| places.len() == self.len()) else {
            return;
        };
        if let Some(groups) = folder.groups() {
            self.groups = places.iter().map(|&at| groups[at].clone()).collect();
        }
        if let Some(weights) = folder.weights() {
            self.weights = places.iter().map(|&at| weights[at]).collect();
        }
    }

    /// Checks that each class has an image. A class has none if all of its images failed to load.
    ///
    /// # Errors
    /// [`Error::TooFewImages`] with the name of the first class that has none.
    pub fn check_classes(&self, classes: &[String]) -> Result<()> {
        self.check_images_per_class(classes, 1)
    }

    /// Checks that each class has so many images.
    pub(crate) fn check_images_per_class(&self, classes: &[String], needed: usize) -> Result<()> {
        let counts = class_counts(&self.targets, classes.len());
        let mut counted = classes.iter().zip(counts);
        match counted.find(|(_, count)| *count < needed) {
            Some((class, found)) => Err(Error::TooFewImages {
                class: class.clone(),
                found,
                needed,
            }),
            None => Ok(()),
        }
    }

    /// The same as [`check_classes`](Self::check_classes), for the classes of the targets.
    pub(crate) fn check_no_class_is_empty(&self) -> Result<()> {
        let counts = class_counts(&self.targets, self.classes());
        match counts.iter().position(|&count| count == 0) {
            Some(class) => Err(Error::TooFewImages {
                class: self.class_name(class),
                found: 0,
                needed: 1,
            }),
            None => Ok(()),
        }
    }

    /// The name of a class, taken from the names of its images (`class/file`), or its number if there are no names.
    pub(crate) fn class_name(&self, class: usize) -> String {
        let row = self.targets.iter().position(|&target| target == class);
        let name = row.and_then(|row| self.names.get(row));
        let mut parts = name
            .map(|name| name.split('/'))
            .into_iter()
            .flatten()
            .peekable();
        let first = parts.next();
        // `train/class/file`, where the images are divided already.
        let class_name = match (first.and_then(Subset::of_name), parts.next(), parts.peek()) {
            (Some(_), Some(second), Some(_)) => Some(second),
            (_, Some(_), _) => first,
            _ => None,
        };
        class_name.map_or(class.to_string(), str::to_owned)
    }

    /// Joins two sets: the rows of `self`, then the rows of `other`. Names, groups and weights are kept if both have them.
    ///
    /// # Errors
    /// If the two differ in `dim`.
    pub fn concat(&self, other: &Self) -> Result<Self> {
        if other.dim != self.dim {
            return Err(Error::mismatch(
                "length of an embedding",
                self.dim,
                other.dim,
            ));
        }
        let (n, m) = (self.len(), other.len());
        Ok(Self {
            values: [&self.values[..], &other.values].concat(),
            dim: self.dim,
            targets: [&self.targets[..], &other.targets].concat(),
            names: joined((&self.names, n), (&other.names, m)),
            groups: joined((&self.groups, n), (&other.groups, m)),
            weights: joined((&self.weights, n), (&other.weights, m)),
        })
    }

    /// The rows with these indices, in this order; indices that do not exist are ignored.
    pub fn select(&self, rows: &[usize]) -> Self {
        let rows = || rows.iter().copied().filter(|&i| i < self.len());
        Self {
            values: rows()
                .flat_map(|i| &self.values[i * self.dim..(i + 1) * self.dim])
                .copied()
                .collect(),
            dim: self.dim,
            targets: rows().map(|i| self.targets[i]).collect(),
            names: rows().filter_map(|i| self.names.get(i).cloned()).collect(),
            groups: rows().filter_map(|i| self.groups.get(i).cloned()).collect(),
            weights: rows()
                .filter_map(|i| self.weights.get(i).copied())
                .collect(),
        }
    }
}

/// The number of images of each class; targets of other classes are not counted.
pub(crate) fn class_counts(targets: &[usize], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    for &target in targets {
        if let Some(count) = counts.get_mut(target) {
            *count += 1;
        }
    }
    counts
}

/// One after the other, if there is one for each of the `n` and `m` rows; otherwise none.
fn joined<T: Clone>((one, n): (&[T], usize), (other, m): (&[T], usize)) -> Vec<T> {
    if one.len() == n && other.len() == m {
        [one, other].concat()
    } else {
        Vec::new()
    }
}
