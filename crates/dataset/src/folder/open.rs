//! Opening a folder whose sub-folders are the classes, or the parts of a split.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::walk::{
    self, file_name, left_out, name_as_text, passed_over, sorted_entries, unreadable,
};
use super::{ImageFolder, ImageItem, parts};
use crate::error::{Error, Result};
use crate::problem::SkipReason;
use crate::split::subset::Subset;

/// How a folder of images is read; every option has a default.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # dataset::sample::write(dir.path().join("train"), 3, 7)?;
/// # dataset::sample::write(dir.path().join("test"), 2, 8)?;
/// use dataset::folder::FolderOptions;
/// let folder = FolderOptions::new().open(dir.path())?;
/// assert_eq!(folder.classes(), ["boat", "cloud"]);
/// let split = dataset::Split::ready(&folder)?.expect("train and test are parts");
/// assert_eq!((split.training.len(), split.testing.len()), (6, 4));
///
/// let folder = FolderOptions::new().with_parts(false).open(dir.path())?;
/// assert_eq!(folder.classes(), ["test", "train"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderOptions {
    parts: bool,
    pub(crate) own: Vec<PathBuf>,
}

impl Default for FolderOptions {
    fn default() -> Self {
        Self {
            parts: true,
            own: Vec::new(),
        }
    }
}

impl FolderOptions {
    /// The options of [`ImageFolder::open`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether sub-folders that are called `train` (or `training`), `val` (`valid`, `validation`, `dev`) and `test`
    /// (`testing`) are taken for the parts of a split, each with the folders of the classes inside; defaults to true.
    /// Otherwise they are classes like all others.
    pub fn with_parts(mut self, parts: bool) -> Self {
        self.parts = parts;
        self
    }

    /// Passes over these files and folders, such as a cache that lies in the folder. Each path begins with the path of the
    /// folder as it is given to [`open`](Self::open). Defaults to none.
    pub fn without(mut self, own: Vec<PathBuf>) -> Self {
        self.own = own;
        self
    }

    /// Lists the images of the folder at `path`; see [`ImageFolder::open`].
    ///
    /// # Errors
    /// Those of [`ImageFolder::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<ImageFolder> {
        let (mut folder, paths) = self.scan(path.as_ref())?;
        if folder.classes.is_empty() {
            let tables = tables_in(&folder.root);
            return Err(Error::NoClasses {
                path: folder.root,
                tables,
            });
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

    /// Lists the images of the folder at `path`; see [`ImageFolder::list`].
    ///
    /// # Errors
    /// Those of [`ImageFolder::list`].
    pub fn list(&self, path: impl AsRef<Path>) -> Result<ImageFolder> {
        Ok(self.scan(path.as_ref())?.0)
    }

    /// All that the folder has, and a path of each class.
    fn scan(&self, root: &Path) -> Result<(ImageFolder, Vec<PathBuf>)> {
        let mut found = ImageFolder::new(root);
        let folders = class_folders(root, root, &self.own, &mut found)?;
        if self.parts
            && let Some(parts) = parts::find(root, &folders)?
        {
            return scan_parts(found, root, &self.own, &parts);
        }
        for (class, folder) in folders.iter().enumerate() {
            let name = name_as_text(file_name(folder));
            add_images(&mut found, folder, &self.own, &name, class)?;
            found.classes.push(name);
        }
        Ok((found, folders))
    }
}

/// Folders whose classes are inside folders for the parts of a split.
fn scan_parts(
    mut found: ImageFolder,
    root: &Path,
    own: &[PathBuf],
    parts: &[(Subset, PathBuf)],
) -> Result<(ImageFolder, Vec<PathBuf>)> {
    let mut folders = Vec::new();
    for (subset, part) in parts {
        for folder in class_folders(part, root, own, &mut found)? {
            folders.push((*subset, part, folder));
        }
    }
    let mut classes: BTreeMap<Vec<u8>, PathBuf> = BTreeMap::new();
    for (.., folder) in &folders {
        let name = file_name(folder).as_encoded_bytes().to_vec();
        classes.entry(name).or_insert_with(|| folder.clone());
    }
    let index: BTreeMap<_, _> = classes.keys().zip(0..).collect();
    let mut subsets = Vec::new();
    for (subset, part, folder) in &folders {
        let name = file_name(folder);
        let (part, name) = (name_as_text(file_name(part)), name);
        let class = index.get(&name.as_encoded_bytes().to_vec()).copied();
        let before = format!("{part}/{}", name_as_text(name));
        add_images(&mut found, folder, own, &before, class.unwrap_or_default())?;
        subsets.resize(found.images.len(), *subset);
    }
    let paths: Vec<PathBuf> = classes.into_values().collect();
    found.classes = paths
        .iter()
        .map(|path| name_as_text(file_name(path)))
        .collect();
    found.remarks.push(remark(root, parts));
    found.subsets = Some(subsets);
    Ok((found.in_order(), paths))
}

/// How the parts were understood.
fn remark(root: &Path, parts: &[(Subset, PathBuf)]) -> String {
    let parts: Vec<_> = parts
        .iter()
        .map(|(subset, path)| format!("{}/ is for {subset}", name_as_text(file_name(path))))
        .collect();
    let root = files::shown_path(root);
    format!("{root} is already divided: {}", parts.join(", "))
}

/// The sub-folders that are classes, or parts; what else is there is left out.
fn class_folders(
    folder: &Path,
    root: &Path,
    own: &[PathBuf],
    found: &mut ImageFolder,
) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for path in sorted_entries(folder)? {
        let (bytes, reason) = match fs::metadata(&path) {
            Err(error) => (0, unreadable(&path, own, error)),
            Ok(metadata) => {
                let bytes = if metadata.is_dir() { 0 } else { metadata.len() };
                match passed_over(&path, own) {
                    Some(reason) => (bytes, reason),
                    None if !metadata.is_dir() => (bytes, SkipReason::NoClass),
                    None if leads_up(&path, root) => (bytes, SkipReason::LinkedFolder),
                    None => {
                        folders.push(path);
                        continue;
                    }
                }
            }
        };
        found.skipped.push(left_out(path, bytes, reason));
    }
    Ok(folders)
}

/// Whether a link leads to the folder itself, or to one that it lies in.
fn leads_up(path: &Path, root: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    path.is_symlink()
        && real(path)
            .zip(real(root))
            .is_some_and(|(target, root)| root.starts_with(target))
}

/// Adds the images in a folder of a class.
fn add_images(
    found: &mut ImageFolder,
    folder: &Path,
    own: &[PathBuf],
    before: &str,
    class: usize,
) -> Result<()> {
    let images = walk::images(folder, own, &mut found.skipped)?;
    found
        .images
        .extend(images.into_iter().map(|image| ImageItem {
            name: format!("{before}/{}", image.name),
            path: image.path,
            class,
        }));
    Ok(())
}

/// Tables that may hold labels, in a folder without classes: their names.
fn tables_in(root: &Path) -> Vec<String> {
    let entries = sorted_entries(root).unwrap_or_default();
    let is_table = |path: &PathBuf| {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        ["csv", "tsv", "jsonl"].iter().any(|known| ending == *known)
    };
    let tables = entries.into_iter().filter(is_table);
    tables
        .map(|path| name_as_text(file_name(&path)))
        .take(3)
        .collect()
}

impl ImageFolder {
    /// Lists the images of the folder at `path`, whose sub-folders are the classes. Sub-folders of these are gone into;
    /// links to folders are not followed there. Where the sub-folders are `train`, `val` and `test`, with the classes
    /// inside, they are the parts of a split ([`Split::ready`](crate::Split::ready)); [`FolderOptions::with_parts`]
    /// switches that off.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder or a folder in it cannot be read (leaving a class out would change the task);
    /// [`Error::NoClasses`] if there is no sub-folder; [`Error::EmptyClass`] if a class has no image;
    /// [`Error::UnclearParts`] if the sub-folders have the names of parts and are none.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        FolderOptions::new().open(path)
    }

    /// Like [`ImageFolder::open`], but classes without images, or no classes at all, are not an error. This is for tools
    /// that look at a folder before it is complete, and for test images, which may lack classes.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::UnclearParts`], as [`ImageFolder::open`].
    pub fn list(path: impl AsRef<Path>) -> Result<Self> {
        FolderOptions::new().list(path)
    }
}
