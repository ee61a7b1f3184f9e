//! Out-of-fold predictions of a cross-validation, for the crate `metrics`.

use metrics::Predictions;

use super::report::FitReport;
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};

impl FitReport {
    /// The [out-of-fold](Self::out_of_fold) probabilities as predictions for the crate `metrics`: each image is
    /// predicted by a head that has not seen it. `training` and `validation` are the images of the fit, in its order.
    /// Variants of one image, which are consecutive rows with the same name, become one sample with their mean. `None`
    /// if nothing was chosen by cross-validation.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the report is of other images.
    pub fn out_of_fold_predictions(
        &self,
        training: &Embeddings,
        validation: &Embeddings,
        classes: &[String],
    ) -> Result<Option<Predictions>> {
        if self.out_of_fold.is_empty() {
            return Ok(None);
        }
        let rows = training.len() + validation.len();
        if self.out_of_fold.len() != rows * classes.len() {
            let expected = format!("{rows} images of {} classes", classes.len());
            let found = format!("{} values", self.out_of_fold.len());
            return Err(Error::mismatch(
                "out-of-fold probabilities",
                expected,
                found,
            ));
        }
        let parts = [training, validation];
        let named = parts.iter().all(|part| part.names().len() == part.len());
        let targets = parts.iter().flat_map(|part| part.targets());
        let names: Vec<&String> = parts.iter().flat_map(|part| part.names()).collect();
        let mut images: Vec<Image<'_>> = Vec::new();
        let answers = self.out_of_fold.chunks_exact(classes.len());
        for (row, (&target, answer)) in targets.zip(answers).enumerate() {
            let name = named.then(|| names[row]);
            match images.last_mut() {
                Some(last) if name.is_some() && last.name == name => last.add(answer),
                _ => images.push(Image {
                    target,
                    name,
                    sum: answer.to_vec(),
                    variants: 1,
                }),
            }
        }
        let targets = images.iter().map(|image| image.target).collect();
        let probabilities = images.iter().flat_map(Image::mean).collect();
        let predictions = Predictions::from_flat(targets, probabilities, classes.len())?;
        let predictions = predictions.with_classes(classes.to_vec())?;
        let names: Vec<String> = images
            .iter()
            .filter_map(|image| image.name.cloned())
            .collect();
        Ok(Some(if named {
            predictions.with_files(names)?
        } else {
            predictions
        }))
    }

    /// The out-of-fold probabilities `[images, classes]` of the last so many images, which are those of the validation.
    /// `None` where nothing was chosen by cross-validation.
    pub(crate) fn out_of_fold_of_last(&self, images: usize, classes: usize) -> Option<&[f64]> {
        let from = self.out_of_fold.len().checked_sub(images * classes)?;
        self.out_of_fold.get(from..)
    }
}

/// An image, and the sum of the answers to its variants.
struct Image<'a> {
    target: usize,
    name: Option<&'a String>,
    sum: Vec<f64>,
    variants: usize,
}

impl Image<'_> {
    fn add(&mut self, answer: &[f64]) {
        self.variants += 1;
        self.sum
            .iter_mut()
            .zip(answer)
            .for_each(|(sum, p)| *sum += p);
    }

    fn mean(&self) -> impl Iterator<Item = f64> + '_ {
        self.sum.iter().map(|sum| sum / self.variants as f64)
    }
}
