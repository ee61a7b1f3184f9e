//! Measures predictions: every number with its interval, as text, JSON and a report page.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use metrics::report::{Picture, Report};
use metrics::{Bootstrap, EvaluationOptions, Predictions};

/// Measure predictions that any tool made.
///
/// The file holds one sample a line, `{"target": 0, "probabilities": [0.9, 0.1]}`, with "weight" and "file"
/// where known; or it is CSV with a column `target` and one column of probabilities for each class.
#[derive(Parser)]
#[command(
    after_help = "Example:\n  evaluate --predictions answers.jsonl --classes boat,cloud --metrics metrics.json"
)]
struct Args {
    /// Predictions as JSON lines, or as CSV if the name ends in .csv
    #[arg(long, value_name = "FILE")]
    predictions: PathBuf,
    /// Names of the classes in the order of the probabilities [default: their indices, or CSV's header]
    #[arg(long, value_name = "A,B,..", value_delimiter = ',')]
    classes: Option<Vec<String>>,
    /// Write all numbers here as JSON, named as scikit-learn names them
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Write the report page here
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Folder that the "file" names are relative to: puts thumbnails of mistakes into the report
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
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
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let predictions = read(&args.predictions, args.classes.as_deref())
        .map_err(|error| format!("{}: {error}", args.predictions.display()))?;
    let mut options = EvaluationOptions::new();
    if args.replicates > 0 {
        let bootstrap = Bootstrap::new()
            .with_replicates(args.replicates)
            .with_seed(args.seed);
        options = options.with_intervals(bootstrap);
    }
    if let Some(value) = args.zero_division {
        options = options.with_zero_division(value);
    }
    let mut report = predictions.report(&options)?.with_title(&args.title);
    print!("{}\n{}", predictions.summary(), report.evaluation());
    if let Some(path) = &args.metrics {
        write(
            path,
            &(serde_json::to_string_pretty(report.evaluation())? + "\n"),
        )?;
    }
    if let Some(path) = &args.report {
        if let Some(date) = &args.date {
            report = report.with_date(date);
        }
        report = report.with_fact("Predictions", args.predictions.display().to_string());
        if let Some(folder) = &args.images {
            report = with_thumbnails(report, &predictions, folder)?;
        }
        write(path, &report.html()?)?;
    }
    Ok(())
}

fn read(path: &Path, classes: Option<&[String]>) -> Result<Predictions, Box<dyn Error>> {
    let file = BufReader::new(File::open(path)?);
    Ok(
        if path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
        {
            Predictions::from_csv(file, classes)?
        } else {
            Predictions::from_json_lines(file, classes)?
        },
    )
}

/// Adds a thumbnail for every sample that the page shows and whose file is there.
fn with_thumbnails(
    mut report: Report,
    predictions: &Predictions,
    folder: &Path,
) -> Result<Report, Box<dyn Error>> {
    let Some(files) = predictions.files() else {
        return Err("--images needs predictions with a \"file\" each".into());
    };
    for sample in report.shown() {
        let path = folder.join(&files[sample]);
        match dataset::decode_file(&path, &dataset::DecodeOptions::default()) {
            Ok(image) => {
                let small = dataset::thumbnail(&image, 224);
                let mut bytes = Vec::new();
                small.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Jpeg)?;
                report = report.with_picture(
                    sample,
                    Picture {
                        media_type: "image/jpeg".into(),
                        bytes,
                    },
                );
            }
            Err(error) => eprintln!("no thumbnail: {error}"),
        }
    }
    Ok(report)
}

fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}
