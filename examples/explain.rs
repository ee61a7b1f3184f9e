//! Explains why a network gives an image its class.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use common::answers::Images;
use common::explaining::Explain;
use common::folders::FolderArgs;
use common::help::uses;
use common::inputs::expand_named;
use common::model::{ModelOptions, ScoreName};

/// Explain why a network gives images their classes.
///
/// Writes `attributions.npy` ([3, height, width]: what each value adds to the score), `heatmap.png` (red speaks for the
/// class, blue against it; black to yellow where a method has no negative values), `overlay.png` (where the network
/// looks: the brighter a place, the more it counts), `panel.png` and `explanation.json`.
#[derive(Parser)]
#[command(
    group(ArgGroup::new("what").required(true).args(["images", "image_dir"])),
    after_help = uses(&[
        (
            "Explain what your classifier says of an image",
            "explain --classifier classifier.safetensors --output why photo.jpg",
        ),
        (
            "Explain its mistakes",
            "explain --classifier classifier.safetensors --misclassified more-photos --output why",
        ),
        (
            "Explain a class of ImageNet",
            "explain --weights bundled --target espresso --output why photo.jpg",
        ),
    ])
)]
pub(crate) struct Options {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    explain: Explain,
    /// Name or index of the class [default: the class with the highest score]
    #[arg(long, value_name = "NAME|INDEX", conflicts_with = "image_dir")]
    target: Option<String>,
    /// Explain every mistake on the images of this folder (one sub-folder for each class, or a table as --labels), and write
    /// `report.html`
    #[arg(
        id = "image_dir",
        long = "misclassified",
        value_name = "DIR",
        conflicts_with = "weights"
    )]
    misclassified: Option<PathBuf>,
    #[command(flatten)]
    folders: FolderArgs,
    /// With --misclassified: explain also mistakes on images that the classifier was trained on
    #[arg(long, requires = "image_dir")]
    include_training: bool,
    /// Folder in which embeddings are kept, for --misclassified
    #[arg(long, value_name = "DIR", default_value = "embedding-cache")]
    cache: PathBuf,
    /// Folder to write to; with several images, each has a sub-folder of its name
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Images to explain, folders of images, or - for a list of files on standard input
    images: Vec<PathBuf>,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    if let (Some(folder), Some(file)) = (&options.misclassified, &options.model.classifier) {
        return mistakes(options, file, folder);
    }
    let classifier = options.model.open()?;
    let score = match &options.model.weights {
        Some(_) => ScoreName::Logit,
        None => ScoreName::Probability,
    };
    let target = options.target.as_deref();
    let target = target
        .map(|class| classifier.find_class(class))
        .transpose()?;
    let images = expand_named(&options.images)?;
    let sound = options
        .explain
        .images(&classifier, &images, target, &options.output, score);
    Ok(ExitCode::from(u8::from(!sound)))
}

/// Explains every mistake on a folder of images.
fn mistakes(options: &Options, file: &Path, folder: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let images = Images {
        image_dir: Some(folder.to_path_buf()),
        folders: options.folders.clone(),
        cache: options.cache.clone(),
        device: options.model.device,
        signature: options.model.signature.clone(),
        limits: options.model.limits,
        include_training: options.include_training,
    };
    let sound = options.explain.mistakes(&images, file, &options.output)?;
    Ok(ExitCode::from(u8::from(!sound)))
}
