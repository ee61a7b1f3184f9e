use std::fmt;

use crate::{Average, ClassMetric, ConfusionMatrix, Predictions};

/// Precision, recall, F1 and support of each class and averaged.
///
/// Printed in the layout of scikit-learn's `classification_report` with two digits; what is undefined is
/// printed as `-`, where scikit-learn prints 0.00 and warns.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// One line for each class, in the order of the classes.
    pub classes: Vec<SummaryLine>,
    /// Share of the samples that are right.
    pub accuracy: Option<f64>,
    /// Plain mean over the classes that are present.
    pub macro_average: SummaryLine,
    /// Mean weighted by support.
    pub weighted_average: SummaryLine,
}

/// One line of a [`Summary`].
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryLine {
    /// Name of the class or of the average.
    pub name: String,
    /// Of those called the class, how many are.
    pub precision: Option<f64>,
    /// Of those of the class, how many were found.
    pub recall: Option<f64>,
    /// Harmonic mean of the two.
    pub f1: Option<f64>,
    /// Weight of the samples of the class.
    pub support: f64,
}

impl Summary {
    pub(crate) fn of(predictions: &Predictions) -> Self {
        Self::of_confusion(&predictions.confusion(), predictions.classes())
    }

    /// From a confusion matrix, whose `zero_division` holds; missing names are left empty.
    pub fn of_confusion(confusion: &ConfusionMatrix, names: &[String]) -> Self {
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
            .map(|line| line.name.chars().count())
            .chain([self.weighted_average.name.len()])
            .max()
            .unwrap_or_default();
        let line = |f: &mut fmt::Formatter<'_>, line: &SummaryLine| {
            writeln!(
                f,
                "{:>width$}  {:>9} {:>9} {:>9} {:>9}",
                line.name,
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
