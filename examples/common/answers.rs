//! The predictions of a classifier that is applied to images, or of a file, and the report that is made of them.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use attribution::{Drawing, IntegratedGradients, Method, Pixels};
use dataset::thumbnail::thumbnail;
use dataset::{DecodeOptions, RgbImage, decode_file};
use metrics::formats::Reading;
use metrics::report::{Picture, Report};
use metrics::{Bootstrap, Predictions};
use transfer::familiarity::{Familiarity, FamiliarityCounts, Marked, Measured};
use transfer::{Classifier, EmbeddingCache, FileKind};

use crate::folders::{FolderArgs, test_images};
use crate::network::LimitOptions;
use crate::signed::{SignatureOptions, misplaced};
use crate::{Bar, DeviceName, say_left_out, say_not_kept};

/// The images, and how a classifier is applied to them.
#[derive(clap::Args)]
pub struct Images {
    /// Folder of images: for a classifier, with one sub-folder for each class; for predictions, the folder of their files
    #[arg(long, value_name = "DIR")]
    pub image_dir: Option<PathBuf>,
    /// How the folder is read, and where its labels are.
    #[command(flatten)]
    pub folders: FolderArgs,
    /// Folder that keeps embeddings between runs
    #[arg(long, value_name = "DIR", default_value = "embedding-cache")]
    pub cache: PathBuf,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: DeviceName,
    /// Whose classifier files are taken.
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// How large images may be.
    #[command(flatten)]
    pub limits: LimitOptions,
    /// Measure also images that the classifier was trained on, or that look like one of these: the numbers then flatter
    #[arg(long)]
    pub include_training: bool,
}

/// Which of a classifier's own images it is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SplitName {
    /// Its test part: nothing was fitted or chosen on it.
    Test,
    /// All that it was trained on, each answered by a head that had not seen it: many more than the test part has.
    OutOfFold,
}

impl SplitName {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::OutOfFold => "out-of-fold",
        }
    }

    /// What so many images of this kind are, in words.
    pub fn what(self, images: usize) -> String {
        let images = crate::counted(images, "image", "images");
        match self {
            Self::Test => format!("{images} of the classifier's own test part"),
            Self::OutOfFold => format!(
                "{images} that the classifier was trained on, each answered by a head that had not seen it (out of fold). \
                 Each of these heads was fitted on a part of the images, so the classifier itself is rather better"
            ),
        }
    }
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
    #[arg(long, default_value_t = 0, help_heading = "Measurement")]
    pub seed: u64,
}

/// Predictions, and the classifier that made them if they were not read from a file.
pub struct Answers {
    /// What was predicted, and what is true.
    pub predictions: Predictions,
    /// The classifier, if one was applied.
    pub classifier: Option<Classifier>,
    /// How well the classifier knows each of the images, where it does.
    pub familiarity: Option<Vec<Familiarity>>,
    /// How well the images are known of which some were left out.
    pub measured: Option<Measured>,
    /// Which of the classifier's own images these are, where they were asked for.
    pub split: Option<SplitName>,
    /// Paths of the images by their names. A name is not always the end of its path: it is UTF-8, the path need not be.
    paths: HashMap<String, PathBuf>,
}

impl Images {
    /// Applies a classifier to all images of the folder, whose sub-folders must be classes that it knows, or to those of
    /// its own images.
    pub fn ask(&self, path: &Path, split: Option<SplitName>) -> Result<Answers, Box<dyn Error>> {
        let Some(image_dir) = &self.image_dir else {
            return Err("a classifier needs images: give their folder as --image-dir".into());
        };
        let classifier = self.signature.classifier(path, self.device)?;
        let classifier = classifier.with_max_pixels(self.limits.max_pixels);
        let mut folder = self.folders.open(image_dir)?;
        if split.is_none() {
            folder = test_images(folder);
        }
        let cache = EmbeddingCache::open(&self.cache)
            .map_err(|error| misplaced(&self.cache, FileKind::Embeddings, error))?;
        let (mut bar, total) = (Bar::default(), folder.images().len());
        let progress = |done| {
            bar.count("embedding", done, total);
        };
        let found = match split {
            None => classifier.evaluate(&folder, &cache, progress)?,
            Some(SplitName::Test) => classifier
                .evaluate(&folder, &cache, progress)?
                .test_part()?,
            Some(SplitName::OutOfFold) => {
                classifier.evaluate_out_of_fold(&folder, &cache, progress)?
            }
        };
        bar.clear();
        say_left_out(&found.failed);
        if let Some(error) = cache.unwritten() {
            say_not_kept(&error);
        }
        if split.is_none() {
            say_unknown(&classifier, path);
        }
        let images = found.images.into_iter();
        Ok(Answers {
            predictions: found.predictions,
            classifier: Some(classifier),
            familiarity: found.familiarity.filter(|_| split.is_none()),
            measured: None,
            split,
            paths: images.map(|item| (item.name, item.path)).collect(),
        })
    }
}

/// Says where a classifier does not know the pictures that it was made with.
fn say_unknown(classifier: &Classifier, path: &Path) {
    let path = files::shown_path(path);
    match classifier.pictures() {
        None => crate::say!(
            "{path} does not know its training pictures: the images here may be among them, and the numbers may flatter"
        ),
        Some(pictures) if !pictures.is_complete() => crate::say!(
            "{path} went on from a classifier that does not know its training pictures: the images here may be among them"
        ),
        Some(_) => {}
    }
}

/// Leaves out of all answers, which are to the same images, those that one of the classifiers has seen, unless they are to
/// be included. Says at once how many there are.
pub fn leave_out_seen(answers: &mut [&mut Answers], include: bool) -> Result<(), Box<dyn Error>> {
    let known = answers
        .iter()
        .filter_map(|answers| answers.familiarity.as_ref());
    let known = known.cloned().reduce(|mut all, one| {
        all.iter_mut()
            .zip(one)
            .for_each(|(worst, other)| *worst = other.max(*worst));
        all
    });
    let Some(familiarity) = known else {
        return Ok(());
    };
    let counts = FamiliarityCounts::of(&familiarity);
    let whole = |answers: &&mut Answers| answers.predictions.len() == familiarity.len();
    // Answers to other images cannot be compared, which is said later.
    if counts.seen() == 0 || !answers.iter().all(whole) {
        return Ok(());
    }
    let measured = Measured {
        counts,
        included: include,
    };
    crate::say!("{measured}");
    if counts.unseen() == 0 && !include {
        return Err(transfer::Error::NothingUnseen { counts }.into());
    }
    let rows: Vec<usize> = (0..familiarity.len())
        .filter(|&row| include || familiarity[row].is_unseen())
        .collect();
    for answers in answers {
        answers.predictions = answers.predictions.subset(&rows)?;
        answers.measured = Some(measured);
    }
    Ok(())
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
    /// Reads a file of predictions, and says what was made right.
    pub fn read(path: &Path, reading: &Reading) -> Result<Self, Box<dyn Error>> {
        let read = reading
            .open(path)
            .map_err(|error| misplaced(path, FileKind::Predictions, error))?;
        for remark in read.remarks {
            crate::say!("{}: {remark}", files::shown_path(path));
        }
        Ok(Self {
            predictions: read.predictions,
            classifier: None,
            familiarity: None,
            measured: None,
            split: None,
            paths: HashMap::new(),
        })
    }

    /// Answers of a classifier that were made otherwise.
    pub fn of(classifier: Classifier, predictions: Predictions, split: SplitName) -> Self {
        Self {
            predictions,
            classifier: Some(classifier),
            familiarity: None,
            measured: None,
            split: Some(split),
            paths: HashMap::new(),
        }
    }

    /// Keeps the answers of these rows, in this order.
    ///
    /// # Errors
    /// Where a row is not there.
    pub(crate) fn keep(&mut self, rows: &[usize]) -> Result<(), Box<dyn Error>> {
        self.predictions = self.predictions.subset(rows)?;
        if let Some(familiarity) = &mut self.familiarity {
            *familiarity = rows.iter().map(|&row| familiarity[row]).collect();
        }
        Ok(())
    }

    /// Marks numbers with what the images behind them are.
    pub fn mark<T>(&self, numbers: T) -> Marked<T> {
        Marked {
            numbers,
            pictures: self.measured,
            split: self.split.map(SplitName::name),
        }
    }

    /// Path of the image of that name. A name from a file of predictions must stay in the folder.
    pub fn path(&self, folder: &Path, name: &str) -> files::Result<PathBuf> {
        match self.paths.get(name) {
            Some(path) => Ok(path.clone()),
            None => files::inside(folder, name),
        }
    }

    /// Adds what is known of the classifier in that file, if there is one.
    pub fn describe(&self, mut report: Report, file: &Path, images: &Images) -> Report {
        if let Some(split) = self.split {
            report = report.with_fact("Which images", split.what(self.predictions.len()));
        }
        if let Some(measured) = self.measured {
            report = report.with_fact("Seen in training", measured.to_string());
        }
        let Some(classifier) = &self.classifier else {
            return report;
        };
        let folder = images.image_dir.as_deref().unwrap_or(Path::new(""));
        classifier.describe(
            report,
            &file_name(file),
            &files::shown_path(folder).to_string(),
        )
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
        let shown = report.shown();
        let mut bar = Bar::default();
        for (done, sample) in shown.iter().copied().enumerate() {
            if explain {
                bar.count("explaining", done, shown.len());
            }
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
    crate::say!("wrote {}", files::shown_path(path));
    Ok(())
}
