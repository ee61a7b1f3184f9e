//! One page that says how good a classifier is, and where it fails.

// Pages are built from finished pieces; a formatted piece more or less costs nothing here.
#![allow(clippy::format_push_string)]

mod card;
mod charts;
mod comparison;
mod gallery;
mod html;
mod sections;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use crate::{Compared, Comparison, Error, Evaluation, EvaluationOptions, Predictions, Result};

pub use card::ModelCard;

/// A report in the making: one self-contained HTML file, without scripts and without links to anywhere, in
/// light and dark, for screen, phone and paper. The same input gives the same bytes.
///
/// ```no_run
/// # use metrics::{Predictions, EvaluationOptions, Bootstrap};
/// # fn main() -> Result<(), metrics::Error> {
/// # let predictions = Predictions::new(vec![0, 1], vec![vec![0.9, 0.1], vec![0.2, 0.8]])?;
/// let options = EvaluationOptions::new().with_intervals(Bootstrap::new());
/// predictions
///     .report(&options)?
///     .with_title("Boats and clouds")
///     .with_date("2026-11-24")
///     .with_fact("Weights", "mobilenet_v1_1.0_224")
///     .write_html("report.html")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    predictions: Predictions,
    evaluation: Evaluation,
    title: String,
    date: Option<String>,
    facts: Vec<(String, String)>,
    pictures: BTreeMap<usize, Picture>,
    overlays: BTreeMap<usize, Picture>,
    overlay_note: String,
    learning_curves: Vec<LearningCurve>,
    comparison: Option<Box<AgainstAnother>>,
    card: Option<ModelCard>,
}

/// The classifier that the report's one is compared with.
#[derive(Clone, Debug)]
struct AgainstAnother {
    name: String,
    predictions: Predictions,
    compared: Compared,
}

/// An encoded picture, embedded as it is: a thumbnail, not the photo, or the page grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Such as `image/jpeg`; letters, digits, `/`, `+`, `-` and `.` only, else the picture is left out.
    pub media_type: String,
    /// The encoded file.
    pub bytes: Vec<u8>,
}

/// How a number went while the classifier learned.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningCurve {
    /// What it is, such as `Loss`.
    pub number: String,
    /// What the steps count, such as `Epoch`.
    pub step: String,
    /// A name, such as `training`, and points of step and number.
    pub series: Vec<(String, Vec<(f64, f64)>)>,
}

impl Predictions {
    /// Starts a report of these predictions.
    ///
    /// # Errors
    /// As [`Predictions::evaluate`].
    pub fn report(&self, options: &EvaluationOptions) -> Result<Report> {
        Ok(Report {
            evaluation: self.evaluate(options)?,
            predictions: self.clone(),
            title: "How good is this classifier?".to_string(),
            date: None,
            facts: Vec::new(),
            pictures: BTreeMap::new(),
            overlays: BTreeMap::new(),
            overlay_note: String::new(),
            learning_curves: Vec::new(),
            comparison: None,
            card: None,
        })
    }
}

impl Report {
    /// Heading of the page.
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// When it was made, in words of the caller, who alone knows whether it may change the bytes.
    pub fn with_date(mut self, date: impl Into<String>) -> Self {
        self.date = Some(date.into());
        self
    }

    /// One more line on what was evaluated: weights, preprocessing, where the images come from.
    pub fn with_fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push((name.into(), value.into()));
        self
    }

    /// The thumbnail of a sample; only those of [`Report::shown`] appear.
    pub fn with_picture(mut self, sample: usize, picture: Picture) -> Self {
        self.pictures.insert(sample, picture);
        self
    }

    /// The attribution overlay of a sample, shown beside its thumbnail.
    pub fn with_overlay(mut self, sample: usize, picture: Picture) -> Self {
        self.overlays.insert(sample, picture);
        self
    }

    /// How to read the overlays: what they are and what their colours mean.
    pub fn with_overlay_note(mut self, note: impl Into<String>) -> Self {
        self.overlay_note = note.into();
        self
    }

    /// One more learning curve.
    pub fn with_learning_curve(mut self, curve: LearningCurve) -> Self {
        self.learning_curves.push(curve);
        self
    }

    /// Compares with another classifier, the first of the two, on the same samples: `compared` is
    /// `other.compare(predictions of this report, ...)`.
    ///
    /// # Errors
    /// Where `other` is not of the same samples, or `compared` is another comparison.
    pub fn with_comparison(
        mut self,
        name: impl Into<String>,
        other: &Predictions,
        compared: Compared,
    ) -> Result<Self> {
        if Comparison::new(other, &self.predictions)? != compared.comparison {
            return Err(Error::Mismatch {
                what: "comparison",
                first: "of the other classifier with this report's".to_string(),
                second: "one of other predictions, or the other way round".to_string(),
            });
        }
        self.comparison = Some(Box::new(AgainstAnother {
            name: name.into(),
            predictions: other.clone(),
            compared,
        }));
        Ok(self)
    }

    /// The model card, the last part of the page.
    pub fn with_card(mut self, card: ModelCard) -> Self {
        self.card = Some(card);
        self
    }

    /// The numbers of the report.
    pub fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// Samples that the page shows, each once, for which thumbnails and overlays are worth making.
    pub fn shown(&self) -> Vec<usize> {
        let (mut shown, unsure) = (
            gallery::confident_mistakes(&self.predictions),
            gallery::least_confident(&self.predictions),
        );
        shown.extend(unsure);
        if let Some(other) = &self.comparison {
            shown.extend(comparison::changed(other).flat_map(|(_, samples)| samples));
        }
        shown.sort_unstable();
        shown.dedup();
        shown
    }

    /// The page.
    ///
    /// # Errors
    /// Where a chart cannot be drawn.
    pub fn html(&self) -> Result<String> {
        sections::page(self)
    }

    /// The model card as Markdown with the front matter of Hugging Face; `None` without a card.
    pub fn card_markdown(&self) -> Option<String> {
        self.card
            .as_ref()
            .map(|card| card.markdown(&self.evaluation))
    }

    /// Writes the page, which replaces what is there only when it is whole.
    ///
    /// # Errors
    /// As [`Report::html`], and where the file cannot be written.
    pub fn write_html(&self, path: impl AsRef<Path>) -> Result<()> {
        let (path, html) = (path.as_ref(), self.html()?);
        write_whole(path, html.as_bytes()).map_err(|source| Error::Io {
            what: path.display().to_string(),
            source,
        })
    }
}

/// Writes under a temporary name beside the file's own, syncs, then renames.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".part-");
    // As the umask allows: temporary files are otherwise for their owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
