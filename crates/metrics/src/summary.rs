//! Precision, recall and F1 as a table, in the layout of scikit-learn's `classification_report`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::confusion::{Average, ClassMetric, ConfusionMatrix};
use crate::predictions::Predictions;
use crate::visible::visible;

/// Precision, recall, F1 and support of each class, and their averages.
///
/// `Display` prints it in the layout of scikit-learn's `classification_report`, with two digits. Undefined values are
/// printed as `-`; scikit-learn prints 0.00 and warns.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[doc(alias = "classification_report")]
pub struct Summary {
    /// One line for each class, in the order of the classes.
    pub classes: Vec<SummaryLine>,
    /// Share of the samples that are classified correctly.
    pub accuracy: Option<f64>,
    /// Unweighted mean over the classes that have samples or were predicted.
    pub macro_average: SummaryLine,
    /// Mean over the same classes, weighted by support.
    pub weighted_average: SummaryLine,
}

/// One line of a [`Summary`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SummaryLine {
    /// Name of the class or of the average.
    pub name: String,
    /// Share of the samples predicted as the class that belong to it.
    pub precision: Option<f64>,
    /// Share of the samples of the class that are predicted as it.
    pub recall: Option<f64>,
    /// F1 score: harmonic mean of precision and recall.
    pub f1: Option<f64>,
    /// Total weight of the samples of the class.
    pub support: f64,
}

impl Predictions {
    /// Precision, recall and F1 of each class and their averages. Print it for a table like scikit-learn's
    /// `classification_report`.
    #[doc(alias = "classification_report")]
    pub fn summary(&self) -> Summary {
        Summary::from_confusion(&self.confusion(), self.classes())
    }
}

impl Summary {
    /// Makes a summary of a confusion matrix, whose `zero_division` is used. If `names` is too short, missing names are
    /// empty.
    pub fn from_confusion(confusion: &ConfusionMatrix, names: &[String]) -> Self {
        let (precision, recall, f1) = (confusion.precision(), confusion.recall(), confusion.f1());
        let average = |name: &str, average| SummaryLine {
            name: name.to_string(),
            precision: confusion.average(ClassMetric::Precision, average),
            recall: confusion.average(ClassMetric::Recall, average),
            f1: confusion.average(ClassMetric::F1, average),
            support: confusion.total(),
        };
        Self {
            classes: (0..confusion.classes())
                .map(|class| SummaryLine {
                    name: names.get(class).cloned().unwrap_or_default(),
                    precision: precision[class],
                    recall: recall[class],
                    f1: f1[class],
                    support: confusion.support(class),
                })
                .collect(),
            accuracy: confusion.accuracy(),
            macro_average: average("macro avg", Average::Macro),
            weighted_average: average("weighted avg", Average::Weighted),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn number(value: Option<f64>) -> String {
            value.map_or_else(|| "-".to_string(), |value| format!("{value:.2}"))
        }
        let width = self
            .classes
            .iter()
            .map(|line| visible(&line.name).chars().count())
            .chain([self.weighted_average.name.len()])
            .max()
            .unwrap_or_default();
        let line = |f: &mut fmt::Formatter<'_>, line: &SummaryLine| {
            writeln!(
                f,
                "{:>width$}  {:>9} {:>9} {:>9} {:>9}",
                visible(&line.name),
                number(line.precision),
                number(line.recall),
                number(line.f1),
                line.support
            )
        };
        writeln!(
            f,
            "{:>width$}  {:>9} {:>9} {:>9} {:>9}\n",
            "", "precision", "recall", "f1-score", "support"
        )?;
        for class in &self.classes {
            line(f, class)?;
        }
        writeln!(f)?;
        let (accuracy, support) = (number(self.accuracy), self.macro_average.support);
        writeln!(
            f,
            "{:>width$}  {:>9} {:>9} {accuracy:>9} {support:>9}",
            "accuracy", "", ""
        )?;
        line(f, &self.macro_average)?;
        line(f, &self.weighted_average)
    }
}
