//! The page as an HTML file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, absolute};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use files::{create_parent_folder, hex, write_bytes};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::card::Card;
use crate::decode::{DecodeOptions, decode_file};
use crate::encode::jpeg;
use crate::error::{Error, Result};
use crate::names::escaped;
use crate::threads;
use crate::thumbnail::thumbnail;

/// A review page: its title, its classes, and how large it becomes.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # dataset::sample::write(dir.path(), 3, 7)?;
/// use dataset::review::{Card, ReviewPage};
/// use dataset::ImageFolder;
/// let folder = ImageFolder::open(dir.path())?;
/// let first = &folder.images()[0];
/// let cards = [Card::new(&first.path, "a classifier takes it for a cloud").with_suggestion("cloud")];
/// let page = dir.path().join("review.html");
/// let written = ReviewPage::new(folder.classes().to_vec()).write(&page, &cards)?;
/// assert_eq!((written.shown, written.left_out), (1, 0));
/// # Ok::<(), dataset::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ReviewPage {
    title: String,
    classes: Vec<String>,
    most_cards: usize,
    side: u32,
    decode: DecodeOptions,
}

/// How many of the cards a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The number of cards on the page.
    pub shown: usize,
    /// The number of images that these cards are about: an image that is in several findings has several cards.
    pub images: usize,
    /// The number of cards that are not on the page because it is full. The page says so.
    pub left_out: usize,
}

impl ReviewPage {
    /// A page with these classes to choose from: the names of the class folders. Current and suggested classes of the
    /// cards are added if they are missing.
    pub fn new(classes: Vec<String>) -> Self {
        Self {
            title: "Images to decide about".into(),
            classes,
            most_cards: 500,
            side: 224,
            decode: DecodeOptions::default(),
        }
    }

    /// The heading; defaults to "Images to decide about".
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The largest number of cards on the page, 1 to 10,000; defaults to 500. A card takes about 10 KB, or up to 50 KB
    /// with large thumbnails.
    pub fn with_most_cards(mut self, most_cards: usize) -> Self {
        self.most_cards = most_cards;
        self
    }

    /// The longer side of a thumbnail in pixels, 32 to 512; defaults to 224.
    pub fn with_thumbnail_side(mut self, side: u32) -> Self {
        self.side = side;
        self
    }

    /// How the images of the thumbnails are decoded; defaults to [`DecodeOptions::default`].
    pub fn with_decode_options(mut self, options: DecodeOptions) -> Self {
        self.decode = options;
        self
    }

    /// Writes a page with the first cards of this list. The file is written whole or not at all.
    ///
    /// # Errors
    /// [`Error::Setting`] if a number is out of its range; [`Error::Io`] if the file cannot be written. An image that
    /// cannot be read becomes a card without a picture.
    pub fn write(&self, path: impl AsRef<Path>, cards: &[Card]) -> Result<Written> {
        let path = path.as_ref();
        if !(1..=10_000).contains(&self.most_cards) {
            let (value, expected) = (self.most_cards, "1 to 10000");
            return Err(Error::setting("number of cards on a page", value, expected));
        }
        if !(32..=512).contains(&self.side) {
            let (value, expected) = (self.side, "32 to 512 pixels");
            return Err(Error::setting("side of a thumbnail", value, expected));
        }
        let shown = &cards[..cards.len().min(self.most_cards)];
        let written = Written {
            shown: shown.len(),
            images: shown
                .iter()
                .map(|card| &card.path)
                .collect::<BTreeSet<_>>()
                .len(),
            left_out: cards.len() - shown.len(),
        };
        let html = self.html(shown, written.left_out);
        create_parent_folder(path)?;
        write_bytes(path, html.as_bytes())?;
        Ok(written)
    }

    fn html(&self, cards: &[Card], left_out: usize) -> String {
        let classes = self.classes_with(cards);
        let decode = self.decode.clone().with_reduce_to(Some(self.side));
        let shown = threads::map(cards.iter(), |card| Shown::of(card, &decode, self.side));
        // Decisions on another page are not taken for those on this one.
        let mut identity = Sha256::new();
        for card in &shown {
            identity.update(format!("{:?}", (&card.path, &card.class, &card.reason)));
        }
        let data = Data {
            title: &self.title,
            id: hex(&identity.finalize()[..8]),
            classes: classes.iter().map(|name| Class::of(name)).collect(),
            cards: shown,
            left_out,
        };
        // Text and numbers alone: they can always be written.
        let data = serde_json::to_string(&data).unwrap_or_default();
        let (style, script) = (include_str!("page.css"), include_str!("page.js"));
        let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
        let (allowed_style, allowed_script) = (digest(style), digest(script));
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
             style-src {allowed_style}; script-src {allowed_script}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>Images to decide about</title>\n\
             <style>{style}</style>\n</head>\n<body>\n\
             <noscript>This page needs JavaScript. It loads nothing from the network.</noscript>\n\
             <script type=\"application/json\" id=\"data\">{}</script>\n<script>{script}</script>\n\
             </body>\n</html>\n",
            harmless(&data)
        )
    }

    /// The classes to choose from, with those that only cards name.
    fn classes_with(&self, cards: &[Card]) -> Vec<String> {
        let mut known: BTreeSet<&str> = self.classes.iter().map(String::as_str).collect();
        let named = cards.iter().flat_map(|card| {
            let suggestion = card.suggestion.iter();
            std::iter::once(&card.class).chain(suggestion)
        });
        let new = named.filter(|class| known.insert(class)).cloned();
        let new: Vec<_> = new.collect();
        [self.classes.as_slice(), &new].concat()
    }
}

/// What the script of the page gets.
#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    id: String,
    classes: Vec<Class<'a>>,
    cards: Vec<Shown<'a>>,
    left_out: usize,
}

#[derive(Serialize)]
struct Class<'a> {
    name: &'a str,
    /// The name of its folder, with `\xNN` for bytes that are not UTF-8.
    folder: String,
}

impl<'a> Class<'a> {
    fn of(name: &'a str) -> Self {
        let folder = escaped(name);
        // In the names of classes, such a byte is U+FFFD and two digits.
        let folder = folder.replace('\u{fffd}', "\\x");
        Self { name, folder }
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    /// `class/file`.
    file: String,
    /// The absolute paths of the image and of its image folder, with `\xNN` for bytes that are not UTF-8.
    path: String,
    root: String,
    class: &'a str,
    reason: &'a str,
    suggestion: Option<&'a str>,
    group: Option<u64>,
    /// The thumbnail as a data URL; none if the image cannot be read.
    image: Option<String>,
}

impl<'a> Shown<'a> {
    fn of(card: &'a Card, decode: &DecodeOptions, side: u32) -> Self {
        let full = |path: &Path| escaped(absolute(path).unwrap_or_else(|_| path.to_path_buf()));
        Self {
            file: card.name(),
            path: full(&card.path),
            root: full(card.root()),
            class: &card.class,
            reason: &card.reason,
            suggestion: card.suggestion.as_deref(),
            group: card.group,
            image: data_url(&card.path, decode, side),
        }
    }
}

fn data_url(path: &Path, decode: &DecodeOptions, side: u32) -> Option<String> {
    let image = decode_file(path, decode).ok()?;
    let jpeg = jpeg(&thumbnail(&image, side), 80).ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

/// JSON that ends no script, whatever the names in it.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", c as u32);
            }
            c => text.push(c),
        }
    }
    text
}
