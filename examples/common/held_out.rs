//! What a training held out, as options: its predictions, and a report of them.

use std::error::Error;
use std::path::{Path, PathBuf};

use metrics::{Bootstrap, EvaluationOptions};
use transfer::retrain::Retrained;

use crate::DeviceName;
use crate::answers::{Answers, Images, SplitName, write};
use crate::images::ImageOptions;
use crate::signed::SignatureOptions;

/// What is written of the images that were held out.
#[derive(clap::Args)]
pub struct HeldOutOptions {
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
    /// Writes what is wanted of a job whose classifier is in the file `output`.
    pub fn write(
        &self,
        job: Retrained,
        output: &Path,
        images: &ImageOptions,
    ) -> Result<(), Box<dyn Error>> {
        if self.report.is_none() && self.answers.is_none() {
            return Ok(());
        }
        let split = self.report_on.unwrap_or(match job.test {
            Some(_) => SplitName::Test,
            None => SplitName::OutOfFold,
        });
        let predictions = match split {
            SplitName::Test => job.test.ok_or("there are no test images to report on")?,
            SplitName::OutOfFold => job.out_of_fold.ok_or(
                "there are no out-of-fold answers: this recipe makes no cross-validation, or the network has learnt from \
                 the images",
            )?,
        };
        crate::say!("\nreported: {}", split.what(predictions.len()));
        if let Some(path) = &self.answers {
            let mut lines = Vec::new();
            predictions.write_json_lines(&mut lines)?;
            write(path, lines)?;
        }
        let Some(path) = &self.report else {
            return Ok(());
        };
        let wanted = EvaluationOptions::new().with_intervals(Bootstrap::new());
        let report = predictions.report(&wanted)?;
        let mut answers = Answers::of(job.classifier, predictions, split);
        if split == SplitName::Test && job.test_counts.seen() > 0 {
            answers.measured = Some(transfer::familiarity::Measured {
                counts: job.test_counts,
                included: images.include_training,
            });
        }
        let folder = match (&images.test_dir, split) {
            (Some(test), SplitName::Test) => test.clone(),
            _ => images.folder(),
        };
        let shown = Images {
            image_dir: Some(folder),
            cache: PathBuf::new(),
            device: DeviceName::Cpu,
            signature: SignatureOptions::default(),
            include_training: images.include_training,
        };
        let report = answers.describe(report, output, &shown);
        write(path, answers.with_pictures(report, &shown, false)?.html()?)
    }
}
