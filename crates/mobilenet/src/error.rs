use std::path::PathBuf;

/// Any cause that another library reports.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong in this crate. Messages say what was expected, what was found, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", files::shown_path(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file does not have the content that its format demands.
    #[error("{file}: not a valid {format}: {message}")]
    Format {
        /// The file.
        file: String,
        /// The format it was read as.
        format: &'static str,
        /// What is wrong, with the cause.
        message: String,
        /// The cause, if another library reported it.
        source: Option<BoxError>,
    },
    /// A file is something else than weights of a MobileNetV1.
    #[error("{file}: this is {what}; {remedy}")]
    NotWeights {
        /// The file.
        file: String,
        /// What it is.
        what: &'static str,
        /// What can be done.
        remedy: &'static str,
    },
    /// A tensor is missing from a file.
    #[error("{file}: tensor `{tensor}` {shape:?} is missing; the file has {found}")]
    MissingTensor {
        /// The file.
        file: String,
        /// The tensor's name in that file.
        tensor: String,
        /// The shape that it should have.
        shape: Vec<usize>,
        /// What the file has instead.
        found: String,
    },
    /// A tensor exists, but has the wrong shape or values.
    #[error("{file}: tensor `{tensor}`: {message}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor's name in that file.
        tensor: String,
        /// What is wrong.
        message: String,
        /// The cause, if another library reported it.
        source: Option<BoxError>,
    },
    /// The file has tensors that do not belong to a MobileNetV1 with the tensor names of this format.
    #[error("{file}: {} left over, the first {:?}: the file is not a MobileNetV1 with {scheme} names, or has more than that", plural(names.len()), &names[..names.len().min(5)])]
    LeftOver {
        /// The file.
        file: String,
        /// Names of all these tensors; the message has the first five.
        names: Vec<String>,
        /// The naming scheme that fitted best.
        scheme: &'static str,
    },
    /// No tensor has a name that any known publication of MobileNetV1 uses.
    #[error("{file}: its {count} tensors do not have the names of a MobileNetV1: found {names:?} and so on, expected the names of {}", expected.join(", "))]
    UnknownNames {
        /// The file.
        file: String,
        /// Number of tensors in the file.
        count: usize,
        /// Some of their names.
        names: Vec<String>,
        /// The naming schemes that are possible for the format.
        expected: Vec<&'static str>,
    },
    /// A published file differs from the publisher's file, or from its earlier state in the cache.
    #[error("{file}: {message}")]
    Changed {
        /// The file.
        file: String,
        /// What was expected and what was found.
        message: String,
    },
    /// A file could not be fetched.
    #[error("{url}: {message}")]
    Fetch {
        /// The URL of the file.
        url: String,
        /// What went wrong, and what to do.
        message: String,
    },
    /// Float weights are asked of a file whose weights are 8-bit integers.
    #[error(
        "{file}: its weights are quantized to 8-bit integers; run it as it is (`QuantizedNet::open`), or read its weights as floats (`Weights::open_dequantized`; on the command line `weights convert FILE OUTPUT --dequantize`)"
    )]
    Quantized {
        /// The file.
        file: String,
    },
    /// The weights are of another net than the one asked for.
    #[error("{file}: {message}")]
    Mismatch {
        /// The file.
        file: String,
        /// What was requested and what was found.
        message: String,
    },
    /// The given text is neither a file nor the name of known weights.
    #[error("weights `{name}`: {message}")]
    UnknownWeights {
        /// The given text.
        name: String,
        /// Which names are known, and what to do.
        message: String,
    },
    /// A setting is outside its range.
    #[error("{setting} is {value}; expected {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// The values that are allowed.
        expected: String,
    },
    /// The input does not fit the network.
    #[error("input: {0}")]
    Input(String),
}

impl Error {
    /// The net has no classifier, whose logits are requested.
    pub(crate) fn no_classifier() -> Self {
        Self::Input(
            "this net has no classifier; use its embedding, or load all 13 blocks and the classifier".into(),
        )
    }

    /// A setting that is outside its range.
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

impl From<files::Error> for Error {
    fn from(error: files::Error) -> Self {
        Self::Io {
            path: error.path,
            source: error.source,
        }
    }
}

fn plural(n: usize) -> String {
    if n == 1 {
        "1 tensor is".into()
    } else {
        format!("{n} tensors are")
    }
}

/// Result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;
