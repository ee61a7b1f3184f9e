//! The images, and how they are divided, as options.

use std::error::Error;
use std::path::PathBuf;

use dataset::split::BesideTestFolder;
use dataset::{HashedSplit, ImageFolder, Split, sample};
use transfer::job::ImageSource;

use crate::folders::{FolderArgs, TestArgs, say_folder};
use crate::progress::working;

/// The images, and how they are divided.
#[derive(clap::Args)]
pub struct ImageOptions {
    /// Folder with one sub-folder of images for each class, or with train, val and test, each of which has them; with --labels,
    /// the folder of the images [default: a drawn sample set, in `sample-images`]
    #[arg(long, value_name = "DIR")]
    pub image_dir: Option<PathBuf>,
    /// How the folder is read, and where its labels are.
    #[command(flatten)]
    pub folders: FolderArgs,
    /// The images of a folder of its own for the test.
    #[command(flatten)]
    pub test: TestArgs,
    /// Percent of the images that are kept for the test, without --test-dir
    #[arg(long, value_name = "P", default_value_t = 10.0, value_parser = crate::ranges::number(0.0..=100.0))]
    pub testing_percentage: f64,
    /// Percent of the images that are kept for validation
    #[arg(long, value_name = "P", default_value_t = 10.0, value_parser = crate::ranges::number(0.0..=100.0))]
    pub validation_percentage: f64,
    /// Measure also the test images that are trained on, or look like one of these: the numbers then flatter
    #[arg(long)]
    pub include_training: bool,
    /// Keep no digests of the images in the classifier file (25 bytes for each): nobody can find out by the file whether an
    /// image was trained on, and nothing warns where it is measured on such images
    #[arg(long)]
    pub without_pictures: bool,
}

impl ImageOptions {
    /// The folder of the images.
    pub fn folder(&self) -> PathBuf {
        self.image_dir.clone().unwrap_or("sample-images".into())
    }

    /// Where the images are; a sample set is drawn where no folder is given.
    pub fn source(&self, beside: BesideTestFolder) -> Result<ImageSource, Box<dyn Error>> {
        let path = self.folder();
        if self.image_dir.is_none() {
            if !path.exists() {
                let path = files::shown_path(&path);
                crate::say!("no --image-dir: drawing 2 x 500 sample images into {path}");
            }
            working("drawing", || sample::write_once(&path, 500, 1))?;
        }
        let mut split = HashedSplit::default()
            .with_testing_percentage(self.testing_percentage)
            .with_validation_percentage(self.validation_percentage);
        // What is set aside are the images that `retrain.py` set aside.
        if beside == BesideTestFolder::SetAside {
            split = split.with_retrain_py_paths("");
        }
        let source = ImageSource::of(self.folders.read(&path)?, split);
        Ok(match self.test.list()? {
            Some(test) => {
                say_folder(&test);
                source.with_test_images(test, beside)
            }
            None => source,
        })
    }
}

/// Says which classes there are, what is left out, and what the split lacks.
pub fn say_images(folder: &ImageFolder, split: &Split) {
    say_folder(folder);
    let classes: Vec<String> = folder
        .classes()
        .iter()
        .map(|class| files::shown(class).to_string())
        .collect();
    crate::say!("classes: {}", classes.join(", "));
    if !split.testing.is_empty() {
        let is_tested = |class: usize| split.testing.iter().any(|item| item.class == class);
        let untested = (0..classes.len()).filter(|&class| !is_tested(class));
        let untested: Vec<&str> = untested.map(|class| &*classes[class]).collect();
        if !untested.is_empty() {
            let names = untested.join(", ");
            crate::say!("no test images of {names}: the test says nothing of them");
        }
    }
    let unused = split.unused(folder);
    if unused > 0 {
        crate::say!(
            "{} of the split's own test part {} set aside",
            crate::counted(unused, "image", "images"),
            if unused == 1 { "is" } else { "are" }
        );
    }
}

/// Says how many images of each part are used.
pub fn say_counts([training, validation, test]: [usize; 3]) {
    crate::say!("images: {training} training, {validation} validation, {test} test");
}
