//! How many images each class has, and in which order they are drawn.

use std::fmt;

use rand::Rng;
use serde::Serialize;

use crate::dice::{random, shuffle};
use crate::{Error, ImageFolder, ImageItem, Result};

/// Fewer images than this in a class are worth a warning, as in `retrain.py`.
const FEW: usize = 20;

/// So many times more images in one class than in another are worth a warning.
const UNEVEN: f64 = 10.0;

/// Something about the numbers of images that a person should know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum BalanceWarning {
    /// Fewer than 20 images.
    FewImages {
        /// The class.
        class: String,
        /// How many it has.
        images: usize,
    },
    /// The largest class has more than ten times as many images as the smallest.
    Uneven {
        /// The largest class.
        largest: String,
        /// The smallest.
        smallest: String,
        /// How many times as many.
        ratio: f64,
    },
}

impl fmt::Display for BalanceWarning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::FewImages { class, images: 0 } => {
                write!(
                    f,
                    "class '{class}' has no images: add some, or remove the folder"
                )
            }
            Self::FewImages { class, images } => {
                write!(
                    f,
                    "class '{class}' has only {images} images; {FEW} and more work better"
                )
            }
            Self::Uneven {
                largest,
                smallest,
                ratio,
            } => write!(
                f,
                "class '{largest}' has {ratio:.1} times as many images as '{smallest}': \
                 balance the draws, or read the metrics class by class"
            ),
        }
    }
}

/// Warnings about a folder's numbers of images; empty where all is well.
pub fn balance_warnings(folder: &ImageFolder) -> Vec<BalanceWarning> {
    let counts: Vec<_> = folder.classes().iter().zip(folder.counts()).collect();
    let mut warnings: Vec<_> = counts
        .iter()
        .filter(|(_, images)| *images < FEW)
        .map(|(class, images)| BalanceWarning::FewImages {
            class: (*class).clone(),
            images: *images,
        })
        .collect();
    let largest = counts.iter().max_by_key(|(_, n)| *n);
    // Nothing is so many times as much as none.
    let there = counts.iter().filter(|(_, n)| *n > 0);
    let smallest = there.min_by_key(|(_, n)| *n);
    if let (Some((largest, most)), Some((smallest, least))) = (largest, smallest) {
        let ratio = *most as f64 / *least as f64;
        if ratio > UNEVEN {
            warnings.push(BalanceWarning::Uneven {
                largest: (*largest).clone(),
                smallest: (*smallest).clone(),
                ratio,
            });
        }
    }
    warnings
}

/// In which order images are drawn for training.
#[derive(Debug, Clone, PartialEq)]
pub enum Sampler {
    /// With replacement: first a class, each as likely, then one of its images, each as likely. So
    /// did `retrain.py`.
    Balanced,
    /// Every image once, in a new order each epoch.
    Shuffled,
    /// With replacement, each image as likely as its weight says.
    Weighted(Vec<f64>),
}

impl Sampler {
    /// Positions in `items`, in the order of drawing, for one epoch: as many as there are items.
    /// A pure function of its arguments.
    ///
    /// # Errors
    /// [`Error::Option`] where the weights are not as many as the items, not finite, negative or
    /// all zero.
    ///
    /// ```
    /// # use dataset::{ImageItem, Sampler};
    /// # let item = |class| ImageItem { path: "x".into(), name: "x".into(), class };
    /// let items = [item(0), item(1), item(1)];
    /// let mut order = Sampler::Shuffled.epoch(&items, 1, 0)?;
    /// order.sort();
    /// assert_eq!(order, [0, 1, 2]);
    /// # Ok::<(), dataset::Error>(())
    /// ```
    pub fn epoch(&self, items: &[ImageItem], seed: u64, epoch: u64) -> Result<Vec<usize>> {
        let mut dice = random(seed, epoch, u64::MAX);
        Ok(match self {
            Self::Shuffled => {
                let mut order: Vec<_> = (0..items.len()).collect();
                shuffle(&mut order, &mut dice);
                order
            }
            Self::Balanced => {
                let classes = items.iter().map(|item| item.class + 1).max().unwrap_or(0);
                let mut of_class = vec![Vec::new(); classes];
                for (index, item) in items.iter().enumerate() {
                    of_class[item.class].push(index);
                }
                of_class.retain(|indices| !indices.is_empty());
                let mut draw = || {
                    let class = &of_class[dice.random_range(0..of_class.len())];
                    class[dice.random_range(0..class.len())]
                };
                items.iter().map(|_| draw()).collect()
            }
            Self::Weighted(weights) => {
                let sums: Vec<f64> = weights
                    .iter()
                    .scan(0.0, |sum, weight| {
                        *sum += weight;
                        Some(*sum)
                    })
                    .collect();
                let total = sums.last().copied().unwrap_or(0.0);
                let valid = weights.iter().all(|w| w.is_finite() && *w >= 0.0) && total > 0.0;
                if weights.len() != items.len() || !(valid || items.is_empty()) {
                    return Err(Error::Option {
                        option: "weights of a sampler",
                        expected: "one for each item, finite, at least 0, not all 0",
                        found: format!("{} for {} items, sum {total}", weights.len(), items.len()),
                    });
                }
                let mut draw = || {
                    let at = dice.random::<f64>() * total;
                    sums.partition_point(|sum| *sum <= at).min(items.len() - 1)
                };
                items.iter().map(|_| draw()).collect()
            }
        })
    }
}
