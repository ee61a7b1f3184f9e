//! Compares two classifiers on the same images: which predictions changed, and whether the difference can be chance.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use common::Bar;
use common::answers::{Answers, Images, ReportOptions, file_name, leave_out_seen, write};
use common::help::uses;
use common::pairs::{pair, verdict};
use common::reading::ReadingOptions;
use metrics::EvaluationOptions;
use metrics::formats::PredictionsFormat;

/// Compare two classifiers on the same images.
///
/// Each of the two is a classifier file that `retrain` wrote, which is applied to the images of --image-dir, or a file of
/// predictions as `evaluate` reads and writes them (its name ends in .jsonl, .csv or .tsv). Answers are paired by the names of
/// their files. The program lists the images that only one of the two has right, and tests the difference: with McNemar's test of the predictions, DeLong's test of the
/// areas under the ROC curves (two classes), and the paired bootstrap of every score.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        (
            "Compare two classifiers on the same images",
            "compare old.safetensors new.safetensors --image-dir more-photos",
        ),
        (
            "Write the report page of the second, beside the first",
            "compare old.safetensors new.safetensors --image-dir more-photos --report compared.html",
        ),
        ("Compare predictions of any tools", "compare old.csv new.csv"),
    ])
)]
pub(crate) struct Options {
    /// The current classifier: a classifier file or predictions
    first: PathBuf,
    /// The classifier that may replace it, which the report is about
    second: PathBuf,
    #[command(flatten)]
    reading: ReadingOptions,
    #[command(flatten)]
    images: Images,
    /// Write the comparison to this file as JSON
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    #[command(flatten)]
    report: ReportOptions,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (mut first, mut second) = both(options)?;
    options.report.check(&second)?;
    pair(&mut first, &mut second)?;
    let include = options.images.include_training;
    leave_out_seen(&mut [&mut first, &mut second], include)?;
    let names = [&options.first, &options.second].map(|path| file_name(path));
    let bootstrap = options.report.bootstrap();
    let (before, after) = (&first.predictions, &second.predictions);
    let mut bar = Bar::default();
    let comparison = before.compare_with_progress(after, &bootstrap, |done, total| {
        bar.count_of("resampling", "replicates", done, total);
    })?;
    bar.clear();
    let images = common::counted(after.len(), "image", "images");
    common::say!("First: {}, second: {}; {images}\n", names[0], names[1]);
    common::say!("{}", comparison.to_string().trim_end());
    for (title, samples) in [
        ("Now right", &comparison.outcomes.fixed),
        ("No longer right", &comparison.outcomes.broken),
    ] {
        common::say!("\n{title}: {}", samples.len());
        for &sample in samples {
            let [old, new] = [before, after].map(|p| &p.classes()[p.predicted()[sample]]);
            common::say!("  {}: {old} -> {new}", after.name(sample));
        }
    }
    common::say!("\n{}", verdict(&comparison, [&names[0], &names[1]]));
    if let Some(path) = &options.metrics {
        let json = serde_json::to_string_pretty(&second.mark(&comparison))? + "\n";
        write(path, json)?;
    }
    if options.report.report.is_none() {
        return Ok(());
    }
    let wanted = EvaluationOptions::new().with_intervals(bootstrap);
    let report = after.report_with_progress(&wanted, |done, total| {
        bar.count_of("resampling", "replicates", done, total);
    })?;
    bar.clear();
    let report = report
        .with_title(format!("{} against {}", names[1], names[0]))
        .with_fact("Compared with", &names[0])
        .with_comparison(&names[0], before, comparison)?;
    let report = second.describe(report, &options.second, &options.images);
    options.report.write(report, &second, &options.images)
}

/// The predictions of both. Classifiers are applied first, because a file with class indices means the classes of the
/// classifier that it is compared with.
fn both(options: &Options) -> Result<(Answers, Answers), Box<dyn Error>> {
    let files: [&Path; 2] = [&options.first, &options.second];
    let ask = |file: &Path| match PredictionsFormat::from_path(file) {
        Some(_) => Ok(None),
        None => options.images.ask(file, None).map(Some),
    };
    let asked = [ask(files[0])?, ask(files[1])?];
    let known = asked.iter().flatten().next();
    let known = known.map(|answers| answers.predictions.classes().to_vec());
    let reading = options.reading.reading(known.as_deref())?;
    let [first, second] = asked;
    let or_read = |asked: Option<Answers>, file: &Path| match asked {
        Some(answers) => Ok(answers),
        None => Answers::read(file, &reading),
    };
    let (first, second) = (or_read(first, files[0])?, or_read(second, files[1])?);
    // A file without names means the classes of the other.
    let [one, other] = [&first, &second].map(|answers| answers.predictions.classes());
    if one.len() != other.len() || is_indices(one) == is_indices(other) {
        return Ok((first, second));
    }
    let named = |file: &Path, names: &[String]| {
        Answers::read(file, &reading.clone().with_classes(names.to_vec()))
    };
    if is_indices(one) {
        let first = named(files[0], other)?;
        return Ok((first, second));
    }
    let second = named(files[1], one)?;
    Ok((first, second))
}

/// Whether these are no names of classes but their indices.
fn is_indices(names: &[String]) -> bool {
    let mut names = names.iter().enumerate();
    names.all(|(index, name)| *name == index.to_string())
}
