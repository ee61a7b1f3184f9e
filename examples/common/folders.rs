//! Folders of images, and tables with their labels, as options.

use std::error::Error;
use std::path::{Path, PathBuf};

use dataset::folder::FolderOptions;
use dataset::labels::{LabelColumns, LabelTable};
use dataset::split::Subset;
use dataset::{ImageFolder, SkipCounts, SkipReason, Skipped};

use crate::paths::own;

/// So many files that are left out have a line each.
const LINES: usize = 20;

/// Where the labels of a folder are, and how it is read.
#[derive(Clone, Default, clap::Args)]
pub struct FolderArgs {
    /// Table with the labels of the images in --image-dir, in place of one sub-folder for each class: CSV, TSV or JSON lines,
    /// with a column of files (image, file, id ...; the ending may lack) and one of labels (label, class ...). Columns split
    /// (train, val, test), group (what belongs together stays in one part) and weight (an image of weight 2 counts twice) are
    /// used where they are there
    #[arg(long, value_name = "FILE", requires = "image_dir")]
    pub labels: Option<PathBuf>,
    /// Column of --labels with the files [default: found by its name]
    #[arg(long, value_name = "NAME", requires = "labels")]
    file_column: Option<String>,
    /// Column of --labels with the labels [default: found by its name]
    #[arg(long, value_name = "NAME", requires = "labels")]
    label_column: Option<String>,
    /// Column of --labels that says train, val or test [default: found by its name]
    #[arg(long, value_name = "NAME", requires = "labels")]
    split_column: Option<String>,
    /// Column of --labels with groups of images that must stay in one part [default: found by its name]
    #[arg(long, value_name = "NAME", requires = "labels")]
    group_column: Option<String>,
    /// Column of --labels that says how much an image counts in the training [default: found by its name]
    #[arg(long, value_name = "NAME", requires = "labels")]
    weight_column: Option<String>,
    /// Table that corrects labels, as `audit --page` saves it: an image without a row keeps its label, an image with an empty
    /// label is left out
    #[arg(long, value_name = "FILE", requires = "image_dir")]
    corrections: Option<PathBuf>,
    /// Take sub-folders that are called train, val and test for classes, not for parts that are divided already
    #[arg(long, conflicts_with = "labels")]
    parts_are_classes: bool,
}

impl FolderArgs {
    /// The images of a folder, as these options say; nothing is printed.
    ///
    /// # Errors
    /// As [`ImageFolder::open`], [`LabelTable::open`] and [`ImageFolder::labeled`].
    pub fn read(&self, path: &Path) -> dataset::Result<ImageFolder> {
        let options = self.options(path);
        let folder = match self.table()? {
            Some(table) => options.labeled(path, &table)?,
            None => options.open(path)?,
        };
        self.corrected(folder)
    }

    /// As [`read`](Self::read), also where classes have no images.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn list(&self, path: &Path) -> dataset::Result<ImageFolder> {
        let options = self.options(path);
        let folder = match self.table()? {
            Some(table) => options.labeled(path, &table)?,
            None => options.list(path)?,
        };
        self.corrected(folder)
    }

    /// As [`read`](Self::read); says how the folder was understood and what is left out of it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn open(&self, path: &Path) -> Result<ImageFolder, Box<dyn Error>> {
        let folder = self.read(path)?;
        say_folder(&folder);
        Ok(folder)
    }

    fn corrected(&self, folder: ImageFolder) -> dataset::Result<ImageFolder> {
        match &self.corrections {
            Some(table) => folder.corrected(table),
            None => Ok(folder),
        }
    }

    fn options(&self, path: &Path) -> FolderOptions {
        FolderOptions::new()
            .with_parts(!self.parts_are_classes)
            .without(own(path))
    }

    fn table(&self) -> dataset::Result<Option<LabelTable>> {
        let Some(path) = &self.labels else {
            return Ok(None);
        };
        let columns = LabelColumns::new()
            .with_file(self.file_column.clone())
            .with_label(self.label_column.clone())
            .with_split(self.split_column.clone())
            .with_group(self.group_column.clone())
            .with_weight(self.weight_column.clone());
        LabelTable::open(path, &columns).map(Some)
    }
}

/// A folder of test images beside another one, and its table.
#[derive(Clone, Default, clap::Args)]
pub struct TestArgs {
    /// Folder with the test images, in the same sub-folders (some may lack); without it, some of --image-dir are the test images
    #[arg(long, value_name = "DIR")]
    pub test_dir: Option<PathBuf>,
    /// Table with the labels of the images in --test-dir, in place of sub-folders; its columns are found by their names
    #[arg(long, value_name = "FILE", requires = "test_dir")]
    test_labels: Option<PathBuf>,
}

impl TestArgs {
    /// The images of the folder, if there is one; nothing is printed.
    ///
    /// # Errors
    /// As [`FolderArgs::list`].
    pub fn list(&self) -> dataset::Result<Option<ImageFolder>> {
        let folders = FolderArgs {
            labels: self.test_labels.clone(),
            ..FolderArgs::default()
        };
        self.test_dir
            .as_ref()
            .map(|path| folders.list(path))
            .transpose()
    }
}

/// Of a folder that is divided already the test images, which is said; otherwise all.
pub fn test_images(folder: ImageFolder) -> ImageFolder {
    if folder.subsets().is_none() {
        return folder;
    }
    let test = folder.part(Subset::Testing);
    if test.images().is_empty() {
        return folder;
    }
    let count = crate::counted(test.images().len(), "image", "images");
    crate::say!("measured are the {count} of its part for testing");
    test
}

/// Says how a folder was understood, and what is left out of it.
pub fn say_folder(folder: &ImageFolder) {
    for remark in folder.remarks() {
        crate::say!("{remark}");
    }
    // Those without a row are in the remarks.
    let unsaid = |it: &&Skipped| !matches!(it.reason, SkipReason::NoRow);
    say_skipped(folder.skipped().iter().filter(unsaid));
}

/// As [`say_folder`], without the files that an audit finds to be unusable.
pub fn say_rules(folder: &ImageFolder) {
    for remark in folder.remarks() {
        crate::say!("{remark}");
    }
    for name in folder.missing() {
        crate::say!("no image file: {}", files::shown(name));
    }
    let unsaid = |it: &&Skipped| it.reason.is_by_rule() && !matches!(it.reason, SkipReason::NoRow);
    say_skipped(folder.skipped().iter().filter(unsaid));
}

/// Names what is left out: each file, or, where there are many, each reason with its count. What nobody misses is counted.
fn say_skipped<'a>(skipped: impl Iterator<Item = &'a Skipped>) {
    let (passed, missed): (Vec<_>, Vec<_>) =
        skipped.partition(|skipped| skipped.reason.is_passed_over());
    if let Some(first) = passed.first() {
        crate::say!(
            "passed over {} that start with a dot, or that a system or these programs left behind, such as {}",
            crate::counted(passed.len(), "file or folder", "files and folders"),
            files::shown_path(&first.path)
        );
    }
    for skipped in missed.iter().take(LINES) {
        crate::warn!("left out {skipped}");
    }
    if missed.len() > LINES {
        crate::warn!("and {} more; in all:", missed.len() - LINES);
        for reason in SkipCounts::of(missed).reasons() {
            crate::warn!("left out {reason}");
        }
    }
}
