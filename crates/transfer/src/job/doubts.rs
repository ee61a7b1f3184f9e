//! What is wrong with the images of a job as a whole.

use std::collections::BTreeMap;

use dataset::SkipCounts;

use crate::embed::Embedded;
use crate::error::{Error, Result};

/// One picture that is there several times, with different classes: one of its labels is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelConflict {
    /// The names of the images, which have the same bytes.
    pub names: Vec<String>,
}

/// The pictures that are in several classes, in the order of their first names.
pub(crate) fn label_conflicts(parts: &[&Embedded]) -> Vec<LabelConflict> {
    let mut pictures: BTreeMap<[u8; 8], Vec<(usize, &String)>> = BTreeMap::new();
    for part in parts {
        let set = &part.embeddings;
        let images = part.pictures.iter().zip(set.targets()).zip(set.names());
        for ((picture, class), name) in images {
            let same = pictures.entry(picture.content).or_default();
            same.push((*class, name));
        }
    }
    let mut conflicts: Vec<_> = pictures
        .into_values()
        .filter(|same| same.iter().any(|(class, _)| *class != same[0].0))
        .map(|same| LabelConflict {
            names: same.into_iter().map(|(_, name)| name.clone()).collect(),
        })
        .collect();
    conflicts.sort_by(|a, b| a.names.cmp(&b.names));
    conflicts
}

/// Refuses a class of which no training image can be used, with the reason.
pub(crate) fn check_usable(training: &Embedded, classes: &[String]) -> Result<()> {
    let Err(error) = training.embeddings.check_classes(classes) else {
        return Ok(());
    };
    let Error::TooFewImages { class, .. } = &error else {
        return Err(error);
    };
    let index = classes.iter().position(|name| name == class);
    let failed = training.failed.iter();
    let failed = failed.filter(|failed| Some(failed.item.class) == index);
    let counts = SkipCounts::of_errors(failed.map(|failed| &failed.error));
    match counts.most_frequent() {
        None => Err(error),
        Some(reason) => Err(Error::UnusableClass {
            class: class.clone(),
            reason: reason.to_string(),
        }),
    }
}

impl Error {
    /// The error with the name of the class where it has the number of one.
    pub(crate) fn with_class_names(self, classes: &[String]) -> Self {
        match self {
            Self::TooFewImages {
                class,
                found,
                needed,
            } => {
                let known = classes.contains(&class);
                let number = class.parse().ok().filter(|_| !known);
                let name = number.and_then(|index: usize| classes.get(index).cloned());
                Self::TooFewImages {
                    class: name.unwrap_or(class),
                    found,
                    needed,
                }
            }
            other => other,
        }
    }
}
