//! A folder of images: one sub-folder for each class.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::decode::{Format, SNIFF_BYTES, escaped_start};
use crate::{Error, Problem, Result};

/// One image file of an [`ImageFolder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageItem {
    /// Where the file is.
    pub path: PathBuf,
    /// `class/file`, which stays the same when the folder moves. A byte that is not
    /// UTF-8 is written as U+FFFD and its two hexadecimal digits, so that two names stay two.
    pub name: String,
    /// Index into [`ImageFolder::classes`].
    pub class: usize,
}

/// A file or folder that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// Its size (0 for a folder).
    pub bytes: u64,
    /// Why it is no image of the folder.
    pub reason: Problem,
}

/// A folder with one sub-folder of images for each class.
///
/// Classes and the files in each are sorted by the bytes of their names. What a file is, its
/// first bytes say, never the ending of its name. Everything that is left out (hidden files,
/// files that are no images or cannot be read, folders inside class folders) is listed in [`ImageFolder::skipped`]
/// with the reason. Files are not decoded here: one that turns out to be broken is reported when
/// it is loaded, or by [`audit`](crate::audit).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # dataset::sample::write(dir.path(), 2, 7)?;
/// let folder = dataset::ImageFolder::open(dir.path())?;
/// assert_eq!(folder.classes(), ["boat", "cloud"]);
/// assert_eq!(folder.images().len(), 4);
/// assert!(folder.skipped().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ImageFolder {
    root: PathBuf,
    classes: Vec<String>,
    images: Vec<ImageItem>,
    skipped: Vec<Skipped>,
}

impl ImageFolder {
    /// Lists the folder at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder or a class in it cannot be read (a class that is left out
    /// would change the task), [`Error::NoClasses`], [`Error::EmptyClass`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let (mut folder, paths) = Self::scan(path.as_ref())?;
        if folder.classes.is_empty() {
            return Err(Error::NoClasses { path: folder.root });
        }
        let counts = folder.counts();
        if let Some(class) = counts.iter().position(|&n| n == 0) {
            let name = folder.classes.swap_remove(class);
            let path = paths[class].clone();
            let skipped = folder
                .skipped
                .iter()
                .filter(|s| s.path.starts_with(&path))
                .count();
            return Err(Error::EmptyClass {
                path,
                class: name,
                skipped,
            });
        }
        Ok(folder)
    }

    /// As [`ImageFolder::open`], but classes without images, or none at all, are no error: for
    /// tools that look at a folder before it is complete.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder or a class in it cannot be read.
    pub fn list(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::scan(path.as_ref())?.0)
    }

    /// What is there, and the folder of each class.
    fn scan(path: &Path) -> Result<(Self, Vec<PathBuf>)> {
        let (root, mut paths) = (path.to_path_buf(), Vec::new());
        let (mut classes, mut images, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for entry in sorted_entries(&root)? {
            let metadata = match fs::metadata(&entry) {
                Ok(metadata) if is_hidden(&entry) => {
                    let bytes = if metadata.is_dir() { 0 } else { metadata.len() };
                    skipped.push(left_out(entry, bytes, "hidden"));
                    continue;
                }
                Ok(metadata) => metadata,
                Err(error) => {
                    skipped.push(Skipped {
                        reason: unreadable(&entry, &error),
                        path: entry,
                        bytes: 0,
                    });
                    continue;
                }
            };
            if !metadata.is_dir() {
                let reason = "beside the class folders, so of no class";
                skipped.push(left_out(entry, metadata.len(), reason));
                continue;
            }
            let class = classes.len();
            let class_name = escaped(entry.file_name().unwrap_or_default());
            for path in sorted_entries(&entry)? {
                match check_image(&path) {
                    Ok(()) => {
                        let file = escaped(path.file_name().unwrap_or_default());
                        images.push(ImageItem {
                            name: format!("{class_name}/{file}"),
                            path,
                            class,
                        });
                    }
                    Err((bytes, reason)) => skipped.push(Skipped {
                        path,
                        bytes,
                        reason,
                    }),
                }
            }
            classes.push(class_name);
            paths.push(entry);
        }
        let found = Self {
            root,
            classes,
            images,
            skipped,
        };
        Ok((found, paths))
    }

    /// The folder itself, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Names of the classes (sub-folders), sorted by their bytes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The images, class by class, in each sorted by the bytes of the file's name.
    pub fn images(&self) -> &[ImageItem] {
        &self.images
    }

    /// What was left out, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// How many images each class has, in the order of [`ImageFolder::classes`].
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for image in &self.images {
            counts[image.class] += 1;
        }
        counts
    }
}

fn left_out(path: PathBuf, bytes: u64, reason: &str) -> Skipped {
    Skipped {
        path,
        bytes,
        reason: Problem::NotAFile(reason.into()),
    }
}

/// What the system refuses; hidden files are left out in any case, such as the links to nothing that editors lock with.
fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    if is_hidden(path) {
        Problem::NotAFile("hidden".into())
    } else {
        Problem::Unreadable(error.to_string())
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn sorted_entries(dir: &Path) -> Result<Vec<PathBuf>> {
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

/// Whether the file at `path` is an image by its first bytes; if not, its size and why.
fn check_image(path: &Path) -> std::result::Result<(), (u64, Problem)> {
    let metadata = fs::metadata(path).map_err(|e| (0, unreadable(path, &e)))?;
    if metadata.is_dir() {
        return Err((
            0,
            Problem::NotAFile("a folder inside a class folder".into()),
        ));
    }
    let bytes = metadata.len();
    // Opening a pipe or a device could wait without an end.
    if !metadata.is_file() {
        return Err((
            bytes,
            Problem::NotAFile("neither a file nor a folder".into()),
        ));
    }
    if is_hidden(path) {
        return Err((bytes, Problem::NotAFile("hidden".into())));
    }
    let mut start = Vec::with_capacity(SNIFF_BYTES);
    File::open(path)
        .and_then(|file| file.take(SNIFF_BYTES as u64).read_to_end(&mut start))
        .map_err(|e| (bytes, unreadable(path, &e)))?;
    if start.is_empty() {
        return Err((bytes, Problem::Empty));
    }
    match Format::sniff(&start) {
        Some(_) => Ok(()),
        None => Err((
            bytes,
            Problem::UnknownFormat {
                start: escaped_start(&start),
            },
        )),
    }
}

/// A name as text; see [`ImageItem::name`].
fn escaped(name: &OsStr) -> String {
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
