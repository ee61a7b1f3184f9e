//! Images that are named one by one, by folders and by lists.

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};

use dataset::decode::ImageFormat;

/// Endings of the files that are taken from a folder: the usual ones of every format that can be decoded.
fn endings() -> impl Iterator<Item = &'static str> {
    let of = |format: ImageFormat| format.extensions().iter().copied();
    ImageFormat::ALL.into_iter().flat_map(of)
}

/// Deeper folders are not gone into: no collection of images is, but a loop of mounts.
const DEEPEST: usize = 64;

/// The files of the arguments of a command, in their order: a file stands for itself, a folder for all images in it and in
/// its sub-folders in the order of their names, and `-` for the list on standard input ([`of_list`]).
///
/// # Errors
/// Where a folder or the list cannot be read, and where a folder has no images.
pub fn expand(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for argument in arguments {
        if argument == Path::new("-") {
            let mut list = Vec::new();
            std::io::stdin().lock().read_to_end(&mut list)?;
            files.extend(of_list(&list)?);
        } else if argument.is_dir() {
            let (before, mut others) = (files.len(), 0);
            walk(argument, 0, &mut files, &mut others)?;
            let folder = files::shown_path(argument);
            if others > 0 {
                crate::warn!(
                    "left out {} in {folder}: {} not end as an image's does",
                    crate::counted(others, "file", "files"),
                    if others == 1 {
                        "its name does"
                    } else {
                        "their names do"
                    }
                );
            }
            if files.len() == before {
                return Err(format!(
                    "{folder}: no images in it, whose names end in {}",
                    endings().collect::<Vec<_>>().join(", ")
                )
                .into());
            }
        } else {
            files.push(argument.clone());
        }
    }
    Ok(files)
}

/// The paths of a list: one on each line, or, where it holds zero bytes (`find -print0`), between those.
///
/// # Errors
/// Where the list is not UTF-8.
pub fn of_list(list: &[u8]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let text = std::str::from_utf8(list).map_err(|error| format!("the list of files: {error}"))?;
    let text = text.trim_start_matches('\u{feff}');
    let paths: Vec<&str> = if text.contains('\0') {
        text.split('\0').collect()
    } else {
        text.lines().collect()
    };
    Ok(paths
        .into_iter()
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect())
}

/// Folders that are links are not followed, so that there is an end; hidden files and folders are passed over.
fn walk(
    folder: &Path,
    depth: usize,
    found: &mut Vec<PathBuf>,
    others: &mut usize,
) -> Result<(), Box<dyn Error>> {
    let at = |error| format!("{}: {error}", files::shown_path(folder));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at)? {
        paths.push(entry.map_err(at)?.path());
    }
    paths.sort();
    for path in paths {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if !path.is_symlink() && depth < DEEPEST {
                walk(&path, depth + 1, found, others)?;
            }
            continue;
        }
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        if endings().any(|known| ending == known) {
            found.push(path);
        } else {
            *others += 1;
        }
    }
    Ok(())
}
