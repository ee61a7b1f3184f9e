//! Doubtful images of a folder as cards of a page on which a person decides about them.

use std::collections::{HashMap, HashSet};

use dataset::ImageFolder;
use dataset::review::Card;

use super::collection::{Doubts, Outliers};

/// Cards of the images of `folder` that count as mislabeled, with the class that they look like, and then of those that
/// resemble no other image. An image that is both has one card.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dataset::{ImageFolder, review::ReviewPage};
/// use transfer::{Backbone, EmbeddingCache, insight::{Collection, review_cards}};
/// let folder = ImageFolder::open("photos")?;
/// let backbone = Backbone::new(mobilenet::Weights::open("bundled")?)?;
/// let cache = EmbeddingCache::open("embedding-cache")?;
/// let embedded = backbone.embed(folder.images(), &cache, |_| ())?;
/// let images = Collection::new(embedded.embeddings, folder.classes().to_vec())?;
/// let cards = review_cards(&folder, &images.doubts(100)?, &images.outliers(100));
/// ReviewPage::new(folder.classes().to_vec()).write("review.html", &cards)?;
/// # Ok(())
/// # }
/// ```
pub fn review_cards(folder: &ImageFolder, doubts: &Doubts, outliers: &Outliers) -> Vec<Card> {
    let items = folder.images().iter();
    let images: HashMap<_, _> = items.map(|item| (&item.name[..], item)).collect();
    let mut seen = HashSet::new();
    let mut cards: Vec<Card> = Vec::new();
    for suspect in doubts.suspects.iter().filter(|suspect| suspect.mislabeled) {
        let Some(item) = images.get(&suspect.image[..]) else {
            continue;
        };
        let card = Card::of(folder, item, "doubtful label");
        seen.insert(&suspect.image);
        cards.push(card.with_suggestion(&suspect.likely));
    }
    for outlier in &outliers.images {
        let Some(item) = images.get(&outlier.image[..]) else {
            continue;
        };
        if !seen.contains(&outlier.image) {
            let reason = "it resembles no other image of the folder";
            cards.push(Card::of(folder, item, reason));
        }
    }
    cards
}
