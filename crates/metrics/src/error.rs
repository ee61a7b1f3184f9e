use std::fmt;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where a bad sample was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// Index of the sample, counted from 0, of data given as slices.
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

/// What can be wrong with predictions, or with a question about them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is not a single sample.
    #[error("there are no predictions to measure; give at least one sample")]
    Empty,
    /// There is no class.
    #[error("there are no classes; give at least one")]
    NoClasses,
    /// Two columns that belong together differ in length.
    #[error("expected {expected} {what}, one for each target, found {found}")]
    Length {
        /// The column.
        what: &'static str,
        /// Number of samples.
        expected: usize,
        /// Length of the column.
        found: usize,
    },
    /// Probabilities in one vector are no whole number of rows.
    #[error(
        "expected whole rows of {classes} probabilities, one for each class, found {found} values in all"
    )]
    Ragged {
        /// Number of classes.
        classes: usize,
        /// Length of the vector.
        found: usize,
    },
    /// A row has not one probability for each class.
    #[error("{place}: expected {expected} probabilities, one for each class, found {found}")]
    Columns {
        /// Where.
        place: Place,
        /// Number of classes.
        expected: usize,
        /// Number of probabilities found.
        found: usize,
    },
    /// A probability is not a number in [0, 1].
    #[error(
        "{place}: probability of class {class} is {value}; expected a number from 0 to 1 \
         (scores such as logits must go through softmax first)"
    )]
    Probability {
        /// Where.
        place: Place,
        /// Index of the class.
        class: usize,
        /// What was found.
        value: f64,
    },
    /// The probabilities of a row do not sum to one.
    #[error(
        "{place}: probabilities sum to {sum}; expected 1 within {tolerance}: write more digits, or divide by the sum"
    )]
    Sum {
        /// Where.
        place: Place,
        /// What was found.
        sum: f64,
        /// What is tolerated.
        tolerance: f64,
    },
    /// A class index is out of range.
    #[error("{place}: {what} is class {class}, but there are {classes} classes (0 to {})", .classes - 1)]
    Class {
        /// Where.
        place: Place,
        /// Target or prediction.
        what: &'static str,
        /// What was found.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A class name is not among the classes.
    #[error("{place}: {what} is `{name}`, which is not among the classes: {}", .classes.join(", "))]
    ClassName {
        /// Where.
        place: Place,
        /// Target or prediction.
        what: &'static str,
        /// What was found.
        name: String,
        /// The classes.
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
    /// A weight is negative, infinite or not a number.
    #[error("{place}: weight is {value}; expected a finite number of at least 0")]
    Weight {
        /// Where.
        place: Place,
        /// What was found.
        value: f64,
    },
    /// All weights are zero.
    #[error("all weights are 0; at least one sample must count")]
    NoWeight,
    /// A line is not what was expected.
    #[error("{place}: {reason}")]
    Parse {
        /// Where.
        place: Place,
        /// What was expected and found.
        reason: String,
    },
    /// A column is there for some samples and not for others.
    #[error("{place}: `{column}` must be given for every sample or for none")]
    Uneven {
        /// Where.
        place: Place,
        /// The column.
        column: &'static str,
    },
    /// Two sets of predictions do not fit each other.
    #[error("the two sets of predictions differ in {what}: {first} against {second}")]
    Mismatch {
        /// In what.
        what: &'static str,
        /// Of the first.
        first: String,
        /// Of the second.
        second: String,
    },
    /// Probabilities are needed, and only hard classes were given.
    #[error("{what} needs probabilities, but these predictions hold classes only")]
    NoProbabilities {
        /// What was asked for.
        what: &'static str,
    },
    /// An option is out of its range.
    #[error("{option} is {value}; expected {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was read or written.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
}
