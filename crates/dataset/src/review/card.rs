//! One image to decide about.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::audit::Finding;
use crate::folder::{ImageFolder, ImageItem, name_as_text};

/// At most this many images of one finding become cards: whoever has seen these has seen what it is about.
const PER_FINDING: usize = 24;

/// One image to decide about: `root/class/file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub(super) path: PathBuf,
    /// The folder with the class folders, and the path in it; otherwise the file lies in its class folder.
    place: Option<(PathBuf, String)>,
    pub(super) class: String,
    pub(super) reason: String,
    pub(super) suggestion: Option<String>,
    pub(super) group: Option<u64>,
}

impl Card {
    /// Makes a card for an image in the folder of its class. `reason` says why a person should look at it.
    pub fn new(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            class: name_of(path.parent()),
            path,
            place: None,
            reason: reason.into(),
            suggestion: None,
            group: None,
        }
    }

    /// A card for an image of a folder, with the class that it has there.
    pub fn of(folder: &ImageFolder, item: &ImageItem, reason: impl Into<String>) -> Self {
        let Place { class, root, name } = Place::of(folder, item);
        Self::new(&item.path, reason)
            .with_class(class)
            .deeper(root, name)
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

    /// A number that is shared by images that belong together, such as copies of one image. They should be consecutive
    /// in the list. Defaults to none.
    pub fn with_group(mut self, group: u64) -> Self {
        self.group = Some(group);
        self
    }

    /// An image in a folder inside the folder of its class.
    fn deeper(mut self, root: PathBuf, name: String) -> Self {
        self.place = Some((root, name));
        self
    }

    /// `class/file`.
    pub(super) fn name(&self) -> String {
        if let Some((_, name)) = &self.place {
            return name.clone();
        }
        let (class, file) = (name_of(self.path.parent()), name_of(Some(&self.path)));
        format!("{class}/{file}")
    }

    /// The folder that has the class folders.
    pub(super) fn root(&self) -> &Path {
        if let Some((root, _)) = &self.place {
            return root;
        }
        let root = self.path.parent().and_then(Path::parent);
        root.unwrap_or(Path::new(""))
    }
}

fn name_of(path: Option<&Path>) -> String {
    name_as_text(path.and_then(Path::file_name).unwrap_or(OsStr::new("")))
}

/// Where an image of a folder is, and its class.
struct Place {
    class: String,
    root: PathBuf,
    name: String,
}

impl Place {
    fn of(folder: &ImageFolder, item: &ImageItem) -> Self {
        let class = folder.classes()[item.class].clone();
        let (root, name) = (folder.root().to_path_buf(), item.name.clone());
        // `train/class/file`: the folder of the part has the class folders.
        let part = name.split_once('/').filter(|(_, rest)| {
            folder.subsets().is_some() && rest.split('/').next() == Some(&class)
        });
        match part {
            Some((part, rest)) => Self {
                class,
                root: root.join(part),
                name: rest.to_owned(),
            },
            None => Self { class, root, name },
        }
    }

    /// Of a file that is no image: the first folder in the folder is the class.
    fn of_file(folder: &ImageFolder, path: &Path) -> Option<Self> {
        let inside = path.strip_prefix(folder.root()).ok()?;
        let parts: Vec<String> = inside.iter().map(name_as_text).collect();
        let [class, _, ..] = &parts[..] else {
            return None;
        };
        Some(Self {
            class: class.clone(),
            root: folder.root().to_path_buf(),
            name: parts.join("/"),
        })
    }
}

/// Cards of the findings of an audit of these folders, in their order. The images of one finding are one group, of which at
/// most 24 become cards. What lies beside the class folders has no class and becomes no card.
pub fn cards(findings: &[Finding], folders: &[&ImageFolder]) -> Vec<Card> {
    let images = folders.iter().flat_map(|folder| {
        let images = folder.images().iter();
        images.map(move |item| (item.path.as_path(), (*folder, item)))
    });
    let images: HashMap<&Path, (&ImageFolder, &ImageItem)> = images.collect();
    let place = |path: &Path| match images.get(path) {
        Some((folder, item)) => Some(Place::of(folder, item)),
        None => folders
            .iter()
            .find_map(|folder| Place::of_file(folder, path)),
    };
    let mut cards = Vec::new();
    for (group, finding) in (1..).zip(findings) {
        let count = finding.paths.len();
        let mut reason = format!("{}: {}", finding.kind, finding.detail);
        if count > PER_FINDING {
            reason += &format!(" ({PER_FINDING} of {count} are shown)");
        }
        for path in finding.paths.iter().take(PER_FINDING) {
            let Some(Place { class, root, name }) = place(path) else {
                continue;
            };
            let card = Card::new(path, &reason).with_class(class);
            let card = card.deeper(root, name);
            cards.push(if count > 1 {
                card.with_group(group)
            } else {
                card
            });
        }
    }
    cards
}
