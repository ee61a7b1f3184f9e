use std::path::PathBuf;

use thiserror::Error;

#[cfg(feature = "train")]
use crate::familiarity::FamiliarityCounts;

/// What can go wrong in this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing a file failed.
    #[error("{}: {source}", files::shown_path(path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file does not have the expected content.
    #[error("{}: {message}", files::shown_path(path))]
    File {
        /// The file; `(in memory)` where bytes were given.
        path: PathBuf,
        /// What is wrong, including the cause.
        message: String,
        /// The cause, if another error is the cause.
        source: Option<BoxError>,
    },
    /// An error of the crate `dataset`: about images.
    #[error(transparent)]
    Dataset(#[from] dataset::Error),
    /// An error of the crate `mobilenet`: about the network or its weights.
    #[error(transparent)]
    MobileNet(#[from] mobilenet::Error),
    /// An error of the crate `metrics`: about measurements.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// Embeddings, targets or a setting do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Mismatch {
        /// What was checked.
        what: String,
        /// What it should have been.
        expected: String,
        /// What it was.
        found: String,
    },
    /// A setting is out of its range or contradicts another one.
    #[error("{setting} is {value}; expected {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// The values accepted.
        expected: String,
    },
    /// Apache Arrow refuses the columns (feature `arrow`).
    #[error("cannot convert to Apache Arrow: {source}")]
    Arrow {
        /// The error of Arrow.
        source: BoxError,
    },
    /// All pictures that a classifier is to be measured on were trained on, or look like pictures that were.
    #[cfg(feature = "train")]
    #[error(
        "nothing is left to measure: {counts}; give pictures that are new to the classifier, or count these all the same \
         (`include_training`, `--include-training`), which says how well it remembers, not how good it is"
    )]
    NothingUnseen {
        /// How well the pictures are known.
        counts: FamiliarityCounts,
    },
    /// None of the training images of a class can be used.
    #[error("class `{class}`: none of its training images can be used: {reason}")]
    UnusableClass {
        /// The class.
        class: String,
        /// The most frequent reason, with its count and what can be done.
        reason: String,
    },
    /// There is too little to train on.
    #[error(
        "class `{class}` has {found} training images, at least {needed} are needed: {}",
        few_images(*found)
    )]
    TooFewImages {
        /// The name of the class, or its index from 0 if the name is not known.
        class: String,
        /// Number of its images.
        found: usize,
        /// Number of images that it needs.
        needed: usize,
    },
}

/// What can be done about few images of a class.
fn few_images(found: usize) -> &'static str {
    match found {
        0 => "add images or leave the class out",
        _ => {
            "add images, leave the class out, or train by gradient descent, which needs one of each class \
             (`GradientDescent`, --recipe parity)"
        }
    }
}

impl From<files::Error> for Error {
    fn from(error: files::Error) -> Self {
        Self::Io {
            path: error.path,
            source: error.source,
        }
    }
}

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An I/O error at a path.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// A file that is not what it should be.
    pub(crate) fn file(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::File {
            path: path.into(),
            message: message.into(),
            source: None,
        }
    }

    /// The same as [`file`](Self::file), where another error is the cause; the message includes it.
    pub(crate) fn file_caused(
        path: impl Into<PathBuf>,
        message: impl Into<String>,
        cause: impl Into<BoxError>,
    ) -> Self {
        Self::File {
            path: path.into(),
            message: message.into(),
            source: Some(cause.into()),
        }
    }

    /// A setting that is out of its range.
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

    /// Something that should have been something else.
    pub(crate) fn mismatch(
        what: impl Into<String>,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self::Mismatch {
            what: what.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}
