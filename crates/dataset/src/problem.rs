//! Why an image cannot be used, and why a file of a folder is left out.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::decode::format::ImageFormat;

/// Why the bytes of an image cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ImageProblem {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are not those of any [`ImageFormat`], nor of any other kind of file that is known by name.
    #[error("not a JPEG, PNG or another image of a known format: it starts with {start}")]
    UnknownFormat {
        /// The first 12 bytes, in quotation marks, with escapes for bytes that are not ASCII text.
        start: String,
    },
    /// The file is of a known kind that is not decoded: another format, or a rare kind of JPEG.
    #[error("this is {name}, which is not decoded; {remedy}")]
    NotDecoded {
        /// What the file is, such as `HEIC` or `a lossless JPEG`.
        name: &'static str,
        /// What a user can do.
        remedy: &'static str,
    },
    /// The image exceeds a limit of [`DecodeOptions`](crate::DecodeOptions). This is found before memory is allocated
    /// for the image.
    #[error("{limit} is {found}, over the limit of {allowed}; {} it", limit.raised_by())]
    OverLimit {
        /// The limit.
        limit: Limit,
        /// The value that the image has, in the unit of the limit.
        found: u64,
        /// The largest value that is allowed.
        allowed: u64,
    },
    /// The file ends before the image does.
    #[error("the {format} is cut short")]
    Truncated {
        /// Format of the file.
        format: ImageFormat,
    },
    /// More of the image is damaged than [`DecodeOptions`](crate::DecodeOptions) allow.
    #[error("the {format} is damaged: {reason}; {percent} % of it cannot be decoded")]
    Damaged {
        /// Format of the file.
        format: ImageFormat,
        /// The part that cannot be decoded, in percent, 1 to 100: of the rows, or of the data if all rows are coarse
        /// until the last data are read.
        percent: u8,
        /// Where or how the damage is seen.
        reason: String,
    },
    /// The decoder refused the file.
    #[error("broken or unsupported {format}: {message}")]
    Broken {
        /// Format of the file.
        format: ImageFormat,
        /// The message of the decoder, in one line.
        message: String,
        /// The error of the decoder, if it returned one. A decoder that panicked did not.
        source: Option<Arc<dyn Error + Send + Sync>>,
    },
}

impl ImageProblem {
    /// A file that the decoder refused without an error of its own.
    pub(crate) fn broken(format: ImageFormat, message: impl Into<String>) -> Self {
        Self::Broken {
            format,
            message: message.into(),
            source: None,
        }
    }

    /// A file that the decoder refused with `error`, of which `message` is the text.
    pub(crate) fn refused(
        format: ImageFormat,
        message: &str,
        error: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self::Broken {
            format,
            message: message.trim_end().to_owned(),
            source: Some(Arc::new(error)),
        }
    }
}

/// Which limit of [`DecodeOptions`](crate::DecodeOptions) is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// The longer side of the image, in pixels.
    Side,
    /// The number of pixels of the image.
    Pixels,
    /// The size of the file, in bytes.
    FileSize,
    /// An estimate of the memory that decoding takes, in bytes.
    Memory,
}

impl Limit {
    /// The method of [`DecodeOptions`](crate::DecodeOptions) that changes this limit.
    pub fn option(self) -> &'static str {
        match self {
            Self::Side => "with_max_side",
            Self::Pixels => "with_max_pixels",
            Self::FileSize => "with_max_bytes",
            Self::Memory => "with_max_memory",
        }
    }
}

impl Limit {
    /// What raises this limit: the method, and the option of the command line where there is one.
    fn raised_by(self) -> String {
        let method = self.option();
        match self {
            Self::Side | Self::Pixels => {
                format!("`DecodeOptions::{method}` or the option --max-pixels raises")
            }
            _ => format!("`DecodeOptions::{method}` raises"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Self::Side => "a side",
            Self::Pixels => "the number of pixels",
            Self::FileSize => "the file's size",
            Self::Memory => "the memory that decoding takes",
        })
    }
}

/// Why a file or folder is not among the images of an [`ImageFolder`](crate::ImageFolder).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// The name starts with a dot.
    #[error("hidden")]
    Hidden,
    /// The file is not in the folder of a class, so it belongs to no class.
    #[error("it lies beside the class folders, so that it has no class")]
    NoClass,
    /// A file or folder that a system or a program leaves behind: `__MACOSX`, `Thumbs.db`, `desktop.ini`.
    #[error("left behind by an operating system or a program, and not one of your images")]
    LeftBehind,
    /// What the caller has named as its own ([`FolderOptions::without`](crate::folder::FolderOptions::without)).
    #[error("written by a program, no image of yours")]
    Own,
    /// A link to a folder, inside a class folder or back to where it lies. It is not followed: it could lead in a circle, or
    /// to images that are there already.
    #[error("a link to a folder, which is not followed")]
    LinkedFolder,
    /// A folder in more than 64 others.
    #[error("a folder inside more than 64 others, which is not opened")]
    TooDeep,
    /// No row of the table that has the labels names the file.
    #[error("the table of labels has no row for it")]
    NoRow,
    /// A table of corrections leaves it out.
    #[error("left out by the table of corrections")]
    Rejected,
    /// A pipe, a socket or a device. It is not opened, because reading it could take forever.
    #[error("neither a file nor a folder")]
    SpecialFile,
    /// The file is not an image.
    #[error(transparent)]
    Image(#[from] ImageProblem),
    /// The system cannot read the file: a link to a missing file, a missing permission, or a broken disk.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] Arc<std::io::Error>),
}

impl SkipReason {
    /// Whether the file is left out by a rule, and not because something is wrong with it.
    pub fn is_by_rule(&self) -> bool {
        !matches!(self, Self::Image(_) | Self::Unreadable(_))
    }

    /// Whether it is nothing that anybody misses: a hidden file, or what a system or a program leaves behind.
    pub fn is_passed_over(&self) -> bool {
        matches!(self, Self::Hidden | Self::LeftBehind | Self::Own)
    }
}

/// A file or folder that was left out of an [`ImageFolder`](crate::ImageFolder), and why.
#[derive(Debug, Clone)]
pub struct Skipped {
    /// The path of the file or folder.
    pub path: PathBuf,
    /// Its size in bytes; 0 for a folder.
    pub bytes: u64,
    /// Why it is left out.
    pub reason: SkipReason,
}

/// `PATH (BYTES bytes): REASON`.
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (path, bytes, reason) = (files::shown_path(&self.path), self.bytes, &self.reason);
        write!(f, "{path} ({bytes} bytes): {reason}")
    }
}
