//! Explains why a network gives an image its class.

use std::collections::HashSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use common::answers::{Images, file_name, jpeg, leave_out_seen, write};
use common::explaining::Explain;
use common::folders::FolderArgs;
use common::help::uses;
use common::inputs::{Input, expand_named};
use common::model::{ModelOptions, ScoreName};
use common::tips::did_you_mean;
use common::{Bar, counted};
use metrics::{Bootstrap, EvaluationOptions};

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
    let mut names = HashSet::new();
    let mut code = ExitCode::SUCCESS;
    let mut bar = Bar::default();
    let images = expand_named(&options.images)?;
    for (done, Input { path, name }) in images.iter().enumerate() {
        bar.count("explaining", done, images.len());
        let mut folder = options.output.clone();
        // `a.jpg` has the folder `a`, so that of `a.png` is `a.png`.
        let mut new = [name.with_extension(""), name.clone()]
            .into_iter()
            .filter(|name| names.insert(name.clone()));
        let new = new.next();
        if let (Some(new), true) = (&new, images.len() > 1) {
            folder.push(new);
        }
        let result = match new {
            None => Err(format!("{}: another image has this name", files::shown_path(path)).into()),
            Some(_) => options
                .explain
                .image(&classifier, (path, target), &folder, score),
        };
        if let Err(error) = result {
            common::warn!("error: {error}{}", did_you_mean(path));
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// Explains the predicted class of every mistake on a folder of images, and writes the report of the evaluation.
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
    let mut answers = images.ask(file, None)?;
    leave_out_seen(&mut [&mut answers], options.include_training)?;
    let (predictions, classifier) = (&answers.predictions, answers.classifier.as_ref());
    let classifier = classifier.ok_or("no classifier was asked")?;
    let wanted = EvaluationOptions::new().with_intervals(Bootstrap::new());
    let title = format!("Mistakes of {}, and why", file_name(file));
    let report = predictions.report(&wanted)?.with_title(title);
    let report = answers.describe(report, file, &images);
    let method = options.explain.method.name;
    let mut report = answers.with_pictures(report, &images, false)?.with_overlay_note(format!(
        "Beside each mistake, {method} of the predicted class: where the network looked; the brighter a place, the more it counts."
    ));
    let (mut bar, mut folders) = (Bar::default(), HashSet::new());
    let mistakes: Vec<usize> = predictions.mistakes().collect();
    let mut code = ExitCode::SUCCESS;
    for (done, &mistake) in mistakes.iter().enumerate() {
        bar.count("explaining", done, mistakes.len());
        let name = &predictions.files().ok_or("the predictions name no files")?[mistake];
        let image = answers.path(folder, name)?;
        let predicted = predictions.predicted()[mistake];
        let mut output = options.output.join(name).with_extension("");
        if !folders.insert(output.clone()) {
            output = options.output.join(name); // `a.jpg` has the folder `a`, so this is `a.png`.
        }
        let image = (image.as_path(), Some(predicted));
        let explained = options
            .explain
            .image(classifier, image, &output, ScoreName::Probability);
        match explained {
            Ok(overlay) => report = report.with_overlay(mistake, jpeg(&overlay)?),
            Err(error) => {
                common::warn!("error: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    bar.clear();
    common::say!("{}", counted(mistakes.len(), "mistake", "mistakes"));
    std::fs::create_dir_all(&options.output)
        .map_err(|error| format!("{}: {error}", files::shown_path(&options.output)))?;
    write(&options.output.join("report.html"), report.html()?)?;
    Ok(code)
}
