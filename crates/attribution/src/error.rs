//! What can go wrong, one variant a cause.

/// What a model's own function may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an explanation could not be made, measured or drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The function that the caller gave failed.
    #[error("the model's function failed: {0}")]
    Model(#[source] BoxError),

    /// A slice is not as long as its shape says.
    #[error("{what}: expected {expected} values, found {found}; check the shape that goes with it")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Product of the shape.
        expected: usize,
        /// Length of the slice.
        found: usize,
    },

    /// Two things that must have one shape have two.
    #[error(
        "{what}: expected height, width, channels {expected:?}, found {found:?}; resize it first"
    )]
    Shape {
        /// Which of the two is wrong.
        what: &'static str,
        /// Height, width, channels asked for.
        expected: [usize; 3],
        /// Height, width, channels found.
        found: [usize; 3],
    },

    /// Nothing to work on.
    #[error("{what} is empty; at least one is needed")]
    Empty {
        /// What is empty.
        what: &'static str,
    },

    /// A value is NaN or infinite.
    #[error(
        "{what}: value {index} is {value}, which is not finite; look for overflow or a division by zero in the model or its input"
    )]
    NotFinite {
        /// Which values.
        what: &'static str,
        /// Position of the first one.
        index: usize,
        /// The value.
        value: f64,
    },

    /// A setting out of its range.
    #[error("{name} = {found}: expected {expected}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },

    /// A name that is in no table.
    #[error("unknown {what} \"{found}\"; expected one of {known}")]
    Unknown {
        /// Kind of name.
        what: &'static str,
        /// The name given.
        found: String,
        /// The names there are.
        known: String,
    },

    /// A class that the model does not have.
    #[error("target {target} is out of range: the model has {classes} classes, 0 to {}", classes.saturating_sub(1))]
    Target {
        /// The class asked for.
        target: usize,
        /// How many there are.
        classes: usize,
    },

    /// The method needs an ability that the model was not given.
    #[error("{method} needs {ability}, which this model does not have; give it with {give}")]
    Ability {
        /// The method's name.
        method: &'static str,
        /// What it needs.
        ability: &'static str,
        /// The call that gives it.
        give: &'static str,
    },
}

impl Error {
    pub(crate) fn setting(
        name: &'static str,
        expected: impl Into<String>,
        found: &dyn std::fmt::Display,
    ) -> Self {
        Self::Setting {
            name,
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}

/// Fails on the first value that is NaN or infinite.
pub(crate) fn all_finite(what: &'static str, values: impl IntoIterator<Item = f64>) -> Result<()> {
    match values.into_iter().enumerate().find(|(_, v)| !v.is_finite()) {
        Some((index, value)) => Err(Error::NotFinite { what, index, value }),
        None => Ok(()),
    }
}
