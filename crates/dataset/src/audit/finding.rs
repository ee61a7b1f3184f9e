//! What an audit finds.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a [`Finding`] is about, the most serious first.
///
/// `Display` and `FromStr` use the names of files and command lines: `leakage`, `label-conflict`, `unreadable`,
/// `ending`, `tiny`, `aspect`, `one-color`, `blurred`, `dark`, `duplicate` and `near-duplicate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// The same image is in two subsets: a test on it measures what was memorized, not what was learned.
    Leakage,
    /// The same image is in two classes: one of the labels is wrong.
    LabelConflict,
    /// The file is not an image, cannot be decoded, or is damaged in any part, however small.
    Unreadable,
    /// The extension of the file name belongs to another format.
    #[serde(rename = "ending")]
    WrongExtension,
    /// A side has fewer than 32 pixels.
    Tiny,
    /// One side is more than four times as long as the other.
    #[serde(rename = "aspect")]
    AspectRatio,
    /// The image has nearly one color: the standard deviation of each channel is below 3 levels.
    #[serde(alias = "one-colour")]
    OneColor,
    /// The image has no sharp edges.
    Blurred,
    /// The image is nearly black: the mean level is below 20 of 255.
    Dark,
    /// Two files of one class and one subset have the same bytes.
    Duplicate,
    /// Two files of one class and one subset show the same image, resized, compressed again or slightly changed.
    NearDuplicate,
}

const KINDS: [(Kind, &str); 11] = [
    (Kind::Leakage, "leakage"),
    (Kind::LabelConflict, "label-conflict"),
    (Kind::Unreadable, "unreadable"),
    (Kind::WrongExtension, "ending"),
    (Kind::Tiny, "tiny"),
    (Kind::AspectRatio, "aspect"),
    (Kind::OneColor, "one-color"),
    (Kind::Blurred, "blurred"),
    (Kind::Dark, "dark"),
    (Kind::Duplicate, "duplicate"),
    (Kind::NearDuplicate, "near-duplicate"),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = KINDS.iter().find(|(kind, _)| kind == self);
        f.pad(name.map_or("", |(_, name)| name))
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let kind = KINDS.iter().find(|(_, name)| *name == text);
        kind.map(|(kind, _)| *kind).ok_or_else(|| {
            let names: Vec<_> = KINDS.iter().map(|(_, name)| *name).collect();
            let expected = format!("one of {}", names.join(", "));
            Error::setting("kind of finding", format!("'{text}'"), expected)
        })
    }
}

/// One thing that a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The kind of problem.
    pub kind: Kind,
    /// The files that it concerns. In JSON, a byte of a name that is not UTF-8 is written as `\xNN`; see
    /// [`names::escaped`](crate::names::escaped).
    #[serde(with = "crate::names")]
    pub paths: Vec<PathBuf>,
    /// What was found, in words and numbers.
    pub detail: String,
}

/// `KIND: DETAIL: PATH, PATH...`, in one line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)?;
        for (separator, path) in std::iter::once(": ")
            .chain(std::iter::repeat(", "))
            .zip(&self.paths)
        {
            write!(f, "{separator}{}", files::shown_path(path))?;
        }
        Ok(())
    }
}
