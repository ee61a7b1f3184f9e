//! The images, and how they are split, as options.

use std::error::Error;
use std::path::{Path, PathBuf};

use dataset::{HashedSplit, ImageFolder, Split, sample};

use super::open_folder;

#[derive(clap::Args)]
pub struct ImageOptions {
    /// Folder with one sub-folder of images a class. Left out: a drawn sample set, in `sample-images`
    #[arg(long, value_name = "DIR")]
    pub image_dir: Option<PathBuf>,
    /// Images for the test, in the same sub-folders, in place of some of --image-dir
    #[arg(long, value_name = "DIR")]
    pub test_dir: Option<PathBuf>,
    /// Per cent of the images kept for the test, without --test-dir
    #[arg(long, value_name = "P", default_value_t = 10.0)]
    pub testing_percentage: f64,
    /// Per cent of the images kept for choosing, without --test-dir
    #[arg(long, value_name = "P", default_value_t = 10.0)]
    pub validation_percentage: f64,
}

/// What becomes of the images of --image-dir where those of the test have a folder of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BesideTestDir {
    /// All are for training: choices are made by cross-validation.
    Training,
    /// Some are for validation.
    Validation,
    /// Training and validation images are those of the hashed split, as `retrain.py` had them; those of its test are
    /// set aside.
    AsWithout,
}

/// Images of both folders, their split, and how it was made, in words.
pub struct Images {
    pub folder: ImageFolder,
    pub split: Split,
    pub how: String,
}

impl ImageOptions {
    pub fn open(&self, beside: BesideTestDir) -> Result<Images, Box<dyn Error>> {
        let folder = match &self.image_dir {
            Some(folder) => open_folder(folder)?,
            None => sample_images(Path::new("sample-images"))?,
        };
        if let [only] = folder.classes() {
            let path = folder.root().display();
            return Err(format!("{path}: `{only}` is the only class; a classifier needs two sub-folders of images or more").into());
        }
        let (testing, validation) = (self.testing_percentage, self.validation_percentage);
        let hashed = HashedSplit::default()
            .with_testing_percentage(testing)
            .with_validation_percentage(validation);
        let names = "by a hash of the names";
        let (split, how) = match (&self.test_dir, beside) {
            (None, _) => (
                hashed.apply(&folder)?,
                format!("{names}: {validation} % for validation, {testing} % for the test"),
            ),
            (Some(test), beside) => {
                let all = Split::from_folders(&folder, None, Some(&open_folder(test)?))?;
                let (kept, how) = match beside {
                    BesideTestDir::Training => (None, "all for training".into()),
                    BesideTestDir::Validation => (
                        Some(hashed.with_testing_percentage(0.0).apply(&folder)?),
                        format!("{names}: {validation} % for validation"),
                    ),
                    BesideTestDir::AsWithout => {
                        let kept = hashed.apply(&folder)?;
                        let aside = kept.testing.len();
                        super::say!(
                            "{aside} images of the hashed split's own test set are set aside"
                        );
                        (
                            Some(kept),
                            format!(
                                "{names}: {validation} % for validation, {testing} % set aside"
                            ),
                        )
                    }
                };
                let how = format!("{how}; the test from a folder of its own");
                match kept {
                    None => (all, how),
                    Some(kept) => (
                        Split {
                            testing: all.testing,
                            ..kept
                        },
                        how,
                    ),
                }
            }
        };
        let [n, v, t] = [&split.training, &split.validation, &split.testing].map(Vec::len);
        super::say!("classes: {}", folder.classes().join(", "));
        super::say!("images: {n} training, {v} validation, {t} test");
        Ok(Images { folder, split, how })
    }
}

fn sample_images(folder: &Path) -> Result<ImageFolder, Box<dyn Error>> {
    if !folder.exists() {
        let path = folder.display();
        super::say!("no --image-dir: drawing 2 x 500 sample images into {path}");
        // Under its name only when it is complete: what is cut short is drawn again.
        let unfinished = folder.with_extension("part");
        sample::write(&unfinished, 500, 1)?;
        std::fs::rename(&unfinished, folder)?;
    }
    open_folder(folder)
}
