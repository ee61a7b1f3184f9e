//! Says why a network gives an image its class.

mod common;

use std::collections::HashSet;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attribution::{Attribution, Method, Panel, Pixels};
use clap::{ArgGroup, Parser};
use common::answers::{Images, jpeg, write as write_text};
use common::explaining::{Explained, Settings, drawing, write};
use dataset::ResizePolicy;
use image::RgbImage;
use metrics::EvaluationOptions;
use transfer::Classifier;

/// Explain what a network sees in images.
///
/// Writes `attributions.npy` ([3, height, width], what each value adds to the score), `heatmap.png` (red speaks for the
/// class, blue against it; black to yellow where the method says only how much), `overlay.png` (where the net looks, the
/// brighter the more), `panel.png` and
/// `explanation.json`.
#[derive(Parser)]
#[command(
    group(ArgGroup::new("net").required(true).args(["classifier", "weights"])),
    group(ArgGroup::new("what").required(true).multiple(true).args(["images", "misclassified"])),
    after_help = "Examples:\n  explain --weights bundled cat.png --output why\n  \
                  explain --classifier boats.safetensors --method grad-cam --output why *.jpg\n  \
                  explain --classifier boats.safetensors --misclassified test --output why"
)]
struct Options {
    /// A file that `retrain` wrote
    #[arg(long, value_name = "FILE")]
    classifier: Option<PathBuf>,
    /// ImageNet's classes: `bundled`, a published name, or a file or folder with the weights of a MobileNetV1
    #[arg(long, value_name = "NAME|PATH")]
    weights: Option<String>,
    /// integrated-gradients, gradient, gradient-x-input, smooth-grad, smooth-grad-squared, var-grad,
    /// expected-gradients, blur-integrated-gradients, guided-integrated-gradients, guided-backpropagation,
    /// grad-cam, grad-cam-plus-plus, layer-cam, score-cam, occlusion, rise or xrai
    #[arg(long, default_value = "integrated-gradients", verbatim_doc_comment)]
    method: String,
    /// Draw these methods as well, side by side, into `comparison.png`
    #[arg(long, value_name = "METHOD,..", value_delimiter = ',')]
    compare: Vec<String>,
    #[command(flatten)]
    settings: Settings,
    /// Index of the class [default: the one with the largest score]
    #[arg(long)]
    target: Option<usize>,
    /// With --weights, how images become squares: squash, center-crop, letterbox or tf1
    #[arg(long, conflicts_with = "classifier", default_value = "center-crop")]
    resize: ResizePolicy,
    /// Explain every mistake on the images of this folder (one sub-folder a class), and write `report.html`
    #[arg(
        long,
        value_name = "DIR",
        requires = "classifier",
        conflicts_with_all = ["images", "target"]
    )]
    misclassified: Option<PathBuf>,
    /// Folder of embeddings computed so far, for --misclassified
    #[arg(long, value_name = "DIR", default_value = "embedding-cache")]
    cache: PathBuf,
    /// Folder to write to; with several images, each gets a sub-folder of its name
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    device: common::DeviceName,
    /// Images
    images: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    let usual = match options.classifier {
        Some(_) => Explained::Probability,
        None => Explained::Logit,
    };
    options.settings.score.get_or_insert(usual);
    common::finish(run(&options))
}

fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    if let (Some(folder), Some(file)) = (&options.misclassified, &options.classifier) {
        return mistakes(options, file, folder).map(|()| ExitCode::SUCCESS);
    }
    let classifier = match (&options.classifier, &options.weights) {
        (Some(file), _) => common::classifier(file, options.device)?,
        (None, name) => {
            let weights = common::weights(name.as_deref().unwrap_or("bundled"))?;
            common::imagenet(weights, options.resize, options.device)?
        }
    };
    // Said once, not for every image.
    for method in std::iter::once(&options.method).chain(&options.compare) {
        options.settings.method(method)?;
    }
    let mut names = HashSet::new();
    let mut failed = 0;
    for path in &options.images {
        let stem = path
            .file_stem()
            .map_or_else(OsString::new, ToOwned::to_owned);
        let mut one = || -> Result<(), Box<dyn Error>> {
            if !names.insert(stem.clone()) {
                let stem = stem.display();
                return Err(format!(
                    "another image is called {stem}, and folders are named by that"
                )
                .into());
            }
            let backbone = classifier.backbone();
            let image = backbone.square(&backbone.loader().decode(path)?);
            let folder = match options.images.len() {
                1 => options.output.clone(),
                _ => options.output.join(&stem),
            };
            explain(options, &classifier, &image, options.target, &folder)?;
            Ok(())
        };
        if let Err(error) = one() {
            let (said, path) = (error.to_string(), path.display().to_string());
            if said.contains(&path) {
                eprintln!("error: {said}");
            } else {
                eprintln!("error: {path}: {said}");
            }
            failed += 1;
        }
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Explains one image, of the network's size, and says how that went.
fn explain(
    options: &Options,
    classifier: &Classifier,
    image: &RgbImage,
    target: Option<usize>,
    folder: &Path,
) -> Result<Attribution, Box<dyn Error>> {
    let method = options.settings.method(&options.method)?;
    let ranked = classifier.rank(&classifier.predict(image.as_raw(), 1)?);
    let target = target
        .or(ranked.first().map(|top| top.index))
        .unwrap_or_default();
    let model = options.settings.model(classifier, target)?;
    let pixels = Pixels::from(image);
    let why = method.attribute(&model, &pixels)?;
    let class = &classifier.classes()[target];
    write(folder, &why, image, (target, class))?;
    if !options.compare.is_empty() {
        let mut panel = Panel::new(4);
        panel.add(format!("{class} {:.3}", why.score()), image.clone());
        for name in &options.compare {
            let why = options.settings.method(name)?.attribute(&model, &pixels)?;
            panel.add(name, drawing(&why).overlay(&why, &pixels)?);
        }
        let picture = panel.with_bars("against", "for").draw();
        picture.save(folder.join("comparison.png"))?;
    }
    let (score, folder) = (why.score(), folder.display());
    common::say!("{class} ({target}), score {score:.4} -> {folder}");
    for warning in why.warnings() {
        common::say!("  note: {warning}");
    }
    Ok(why)
}

/// Explains the class said, wrongly, of every image of a folder, and writes the report of the evaluation.
fn mistakes(options: &Options, file: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let images = Images {
        image_dir: Some(folder.to_path_buf()),
        cache: options.cache.clone(),
        device: options.device,
    };
    let answers = images.ask(file)?;
    let (predictions, Some(classifier)) = (&answers.predictions, &answers.classifier) else {
        return Err("no classifier was asked".into());
    };
    let mut report = predictions.report(&EvaluationOptions::new())?;
    report = images
        .with_pictures(report, &answers, false)?
        .with_overlay_note(format!(
            "Beside each mistake, {} of the class said: where the net looked, the brighter the more.",
            options.method
        ));
    let mut folders = HashSet::new();
    for mistake in predictions.mistakes() {
        let name = &predictions.files().ok_or("the predictions name no files")?[mistake];
        let backbone = classifier.backbone();
        let image = backbone.square(&backbone.loader().decode(answers.path(folder, name))?);
        let said = predictions.predicted()[mistake];
        let mut own = options.output.join(name).with_extension("");
        if !folders.insert(own.clone()) {
            own = options.output.join(name); // `a.jpg` was there; this is `a.png`
        }
        let why = explain(options, classifier, &image, Some(said), &own)?;
        let overlay = drawing(&why).overlay(&why, &Pixels::from(&image))?;
        report = report.with_overlay(mistake, jpeg(&overlay)?);
    }
    std::fs::create_dir_all(&options.output)
        .map_err(|error| format!("{}: {error}", options.output.display()))?;
    write_text(&options.output.join("report.html"), &report.html()?)
}
