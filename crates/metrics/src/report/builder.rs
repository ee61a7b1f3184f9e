use std::collections::BTreeMap;

use crate::comparison::{Comparison, PairedOutcomes};
use crate::error::{Error, Result};
use crate::evaluation::{Evaluation, EvaluationOptions};
use crate::predictions::Predictions;
use crate::report::card::ModelCard;
use crate::report::learning_curve::LearningCurve;

/// A report that becomes one self-contained HTML file without scripts and links. The same input gives the same bytes.
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
    pub(super) predictions: Predictions,
    pub(super) evaluation: Evaluation,
    pub(super) title: String,
    pub(super) date: Option<String>,
    pub(super) facts: Vec<Fact>,
    pub(super) pictures: BTreeMap<usize, Picture>,
    pub(super) overlays: BTreeMap<usize, Picture>,
    pub(super) overlay_note: String,
    pub(super) learning_curves: Vec<LearningCurve>,
    pub(super) comparison: Option<Box<Other>>,
    pub(super) card: Option<ModelCard>,
}

/// One line of the section on what was evaluated.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub name: String,
    pub value: String,
}

/// The other classifier, with which that of the report is compared.
#[derive(Clone, Debug)]
pub(super) struct Other {
    pub name: String,
    pub predictions: Predictions,
    pub comparison: Comparison,
}

/// An encoded picture. The page embeds its bytes unchanged, so give a thumbnail, not the whole photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Media type, such as `image/jpeg`. A picture whose media type does not start with `image/`, or holds anything but
    /// letters, digits, `/`, `+`, `-` and `.`, is left out.
    pub media_type: String,
    /// The encoded file.
    pub bytes: Vec<u8>,
}

impl Picture {
    /// A picture that is encoded as JPEG.
    pub fn jpeg(bytes: Vec<u8>) -> Self {
        Self {
            media_type: "image/jpeg".into(),
            bytes,
        }
    }
}

impl Predictions {
    /// Starts a report of these predictions.
    ///
    /// # Errors
    /// The errors of [`Predictions::evaluate`].
    pub fn report(&self, options: &EvaluationOptions) -> Result<Report> {
        self.report_with_progress(options, |_, _| {})
    }

    /// Does the same as [`Predictions::report`] and reports progress: `on_progress` receives the number of bootstrap
    /// replicates that are done and their total number; see [`Predictions::evaluate_with_progress`].
    ///
    /// # Errors
    /// The errors of [`Predictions::evaluate`].
    pub fn report_with_progress(
        &self,
        options: &EvaluationOptions,
        on_progress: impl FnMut(usize, usize),
    ) -> Result<Report> {
        Ok(Report {
            evaluation: self.evaluate_with_progress(options, on_progress)?,
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
    /// Sets the heading of the page; default `How good is this classifier?`.
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds the date of the report, as text. By default there is none, so that the same input gives the same page every
    /// day.
    pub fn with_date(mut self, date: impl Into<String>) -> Self {
        self.date = Some(date.into());
        self
    }

    /// Adds a line about what was evaluated, such as the weights, the preprocessing, or the source of the images.
    pub fn with_fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push(Fact {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Adds the thumbnail of a sample. Only the samples of [`Report::shown`] appear on the page.
    pub fn with_picture(mut self, sample: usize, picture: Picture) -> Self {
        self.pictures.insert(sample, picture);
        self
    }

    /// Adds the attribution overlay of a sample, which is shown beside its thumbnail.
    pub fn with_overlay(mut self, sample: usize, picture: Picture) -> Self {
        self.overlays.insert(sample, picture);
        self
    }

    /// Adds a note on how to read the overlays: what they show and what their colors mean.
    pub fn with_overlay_note(mut self, note: impl Into<String>) -> Self {
        self.overlay_note = note.into();
        self
    }

    /// Adds a learning curve.
    pub fn with_learning_curve(mut self, curve: LearningCurve) -> Self {
        self.learning_curves.push(curve);
        self
    }

    /// Adds the comparison with another classifier on the same samples. The other classifier is the first of the two,
    /// so `comparison` must be `other.compare(predictions of this report, ...)`.
    ///
    /// # Errors
    /// If `other` has other samples, or `comparison` does not compare these two predictions in this order.
    pub fn with_comparison(
        mut self,
        name: impl Into<String>,
        other: &Predictions,
        comparison: Comparison,
    ) -> Result<Self> {
        if PairedOutcomes::new(other, &self.predictions)? != comparison.outcomes {
            return Err(Error::Mismatch {
                what: "comparison",
                first: "of the other classifier with that of this report".to_string(),
                second: "one of other predictions, or the other way round".to_string(),
            });
        }
        self.comparison = Some(Box::new(Other {
            name: name.into(),
            predictions: other.clone(),
            comparison,
        }));
        Ok(self)
    }

    /// Adds a model card, which is the last part of the page.
    pub fn with_card(mut self, card: ModelCard) -> Self {
        self.card = Some(card);
        self
    }

    /// The scores of the report.
    pub fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// The model card as Markdown with the front matter of Hugging Face; `None` without a card.
    pub fn card_markdown(&self) -> Option<String> {
        let card = self.card.as_ref()?;
        Some(card.markdown(&self.evaluation))
    }
}
