//! The error type of this crate.

use crate::ability::Ability;
use std::path::PathBuf;

/// Any error that the function of a model may return.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an explanation could not be made, measured, drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The function that the caller gave as the model failed.
    #[error("the model's function failed: {0}")]
    Model(#[source] BoxError),

    /// The length of a slice differs from the product of its shape.
    #[error("{what}: expected {expected} values, found {found}; check the shape that goes with it")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Product of the shape.
        expected: usize,
        /// Length of the slice.
        found: usize,
    },

    /// Two shapes that must be equal differ.
    #[error(
        "{what}: expected height, width, channels {expected:?}, found {found:?}; resize it first"
    )]
    Shape {
        /// Which of the two is wrong.
        what: &'static str,
        /// Expected height, width, channels.
        expected: [usize; 3],
        /// Found height, width, channels.
        found: [usize; 3],
    },

    /// There is nothing to work on.
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
        /// Position of the first such value.
        index: usize,
        /// The value.
        value: f64,
    },

    /// A setting is outside its range.
    #[error("{setting} is {value}; expected {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// The value that was given.
        value: String,
        /// The values that are allowed.
        expected: String,
    },

    /// A name is not one of the known names.
    #[error("unknown {what} \"{found}\"; expected one of {known}")]
    Unknown {
        /// What the name should refer to, such as a method.
        what: &'static str,
        /// The name that was given.
        found: String,
        /// The known names, separated by commas.
        known: String,
    },

    /// The model does not have this class.
    #[error("target {target} is out of range: the model has {classes} classes, 0 to {}", classes.saturating_sub(1))]
    Target {
        /// Index of the class that was asked for.
        target: usize,
        /// Number of classes of the model.
        classes: usize,
    },

    /// The method needs something that the model cannot do.
    #[error("{method} needs {ability}, which this model does not have; add it with {}", ability.given_by())]
    Ability {
        /// Name of the method.
        method: &'static str,
        /// What the method needs.
        ability: Ability,
    },

    /// A file or folder could not be written.
    #[error("{}: {source}", files::shown_path(path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },

    /// A picture could not be encoded.
    #[error("{what} cannot be encoded as PNG: {source}")]
    Encode {
        /// Which picture.
        what: &'static str,
        /// The reason.
        #[source]
        source: image::ImageError,
    },
}

impl From<files::Error> for Error {
    fn from(error: files::Error) -> Self {
        Self::Io {
            path: error.path,
            source: error.source,
        }
    }
}
