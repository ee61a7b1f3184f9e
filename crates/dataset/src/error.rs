//! The one error type of this crate.

use std::path::{Path, PathBuf};

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A picture cannot be used.
    #[error("{} ({bytes} bytes): {problem}", path.display())]
    Picture {
        /// The file, or `(in memory)` where bytes were given.
        path: PathBuf,
        /// Size of the file.
        bytes: u64,
        /// What is wrong with it.
        problem: Problem,
    },
    /// The folder has no sub-folders, so no classes.
    #[error("{}: expected one sub-folder of images for each class, found none", path.display())]
    NoClasses {
        /// The folder.
        path: PathBuf,
    },
    /// A class has no usable picture.
    #[error(
        "{}: class '{class}' has no usable image ({skipped} files left out): add images or remove the folder",
        path.display()
    )]
    EmptyClass {
        /// The folder of the class.
        path: PathBuf,
        /// Its name.
        class: String,
        /// How many files it holds that are no images.
        skipped: usize,
    },
    /// Two classes become one under the original's label rule.
    #[error(
        "the folders '{first}' and '{second}' both become the label '{label}': rename one of them"
    )]
    LabelCollision {
        /// One folder's name.
        first: String,
        /// The other's.
        second: String,
        /// The label that both become.
        label: String,
    },
    /// A set of a split would have no image.
    #[error("the {set} set would be empty ({images} images in all): {repair}")]
    EmptySet {
        /// `training`, `validation` or `testing`; with a class where one class is concerned.
        set: String,
        /// How many images there are to divide.
        images: usize,
        /// What would help.
        repair: String,
    },
    /// An option is out of its range.
    #[error("{option}: expected {expected}, found {found}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// Its range.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A file that this crate wrote, or a list that it was given, does not parse.
    #[error("{}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where, and what was expected.
        message: String,
    },
}

impl Error {
    /// An I/O error at `path`; made to be used in `map_err`.
    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, source }
    }

    /// A file at `path` that is not as it must be.
    pub(crate) fn format(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Self::Format {
            path: path.as_ref().to_path_buf(),
            message: message.into(),
        }
    }

    /// A picture at `path` that cannot be used; made to be used in `map_err`.
    pub(crate) fn picture(path: impl AsRef<Path>, bytes: u64) -> impl FnOnce(Problem) -> Self {
        let path = path.as_ref().to_path_buf();
        move |problem| Self::Picture {
            path,
            bytes,
            problem,
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

/// Why a picture, or a file that should have been one, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are those of none of the formats.
    #[error("not a JPEG, PNG, GIF, WebP or BMP: it starts with {start}")]
    UnknownFormat {
        /// The first bytes, escaped.
        start: String,
    },
    /// Larger than a limit allows, found before anything was allocated.
    #[error("{what} is {found}, over the limit of {limit}")]
    OverLimit {
        /// What was measured, such as `a side` or `the number of pixels`.
        what: &'static str,
        /// The value.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The file ends before the picture does.
    #[error("the {format} is cut short")]
    Truncated {
        /// Its format.
        format: &'static str,
    },
    /// The decoder refused the file.
    #[error("broken or unsupported {format}: {message}")]
    Broken {
        /// Its format.
        format: &'static str,
        /// What the decoder said.
        message: String,
    },
    /// Left out on purpose: hidden, a folder, no ordinary file, or of no class.
    #[error("{0}")]
    NotAFile(String),
    /// The system does not let it be read: a link to nothing, no permission, a bad disk.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}
