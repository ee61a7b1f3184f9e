//! The error type of this crate.

use std::path::{Path, PathBuf};

use crate::problem::{ImageProblem, Skipped};
use crate::skip_counts::{SkipCounts, of_problem};
use crate::split::subset::Subset;

/// Result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of another crate.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong in this crate. Messages say what went wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", files::shown_path(path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// An image cannot be used.
    #[error("{} ({bytes} bytes): {problem}", files::shown_path(path))]
    Image {
        /// The file, or `(in memory)` for bytes that come from no file.
        path: PathBuf,
        /// The size of the file in bytes.
        bytes: u64,
        /// What is wrong with the image.
        #[source]
        problem: ImageProblem,
    },
    /// The folder has no sub-folders, so there are no classes.
    #[error(
        "{}: expected one sub-folder of images for each class, found none{}",
        files::shown_path(path),
        hint_of_tables(tables)
    )]
    NoClasses {
        /// The folder.
        path: PathBuf,
        /// The names of tables in the folder, which may have the labels.
        tables: Vec<String>,
    },
    /// The sub-folders of a folder have the names of the parts of a split, and are none.
    #[error("{}: {what}", files::shown_path(path))]
    UnclearParts {
        /// The folder.
        path: PathBuf,
        /// What is unclear, and what to do.
        what: String,
    },
    /// A class has no image that can be used.
    #[error(
        "{}: class '{class}' has no usable image: {}",
        files::shown_path(path),
        why_none(skipped)
    )]
    EmptyClass {
        /// The folder of the class.
        path: PathBuf,
        /// The name of the class.
        class: String,
        /// The files in the folder of the class, and why each is left out.
        skipped: Vec<Skipped>,
    },
    /// The rule of `retrain.py` turns two folder names into the same label.
    #[error(
        "the folders '{first}' and '{second}' both become the label '{label}': rename one of them"
    )]
    LabelCollision {
        /// The name of one folder.
        first: String,
        /// The name of the other folder.
        second: String,
        /// The label that both become.
        label: String,
    },
    /// A subset of a split would have no image, or a class would have no image to train on.
    #[error(
        "the {subset}{} set would be empty ({images} images in all): {}",
        class.as_ref().map(|class| format!(" ('{class}')")).unwrap_or_default(),
        remedy(*subset)
    )]
    EmptySubset {
        /// The subset.
        subset: Subset,
        /// The class, if only this class has no image in the subset.
        class: Option<String>,
        /// The number of images that are to be divided.
        images: usize,
    },
    /// Images of one group are in several parts of a split that was made already.
    #[error(
        "{}: all images of a group must be in one part; leave out the column of groups, or the column of parts",
        counted(groups, "groups are in several parts of the split")
    )]
    DividedGroup {
        /// The groups, sorted.
        groups: Vec<String>,
    },
    /// A folder has classes that the training images do not have.
    #[error(
        "{}: expected the classes of {} ({expected:?}), and found also {found:?}",
        files::shown_path(folder),
        files::shown_path(reference)
    )]
    ClassesDiffer {
        /// The folder whose classes differ.
        folder: PathBuf,
        /// The classes that it has beside the expected ones.
        found: Vec<String>,
        /// The folder that it is compared with.
        reference: PathBuf,
        /// The classes of the folder that it is compared with.
        expected: Vec<String>,
    },
    /// A file names the same image twice.
    #[error("{}: '{name}' is listed twice", files::shown_path(path))]
    ListedTwice {
        /// The file.
        path: PathBuf,
        /// The name of the image, `class/file`.
        name: String,
    },
    /// A file that must name all images of a folder leaves some out.
    #[error(
        "{}: {}",
        files::shown_path(path),
        counted(names, "images are not listed")
    )]
    NotListed {
        /// The file.
        path: PathBuf,
        /// The names of the images that are not in the file, sorted as in the folder.
        names: Vec<String>,
    },
    /// A list names images that the folder does not have.
    #[error("{list}: {}", counted(names, &format!("names are not in {}", folder.display())))]
    UnknownNames {
        /// The file with the names, or what else the names come from.
        list: String,
        /// The folder.
        folder: PathBuf,
        /// The names that the folder does not have, sorted.
        names: Vec<String>,
    },
    /// There is no image that can be used.
    #[error("{}: no usable image: {}", files::shown_path(path), why_none(skipped))]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// What is left out of it, and why.
        skipped: Vec<Skipped>,
    },
    /// A setting is out of its range.
    #[error("{setting} is {value}; expected {expected}")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// The value that was given.
        value: String,
        /// The values that are allowed.
        expected: String,
    },
    /// A file that this crate wrote, or a list that it was given, cannot be parsed.
    #[error("{}: {message}", files::shown_path(path))]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where the mistake is, and what was expected.
        message: String,
        /// The error of the parser, if it returned one.
        source: Option<Cause>,
    },
    /// Data could not be encoded in the format of a file.
    #[error("{}: cannot encode: {source}", files::shown_path(path))]
    Encode {
        /// The file that was to be written.
        path: PathBuf,
        /// The error of the encoder.
        source: Cause,
    },
    /// Another program is downloading into the same folder.
    #[error(
        "{}: another download into this folder is running; wait until it ends, or choose another folder",
        files::shown_path(path)
    )]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The HTTP client could not be made, for instance because the system has no TLS root certificates.
    #[error("the HTTP client cannot be made: {source}")]
    HttpClient {
        /// The error of the HTTP library.
        source: Cause,
    },
}

impl Error {
    /// An I/O error at `path`; made to be used in `map_err`.
    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, source }
    }

    /// A file at `path` whose content is not as expected.
    pub(crate) fn parse(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Self::Parse {
            path: path.as_ref().to_path_buf(),
            message: message.into(),
            source: None,
        }
    }

    /// A CSV file at `path` that cannot be parsed; made to be used in `map_err`.
    pub(crate) fn csv(path: impl AsRef<Path>) -> impl Fn(csv::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |error| Self::Parse {
            path: path.clone(),
            message: error.to_string(),
            source: Some(error.into()),
        }
    }

    /// Data for the file at `path` that cannot be encoded; made to be used in `map_err`.
    pub(crate) fn encode<E: Into<Cause>>(path: impl AsRef<Path>) -> impl FnOnce(E) -> Self {
        let path = path.as_ref().to_path_buf();
        move |error| Self::Encode {
            path,
            source: error.into(),
        }
    }

    /// An image at `path` that cannot be used; made to be used in `map_err`.
    pub(crate) fn image(path: impl AsRef<Path>, bytes: u64) -> impl FnOnce(ImageProblem) -> Self {
        let path = path.as_ref().to_path_buf();
        move |problem| Self::Image {
            path,
            bytes,
            problem,
        }
    }

    /// A setting out of its range.
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

impl SkipCounts {
    /// Counts images that could not be loaded, by the reason.
    pub fn of_errors<'a>(errors: impl IntoIterator<Item = &'a Error>) -> Self {
        let mut counts = Self::default();
        for error in errors {
            counts.add(match error {
                Error::Image { problem, .. } => of_problem(problem),
                Error::Io { source, .. } => (
                    format!("cannot be read ({source})"),
                    "make them readable".to_owned(),
                ),
                error => (error.to_string(), String::new()),
            });
        }
        counts.in_order()
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

/// Why there is no usable image, and what can be done.
fn why_none(skipped: &[Skipped]) -> String {
    match SkipCounts::of(skipped).most_frequent() {
        Some(most) => most.to_string(),
        None => "its folder is empty: add images, or remove the folder".to_owned(),
    }
}

fn hint_of_tables(tables: &[String]) -> String {
    match tables {
        [] => "; put the images of each class into a folder of its own, or give a table with their labels \
               (`ImageFolder::labeled`, --labels)"
            .to_owned(),
        some => format!(
            "; {} may have the labels: give it to `ImageFolder::labeled`, or as the option --labels",
            some.join(" or ")
        ),
    }
}

/// How many names there are, what they are, and the first of them.
fn counted(names: &[String], what: &str) -> String {
    let first = names.first().map_or("", String::as_str);
    format!("{} {what}, the first '{first}'", names.len())
}

/// What a user can do about an empty subset.
fn remedy(subset: Subset) -> &'static str {
    match subset {
        Subset::Training => "add images of this class, or lower the other percentages",
        Subset::Validation => "add images, or raise the validation percentage",
        Subset::Testing => "add images, raise the testing percentage, or give a test folder",
    }
}
