//! Explains why a network gives an image its class.

mod common;

use std::collections::HashSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attribution::{Explanation, Pixels, Score, methods};
use clap::{ArgGroup, Parser};
use common::answers::{Images, jpeg, write};
use common::explaining::{Settings, method_names, model};
use dataset::ResizePolicy;
use image::RgbImage;
use metrics::EvaluationOptions;
use transfer::Classifier;

/// Explain why a network gives images their classes.
///
/// Writes `attributions.npy` ([3, height, width]: what each value adds to the score), `heatmap.png` (red speaks for the
/// class, blue against it; black to yellow where a method has no negative values), `overlay.png` (where the network
/// looks: the brighter, the more), `panel.png` and `explanation.json`.
#[derive(Parser)]
#[command(
    group(ArgGroup::new("net").required(true).args(["classifier", "weights"])),
    group(ArgGroup::new("what").required(true).multiple(true).args(["images", "misclassified"])),
    after_help = "Examples:\n  explain --weights bundled cat.png --output why\n  \
                  explain --classifier boats.safetensors --method grad-cam --output why *.jpg\n  \
                  explain --classifier boats.safetensors --misclassified test --output why"
)]
struct Options {
    /// A classifier file that `retrain` wrote
    #[arg(long, value_name = "FILE")]
    classifier: Option<PathBuf>,
    /// Explain ImageNet's classes: `bundled`, a published name, or a file or folder with the weights of a MobileNetV1
    #[arg(long, value_name = "NAME|PATH")]
    weights: Option<String>,
    /// Method of explanation
    #[arg(long, default_value = "integrated-gradients", value_parser = method_names())]
    method: String,
    /// Draw these methods as well, side by side, into `comparison.png`
    #[arg(long, value_name = "METHOD,..", value_delimiter = ',', value_parser = method_names(), hide_possible_values = true)]
    compare: Vec<String>,
    #[command(flatten)]
    settings: Settings,
    /// Index of the class [default: the class with the highest score]
    #[arg(long)]
    target: Option<usize>,
    /// With --weights, how images become squares: squash, center-crop, letterbox or tf1
    #[arg(long, conflicts_with = "classifier", default_value = "center-crop")]
    resize: ResizePolicy,
    /// Explain every mistake on the images of this folder (one sub-folder for each class), and write `report.html`
    #[arg(long, value_name = "DIR", requires = "classifier", conflicts_with_all = ["images", "target"])]
    misclassified: Option<PathBuf>,
    /// Folder in which embeddings are kept, for --misclassified
    #[arg(long, value_name = "DIR", default_value = "embedding-cache")]
    cache: PathBuf,
    /// Folder to write to; with several images, each has a sub-folder of its name
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    device: common::DeviceName,
    /// Images to explain
    images: Vec<PathBuf>,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
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
    let mut names = HashSet::new();
    let mut failed = false;
    for path in &options.images {
        let name = path.file_stem().unwrap_or_default();
        let (backbone, single) = (classifier.backbone(), options.images.len() == 1);
        let folder = if single {
            options.output.clone()
        } else {
            options.output.join(name)
        };
        let result = match backbone.loader().decode(path) {
            _ if !names.insert(name) => Err(format!(
                "{}: another image has the same name, after which its folder is named",
                path.display()
            )),
            // The message names the file.
            Err(error) => Err(error.to_string()),
            Ok(image) => explain(
                options,
                &classifier,
                &backbone.square(&image),
                options.target,
                &folder,
            )
            .map_err(|error| format!("{}: {error}", path.display())),
        };
        if let Err(error) = result {
            eprintln!("error: {error}");
            failed = true;
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// Explains one image, of the network's size, writes and prints the result, and gives the overlay.
fn explain(
    options: &Options,
    classifier: &Classifier,
    image: &RgbImage,
    target: Option<usize>,
    folder: &Path,
) -> Result<RgbImage, Box<dyn Error>> {
    let ranked = classifier.rank(&classifier.predict(image.as_raw(), 1)?);
    let target = target
        .or(ranked.first().map(|top| top.index))
        .unwrap_or_default();
    let classes = classifier.classes();
    let out_of_range = attribution::Error::Target {
        target,
        classes: classes.len(),
    };
    let class = classes.get(target).ok_or(out_of_range)?;
    let blocks = classifier.backbone().weights().config().blocks;
    let block = options.settings.block.unwrap_or(blocks);
    if block > blocks {
        return Err(format!("--block {block}: this network has the blocks 0 to {blocks}").into());
    }
    let usual = if options.classifier.is_some() {
        "probability"
    } else {
        "logit"
    };
    let score = match options.settings.score.as_deref().unwrap_or(usual) {
        "probability" => Score::Probability(target),
        _ => Score::Logit(target),
    };
    let (model, pixels) = (model(classifier, block, score), Pixels::from(image));
    let settings = options.settings.of_methods();
    let attribute = |name: &str| {
        methods::find(name)?
            .build(&settings)
            .attribute(&model, &pixels)
    };
    let why = attribute(&options.method)?;
    let explanation = Explanation::new(&why, image, target, class);
    explanation.write(folder)?;
    if !options.compare.is_empty() {
        let others = options.compare.iter().map(|name| attribute(name));
        let others = others.collect::<Result<Vec<_>, _>>()?;
        let names = options.compare.iter().map(String::as_str);
        explanation
            .comparison(names.zip(&others))?
            .save(folder.join("comparison.png"))?;
    }
    common::say!(
        "{class} ({target}), score {:.4} -> {}",
        why.score(),
        folder.display()
    );
    for warning in why.warnings() {
        common::say!("  note: {warning}");
    }
    Ok(explanation.overlay()?)
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
    let report = predictions.report(&EvaluationOptions::new())?;
    let mut report = images
        .with_pictures(report, &answers, false)?
        .with_overlay_note(format!(
            "Beside each mistake, {} of the predicted class: where the network looked, the brighter the more.",
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
        let overlay = explain(options, classifier, &image, Some(said), &own)?;
        report = report.with_overlay(mistake, jpeg(&overlay)?);
    }
    std::fs::create_dir_all(&options.output)
        .map_err(|error| format!("{}: {error}", options.output.display()))?;
    write(&options.output.join("report.html"), &report.html()?)
}
