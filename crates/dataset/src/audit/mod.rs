//! Finds problems in folders of images before a network is trained on them.
//!
//! A [`Finding`] is data: a [`Kind`], the files that it concerns, and a sentence. Images that look alike are found by a
//! difference hash and then confirmed by their pixels. A hash alone is not enough: among photographs of the sky or the
//! sea it matches hundreds of pairs that have only a gradient in common. [`HashIndex`] finds hashes that are near to
//! each other without comparing all pairs.

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

use crate::decode::DecodeOptions;
use crate::error::{Error, Result};
use crate::folder::ImageFolder;
use crate::threads;
use measurements::Image;

/// The progress of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The current step.
    pub step: Step,
    /// The number of images for which this step is done.
    pub done: usize,
    /// The total number of images for this step.
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
/// The findings are sorted by kind, the most serious first, and then by path. Images that resemble each other are
/// reported pair by pair; if more than eight resemble each other, directly or through others, they are one finding with
/// all their paths.
///
/// The time is about proportional to the number of images. The memory is less than 1 KB per image, in addition to the
/// folders themselves. Images that may resemble each other are read a second time. A pair of such images can be missed
/// only if the hash of an image is near to those of more than 1,024 others, as in a large folder of empty skies. Of the
/// pairs whose details correlate by 0.95, about 3 of 1,000 are then missed.
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

/// Does the same as [`run`] and reports progress: `progress` is called for each image that is hashed, and from time to
/// time while images are compared. Each step ends with `done` equal to `total`.
///
/// # Errors
/// The errors of [`run`].
pub fn run_with_progress(
    folders: &[&ImageFolder],
    progress: impl FnMut(Progress) + Send,
) -> Result<Vec<Finding>> {
    run_with_options(folders, &DecodeOptions::default(), progress)
}

/// Does the same as [`run_with_progress`] with images that are decoded as `options` say; damage of any size is a finding all
/// the same.
///
/// # Errors
/// The errors of [`run`].
pub fn run_with_options(
    folders: &[&ImageFolder],
    options: &DecodeOptions,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Vec<Finding>> {
    // The loader lets a little damage pass; here it is to be seen.
    let options = &options.clone().with_max_damage(0);
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
    let good = hash(&images, options, &mut progress, &mut findings);
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
    options: &'a DecodeOptions,
    progress: &mut (impl FnMut(Progress) + Send),
    findings: &mut Vec<Finding>,
) -> Vec<Image<'a>> {
    let (step, total) = (Step::Hashing, images.len());
    let mut good = Vec::with_capacity(total);
    let hashed = Mutex::new((0, progress));
    // In parts, so that no second list of all images is in memory.
    for part in images.chunks(4096) {
        let measured = threads::map(part.iter(), |(subset, class, path)| {
            let measured = Image::of(path, *subset, class, options);
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
