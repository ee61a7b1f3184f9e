//! Measures a classifier on a folder of images, or predictions that any tool made: every number with its interval,
//! as text, JSON and a report page.

mod common;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use common::answers::{Answers, Images, write};
use common::describe::describe;
use metrics::{Bootstrap, EvaluationOptions};

/// Measure a classifier on a folder of images, or predictions that any tool made.
///
/// A file of predictions holds one sample a line, `{"target": 0, "probabilities": [0.9, 0.1]}`, with "weight" and
/// "file" where known; or it is CSV with a column `target` and one column of probabilities for each class.
#[derive(Parser)]
#[command(
    group(ArgGroup::new("what").required(true).args(["classifier", "predictions"])),
    after_help = "Examples:\n  evaluate --classifier boats.safetensors --image-dir test --report report.html\n  \
                  evaluate --predictions answers.jsonl --classes boat,cloud --metrics metrics.json"
)]
struct Options {
    /// A file that `retrain` wrote; --image-dir has the images
    #[arg(long, value_name = "FILE", requires = "image_dir")]
    classifier: Option<PathBuf>,
    /// Predictions as JSON lines, or as CSV if the name ends in .csv
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// Names of the classes in the order of the probabilities [default: their indices, or CSV's header]
    #[arg(
        long,
        value_name = "A,B,..",
        value_delimiter = ',',
        conflicts_with = "classifier"
    )]
    classes: Option<Vec<String>>,
    #[command(flatten)]
    images: Images,
    /// Write all numbers here as JSON, named as scikit-learn names them
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Write the report page here
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Beside each thumbnail of the report, show what spoke for the answer (32 gradients an image)
    #[arg(long, requires_all = ["classifier", "report"])]
    explain: bool,
    /// Write the model card here, as Markdown with Hugging Face's front matter
    #[arg(long, value_name = "FILE", requires = "classifier")]
    card: Option<PathBuf>,
    /// Write the predictions here as JSON lines, for --predictions and for `compare`
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Heading of the report
    #[arg(long, default_value = "How good is this classifier?")]
    title: String,
    /// Date that the report names; left out unless given, so that the same input gives the same bytes
    #[arg(long)]
    date: Option<String>,
    /// What a precision or recall of 0/0 counts as [default: undefined, null in JSON]
    #[arg(long, value_name = "NUMBER")]
    zero_division: Option<f64>,
    /// Bootstrap replicates for the intervals; 0 for none
    #[arg(long, default_value_t = 2000)]
    replicates: usize,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    common::check_different(&[
        ("--metrics", options.metrics.as_deref()),
        ("--answers", options.answers.as_deref()),
        ("--card", options.card.as_deref()),
        ("--report", options.report.as_deref()),
    ])?;
    let file = options.classifier.as_ref().or(options.predictions.as_ref());
    let file = file.map_or(Path::new(""), PathBuf::as_path);
    let answers = match &options.classifier {
        Some(_) => options.images.ask(file)?,
        None => Answers::read(file, options.classes.as_deref())?,
    };
    let mut wanted = EvaluationOptions::new();
    if options.replicates > 0 {
        let bootstrap = Bootstrap::new().with_seed(options.seed);
        wanted = wanted.with_intervals(bootstrap.with_replicates(options.replicates));
    }
    if let Some(value) = options.zero_division {
        wanted = wanted.with_zero_division(value);
    }
    let predictions = &answers.predictions;
    let mut report = predictions.report(&wanted)?.with_title(&options.title);
    let evaluation = report.evaluation().to_string();
    common::say!("{}\n{}", predictions.summary(), evaluation.trim_end());
    if let Some(path) = &options.metrics {
        let numbers = serde_json::to_string_pretty(report.evaluation())?;
        write(path, &(numbers + "\n"))?;
    }
    if let Some(path) = &options.answers {
        let mut lines = Vec::new();
        predictions.write_json_lines(&mut lines)?;
        write(path, &String::from_utf8(lines)?)?;
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    report = match &answers.classifier {
        Some(classifier) => {
            let images = options.images.image_dir.as_deref();
            let images = images.unwrap_or(Path::new(""));
            describe(report, classifier, &name, images, predictions)
        }
        None => report.with_fact("Predictions", name),
    };
    if let (Some(path), Some(card)) = (&options.card, report.card_markdown()) {
        write(path, &card)?;
    }
    if let Some(path) = &options.report {
        if let Some(date) = &options.date {
            report = report.with_date(date);
        }
        report = options
            .images
            .with_pictures(report, &answers, options.explain)?;
        write(path, &report.html()?)?;
    }
    Ok(())
}
