//! What a classifier says about images: asked now, or read from a file of predictions; and what is made of it.

use std::collections::HashMap;
use std::error::Error;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use attribution::{Drawing, IntegratedGradients, Method, Pixels};
use dataset::thumbnail::thumbnail;
use dataset::{DecodeOptions, ImageItem, ResizePolicy, decode_file};
use image::imageops::{FilterType, resize};
use image::{ImageFormat, RgbImage};
use metrics::Predictions;
use metrics::report::{Picture, Report};
use transfer::{Classifier, EmbeddingCache};

use super::network::embed;
use super::{DeviceName, open_folder};

/// Images, and where a classifier is asked about them.
#[derive(clap::Args)]
pub struct Images {
    /// Images: of a classifier, one sub-folder a class; of predictions, the folder that their "file" names are relative to
    #[arg(long, value_name = "DIR")]
    pub image_dir: Option<PathBuf>,
    /// Folder of embeddings computed so far
    #[arg(long, value_name = "DIR", default_value = "embedding-cache")]
    pub cache: PathBuf,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: DeviceName,
}

/// Predictions, and the classifier that made them if they were not read from a file.
pub struct Answers {
    pub predictions: Predictions,
    pub classifier: Option<Classifier>,
    /// Of what was asked about, by name: a name that is not UTF-8 is shown otherwise than it is.
    paths: HashMap<String, PathBuf>,
}

impl Answers {
    /// Reads a file of predictions; see [`Predictions::open`].
    pub fn read(path: &Path, classes: Option<&[String]>) -> metrics::Result<Self> {
        Ok(Self {
            predictions: Predictions::open(path, classes)?,
            classifier: None,
            paths: HashMap::new(),
        })
    }

    /// Where the image of that name is.
    pub fn path(&self, folder: &Path, name: &str) -> PathBuf {
        let known = self.paths.get(name).cloned();
        known.unwrap_or_else(|| folder.join(name))
    }
}

impl Images {
    /// Asks a classifier about every image of the folder, whose sub-folders must be classes it knows.
    pub fn ask(&self, path: &Path) -> Result<Answers, Box<dyn Error>> {
        let Some(image_dir) = &self.image_dir else {
            return Err("a classifier needs --image-dir, images to be asked about".into());
        };
        let classifier = super::classifier(path, self.device)?;
        let folder = open_folder(image_dir)?;
        let known = classifier.classes();
        let mut items: Vec<ImageItem> = folder.images().to_vec();
        for item in &mut items {
            let name = &folder.classes()[item.class];
            item.class = known.iter().position(|class| class == name).ok_or_else(|| {
                let (dir, known) = (image_dir.display(), known.join(", "));
                format!("{dir}: sub-folder `{name}` is no class of the classifier; its classes are {known}")
            })?;
        }
        let cache = EmbeddingCache::open(&self.cache)?;
        let embedded = embed(classifier.backbone(), &items, &cache, "embedding")?;
        Ok(Answers {
            predictions: classifier.head().predictions(&embedded.embeddings, known)?,
            classifier: Some(classifier),
            paths: items
                .into_iter()
                .map(|item| (item.name, item.path))
                .collect(),
        })
    }

    /// Adds a thumbnail of every sample that the page shows and whose file is there; with a classifier and
    /// `explain`, beside it where the net looked: integrated gradients of its probability.
    pub fn with_pictures(
        &self,
        mut report: Report,
        answers: &Answers,
        explain: bool,
    ) -> Result<Report, Box<dyn Error>> {
        let (Some(folder), Some(files)) = (&self.image_dir, answers.predictions.files()) else {
            return Ok(report);
        };
        if explain {
            report = report.with_overlay_note(
                "Beside each image, integrated gradients of the probability of the class said: where the net looked, the \
                 brighter the more.",
            );
        }
        for sample in report.shown() {
            // What the classifier sees, where it is known.
            let path = answers.path(folder, &files[sample]);
            let image = match &answers.classifier {
                Some(classifier) => classifier.backbone().loader().decode(path),
                None => decode_file(path, &DecodeOptions::default()),
            };
            let image = match image {
                Ok(image) => image,
                Err(error) => {
                    eprintln!("no thumbnail: {error}");
                    continue;
                }
            };
            report = report.with_picture(sample, jpeg(&thumbnail(&image, 224))?);
            if let (true, Some(classifier)) = (explain, &answers.classifier) {
                let said = answers.predictions.predicted()[sample];
                report = report.with_overlay(sample, why(classifier, &image, said)?);
            }
        }
        Ok(report)
    }
}

/// Where the net looked to say a class, over the image in grey.
fn why(classifier: &Classifier, image: &RgbImage, class: usize) -> Result<Picture, Box<dyn Error>> {
    let backbone = classifier.backbone();
    let square = backbone.square(image);
    let pixels = Pixels::from(&square);
    let method = IntegratedGradients::new().with_steps(32);
    let why = method.attribute(&classifier.gradient(class), &pixels)?;
    let mut shown = Drawing::suited_to(&why).overlay(&why, &pixels)?;
    // Back to the image's shape where it was squashed.
    if matches!(
        backbone.resize(),
        ResizePolicy::Squash | ResizePolicy::Tf1Squash
    ) {
        let small = thumbnail(image, backbone.size());
        shown = resize(&shown, small.width(), small.height(), FilterType::Triangle);
    }
    jpeg(&shown)
}

/// A picture for the report.
pub fn jpeg(image: &RgbImage) -> Result<Picture, Box<dyn Error>> {
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Jpeg)?;
    Ok(Picture::jpeg(bytes))
}

/// Writes a text and says so.
pub fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    files::write_bytes(path, text.as_bytes())?;
    super::say!("wrote {}", path.display());
    Ok(())
}
