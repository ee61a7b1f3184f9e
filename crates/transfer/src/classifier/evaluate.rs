//! A classifier on the images of a folder.

use dataset::{ImageFolder, ImageItem};
use metrics::Predictions;

use super::classify::Classifier;
use crate::cache::EmbeddingCache;
use crate::embed::UnusableImage;
use crate::error::Result;

/// What [`Classifier::evaluate`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Evaluated {
    /// The predictions, with the names of the images and of the classes.
    pub predictions: Predictions,
    /// The images of the folder, with the class indices of the classifier. Names of images are not always the ends of their
    /// paths: a name is UTF-8, a path need not be.
    pub images: Vec<ImageItem>,
    /// Images that could not be used, and why; there are no predictions for them.
    pub failed: Vec<UnusableImage>,
}

impl Classifier {
    /// Predicts the class of every image of a folder, to be measured by `metrics`: the sub-folders say what is right.
    /// Embeddings that are in the cache are not computed again. `progress` is called with the number of images that are
    /// done.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use transfer::{Classifier, EmbeddingCache};
    /// let classifier = Classifier::load("classifier.safetensors")?;
    /// let folder = dataset::ImageFolder::open("test")?;
    /// let found = classifier.evaluate(&folder, &EmbeddingCache::open("cache")?, |_| ())?;
    /// println!("{}", found.predictions.summary());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`labeled_images`](Self::labeled_images) and [`Backbone::embed`](crate::Backbone::embed), and where no image can
    /// be used.
    pub fn evaluate(
        &self,
        folder: &ImageFolder,
        cache: &EmbeddingCache,
        progress: impl FnMut(usize),
    ) -> Result<Evaluated> {
        let images = self.labeled_images(folder)?;
        let embedded = self.backbone().embed(&images, cache, progress)?;
        Ok(Evaluated {
            predictions: self
                .head()
                .predictions(&embedded.embeddings, self.classes())?,
            failed: embedded.failed,
            images,
        })
    }
}
