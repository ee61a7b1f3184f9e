//! The images in a folder and in its sub-folders.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decode::foreign;
use crate::decode::format::ImageFormat;
use crate::error::{Error, Result};
use crate::problem::{ImageProblem, SkipReason, Skipped};

/// Deeper folders are not gone into: no collection of images is, but a loop of mounts.
const DEEPEST: usize = 64;

/// Files and folders that systems and programs leave behind, beside those whose names start with a dot.
const LEFT_BEHIND: [&str; 9] = [
    "__macosx",
    "__pycache__",
    "$recycle.bin",
    "@eadir",
    "desktop.ini",
    "ehthumbs.db",
    "lost+found",
    "system volume information",
    "thumbs.db",
];

/// An image that was found.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// The path from the folder that was walked, with `/` between its parts; see [`ImageItem::name`](super::ImageItem::name).
    pub(crate) name: String,
}

/// The images in a folder and in its sub-folders, in the order of the bytes of their names, level by level. What is left out
/// is added to `skipped`; `own` is passed over.
pub(crate) fn images(
    folder: &Path,
    own: &[PathBuf],
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    walk(folder, own, ("", 0), &mut found, skipped)?;
    Ok(found)
}

fn walk(
    folder: &Path,
    own: &[PathBuf],
    (before, depth): (&str, usize),
    found: &mut Vec<Found>,
    skipped: &mut Vec<Skipped>,
) -> Result<()> {
    for path in sorted_entries(folder)? {
        let name = format!("{before}{}", name_as_text(file_name(&path)));
        match look_at(&path, own) {
            Ok(Entry::Image) => found.push(Found { path, name }),
            Ok(Entry::Folder) if path.is_symlink() => {
                skipped.push(left_out(path, 0, SkipReason::LinkedFolder));
            }
            Ok(Entry::Folder) if depth >= DEEPEST => {
                skipped.push(left_out(path, 0, SkipReason::TooDeep));
            }
            Ok(Entry::Folder) => {
                walk(&path, own, (&format!("{name}/"), depth + 1), found, skipped)?;
            }
            Err((bytes, reason)) => skipped.push(left_out(path, bytes, reason)),
        }
    }
    Ok(())
}

pub(crate) fn left_out(path: PathBuf, bytes: u64, reason: SkipReason) -> Skipped {
    Skipped {
        path,
        bytes,
        reason,
    }
}

/// What is at a path.
pub(crate) enum Entry {
    Image,
    Folder,
}

/// What is at a path, where it is of use; otherwise its size and the reason.
pub(crate) fn look_at(path: &Path, own: &[PathBuf]) -> Result<Entry, (u64, SkipReason)> {
    let metadata = fs::metadata(path).map_err(|error| (0, unreadable(path, own, error)))?;
    let bytes = if metadata.is_dir() { 0 } else { metadata.len() };
    if let Some(reason) = passed_over(path, own) {
        return Err((bytes, reason));
    }
    if metadata.is_dir() {
        return Ok(Entry::Folder);
    }
    if !metadata.is_file() {
        return Err((bytes, SkipReason::SpecialFile));
    }
    let mut start = Vec::with_capacity(foreign::KIND_BYTES);
    File::open(path)
        .and_then(|file| {
            file.take(foreign::KIND_BYTES as u64)
                .read_to_end(&mut start)
        })
        .map_err(|error| (bytes, unreadable(path, own, error)))?;
    let problem = match ImageFormat::sniff(&start) {
        Some(_) => return Ok(Entry::Image),
        None if start.is_empty() => ImageProblem::Empty,
        None => foreign::problem(&start),
    };
    Err((bytes, problem.into()))
}

/// What is passed over by its name alone.
pub(super) fn passed_over(path: &Path, own: &[PathBuf]) -> Option<SkipReason> {
    let name = file_name(path);
    let left_behind = |known: &&str| name.eq_ignore_ascii_case(*known);
    if name.as_encoded_bytes().starts_with(b".") {
        Some(SkipReason::Hidden)
    } else if LEFT_BEHIND.iter().any(left_behind) {
        Some(SkipReason::LeftBehind)
    } else if own.iter().any(|own| own == path) {
        Some(SkipReason::Own)
    } else {
        None
    }
}

/// What the system refuses to read. Hidden files are left out in any case: some editors make hidden links that lead
/// nowhere as locks.
pub(super) fn unreadable(path: &Path, own: &[PathBuf], error: std::io::Error) -> SkipReason {
    passed_over(path, own).unwrap_or_else(|| SkipReason::Unreadable(Arc::new(error)))
}

/// The entries of a folder in the order of the bytes of their names.
pub(crate) fn sorted_entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(dir)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(Error::io(dir))?;
    entries.sort_by(|a, b| {
        let key = |path: &PathBuf| path.file_name().map(|n| n.as_encoded_bytes().to_vec());
        key(a).cmp(&key(b))
    });
    Ok(entries)
}

/// The last part of a path.
pub(crate) fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// A name as text; see [`ImageItem::name`](super::ImageItem::name).
pub(crate) fn name_as_text(name: &OsStr) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\u{fffd}{byte:02x}");
        }
    }
    text
}
