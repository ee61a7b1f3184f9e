//! Measures a classifier on a folder of images, or predictions that any tool made: all scores with their intervals, as
//! text, JSON and a report page.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use common::Bar;
use common::answers::{
    Answers, Images, ReportOptions, SplitName, file_name, leave_out_seen, write,
};
use common::help::uses;
use common::reading::ReadingOptions;
use metrics::EvaluationOptions;

/// Measure a classifier on a folder of images, or predictions that any tool made.
///
/// A file of predictions holds one sample per line, `{"target": 0, "probabilities": [0.9, 0.1]}`, with "weight" and
/// "file" if they are known. It can also be CSV (with commas, semicolons or tabs) with a column `target` and one column of
/// probabilities for each class, or with `y_true` and `y_pred` alone.
#[derive(Parser)]
#[command(
    group(ArgGroup::new("what").required(true).args(["classifier", "predictions"])),
    after_help = uses(&[
        (
            "Measure a classifier, with a page of all numbers",
            "evaluate --classifier classifier.safetensors --image-dir more-photos --report report.html",
        ),
        (
            "Measure it on its own test images",
            "evaluate --classifier classifier.safetensors --image-dir photos --split test",
        ),
        (
            "Measure the predictions of any tool",
            "evaluate --predictions answers.jsonl --classes boat,cloud",
        ),
    ])
)]
pub(crate) struct Options {
    /// Classifier file that `retrain` wrote; --image-dir names the images
    #[arg(
        long,
        value_name = "FILE",
        requires = "image_dir",
        conflicts_with = "classes"
    )]
    classifier: Option<PathBuf>,
    /// Predictions as CSV if the name ends in .csv, .tsv or .txt, otherwise as JSON lines
    #[arg(long, value_name = "FILE", conflicts_with = "labels")]
    predictions: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingOptions,
    #[command(flatten)]
    images: Images,
    /// Of --image-dir, measure the classifier's own images alone, which are found again by their contents
    #[arg(
        long,
        value_enum,
        requires = "classifier",
        conflicts_with = "include_training"
    )]
    split: Option<SplitName>,
    /// Write all scores to this file as JSON, with their names in scikit-learn
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    #[command(flatten)]
    report: ReportOptions,
    /// Write the model card to this file, as Markdown with the front matter of Hugging Face
    #[arg(long, value_name = "FILE", requires = "classifier")]
    card: Option<PathBuf>,
    /// Write the predictions to this file as JSON lines, for --predictions and for `compare`
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Heading of the report
    #[arg(long, default_value = "How good is this classifier?")]
    title: String,
    /// Value of a precision or recall that is 0/0 [default: undefined, null in JSON]
    #[arg(long, value_name = "NUMBER", value_parser = common::ranges::number(0.0..=1.0))]
    zero_division: Option<f64>,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    common::check_outputs(&[
        ("--metrics", options.metrics.as_deref()),
        ("--answers", options.answers.as_deref()),
        ("--card", options.card.as_deref()),
        ("--report", options.report.report.as_deref()),
    ])?;
    let (file, mut answers) = match (&options.classifier, &options.predictions) {
        (Some(file), _) => (file, options.images.ask(file, options.split)?),
        (None, Some(file)) => {
            let reading = options.reading.reading(None)?;
            (file, Answers::read(file, &reading)?)
        }
        (None, None) => return Err("give --classifier or --predictions".into()),
    };
    options.report.check(&answers)?;
    leave_out_seen(&mut [&mut answers], options.images.include_training)?;
    if let Some(split) = answers.split {
        common::say!("{}\n", split.what(answers.predictions.len()));
    }
    let mut wanted = EvaluationOptions::new();
    if options.report.replicates > 0 {
        wanted = wanted.with_intervals(options.report.bootstrap());
    }
    if let Some(value) = options.zero_division {
        wanted = wanted.with_zero_division(value);
    }
    let predictions = &answers.predictions;
    let mut bar = Bar::default();
    let report = predictions.report_with_progress(&wanted, |done, total| {
        bar.count_of("resampling", "replicates", done, total);
    })?;
    bar.clear();
    let report = report.with_title(&options.title);
    let scores = report.evaluation().to_string();
    common::say!("{}\n{}", predictions.summary(), scores.trim_end());
    if let Some(path) = &options.metrics {
        let scores = serde_json::to_string_pretty(&answers.mark(report.evaluation()))?;
        write(path, scores + "\n")?;
    }
    if let Some(path) = &options.answers {
        let mut lines = Vec::new();
        predictions.write_json_lines(&mut lines)?;
        write(path, lines)?;
    }
    let report = match answers.classifier {
        Some(_) => answers.describe(report, file, &options.images),
        None => report.with_fact("Predictions", file_name(file)),
    };
    if let (Some(path), Some(card)) = (&options.card, report.card_markdown()) {
        write(path, card)?;
    }
    options.report.write(report, &answers, &options.images)
}
