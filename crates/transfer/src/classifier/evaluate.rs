//! Measuring a classifier on the images of a folder.

use dataset::{ImageFolder, ImageItem};
use metrics::Predictions;

use super::classify::Classifier;
use crate::cache::EmbeddingCache;
use crate::embed::{Embedded, UnusableImage};
use crate::error::{Error, Result};
use crate::familiarity::{Familiarity, FamiliarityCounts};

/// What [`Classifier::evaluate`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Evaluated {
    /// The predictions, with the names of the images and of the classes.
    pub predictions: Predictions,
    /// How well the classifier knows each image of the predictions, in their order. `None` if the classifier does not
    /// know which pictures it was made with ([`Classifier::pictures`]).
    pub familiarity: Option<Vec<Familiarity>>,
    /// The images of the folder, with the class indices of the classifier. The name of an image can differ from the end
    /// of its path, because a name is UTF-8 and a path need not be.
    pub images: Vec<ImageItem>,
    /// Images that could not be used, and why; the predictions do not contain them.
    pub failed: Vec<UnusableImage>,
}

impl Evaluated {
    /// The number of images for each degree of familiarity; `None` if the classifier does not know its pictures.
    pub fn counts(&self) -> Option<FamiliarityCounts> {
        self.familiarity.as_deref().map(FamiliarityCounts::of)
    }

    /// Removes the images that the classifier has seen, so that the rest shows how good it is on new images
    /// ([`Familiarity::is_unseen`]). If the classifier does not know its pictures, all images stay.
    ///
    /// # Errors
    /// [`Error::NothingUnseen`] if no image would stay.
    pub fn unseen(self) -> Result<Self> {
        let Some(counts) = self.counts() else {
            return Ok(self);
        };
        match counts.unseen() {
            0 => Err(Error::NothingUnseen { counts }),
            unseen if unseen == counts.total() => Ok(self),
            _ => self.select(Familiarity::is_unseen),
        }
    }

    /// Keeps only the images of the classifier's own test part. They are recognized by their contents, whatever their
    /// names.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the classifier does not know its pictures, or none of the images is in its test part.
    pub fn test_part(self) -> Result<Self> {
        let what = "images of the classifier's test part";
        let Some(counts) = self.counts() else {
            return Err(unknown_pictures());
        };
        if counts.test_part == 0 {
            let expected = "at least 1: give the folder that it was trained with";
            let found = format!("none among these {} images", counts.total());
            return Err(Error::mismatch(what, expected, found));
        }
        self.select(|familiarity| familiarity == Familiarity::TestPart)
    }

    fn select(mut self, wanted: impl Fn(Familiarity) -> bool) -> Result<Self> {
        let Some(familiarity) = self.familiarity else {
            return Ok(self);
        };
        let rows: Vec<usize> = (0..familiarity.len())
            .filter(|&row| wanted(familiarity[row]))
            .collect();
        self.predictions = self.predictions.subset(&rows)?;
        self.familiarity = Some(rows.into_iter().map(|row| familiarity[row]).collect());
        Ok(self)
    }
}

impl Classifier {
    /// Predicts the class of every image of a folder, so that `metrics` can measure the predictions; the true classes
    /// are the sub-folders. Embeddings that are in the cache are not computed again. `progress` is called with the
    /// number of images that are done.
    ///
    /// Images that the classifier was trained on are predicted, too, and make it look better than it is:
    /// [`Evaluated::unseen`] removes them.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use transfer::{Classifier, EmbeddingCache};
    /// let classifier = Classifier::load("classifier.safetensors")?;
    /// let folder = dataset::ImageFolder::open("test")?;
    /// let found = classifier.evaluate(&folder, &EmbeddingCache::open("cache")?, |_| ())?;
    /// if let Some(counts) = found.counts() {
    ///     println!("{counts}"); // such as: 12 of these 200 pictures were trained on
    /// }
    /// println!("{}", found.unseen()?.predictions.summary());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The errors of [`labeled_images`](Self::labeled_images) and [`Backbone::embed`](crate::Backbone::embed), and if
    /// no image can be used.
    pub fn evaluate(
        &self,
        folder: &ImageFolder,
        cache: &EmbeddingCache,
        progress: impl FnMut(usize),
    ) -> Result<Evaluated> {
        let images = self.labeled_images(folder)?;
        let embedded = self.embed_for(&images, cache, progress)?;
        let known = self.pictures();
        Ok(Evaluated {
            predictions: self
                .head()
                .predictions(&embedded.embeddings, self.classes())?,
            familiarity: known.map(|known| known.familiarity(&embedded.pictures)),
            failed: embedded.failed,
            images,
        })
    }

    /// Predicts the class of every image of a folder that the classifier was trained on. Each image is predicted by a
    /// head that has not seen it. There are many such images and few test images, and these predictions do not make the
    /// classifier look better than it is. The heads are fitted again, as in the cross-validation that chose the
    /// regularization, and have the classifier's temperature. `progress` works as in [`evaluate`](Self::evaluate).
    ///
    /// The predictions are not those of the classifier itself, but of heads like its head, each fitted on a part of its
    /// images (four fifths by default).
    ///
    /// # Errors
    /// The errors of [`evaluate`](Self::evaluate), and [`Error::Mismatch`] if the classifier does not know its
    /// pictures, if none of the images was trained on, if the head was not fitted by logistic regression with
    /// cross-validation, or if the network was fine-tuned and so has seen all of the images.
    pub fn evaluate_out_of_fold(
        &self,
        folder: &ImageFolder,
        cache: &EmbeddingCache,
        progress: impl FnMut(usize),
    ) -> Result<Evaluated> {
        let tuning = self.provenance().fine_tuning.as_ref();
        let tuned = tuning.is_some_and(|tuning| tuning.kept.is_some());
        let report = self
            .report()
            .filter(|report| report.chosen().is_some() && !tuned);
        let Some(report) = report else {
            return Err(Error::mismatch(
                "out-of-fold answers",
                "a head that was fitted by logistic regression with cross-validation, on a network that was not fine-tuned",
                "a head that was trained in another way",
            ));
        };
        let pictures = self.pictures().ok_or_else(unknown_pictures)?;
        let images = self.labeled_images(folder)?;
        let embedded = self.embed_for(&images, cache, progress)?;
        let familiarity = pictures.familiarity(&embedded.pictures);
        let trained = |row: &usize| familiarity[*row] == Familiarity::TrainedOn;
        let rows: Vec<usize> = (0..familiarity.len()).filter(trained).collect();
        if rows.is_empty() {
            let expected = "at least 1: give the folder that it was trained with";
            let found = format!("none among these {} images", familiarity.len());
            return Err(Error::mismatch(
                "images that were trained on",
                expected,
                found,
            ));
        }
        let training = embedded.embeddings.select(&rows);
        training.check_classes(self.classes())?;
        let fitted = report.config.training(&training).fit()?;
        let nothing = training.select(&[]);
        let predictions =
            fitted
                .report
                .out_of_fold_predictions(&training, &nothing, self.classes())?;
        let predictions = predictions.ok_or_else(|| {
            let expected = "two or more settings of the regularization";
            Error::mismatch(
                "out-of-fold answers",
                expected,
                "only one, so that nothing was cross-validated",
            )
        })?;
        Ok(Evaluated {
            predictions: self.at_temperature(predictions)?,
            familiarity: Some(vec![Familiarity::TrainedOn; rows.len()]),
            failed: embedded.failed,
            images,
        })
    }

    /// Embeds images, recognizably where that is of use.
    fn embed_for(
        &self,
        images: &[ImageItem],
        cache: &EmbeddingCache,
        progress: impl FnMut(usize),
    ) -> Result<Embedded> {
        match self.pictures() {
            Some(_) => self.backbone().embed_recognizably(images, cache, progress),
            None => self.backbone().embed(images, cache, progress),
        }
    }
}

fn unknown_pictures() -> Error {
    Error::mismatch(
        "pictures of the classifier",
        "digests of those that it was trained, validated and tested on",
        "none in its file; train it again",
    )
}
