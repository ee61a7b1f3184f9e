//! What is wrong in a folder of images, before a network learns it.
//!
//! Findings are data: a kind, the files it concerns, and a sentence. Pairs of pictures that look
//! alike are found by a difference hash and then confirmed on their pixels, because on skies and
//! seas a hash alone accuses hundreds of pairs that only share a gradient.

mod look;
mod pairs;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{DecodeOptions, Error, ImageFolder, Result};
use look::Look;

/// What a [`Finding`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// The same picture in two splits: the test measures memory.
    Leakage,
    /// The same picture in two classes: one of them is wrong.
    LabelConflict,
    /// A file that cannot be decoded, or is no image.
    Unreadable,
    /// The ending of the name says another format than the content.
    Ending,
    /// A side of fewer than 32 pixels.
    Tiny,
    /// More than four times as long as it is short.
    Aspect,
    /// Nearly one colour.
    OneColour,
    /// Without sharp edges.
    Blurred,
    /// Nearly black.
    Dark,
    /// The same bytes twice.
    Duplicate,
    /// The same picture twice: scaled, recompressed, slightly changed.
    NearDuplicate,
}

const KINDS: [(Kind, &str); 11] = [
    (Kind::Leakage, "leakage"),
    (Kind::LabelConflict, "label-conflict"),
    (Kind::Unreadable, "unreadable"),
    (Kind::Ending, "ending"),
    (Kind::Tiny, "tiny"),
    (Kind::Aspect, "aspect"),
    (Kind::OneColour, "one-colour"),
    (Kind::Blurred, "blurred"),
    (Kind::Dark, "dark"),
    (Kind::Duplicate, "duplicate"),
    (Kind::NearDuplicate, "near-duplicate"),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(
            KINDS
                .iter()
                .find(|(kind, _)| kind == self)
                .map_or("", |(_, name)| name),
        )
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        KINDS
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(kind, _)| *kind)
            .ok_or_else(|| Error::Option {
                option: "kind of finding",
                expected: "leakage, label-conflict, unreadable, ending, tiny, aspect, one-colour, \
                           blurred, dark, duplicate or near-duplicate",
                found: format!("'{text}'"),
            })
    }
}

/// One thing that a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub kind: Kind,
    /// The files that it concerns.
    pub paths: Vec<PathBuf>,
    /// What was found, in words and numbers.
    pub detail: String,
}

/// Looks at every image of one or more folders, each one split (for instance training and test).
///
/// Findings are sorted by kind, the gravest first, and then by path. Comparing pictures takes time
/// that grows with the square of their number.
///
/// # Errors
/// None for single files: those are findings. [`Error::Option`] where no folder is given.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # dataset::sample::write(dir.path(), 3, 7)?;
/// use dataset::{ImageFolder, audit};
/// let folder = ImageFolder::open(dir.path())?;
/// let findings = audit::run(&[&folder])?;
/// assert!(findings.iter().all(|f| f.kind != audit::Kind::Duplicate));
/// # Ok::<(), dataset::Error>(())
/// ```
pub fn run(folders: &[&ImageFolder]) -> Result<Vec<Finding>> {
    if folders.is_empty() {
        return Err(Error::Option {
            option: "folders",
            expected: "at least one",
            found: "none".into(),
        });
    }
    let mut findings = Vec::new();
    for skipped in folders.iter().flat_map(|folder| folder.skipped()) {
        // Hidden files and folders are left out on purpose; what lies there as an image, or cannot be read, is not.
        if !matches!(skipped.reason, crate::Problem::NotAFile(_)) {
            findings.push(Finding {
                kind: Kind::Unreadable,
                paths: vec![skipped.path.clone()],
                detail: format!("{} ({} bytes)", skipped.reason, skipped.bytes),
            });
        }
    }
    let files: Vec<_> = folders
        .iter()
        .enumerate()
        .flat_map(|(split, folder)| {
            folder
                .images()
                .iter()
                .map(move |item| (split, *folder, item))
        })
        .collect();
    let looks: Vec<_> = files
        .par_iter()
        .map(|(split, folder, item)| {
            let class = folder.classes()[item.class].as_str();
            Look::at(&item.path, *split, class, &DecodeOptions::default())
        })
        .collect();
    let mut good = Vec::new();
    for look in looks {
        match look {
            Ok(look) => good.push(look),
            Err(finding) => findings.push(finding),
        }
    }
    findings.extend(good.iter().flat_map(Look::findings));
    findings.extend(pairs::findings(&good));
    findings.sort_by(|a, b| (a.kind, &a.paths).cmp(&(b.kind, &b.paths)));
    Ok(findings)
}
