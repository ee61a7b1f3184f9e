//! Compares two classifiers on the same images: who changed sides, and whether the difference can be chance.

mod common;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use common::answers::{Answers, Images, write};
use common::describe::describe;
use metrics::formats::PredictionsFormat;
use metrics::{Bootstrap, EvaluationOptions};

/// Compare two classifiers on the same images.
///
/// Each of the two is a file that `retrain` wrote, asked about the images of --image-dir, or a file of predictions
/// as `evaluate` reads and writes them (its name ends in .jsonl or .csv). Says which images changed sides, and tests
/// the difference: McNemar's test of the answers, DeLong's test of the areas under ROC (two classes), and the
/// paired bootstrap of every number.
#[derive(Parser)]
#[command(
    after_help = "Example:\n  compare old.safetensors new.safetensors --image-dir test --report compared.html"
)]
struct Options {
    /// What is there: a classifier or predictions
    first: PathBuf,
    /// What may replace it; the report is about this one
    second: PathBuf,
    /// Names of the classes in the order of the probabilities [default: their indices, or CSV's header]
    #[arg(long, value_name = "A,B,..", value_delimiter = ',')]
    classes: Option<Vec<String>>,
    #[command(flatten)]
    images: Images,
    /// Write the comparison here as JSON
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Write the report page here
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Beside each thumbnail of the report, show what spoke for the second classifier's answer
    #[arg(long, requires = "report")]
    explain: bool,
    /// Date that the report names; left out unless given
    #[arg(long)]
    date: Option<String>,
    /// Bootstrap replicates for the intervals
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
    let images = &options.images;
    let files = [&options.first, &options.second];
    let ask = |file: &Path| {
        PredictionsFormat::from_path(file)
            .is_none()
            .then(|| images.ask(file))
            .transpose()
    };
    let asked = [ask(files[0])?, ask(files[1])?];
    // A file of numbered classes means those of the classifier that it is compared with.
    let known = asked.iter().flatten().next();
    let known = known.map(|answers| answers.predictions.classes().to_vec());
    let classes = options.classes.clone().or(known);
    let [first, second] = asked;
    let or_read = |asked: Option<Answers>, file: &Path| match asked {
        Some(answers) => Ok(answers),
        None => Answers::read(file, classes.as_deref()),
    };
    let (first, second) = (or_read(first, files[0])?, or_read(second, files[1])?);
    let names = [&options.first, &options.second].map(|path| name(path));
    let bootstrap = Bootstrap::new()
        .with_replicates(options.replicates)
        .with_seed(options.seed);
    let (before, after) = (&first.predictions, &second.predictions);
    let compared = before.compare(after, &bootstrap)?;
    common::say!(
        "First: {}, second: {}; {} images\n",
        names[0],
        names[1],
        after.len()
    );
    common::say!("{}", compared.to_string().trim_end());
    let called = |p: &metrics::Predictions, i: usize| p.classes()[p.predicted()[i]].clone();
    for (title, samples) in [
        ("Now right", &compared.outcomes.fixed),
        ("No longer right", &compared.outcomes.broken),
    ] {
        common::say!("\n{title}: {}", samples.len());
        for &i in samples {
            let file = after
                .files()
                .map_or_else(|| format!("sample {i}"), |files| files[i].clone());
            common::say!("  {file}: {} -> {}", called(before, i), called(after, i));
        }
    }
    if let Some(path) = &options.metrics {
        write(path, &(serde_json::to_string_pretty(&compared)? + "\n"))?;
    }
    if let Some(path) = &options.report {
        let mut report = after
            .report(&EvaluationOptions::new().with_intervals(bootstrap))?
            .with_title(format!("{} against {}", names[1], names[0]))
            .with_fact("Compared with", &names[0])
            .with_comparison(&names[0], before, compared)?;
        if let Some(date) = &options.date {
            report = report.with_date(date);
        }
        if let Some(classifier) = &second.classifier {
            let folder = images.image_dir.as_deref().unwrap_or(Path::new(""));
            report = describe(report, classifier, &names[1], folder, after);
        }
        report = images.with_pictures(report, &second, options.explain)?;
        write(path, &report.html()?)?;
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into()
}
