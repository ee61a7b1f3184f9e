//! How a file of predictions is read.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::predictions::Predictions;

/// What the numbers of the classes are.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scores {
    /// Probabilities: from 0 to 1, and of sum 1.
    #[default]
    Probabilities,
    /// Logits: any numbers, of which softmax makes probabilities.
    Logits,
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Probabilities => "probabilities",
            Self::Logits => "logits",
        })
    }
}

impl FromStr for Scores {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "probabilities" => Ok(Self::Probabilities),
            "logits" => Ok(Self::Logits),
            _ => Err(Error::setting(
                "kind of scores",
                text,
                "probabilities or logits",
            )),
        }
    }
}

/// How a file of predictions is read: what its columns are called where they have no usual name, and what its numbers are.
///
/// ```
/// use metrics::formats::Reading;
/// # fn main() -> Result<(), metrics::Error> {
/// let reading = Reading::new().with_target("truth".to_string());
/// let read = reading.csv("id;truth;boat;cloud\n7;boat;0.9;0.1\n".as_bytes())?;
/// assert_eq!(read.predictions.classes(), ["boat", "cloud"]);
/// assert_eq!(read.predictions.files(), Some(&["7".to_string()][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reading {
    pub(super) classes: Option<Vec<String>>,
    pub(super) target: Option<String>,
    pub(super) file: Option<String>,
    pub(super) probabilities: Option<Vec<String>>,
    pub(super) scores: Scores,
}

impl Reading {
    /// The usual names of columns, and probabilities.
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of the classes in the order of the probabilities; with `None` they are those of the columns, or indices.
    pub fn with_classes(mut self, classes: impl Into<Option<Vec<String>>>) -> Self {
        self.classes = classes.into();
        self
    }

    /// The column with the true class; with `None` it is `target`, `y_true`, `true_label`, `label` or another usual name.
    pub fn with_target(mut self, column: impl Into<Option<String>>) -> Self {
        self.target = column.into();
        self
    }

    /// The column with the names of the files; with `None` it is `file`, `filename`, `image`, `path`, `id` or another usual
    /// name, or there is none.
    pub fn with_file(mut self, column: impl Into<Option<String>>) -> Self {
        self.file = column.into();
        self
    }

    /// The columns with the probabilities, one for each class; all columns that have no other use are then ignored. With
    /// `None` all those are probabilities, and it is an error where one of them cannot be.
    pub fn with_probabilities(mut self, columns: impl Into<Option<Vec<String>>>) -> Self {
        self.probabilities = columns.into();
        self
    }

    /// What the numbers are; defaults to probabilities.
    pub fn with_scores(mut self, scores: Scores) -> Self {
        self.scores = scores;
        self
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Read {
    /// The predictions.
    pub predictions: Predictions,
    /// What was made right while reading, in sentences for people.
    pub remarks: Vec<String>,
}
