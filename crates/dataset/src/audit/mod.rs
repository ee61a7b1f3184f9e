//! Finds problems in folders of images before a network learns from them.
//!
//! A [`Finding`] is data: a [`Kind`], the files that it concerns, and a sentence. Images that look alike are found by a
//! difference hash and then confirmed on their pixels: in photographs of the sky or the sea a hash alone matches hundreds
//! of pairs that have nothing in common but a gradient.

mod duplicates;
mod finding;
mod measurements;

pub use finding::{Finding, Kind};

use crate::decode::DecodeOptions;
use crate::error::{Error, Result};
use crate::folder::ImageFolder;
use crate::threads;
use measurements::Measurements;

/// Examines every image of one or more folders. Each folder is one subset of a split, for instance training and testing.
///
/// The findings are sorted by kind, the most serious first, and then by path. The time for comparing images grows with the
/// square of their number.
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
    // The loader lets a little damage pass; here it is to be seen.
    let options = DecodeOptions::default().with_max_damage(0);
    let measured = threads::map(images.into_iter(), |(subset, class, path)| {
        Measurements::of(path, subset, class, &options)
    });
    let mut good = Vec::new();
    for result in measured {
        match result {
            Ok(image) => good.push(image),
            Err(finding) => findings.push(finding),
        }
    }
    findings.extend(good.iter().flat_map(Measurements::findings));
    findings.extend(duplicates::findings(&good));
    findings.sort_by(|a, b| (a.kind, &a.paths).cmp(&(b.kind, &b.paths)));
    Ok(findings)
}
