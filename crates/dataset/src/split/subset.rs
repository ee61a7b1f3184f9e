//! The three parts of a split.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the three parts of a [`Split`](crate::Split).
///
/// Its names in files are `training`, `validation` and `testing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subset {
    /// The images on which a classifier is fitted.
    Training,
    /// The images on which its settings are chosen.
    Validation,
    /// The images on which the final classifier is tested, once.
    Testing,
}

impl Subset {
    /// All three, in the order of the fields of [`Split`](crate::Split).
    pub const ALL: [Self; 3] = [Self::Training, Self::Validation, Self::Testing];

    /// The part that a name means, as people write it: `train`, `training`; `val`, `valid`, `validation`, `dev`; `test`,
    /// `testing`; in upper or lower case.
    pub fn of_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Training),
            "val" | "valid" | "validation" | "dev" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Testing),
            _ => None,
        }
    }

    /// The name in files: `training`, `validation` or `testing`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Testing => "testing",
        }
    }
}

impl fmt::Display for Subset {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}
