//! What a training held out, as options: its predictions, and a report of them.

use std::error::Error;
use std::path::{Path, PathBuf};

use metrics::report::Report;
use metrics::{Bootstrap, EvaluationOptions};
use transfer::familiarity::{Marked, Measured};
use transfer::retrain::Retrained;

use crate::answers::{Answers, Images, SplitName, write};
use crate::folders::FolderArgs;
use crate::images::ImageOptions;
use crate::network::LimitOptions;
use crate::signed::SignatureOptions;
use crate::{Bar, DeviceName};

/// What is written of the images that were held out.
#[derive(clap::Args)]
pub struct HeldOutOptions {
    /// Write the numbers to this file, as JSON
    #[arg(long)]
    pub metrics: Option<PathBuf>,
    /// Write a report page on images that were held out to this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write the predictions for images that were held out to this file as JSON lines, for `evaluate` and `compare`
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Which images --report and --answers are about [default: test, or out-of-fold where there are no test images]
    #[arg(long, value_enum)]
    pub report_on: Option<SplitName>,
}

impl HeldOutOptions {
    fn is_wanted(&self) -> bool {
        self.report.is_some() || self.answers.is_some()
    }

    /// The report on the images that were held out, and which ones these are; `None` where there are none and neither
    /// --report nor --answers is wanted. It is an error where there are none and one of the two is wanted.
    fn report(&self, job: &Retrained) -> Result<Option<(SplitName, Report)>, Box<dyn Error>> {
        let split = self.report_on.unwrap_or(match job.test {
            Some(_) => SplitName::Test,
            None => SplitName::OutOfFold,
        });
        let predictions = match split {
            SplitName::Test => job.test.as_ref(),
            SplitName::OutOfFold => job.out_of_fold.as_ref(),
        };
        let Some(predictions) = predictions else {
            return match (split, self.is_wanted()) {
                (_, false) => Ok(None),
                (SplitName::Test, true) => Err("there are no test images to report on".into()),
                (SplitName::OutOfFold, true) => Err(
                    "there are no out-of-fold answers: this recipe makes no cross-validation, or the network has learned \
                     from the images"
                        .into(),
                ),
            };
        };
        let wanted = EvaluationOptions::new().with_intervals(Bootstrap::new());
        let mut bar = Bar::default();
        let mut report = predictions.report_with_progress(&wanted, |done, total| {
            bar.count_of("resampling", "replicates", done, total);
        })?;
        bar.clear();
        if let Some(curve) = &job.learning_curve {
            if let Some(forecast) = &curve.forecast {
                report = report.with_fact("More images", forecast.to_string());
            }
            for chart in curve.learning_curves() {
                report = report.with_learning_curve(chart);
            }
        }
        Ok(Some((split, report)))
    }

    /// Writes what is wanted of a job that took so many seconds, and whose classifier is in the file `output`.
    ///
    /// # Errors
    /// Where there is nothing that was held out and something of it is wanted, and where a file cannot be written.
    pub fn write(
        &self,
        job: Retrained,
        output: &Path,
        images: &ImageOptions,
        seconds: f64,
    ) -> Result<(), Box<dyn Error>> {
        if !self.is_wanted() && self.metrics.is_none() {
            return Ok(());
        }
        let (reported, measured) = (self.report(&job)?, seen(&job, images));
        if let Some(path) = &self.metrics {
            let numbers = numbers(&job, reported.as_ref(), measured, seconds)?;
            write(path, numbers)?;
        }
        let Some((split, report)) = reported.filter(|_| self.is_wanted()) else {
            return Ok(());
        };
        let predictions = match split {
            SplitName::Test => job.test,
            SplitName::OutOfFold => job.out_of_fold,
        };
        let Some(predictions) = predictions else {
            return Ok(());
        };
        crate::say!("\nheld out: {}", split.what(predictions.len()));
        if let Some(path) = &self.answers {
            let mut lines = Vec::new();
            predictions.write_json_lines(&mut lines)?;
            write(path, lines)?;
        }
        let Some(path) = &self.report else {
            return Ok(());
        };
        let mut answers = Answers::of(job.classifier, predictions, split);
        answers.measured = measured.filter(|_| split == SplitName::Test);
        let folder = match (&images.test.test_dir, split) {
            (Some(test), SplitName::Test) => test.clone(),
            _ => images.folder(),
        };
        let shown = Images {
            image_dir: Some(folder),
            folders: FolderArgs::default(),
            cache: PathBuf::new(),
            device: DeviceName::Cpu,
            signature: SignatureOptions::default(),
            limits: LimitOptions::default(),
            include_training: images.include_training,
        };
        let report = answers.describe(report, output, &shown);
        write(path, answers.with_pictures(report, &shown, false)?.html()?)
    }
}

/// All numbers of a job, with those of its report, as JSON. `measured`: how well its test images are known.
fn numbers(
    job: &Retrained,
    reported: Option<&(SplitName, Report)>,
    measured: Option<Measured>,
    seconds: f64,
) -> Result<String, Box<dyn Error>> {
    let mut numbers = serde_json::to_value(job)?;
    numbers["seconds"]["total"] = seconds.into();
    if let Some((split, report)) = reported {
        numbers["evaluation"] = serde_json::to_value(Marked {
            numbers: report.evaluation(),
            pictures: measured.filter(|_| *split == SplitName::Test),
            split: Some(split.name()),
        })?;
    }
    numbers["calibration"] = serde_json::to_value(job.classifier.calibration())?;
    numbers["fit"] = serde_json::to_value(job.classifier.report())?;
    Ok(serde_json::to_string_pretty(&numbers)? + "\n")
}

/// How well the test images are known, where the classifier has seen some of them.
fn seen(job: &Retrained, images: &ImageOptions) -> Option<Measured> {
    (job.test_counts.seen() > 0).then_some(Measured {
        counts: job.test_counts,
        included: images.include_training,
    })
}
