//! Retrains MobileNet on a folder of images: a sub-folder a class in, one classifier file out.

mod common;

use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::{DeviceName, recipe::RecipeOptions};
use dataset::{HashedSplit, ImageFolder, ResizePolicy, Split, sample};
use metrics::Predictions;
use mobilenet::Weights;
use serde_json::json;
use transfer::tensorboard::RetrainSummaries;
use transfer::{Backbone, ClassWeights, Classifier, EmbeddingCache, FitEvent, Layer};

/// Retrain MobileNet on a folder of images, one sub-folder a class.
///
/// Without --image-dir it draws a sample set of boats and clouds and retrains on that. Without --test-dir a tenth of
/// the images is kept for validation and a tenth for the test, chosen by a hash of their names. Embeddings are kept
/// in --cache, so that a second run starts where the first one ended.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  retrain\n  retrain --image-dir photos --metrics metrics.json\n  \
                  retrain --image-dir photos --recipe parity --layer logits --resize tf1"
)]
struct Options {
    /// Folder with one sub-folder of images a class. Left out: a drawn sample set, in `sample-images`
    #[arg(long)]
    image_dir: Option<PathBuf>,
    /// Images for the test, in the same sub-folders; then all of --image-dir is for training and choosing (the parity
    /// recipe keeps to its hashed split's training and validation images)
    #[arg(long)]
    test_dir: Option<PathBuf>,
    /// `bundled` (the default), a published name, or a file or folder with the weights of a MobileNetV1
    #[arg(long)]
    weights: Option<String>,
    /// As retrain.py: mobilenet_1.0_224 is --weights mobilenet_v1_1.0_224; with --weights, refuses those of another width
    #[arg(long)]
    architecture: Option<String>,
    /// Keep only the first N of the 13 blocks
    #[arg(long, value_name = "N")]
    blocks: Option<usize>,
    /// What the head sees: embedding or logits
    #[arg(long, default_value_t)]
    layer: Layer,
    /// How images become squares: squash, center-crop, letterbox or tf1 (as retrain.py)
    #[arg(long, default_value_t)]
    resize: ResizePolicy,
    /// Where the classifier is written
    #[arg(long, default_value = "classifier.safetensors")]
    output: PathBuf,
    /// Where the numbers are written, as JSON
    #[arg(long)]
    metrics: Option<PathBuf>,
    /// Folder of embeddings computed so far
    #[arg(
        long,
        visible_alias = "bottleneck-dir",
        default_value = "embedding-cache"
    )]
    cache: PathBuf,
    /// Where TensorBoard finds the course of the training
    #[arg(long, value_name = "DIR")]
    summaries_dir: Option<PathBuf>,
    #[command(flatten)]
    recipe: RecipeOptions,
    /// Per cent of the images kept for the test, without --test-dir
    #[arg(long, default_value_t = 10.0)]
    testing_percentage: f64,
    /// Per cent of the images kept for choosing, without --test-dir
    #[arg(long, default_value_t = 10.0)]
    validation_percentage: f64,
    /// Name the test images that are classified wrongly
    #[arg(long)]
    print_misclassified_test_images: bool,
    /// Where Burn runs
    #[arg(long, value_enum, default_value = "flex")]
    device: DeviceName,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let config = options.recipe.config()?;
    let backbone = Backbone::new(weights(options)?, &common::device(options.device)?)?
        .with_resize(options.resize)
        .with_layer(options.layer)?;
    let (folder, split) = images(options)?;
    let classes = folder.classes();

    let cache = EmbeddingCache::open(&options.cache)?;
    let embedding = Instant::now();
    let embed = |items, what| common::embed(&backbone, items, &cache, what);
    let training = embed(&split.training, "training")?;
    let validation = embed(&split.validation, "validation")?;
    let testing = embed(&split.testing, "test")?;
    let embed_seconds = embedding.elapsed().as_secs_f64();
    let computed = training.computed + validation.computed + testing.computed;
    let speed = computed as f64 / embed_seconds;
    println!(
        "embedded {computed} images in {embed_seconds:.1} s ({speed:.0} images/s); the others were in {}",
        options.cache.display()
    );

    let fitting = Instant::now();
    let (training, testing) = (training.embeddings, testing.embeddings);
    let mut summaries = match &options.summaries_dir {
        Some(folder) => {
            let mut summaries =
                RetrainSummaries::create(folder, &training, &validation.embeddings)?;
            summaries.configuration(&config)?;
            Some(summaries)
        }
        None => None,
    };
    let (head, report) = config.fit_with(&training, &validation.embeddings, |event| {
        log(&event);
        match &mut summaries {
            Some(summaries) => summaries.watch(event),
            None => ControlFlow::Continue(()),
        }
    })?;
    if let Some(summaries) = &mut summaries {
        summaries.finish(&head, classes)?;
    }
    let fit_seconds = fitting.elapsed().as_secs_f64();
    let train = head.predictions(&training, classes)?;
    let test = head.predictions(&testing, classes)?;
    println!("\nOn the {} test images:\n{}", test.len(), test.summary());
    if options.print_misclassified_test_images {
        print_mistakes(&test);
    }
    Classifier::new(backbone, head, classes.to_vec())?
        .with_report(report)
        .save(&options.output)?;
    if let Some(path) = &options.metrics {
        let confusion = test.confusion();
        let rows = confusion
            .rows()
            .map(|row| row.iter().map(|&n| n as u64).collect());
        let numbers = json!({
            "classes": classes,
            "train": { "accuracy": train.confusion().accuracy(), "n": train.len() },
            "test": { "accuracy": confusion.accuracy(), "n": test.len(), "confusion": rows.collect::<Vec<Vec<u64>>>() },
            "seconds": { "embed": embed_seconds, "fit": fit_seconds, "total": start.elapsed().as_secs_f64() },
            "images_per_second": speed,
        });
        std::fs::write(path, serde_json::to_string_pretty(&numbers)? + "\n")
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    println!(
        "The classifier is in {0}; ask it with the example label_image: --classifier {0} IMAGE...",
        options.output.display()
    );
    Ok(())
}

fn weights(options: &Options) -> Result<Weights, Box<dyn Error>> {
    let name = match (&options.weights, &options.architecture) {
        (Some(name), _) => name.clone(),
        (None, Some(architecture)) => architecture.replacen("mobilenet_", "mobilenet_v1_", 1),
        (None, None) => "bundled".into(),
    };
    let mut weights = common::weights(&name)?;
    if let Some(architecture) = &options.architecture {
        let mut parts = architecture
            .strip_prefix("mobilenet_")
            .unwrap_or("")
            .split('_');
        let alpha = parts.next().and_then(|alpha| alpha.parse().ok());
        weights = weights.require_alpha(alpha.ok_or_else(|| {
            format!(
                "architecture `{architecture}`: expected mobilenet_ALPHA_SIZE, as mobilenet_1.0_224"
            )
        })?)?;
    }
    if let Some(blocks) = options.blocks {
        weights = weights.with_blocks(blocks)?;
    }
    Ok(weights)
}

fn images(options: &Options) -> Result<(ImageFolder, Split), Box<dyn Error>> {
    let folder = match &options.image_dir {
        Some(folder) => common::open_folder(folder)?,
        None => sample_images(Path::new("sample-images"))?,
    };
    if let [only] = folder.classes() {
        return Err(format!(
            "{}: `{only}` is the only class; a classifier needs two sub-folders of images or more",
            folder.root().display()
        )
        .into());
    }
    let hashed = HashedSplit::default()
        .with_testing_percentage(options.testing_percentage)
        .with_validation_percentage(options.validation_percentage);
    let split = match &options.test_dir {
        None => hashed.apply(&folder)?,
        Some(test) => {
            let all = Split::from_folders(&folder, None, Some(&common::open_folder(test)?))?;
            if options.recipe.is_parity() {
                // `retrain.py` had no folder for the test: its training and validation images stay what they were.
                let kept = hashed.apply(&folder)?;
                println!(
                    "parity: {} images of the hashed split's own test set are set aside",
                    kept.testing.len()
                );
                Split {
                    testing: all.testing,
                    ..kept
                }
            } else {
                all
            }
        }
    };
    let [n, v, t] = [&split.training, &split.validation, &split.testing].map(Vec::len);
    println!("classes: {}", folder.classes().join(", "));
    println!("images: {n} training, {v} validation, {t} test");
    Ok((folder, split))
}

fn sample_images(folder: &Path) -> Result<ImageFolder, Box<dyn Error>> {
    if !folder.exists() {
        let path = folder.display();
        println!("no --image-dir: drawing 2 x 500 sample images into {path}");
        sample::write(folder, 500, 1)?;
    }
    common::open_folder(folder)
}

fn log(event: &FitEvent<'_>) {
    match event {
        FitEvent::Candidate(found) => {
            let balanced = found.class_weights == ClassWeights::Balanced;
            println!(
                "C = {}{}: log loss {:.4} ± {:.4}, accuracy {:.4} (cross-validation)",
                found.c,
                if balanced { ", classes balanced" } else { "" },
                found.log_loss,
                found.standard_error,
                found.accuracy
            );
        }
        FitEvent::Step { record, steps, .. }
            if record.step % 100 == 0 || record.step + 1 == *steps =>
        {
            println!("{record}");
        }
        _ => {}
    }
}

fn print_mistakes(test: &Predictions) {
    let files = test.files().unwrap_or_default();
    for at in test.mistakes() {
        let predicted = &test.classes()[test.predicted()[at]];
        println!("{} is called {predicted}", files[at]);
    }
}
