//! One image to decide about.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::audit::Finding;
use crate::folder::{ImageFolder, name_as_text};

/// At most this many images of one finding become cards: whoever has seen these has seen what it is about.
const PER_FINDING: usize = 24;

/// One image to decide about: `root/class/file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub(super) path: PathBuf,
    pub(super) class: String,
    pub(super) reason: String,
    pub(super) suggestion: Option<String>,
    pub(super) group: Option<u64>,
}

impl Card {
    /// An image in the folder of its class, and why it should be looked at, in words.
    pub fn new(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            class: name_of(path.parent()),
            path,
            reason: reason.into(),
            suggestion: None,
            group: None,
        }
    }

    /// The class that the image has now; defaults to the name of the folder that it is in.
    pub fn with_class(mut self, class: impl Into<String>) -> Self {
        self.class = class.into();
        self
    }

    /// The class that the image probably should have; defaults to none.
    pub fn with_suggestion(mut self, class: impl Into<String>) -> Self {
        self.suggestion = Some(class.into());
        self
    }

    /// A number that images share which belong together, such as copies of one image. They should follow each other in the
    /// list. Defaults to none.
    pub fn with_group(mut self, group: u64) -> Self {
        self.group = Some(group);
        self
    }

    /// `class/file`.
    pub(super) fn name(&self) -> String {
        let (class, file) = (name_of(self.path.parent()), name_of(Some(&self.path)));
        format!("{class}/{file}")
    }

    /// The folder that has the class folders.
    pub(super) fn root(&self) -> &Path {
        let root = self.path.parent().and_then(Path::parent);
        root.unwrap_or(Path::new(""))
    }
}

fn name_of(path: Option<&Path>) -> String {
    name_as_text(path.and_then(Path::file_name).unwrap_or(OsStr::new("")))
}

/// Cards of the findings of an audit of these folders, in their order. The images of one finding are one group, of which at
/// most 24 become cards. What lies beside the class folders has no class and becomes no card.
pub fn cards(findings: &[Finding], folders: &[&ImageFolder]) -> Vec<Card> {
    let mut cards = Vec::new();
    for (group, finding) in (1..).zip(findings) {
        let count = finding.paths.len();
        let mut reason = format!("{}: {}", finding.kind, finding.detail);
        if count > PER_FINDING {
            reason += &format!(" ({PER_FINDING} of {count} are shown)");
        }
        for path in finding.paths.iter().take(PER_FINDING) {
            let card = Card::new(path, &reason);
            if folders.iter().any(|folder| folder.root() == card.root()) {
                cards.push(if count > 1 {
                    card.with_group(group)
                } else {
                    card
                });
            }
        }
    }
    cards
}
