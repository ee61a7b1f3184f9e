//! Images that are named one by one, by folders and by lists.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use dataset::decode::ImageFormat;

/// How many of the files that are left out of a folder are named.
const NAMED: usize = 3;

/// So many bytes tell what a file is.
const HEAD: u64 = 4096;

/// Deeper folders are not gone into: no collection of images is, but a loop of mounts.
const DEEPEST: usize = 64;

/// A file, and its name without the folder that was given: that of the file, or its path in the folder.
pub struct Input {
    /// The path.
    pub path: PathBuf,
    /// The name, which leads nowhere out of a folder.
    pub name: PathBuf,
}

/// The files of the arguments of a command, in their order: a file stands for itself, a folder for all images in it and in
/// its sub-folders in the order of their names, and `-` for the list on standard input ([`of_list`]).
///
/// # Errors
/// Where a folder or the list cannot be read, and where a folder has no images.
pub fn expand(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let named = expand_named(arguments)?;
    Ok(named.into_iter().map(|input| input.path).collect())
}

/// As [`expand`], with the names of the files.
///
/// # Errors
/// As [`expand`].
pub fn expand_named(arguments: &[PathBuf]) -> Result<Vec<Input>, Box<dyn Error>> {
    let alone = |path: PathBuf| Input {
        name: path.file_name().unwrap_or_default().into(),
        path,
    };
    let mut files = Vec::new();
    for argument in arguments {
        if argument == Path::new("-") {
            let mut list = Vec::new();
            std::io::stdin().lock().read_to_end(&mut list)?;
            files.extend(of_list(&list)?.into_iter().map(alone));
        } else if argument.is_dir() {
            let (mut found, mut others) = (Vec::new(), Vec::new());
            walk(argument, 0, &mut found, &mut others)?;
            let folder = files::shown_path(argument);
            if !others.is_empty() {
                let names = others
                    .iter()
                    .take(NAMED)
                    .map(|path| files::shown_path(path).to_string());
                let names = names.collect::<Vec<_>>().join(", ");
                let more = if others.len() > NAMED { ", ..." } else { "" };
                let count = crate::counted(others.len(), "file", "files");
                crate::warn!(
                    "left out {count} in {folder} that cannot be read as images: {names}{more}"
                );
            }
            if found.is_empty() {
                let formats = ImageFormat::ALL.map(ImageFormat::name).join(", ");
                return Err(format!("{folder}: no images in it; {formats} are read").into());
            }
            files.extend(found.into_iter().map(|path| Input {
                name: path.strip_prefix(argument).unwrap_or(&path).into(),
                path,
            }));
        } else {
            files.push(alone(argument.clone()));
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
    others: &mut Vec<PathBuf>,
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
        if may_be_image(&path) {
            found.push(path);
        } else {
            others.push(path);
        }
    }
    Ok(())
}

/// Whether a file starts as an image does. One that cannot be read is named later, with the reason.
fn may_be_image(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.is_err() || ImageFormat::sniff(&head).is_some()
}
