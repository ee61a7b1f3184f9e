//! Predictions for labeled embeddings, for the crate `metrics`.

use metrics::Predictions;

use super::network::Head;
use crate::embeddings::Embeddings;
use crate::error::Result;

impl Head {
    /// The predictions for labeled embeddings, with the names of the images, for the crate `metrics`.
    ///
    /// # Errors
    /// [`Error::Mismatch`](crate::error::Error::Mismatch) or [`Error::Metrics`](crate::error::Error::Metrics) if the
    /// embeddings, the targets or the classes do not fit the head, or there are no images.
    pub fn predictions(&self, set: &Embeddings, classes: &[String]) -> Result<Predictions> {
        let probabilities = self.probabilities(set.values())?;
        let targets = set.targets().to_vec();
        let predictions = Predictions::from_flat(targets, probabilities, self.classes())?;
        let predictions = predictions.with_classes(classes.to_vec())?;
        Ok(match set.names() {
            [] => predictions,
            names => predictions.with_files(names.to_vec())?,
        })
    }
}
