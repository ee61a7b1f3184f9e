//! What can go wrong, and where.

use std::fmt;
use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where a bad sample was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// Index of the sample, counted from 0, in data given as slices.
    Row(usize),
    /// Line of a text file, counted from 1.
    Line(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(row) => write!(f, "row {row} (counted from 0)"),
            Self::Line(line) => write!(f, "line {line}"),
        }
    }
}

/// Why predictions are refused, or why something cannot be computed from them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are no samples.
    #[error("there are no predictions to measure; give at least one sample")]
    Empty,
    /// There are no classes.
    #[error("there are no classes; give at least one")]
    NoClasses,
    /// Two columns that belong together differ in length.
    #[error("expected {expected} {what}, one for each target, found {found}")]
    Length {
        /// Name of the column.
        what: &'static str,
        /// Number of samples.
        expected: usize,
        /// Length of the column.
        found: usize,
    },
    /// The length of a vector of probabilities is not a multiple of the number of classes.
    #[error(
        "expected whole rows of {classes} probabilities, one for each class, found {found} values in all"
    )]
    Ragged {
        /// Number of classes.
        classes: usize,
        /// Length of the vector.
        found: usize,
    },
    /// A row does not hold one probability for each class.
    #[error("{place}: expected {expected} probabilities, one for each class, found {found}")]
    Columns {
        /// Where the row is.
        place: Place,
        /// Number of classes.
        expected: usize,
        /// Number of probabilities in the row.
        found: usize,
    },
    /// A probability is not a number from 0 to 1.
    #[error(
        "{place}: probability of class {class} is {value}; expected a number from 0 to 1 \
         (apply softmax to scores such as logits first)"
    )]
    Probability {
        /// Where the row is.
        place: Place,
        /// Index of the class.
        class: usize,
        /// The value found.
        value: f64,
    },
    /// The probabilities of a row do not sum to one.
    #[error(
        "{place}: probabilities sum to {sum}; expected 1 within {tolerance}: write more digits, or divide by the sum"
    )]
    Sum {
        /// Where the row is.
        place: Place,
        /// The sum found.
        sum: f64,
        /// The largest difference from 1 that is accepted.
        tolerance: f64,
    },
    /// A class index is out of range.
    #[error("{place}: {what} is class {class}, but there are {classes} classes (0 to {})", .classes - 1)]
    Class {
        /// Where the sample is.
        place: Place,
        /// Whether it is the target or the prediction.
        what: &'static str,
        /// The index found.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A class name is not among the classes.
    #[error("{place}: {what} is `{name}`, which is not among the classes: {}", .classes.join(", "))]
    ClassName {
        /// Where the sample is.
        place: Place,
        /// Whether it is the target, the prediction or a column.
        what: &'static str,
        /// The name found.
        name: String,
        /// Names of the classes.
        classes: Vec<String>,
    },
    /// The number of class names is wrong.
    #[error("expected {expected} class names, one for each column of probabilities, found {found}")]
    ClassCount {
        /// Number of classes.
        expected: usize,
        /// Number of names.
        found: usize,
    },
    /// Two classes have the same name.
    #[error("class name `{name}` is given twice; names must differ")]
    DuplicateClass {
        /// The name.
        name: String,
    },
    /// Not one value was given for each label.
    #[error("expected {expected} {what}, one for each label, found {found}")]
    LabelCount {
        /// What was given.
        what: &'static str,
        /// Number of labels.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// Two labels have the same name.
    #[error("label name `{name}` is given twice; names must differ")]
    DuplicateLabel {
        /// The name.
        name: String,
    },
    /// A weight is negative, infinite or not a number.
    #[error("{place}: weight is {value}; expected a finite number of at least 0")]
    Weight {
        /// Where the sample is.
        place: Place,
        /// The value found.
        value: f64,
    },
    /// The sum of the weights is infinite, or so large that scores would be.
    #[error(
        "the weights sum to {sum:e}; expected at most 1e75: divide all weights by the same number"
    )]
    WeightSum {
        /// The sum found.
        sum: f64,
    },
    /// All weights are zero.
    #[error("all weights are 0; at least one sample must have a weight above 0")]
    NoWeight,
    /// A value or a line is not what was expected.
    #[error("{place}: {reason}")]
    Parse {
        /// Where it is.
        place: Place,
        /// What was expected and what was found.
        reason: String,
    },
    /// A line of text cannot be parsed.
    #[error("{place}: expected {expected}: {source}")]
    Syntax {
        /// Where the line is.
        place: Place,
        /// What was expected.
        expected: &'static str,
        /// Error of the parser.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A column is given for some samples and missing for others.
    #[error("{place}: `{column}` must be given for every sample or for none")]
    Uneven {
        /// Where the first such sample is.
        place: Place,
        /// Name of the column.
        column: &'static str,
    },
    /// Two sets of predictions cannot be compared or merged.
    #[error("the two sets of predictions differ in {what}: {first} against {second}")]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// Value of the first set.
        first: String,
        /// Value of the second set.
        second: String,
    },
    /// Probabilities are needed, but only the predicted classes are known.
    #[error("{what} needs probabilities, but these predictions hold classes only")]
    NoProbabilities {
        /// What was to be computed.
        what: &'static str,
    },
    /// Samples have weights, for which something is not defined.
    #[error(
        "{what} is not defined for weighted samples; leave the weights out, or repeat each sample"
    )]
    Weighted {
        /// What was to be computed.
        what: &'static str,
    },
    /// There are too few samples for what is promised.
    #[error("there are {found} {what}, but {aim} needs at least {needed}")]
    TooFew {
        /// Which samples.
        what: String,
        /// Their number.
        found: usize,
        /// The smallest number that is enough.
        needed: usize,
        /// What they are needed for.
        aim: String,
    },
    /// A setting is out of its range.
    #[error("{setting} is {value}; expected {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// The value given.
        value: String,
        /// The values accepted.
        expected: String,
    },
    /// A chart of the report cannot be drawn.
    #[error("chart `{title}` cannot be drawn: {source}")]
    Chart {
        /// Title of the chart.
        title: String,
        /// Error of the drawing library.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Apache Arrow refuses the columns.
    #[error("cannot convert to Apache Arrow: {source}")]
    Arrow {
        /// Error of Arrow.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A reader or writer given by the caller failed.
    #[error("{what}: {source}")]
    Stream {
        /// What was read or written, and the line where it is known.
        what: String,
        /// Error of the reader or writer.
        source: std::io::Error,
    },
    /// A file of predictions is refused.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why it is refused.
        source: Box<Error>,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn setting(
        setting: &'static str,
        value: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::Setting {
            setting,
            value: value.to_string(),
            expected: expected.into(),
        }
    }
}

#[cfg(feature = "report")]
impl From<files::Error> for Error {
    fn from(error: files::Error) -> Self {
        Self::Io {
            path: error.path,
            source: error.source,
        }
    }
}
