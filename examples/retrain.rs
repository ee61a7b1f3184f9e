//! Retrains MobileNet on a folder of images: a sub-folder a class in, one classifier file out.

mod common;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::images::{BesideTestDir, ImageOptions, Images};
use common::network::{NetworkOptions, PublishedOptions, embed};
use common::recipe::RecipeOptions;
use common::training::{Training, print_mistakes, start_of};
use metrics::Predictions;
use serde_json::json;
use transfer::{Classifier, Provenance};

/// Retrain MobileNet on a folder of images, one sub-folder a class.
///
/// Without --image-dir it draws a sample set of boats and clouds and retrains on that. Without --test-dir a tenth of
/// the images is kept for validation and a tenth for the test, chosen by a hash of their names. Embeddings are kept
/// in --cache, so that a second run starts where the first one ended; Ctrl-C ends the training with the best head so
/// far.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  retrain\n  retrain --image-dir photos --metrics metrics.json\n  \
                  retrain --image-dir photos --recipe parity --layer logits --resize tf1\n  \
                  retrain --image-dir photos --flip-left-right --random-crop 10 --variants 4\n  \
                  retrain --image-dir more-photos --from classifier.safetensors --how-many-training-steps 500"
)]
struct Options {
    #[command(flatten)]
    images: ImageOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    published: PublishedOptions,
    /// Go on from a classifier: its network and preprocessing, and, where the recipe has steps, its head, whose classes
    /// are found by name, so that the folder may have new ones
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["weights", "layer", "resize", "architecture", "blocks"]
    )]
    from: Option<PathBuf>,
    /// Where the classifier is written
    #[arg(long, default_value = "classifier.safetensors")]
    output: PathBuf,
    /// Where the numbers are written, as JSON
    #[arg(long)]
    metrics: Option<PathBuf>,
    /// Where TensorBoard finds the course of the training
    #[arg(long, value_name = "DIR")]
    summaries_dir: Option<PathBuf>,
    #[command(flatten)]
    recipe: RecipeOptions,
    /// Name the test images that are classified wrongly
    #[arg(long)]
    print_misclassified_test_images: bool,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    options.recipe.config()?;
    let checkpoint = options.output.with_extension("training");
    let metrics = options.metrics.as_deref();
    for output in [Some(&*options.output), metrics].into_iter().flatten() {
        common::check_output(output)?;
    }
    common::check_different(&[
        ("--output", Some(&options.output)),
        ("the checkpoint", Some(&checkpoint)),
        ("--metrics", metrics),
    ])?;
    let (backbone, from) = match &options.from {
        Some(path) => {
            let from = common::classifier(path, options.network.device)?;
            (from.backbone().clone(), Some(from))
        }
        None => (
            options
                .network
                .backbone_of(options.published.weights(&options.network)?)?,
            None,
        ),
    };
    let beside = if options.recipe.is_parity() {
        BesideTestDir::AsWithout
    } else {
        BesideTestDir::Training
    };
    let Images { folder, split, how } = options.images.open(beside)?;
    let classes = folder.classes();
    let start_head = match &from {
        Some(from) => start_of(&options.recipe, from, classes)?,
        None => None,
    };

    let cache = options.network.cache()?;
    let embedding = Instant::now();
    let [training, validation, testing] = [
        embed(&backbone, &split.training, &cache, "training")?,
        embed(&backbone, &split.validation, &cache, "validation")?,
        embed(&backbone, &split.testing, &cache, "test")?,
    ];
    training.embeddings.check_classes(classes)?;
    let embed_seconds = embedding.elapsed().as_secs_f64();
    let computed = training.computed + validation.computed + testing.computed;
    let speed = computed as f64 / embed_seconds;
    let path = options.network.cache.display();
    common::say!(
        "embedded {computed} images in {embed_seconds:.1} s ({speed:.0} images/s); the others were in {path}"
    );
    let provenance = Provenance::default()
        .with_split(how)
        .with_images("training", &training)
        .with_images("validation", &validation)
        .with_images("test", &testing);

    let fitting = Instant::now();
    let used =
        |item: &&dataset::ImageItem| training.failed.iter().all(|(f, _)| f.path != item.path);
    let items = split.training.iter().filter(used).cloned().collect();
    let mut job = Training {
        backbone: &backbone,
        cache: &cache,
        classes,
        items,
        embeddings: training.embeddings,
        variants: None,
        validation: validation.embeddings,
        validation_items: &split.validation,
        start: start_head,
    };
    let (head, report, done) = job.fit(
        &options.recipe,
        options.summaries_dir.as_deref(),
        &checkpoint,
    )?;
    let fit_seconds = fitting.elapsed().as_secs_f64();
    let Training {
        embeddings: train,
        variants,
        validation,
        ..
    } = job;
    let learnt = variants.as_ref().unwrap_or(&train);
    let classifier = Classifier::new(backbone, head, classes.to_vec())?;
    let classifier = common::training::calibrated(classifier, &report, learnt, &validation)?;

    let train = classifier.head().predictions(&train, classes)?;
    let test = &testing.embeddings;
    let test = (!test.is_empty()).then(|| classifier.head().predictions(test, classes));
    let test = test.transpose()?;
    let mut provenance = provenance;
    if let Some(test) = &test {
        provenance = measure(options, test, provenance);
    } else {
        common::say!("\nNo test images: nothing says how good it is.");
    }
    let classifier = classifier.with_report(report).with_provenance(provenance);
    classifier.save(&options.output)?;
    if let Some(checkpoint) = done {
        checkpoint.remove()?;
    }
    if let Some(path) = &options.metrics {
        let of_test = test.as_ref().map(|test| {
            let confusion = test.confusion();
            let rows = confusion.rows();
            let rows = rows.map(|row| row.iter().map(|&n| n as u64).collect());
            let rows: Vec<Vec<u64>> = rows.collect();
            json!({ "accuracy": confusion.accuracy(), "n": test.len(), "confusion": rows })
        });
        let numbers = json!({
            "classes": classes,
            "train": { "accuracy": train.confusion().accuracy(), "n": train.len() },
            "test": of_test,
            "seconds": { "embed": embed_seconds, "fit": fit_seconds, "total": start.elapsed().as_secs_f64() },
            "images_per_second": speed,
        });
        files::write_bytes(
            path,
            (serde_json::to_string_pretty(&numbers)? + "\n").as_bytes(),
        )?;
    }
    let path = options.output.display();
    common::say!(
        "The classifier is in {path}; ask it with the example label_image: --classifier {path} IMAGE..."
    );
    Ok(())
}

/// Says how good the classifier is on the test images, and writes that down.
fn measure(options: &Options, test: &Predictions, provenance: Provenance) -> Provenance {
    common::say!("\nOn the {} test images:\n{}", test.len(), test.summary());
    if options.recipe.is_parity() {
        let accuracy = 100.0 * test.confusion().accuracy().unwrap_or(f64::NAN);
        common::say!("Final test accuracy = {accuracy:.1}% (N={})", test.len());
    }
    if options.print_misclassified_test_images {
        print_mistakes(test);
    }
    let [accuracy, loss] =
        [test.confusion().accuracy(), test.log_loss()].map(|v| v.unwrap_or(f64::NAN));
    provenance
        .with_metric("test accuracy", accuracy)
        .with_metric("test log loss", loss)
}
