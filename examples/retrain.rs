//! Retrains MobileNet on a folder of images: a sub-folder a class in, one classifier file out.

mod common;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::DeviceName;
use dataset::{HashedSplit, ImageFolder, ImageItem, ResizePolicy, Split, sample};
use metrics::Predictions;
use serde_json::json;
use transfer::{
    Backbone, Classifier, ConvergedConfig, EmbeddingCache, Embeddings, Head, HeadConfig, Layer,
    StepsConfig,
};

/// Retrain MobileNet on a folder of images, one sub-folder a class.
///
/// Without --image-dir it draws a sample set of boats and clouds and retrains on that. Without --test-dir a tenth of
/// the images is kept for validation and a tenth for the test, chosen by a hash of their names. Embeddings are kept
/// in --cache, so that a second run starts where the first one ended.
#[derive(Parser)]
struct Options {
    /// Folder with one sub-folder of images a class. Left out: a drawn sample set
    #[arg(long)]
    image_dir: Option<PathBuf>,
    /// Images for the test, in the same sub-folders; then all of --image-dir is for training and choosing
    #[arg(long)]
    test_dir: Option<PathBuf>,
    /// `bundled`, or a file or folder with the weights of a MobileNetV1
    #[arg(long, default_value = "bundled")]
    weights: String,
    /// As retrain.py: mobilenet_1.0_224; refuses weights of another width
    #[arg(long)]
    architecture: Option<String>,
    /// Where the classifier is written
    #[arg(long, default_value = "classifier.safetensors")]
    output: PathBuf,
    /// Where the numbers are written, as JSON
    #[arg(long)]
    metrics: Option<PathBuf>,
    /// Folder of embeddings computed so far
    #[arg(long, default_value = "embedding-cache")]
    cache: PathBuf,
    /// What the head sees: embedding or logits
    #[arg(long, default_value_t)]
    layer: Layer,
    /// `converged` (logistic regression to its optimum) or `parity` (retrain.py's steps)
    #[arg(long, value_parser = ["converged", "parity"])]
    recipe: Option<String>,
    /// How images become squares: squash, center-crop, letterbox or tf1
    #[arg(long, default_value_t)]
    resize: ResizePolicy,
    /// Everything random follows from it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Steps of the parity recipe [default: 4000]
    #[arg(long)]
    how_many_training_steps: Option<usize>,
    /// Learning rate of the parity recipe [default: 0.01]
    #[arg(long)]
    learning_rate: Option<f32>,
    /// Images a step of the parity recipe [default: 100]
    #[arg(long)]
    train_batch_size: Option<usize>,
    /// Steps between two looks at the validation images, parity recipe [default: 10]
    #[arg(long)]
    eval_step_interval: Option<usize>,
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
    let image_dir = match &options.image_dir {
        Some(folder) => folder.clone(),
        None => draw(Path::new("sample-images"))?,
    };
    let folder = open(&image_dir)?;
    let split = match &options.test_dir {
        Some(test) => Split::from_folders(&folder, None, Some(&open(test)?))?,
        None => HashedSplit::default()
            .with_testing_percentage(options.testing_percentage)
            .with_validation_percentage(options.validation_percentage)
            .apply(&folder)?,
    };
    let [n, v, t] = [&split.training, &split.validation, &split.testing].map(Vec::len);
    println!("classes: {}", folder.classes().join(", "));
    println!("images: {n} training, {v} validation, {t} test");
    let weights = common::weights(&options.weights, options.architecture.as_deref())?;
    let backbone = Backbone::new(weights, &common::device(options.device)?)?
        .with_resize(options.resize)
        .with_layer(options.layer)?;

    let cache = EmbeddingCache::open(&options.cache)?;
    let embedding = Instant::now();
    let mut computed = 0;
    let mut embed = |items: &[ImageItem], what| -> Result<Embeddings, Box<dyn Error>> {
        let bar = common::progress(items.len(), what);
        let result = backbone.embed(items, &cache, |done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        for (item, error) in &result.failed {
            eprintln!("left out {}: {error}", item.path.display());
        }
        computed += result.computed;
        Ok(result.embeddings)
    };
    let training = embed(&split.training, "training")?;
    let validation = embed(&split.validation, "validation")?;
    let testing = embed(&split.testing, "test")?;
    let embed_seconds = embedding.elapsed().as_secs_f64();
    let speed = computed as f64 / embed_seconds;
    println!(
        "embedded {computed} images in {embed_seconds:.1} s ({speed:.0} images/s); the others were in {}",
        options.cache.display()
    );

    let fitting = Instant::now();
    let (head, report) = head_config(options).fit(&training, &validation)?;
    let fit_seconds = fitting.elapsed().as_secs_f64();
    let train = predictions(&head, &training, folder.classes())?;
    let test = predictions(&head, &testing, folder.classes())?;
    println!(
        "\nOn the {} test images:\n{}",
        testing.len(),
        test.summary()
    );
    if options.print_misclassified_test_images {
        for at in test.mistakes() {
            let predicted = test
                .predicted()
                .get(at)
                .and_then(|&k| folder.classes().get(k));
            let predicted = predicted.map_or("?", String::as_str);
            println!("{} is called {predicted}", testing.names()[at]);
        }
    }
    if let Some(path) = &options.metrics {
        let confusion = test.confusion();
        let rows = confusion
            .rows()
            .map(|row| row.iter().map(|&count| count as u64).collect());
        let rows: Vec<Vec<u64>> = rows.collect();
        let numbers = json!({
            "classes": folder.classes(),
            "train": { "accuracy": train.confusion().accuracy(), "n": training.len() },
            "test": { "accuracy": confusion.accuracy(), "n": testing.len(), "confusion": rows },
            "seconds": { "embed": embed_seconds, "fit": fit_seconds, "total": start.elapsed().as_secs_f64() },
            "images_per_second": speed,
        });
        std::fs::write(path, serde_json::to_string_pretty(&numbers)?)?;
    }
    Classifier::new(backbone, head, folder.classes().to_vec())?
        .with_report(report)
        .save(&options.output)?;
    println!(
        "The classifier is in {0}; ask it with the example label_image: --classifier {0} IMAGE...",
        options.output.display()
    );
    Ok(())
}

/// The sample set, drawn once.
fn draw(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    if !folder.exists() {
        println!(
            "no --image-dir: drawing 2 x 300 sample images into {}",
            folder.display()
        );
        sample::write(folder, 300, 1)?;
    }
    Ok(folder.into())
}

fn open(path: &Path) -> Result<ImageFolder, Box<dyn Error>> {
    let folder = ImageFolder::open(path)?;
    for skipped in folder.skipped() {
        let (path, bytes, reason) = (skipped.path.display(), skipped.bytes, &skipped.reason);
        eprintln!("left out {path} ({bytes} bytes): {reason}");
    }
    Ok(folder)
}

/// The options of the training loop imply the parity recipe.
fn head_config(options: &Options) -> HeadConfig {
    let of_the_loop = options.how_many_training_steps.is_some()
        || options.learning_rate.is_some()
        || options.train_batch_size.is_some()
        || options.eval_step_interval.is_some();
    let parity = options
        .recipe
        .as_ref()
        .map_or(of_the_loop, |recipe| recipe == "parity");
    let config = HeadConfig::new().with_seed(options.seed);
    if !parity {
        return config.with_recipe(ConvergedConfig::new());
    }
    let mut steps = StepsConfig::parity();
    if let Some(n) = options.how_many_training_steps {
        steps = steps.with_steps(n);
    }
    if let Some(rate) = options.learning_rate {
        steps = steps.with_learning_rate(rate);
    }
    if let Some(n) = options.train_batch_size {
        steps = steps.with_batch(n);
    }
    if let Some(n) = options.eval_step_interval {
        steps = steps.with_eval_interval(n);
    }
    config.with_recipe(steps)
}

fn predictions(
    head: &Head,
    set: &Embeddings,
    classes: &[String],
) -> Result<Predictions, Box<dyn Error>> {
    let probabilities = head.probabilities(set.values())?;
    let predictions = Predictions::from_flat(set.targets().to_vec(), probabilities, classes.len())?;
    Ok(predictions.with_classes(classes.to_vec())?)
}
