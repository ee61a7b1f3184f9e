//! Finds problems in folders of images before a network learns from them.
//!
//! A [`Finding`] is data: a [`Kind`], the files that it concerns, and a sentence. Images that look alike are found by a
//! difference hash and then confirmed on their pixels: in photographs of the sky or the sea a hash alone matches hundreds
//! of pairs that have nothing in common but a gradient. [`HashIndex`] finds the hashes that are near to each other, without
//! comparing all with all.

mod crowd;
mod duplicates;
mod finding;
mod fingerprint;
mod groups;
mod hash_index;
mod look;
mod measurements;
mod near;
mod small_copy;

pub use finding::{Finding, Kind};
pub use hash_index::HashIndex;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::folder::ImageFolder;
use crate::threads;
use measurements::Image;

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// The number of images for which this step is done.
    pub done: usize,
    /// The number of images for which this step is to be done.
    pub total: usize,
}

/// The steps of an audit, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Files are read, measured and hashed.
    Hashing,
    /// Images are compared with each other.
    Comparing,
}

/// Examines every image of one or more folders. Each folder is one subset of a split, for instance training and testing.
///
/// The findings are sorted by kind, the most serious first, and then by path. Images that resemble each other are given
/// pair by pair; more than eight of them, directly or by way of others, are one finding with all their paths.
///
/// The time grows about in proportion to the number of images, and the memory by less than 1 KB for each image beside the
/// folders themselves. Images that may resemble each other are read a second time. Only where the hash of an image is near
/// to those of more than 1,024 others, as in a large folder of empty skies, can a pair of such images be missed; of those
/// whose details correlate by 0.95 this happens to about 3 of 1,000.
///
/// # Errors
/// [`Error::Setting`] if no folder is given. Files that cannot be read are findings, not errors.
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
    run_with_progress(folders, |_| ())
}

/// As [`run`], and tells as it goes how far it is: for each image that is hashed, and from time to time while images are
/// compared. Each step ends with `done` equal to `total`.
///
/// # Errors
/// As for [`run`].
pub fn run_with_progress(
    folders: &[&ImageFolder],
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Vec<Finding>> {
    if folders.is_empty() {
        return Err(Error::setting("number of folders", 0, "at least 1"));
    }
    // What is left out by a rule was not meant to be an image; what is broken or cannot be read was.
    let skipped = folders.iter().flat_map(|folder| folder.skipped());
    let mut findings: Vec<_> = skipped
        .filter(|skipped| !skipped.reason.is_by_rule())
        .map(|skipped| Finding {
            kind: Kind::Unreadable,
            paths: vec![skipped.path.clone()],
            detail: format!("{} ({} bytes)", skipped.reason, skipped.bytes),
        })
        .collect();
    let images: Vec<_> = (0..)
        .zip(folders)
        .flat_map(|(subset, folder)| {
            let images = folder.images().iter();
            images.map(move |item| (subset, folder.classes()[item.class].as_str(), &item.path))
        })
        .collect();
    let good = hash(&images, &mut progress, &mut findings);
    let total = good.len();
    findings.extend(duplicates::findings(&good, |done| {
        let step = Step::Comparing;
        progress(Progress { step, done, total });
    })?);
    findings.sort_by(|a, b| (a.kind, &a.paths).cmp(&(b.kind, &b.paths)));
    Ok(findings)
}

/// An image to examine: the index of its folder, its class and its path.
type Item<'a> = (usize, &'a str, &'a PathBuf);

/// Reads and measures the images, and adds what is found of each by itself.
fn hash<'a>(
    images: &[Item<'a>],
    progress: &mut (impl FnMut(Progress) + Send),
    findings: &mut Vec<Finding>,
) -> Vec<Image<'a>> {
    let (step, total) = (Step::Hashing, images.len());
    let mut good = Vec::with_capacity(total);
    let hashed = Mutex::new((0, progress));
    // In parts, so that no second list of all images is in memory.
    for part in images.chunks(4096) {
        let measured = threads::map(part.iter(), |(subset, class, path)| {
            let measured = Image::of(path, *subset, class);
            let mut hashed = hashed.lock().unwrap_or_else(PoisonError::into_inner);
            hashed.0 += 1;
            let done = hashed.0;
            (hashed.1)(Progress { step, done, total });
            measured
        });
        for result in measured {
            match result {
                Ok((image, found)) => {
                    good.push(image);
                    findings.extend(found);
                }
                Err(finding) => findings.push(finding),
            }
        }
    }
    good
}
