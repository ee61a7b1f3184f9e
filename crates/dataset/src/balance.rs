//! Warnings about the number of images per class.

use std::fmt;

use serde::Serialize;

use crate::folder::ImageFolder;

/// A class with fewer images than this gets a warning, as in `retrain.py`.
const FEW: usize = 20;

/// Classes get a warning where the largest has more than this many times the images of the smallest.
const IMBALANCED: f64 = 10.0;

/// A warning about the number of images per class. `Display` prints it as a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum BalanceWarning {
    /// A class has fewer than 20 images.
    FewImages {
        /// The class.
        class: String,
        /// The number of its images.
        images: usize,
    },
    /// The largest class has more than ten times as many images as the smallest one that has any.
    #[serde(rename = "uneven")]
    Imbalance {
        /// The largest class.
        largest: String,
        /// The smallest class that has images.
        smallest: String,
        /// The number of images in the largest class, divided by that in the smallest.
        ratio: f64,
    },
}

impl fmt::Display for BalanceWarning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::FewImages { class, images: 0 } => write!(
                f,
                "class '{class}' has no images that can be used; the files that are left out are listed with their reasons"
            ),
            Self::FewImages { class, images } => write!(
                f,
                "class '{class}' has only {images} images; {FEW} and more work better"
            ),
            Self::Imbalance {
                largest,
                smallest,
                ratio,
            } => write!(
                f,
                "class '{largest}' has {ratio:.1} times as many images as '{smallest}': \
                 weight the classes, or read the metrics class by class"
            ),
        }
    }
}

/// Warnings about the number of images per class of a folder; empty if there is nothing to warn of.
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
    // Skip empty classes: a ratio to zero is undefined.
    let filled = counts.iter().filter(|(_, n)| *n > 0);
    let smallest = filled.min_by_key(|(_, n)| *n);
    if let (Some((largest, most)), Some((smallest, least))) = (largest, smallest) {
        let ratio = *most as f64 / *least as f64;
        if ratio > IMBALANCED {
            warnings.push(BalanceWarning::Imbalance {
                largest: (*largest).clone(),
                smallest: (*smallest).clone(),
                ratio,
            });
        }
    }
    warnings
}
