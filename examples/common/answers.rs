//! The predictions of a classifier that is applied to images, or of a file, and the report that is made of them.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use attribution::{Drawing, IntegratedGradients, Method, Pixels};
use dataset::thumbnail::thumbnail;
use dataset::{DecodeOptions, RgbImage, decode_file};
use metrics::report::{Picture, Report};
use metrics::{Bootstrap, Predictions};
use transfer::{Classifier, EmbeddingCache, FileKind};

use crate::signed::{SignatureOptions, misplaced};
use crate::{Bar, DeviceName, open_folder, say_left_out};

/// The images, and how a classifier is applied to them.
#[derive(clap::Args)]
pub struct Images {
    /// Folder of images: for a classifier, with one sub-folder for each class; for predictions, the folder of their files
    #[arg(long, value_name = "DIR")]
    pub image_dir: Option<PathBuf>,
    /// Folder that keeps embeddings between runs
    #[arg(long, value_name = "DIR", default_value = "embedding-cache")]
    pub cache: PathBuf,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: DeviceName,
    /// Whose classifier files are taken.
    #[command(flatten)]
    pub signature: SignatureOptions,
}

/// The report, and how its intervals are computed.
#[derive(clap::Args)]
pub struct ReportOptions {
    /// Write the report page to this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Beside each thumbnail of the report, show which pixels count for the prediction (32 gradients per image)
    #[arg(long, requires = "report")]
    pub explain: bool,
    /// Date for the report; by default it has none, so that the same input gives the same bytes
    #[arg(long)]
    pub date: Option<String>,
    /// Bootstrap replicates for the intervals; 0 for no intervals in `evaluate`
    #[arg(long, default_value_t = 2000, value_parser = crate::ranges::whole(0..=1_000_000))]
    pub replicates: usize,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// Predictions, and the classifier that made them if they were not read from a file.
pub struct Answers {
    /// What was predicted, and what is true.
    pub predictions: Predictions,
    /// The classifier, if one was applied.
    pub classifier: Option<Classifier>,
    /// Paths of the images by their names. A name is not always the end of its path: it is UTF-8, the path need not be.
    paths: HashMap<String, PathBuf>,
}

impl Images {
    /// Applies a classifier to all images of the folder, whose sub-folders must be classes that it knows.
    pub fn ask(&self, path: &Path) -> Result<Answers, Box<dyn Error>> {
        let Some(image_dir) = &self.image_dir else {
            return Err("a classifier needs images: give their folder as --image-dir".into());
        };
        let classifier = self.signature.classifier(path, self.device)?;
        let folder = open_folder(image_dir)?;
        let cache = EmbeddingCache::open(&self.cache)
            .map_err(|error| misplaced(&self.cache, FileKind::Embeddings, error))?;
        let (mut bar, total) = (Bar::default(), folder.images().len());
        let found = classifier.evaluate(&folder, &cache, |done| {
            bar.count("embedding", done, total);
        })?;
        bar.clear();
        say_left_out(&found.failed);
        let images = found.images.into_iter();
        Ok(Answers {
            predictions: found.predictions,
            classifier: Some(classifier),
            paths: images.map(|item| (item.name, item.path)).collect(),
        })
    }
}

impl ReportOptions {
    /// How the intervals are computed.
    pub fn bootstrap(&self) -> Bootstrap {
        let bootstrap = Bootstrap::new().with_replicates(self.replicates);
        bootstrap.with_seed(self.seed)
    }

    /// Refuses what cannot be done, before much is computed.
    pub fn check(&self, answers: &Answers) -> Result<(), Box<dyn Error>> {
        if self.explain && answers.classifier.is_none() {
            return Err("--explain needs a classifier; predictions cannot be explained".into());
        }
        Ok(())
    }

    /// Writes the page if it is wanted, with date and pictures.
    pub fn write(
        &self,
        mut report: Report,
        answers: &Answers,
        images: &Images,
    ) -> Result<(), Box<dyn Error>> {
        let Some(path) = &self.report else {
            return Ok(());
        };
        if let Some(date) = &self.date {
            report = report.with_date(date);
        }
        report = answers.with_pictures(report, images, self.explain)?;
        write(path, report.html()?)
    }
}

impl Answers {
    /// Reads a file of predictions; see [`Predictions::open`].
    pub fn read(path: &Path, classes: Option<&[String]>) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            predictions: Predictions::open(path, classes)
                .map_err(|error| misplaced(path, FileKind::Predictions, error))?,
            classifier: None,
            paths: HashMap::new(),
        })
    }

    /// Path of the image of that name. A name from a file of predictions must stay in the folder.
    pub fn path(&self, folder: &Path, name: &str) -> files::Result<PathBuf> {
        match self.paths.get(name) {
            Some(path) => Ok(path.clone()),
            None => files::inside(folder, name),
        }
    }

    /// Adds what is known of the classifier in that file, if there is one.
    pub fn describe(&self, report: Report, file: &Path, images: &Images) -> Report {
        let Some(classifier) = &self.classifier else {
            return report;
        };
        let folder = images.image_dir.as_deref().unwrap_or(Path::new(""));
        classifier.describe(report, &file_name(file), &folder.display().to_string())
    }

    /// Adds a thumbnail of each sample that the page shows and whose file exists. With a classifier and `explain`, adds
    /// integrated gradients of the probability of the predicted class beside it.
    pub fn with_pictures(
        &self,
        mut report: Report,
        images: &Images,
        explain: bool,
    ) -> Result<Report, Box<dyn Error>> {
        let (Some(folder), Some(files)) = (&images.image_dir, self.predictions.files()) else {
            return Ok(report);
        };
        if explain {
            report = report.with_overlay_note(
                "Beside each image: integrated gradients of the probability of the predicted class. The brighter a pixel \
                 is, the more it counts.",
            );
        }
        for sample in report.shown() {
            // The image as the classifier sees it, if it is known.
            let path = match self.path(folder, &files[sample]) {
                Ok(path) => path,
                Err(error) => {
                    crate::warn!("no thumbnail of {:?}: {}", files[sample], error.source);
                    continue;
                }
            };
            let image = match &self.classifier {
                Some(classifier) => classifier.backbone().loader().decode(path),
                None => decode_file(path, &DecodeOptions::default()),
            };
            let image = match image {
                Ok(image) => image,
                Err(error) => {
                    crate::warn!("no thumbnail: {error}");
                    continue;
                }
            };
            report = report.with_picture(sample, jpeg(&thumbnail(&image, 224))?);
            if let (true, Some(classifier)) = (explain, &self.classifier) {
                let predicted = self.predictions.predicted()[sample];
                report = report.with_overlay(sample, why(classifier, &image, predicted)?);
            }
        }
        Ok(report)
    }
}

/// The pixels that count for a class, drawn over the image in gray.
fn why(classifier: &Classifier, image: &RgbImage, class: usize) -> Result<Picture, Box<dyn Error>> {
    let backbone = classifier.backbone();
    let square = backbone.square(image);
    let pixels = Pixels::from(&square);
    let method = IntegratedGradients::new().with_steps(32);
    let why = method.attribute(&classifier.gradient(class), &pixels)?;
    let shown = Drawing::suited_to(&why).overlay(&why, &pixels)?;
    Ok(jpeg(&backbone.resize().restore_shape(shown, image))?)
}

/// A picture for the report.
pub fn jpeg(image: &RgbImage) -> dataset::Result<Picture> {
    Ok(Picture::jpeg(dataset::encode::jpeg(image, 75)?))
}

/// The name of a file without its folder.
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into()
}

/// Writes a file and says so.
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Box<dyn Error>> {
    files::write_bytes(path, contents.as_ref())?;
    crate::say!("wrote {}", path.display());
    Ok(())
}
