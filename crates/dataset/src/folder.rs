//! A folder of images: one sub-folder for each class.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decode::foreign;
use crate::decode::format::ImageFormat;
use crate::error::{Error, Result};
use crate::problem::{ImageProblem, SkipReason, Skipped};

/// One image file of an [`ImageFolder`].
///
/// It is a path as well (`AsRef<Path>`), so that lists of items go where lists of paths go, such as to
/// [`PixelLoader::for_each_batch`](crate::PixelLoader::for_each_batch).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageItem {
    /// The path of the file.
    pub path: PathBuf,
    /// `class/file`, which stays the same when the folder moves. A byte that is not UTF-8 is written as U+FFFD and
    /// two hexadecimal digits, so that different names stay different.
    pub name: String,
    /// The class, as an index into [`ImageFolder::classes`].
    pub class: usize,
}

impl ImageItem {
    /// The name of the file without the class: what follows the last `/` of [`name`](Self::name).
    pub fn file(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

impl AsRef<Path> for ImageItem {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// The name, `class/file`.
impl fmt::Display for ImageItem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// A folder with one sub-folder of images for each class.
///
/// The classes, and the files of each class, are sorted by the bytes of their names. Whether a file is an image is
/// decided by its first bytes, never by the extension of its name. Everything that is left out (hidden files, files that
/// are not images or cannot be read, folders inside class folders) is listed in [`ImageFolder::skipped`] with the reason.
/// Files are not decoded here: a broken file is reported when it is loaded, or by [`audit`](crate::audit).
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
    /// Lists the images of the folder at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder or the folder of a class cannot be read (leaving a class out would change the task);
    /// [`Error::NoClasses`] if there is no sub-folder; [`Error::EmptyClass`] if a class has no image.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let (mut folder, paths) = Self::scan(path.as_ref())?;
        if folder.classes.is_empty() {
            return Err(Error::NoClasses { path: folder.root });
        }
        let counts = folder.counts();
        if let Some(class) = counts.iter().position(|&n| n == 0) {
            let name = folder.classes.swap_remove(class);
            let path = paths[class].clone();
            folder.skipped.retain(|s| s.path.starts_with(&path));
            return Err(Error::EmptyClass {
                path,
                class: name,
                skipped: folder.skipped,
            });
        }
        Ok(folder)
    }

    /// Like [`ImageFolder::open`], but classes without images, or no classes at all, are not an error. This is for tools
    /// that look at a folder before it is complete.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder or the folder of a class cannot be read.
    pub fn list(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::scan(path.as_ref())?.0)
    }

    /// All that the folder has, and the path of each class.
    fn scan(path: &Path) -> Result<(Self, Vec<PathBuf>)> {
        let (mut found, mut paths) = (Self::new(path), Vec::new());
        for entry in sorted_entries(path)? {
            let skip = match fs::metadata(&entry) {
                Ok(metadata) if is_hidden(&entry) => {
                    let bytes = if metadata.is_dir() { 0 } else { metadata.len() };
                    Some((bytes, SkipReason::Hidden))
                }
                Ok(metadata) if metadata.is_dir() => None,
                Ok(metadata) => Some((metadata.len(), SkipReason::NoClass)),
                Err(error) => Some((0, unreadable(&entry, error))),
            };
            if let Some(skip) = skip {
                found.skip(entry, skip);
                continue;
            }
            found.add_class(&entry)?;
            paths.push(entry);
        }
        Ok((found, paths))
    }

    fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            classes: Vec::new(),
            images: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Adds the class whose folder is at `path`, with its images.
    fn add_class(&mut self, path: &Path) -> Result<()> {
        let class = self.classes.len();
        let class_name = name_as_text(path.file_name().unwrap_or_default());
        for path in sorted_entries(path)? {
            match check_image(&path) {
                Ok(()) => {
                    let file = name_as_text(path.file_name().unwrap_or_default());
                    self.images.push(ImageItem {
                        name: format!("{class_name}/{file}"),
                        path,
                        class,
                    });
                }
                Err(skip) => self.skip(path, skip),
            }
        }
        self.classes.push(class_name);
        Ok(())
    }

    fn skip(&mut self, path: PathBuf, (bytes, reason): (u64, SkipReason)) {
        self.skipped.push(Skipped {
            path,
            bytes,
            reason,
        });
    }

    /// The path of the folder, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names of the classes (the sub-folders), sorted by their bytes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The images, sorted by class, and in each class by the bytes of the file's name.
    pub fn images(&self) -> &[ImageItem] {
        &self.images
    }

    /// The images, in the order of [`ImageFolder::images`].
    pub fn iter(&self) -> std::slice::Iter<'_, ImageItem> {
        self.images.iter()
    }

    /// The files and folders that are left out, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The number of images per class, in the order of [`ImageFolder::classes`].
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for image in &self.images {
            counts[image.class] += 1;
        }
        counts
    }
}

impl<'a> IntoIterator for &'a ImageFolder {
    type Item = &'a ImageItem;
    type IntoIter = std::slice::Iter<'a, ImageItem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What the system refuses to read. Hidden files are left out in any case: some editors make hidden links that lead
/// nowhere as locks.
fn unreadable(path: &Path, error: std::io::Error) -> SkipReason {
    if is_hidden(path) {
        SkipReason::Hidden
    } else {
        SkipReason::Unreadable(Arc::new(error))
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

/// Whether the file at `path` is an image by its first bytes; if not, its size and the reason.
fn check_image(path: &Path) -> Result<(), (u64, SkipReason)> {
    let metadata = fs::metadata(path).map_err(|e| (0, unreadable(path, e)))?;
    if metadata.is_dir() {
        return Err((0, SkipReason::NestedFolder));
    }
    let bytes = metadata.len();
    if !metadata.is_file() {
        return Err((bytes, SkipReason::SpecialFile));
    }
    if is_hidden(path) {
        return Err((bytes, SkipReason::Hidden));
    }
    let mut start = Vec::with_capacity(foreign::KIND_BYTES);
    File::open(path)
        .and_then(|file| {
            file.take(foreign::KIND_BYTES as u64)
                .read_to_end(&mut start)
        })
        .map_err(|e| (bytes, unreadable(path, e)))?;
    let problem = match ImageFormat::sniff(&start) {
        Some(_) => return Ok(()),
        None if start.is_empty() => ImageProblem::Empty,
        None => foreign::problem(&start),
    };
    Err((bytes, problem.into()))
}

/// A name as text; see [`ImageItem::name`].
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
