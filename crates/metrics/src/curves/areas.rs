/// The areas of a ranking: sums along the distinct scores in descending order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Areas {
    /// Positives at or above the last score.
    pub positives: f64,
    /// Negatives at or above the last score.
    pub negatives: f64,
    under_roc: f64,
    precisions: f64,
}

impl Areas {
    /// Goes on to the next score, at or above which there are these positives and negatives.
    pub fn step(&mut self, positives: f64, negatives: f64) {
        let gained = positives - self.positives;
        self.under_roc += (negatives - self.negatives) * (positives + self.positives) * 0.5;
        // Where nothing is at or above the score, the precision is 0/0.
        if gained > 0.0 {
            self.precisions += gained * (positives / (positives + negatives));
        }
        (self.positives, self.negatives) = (positives, negatives);
    }

    /// Area under the ROC curve; `None` without positives or without negatives.
    pub fn roc_auc(&self) -> Option<f64> {
        let whole = self.positives * self.negatives;
        (whole > 0.0).then(|| self.under_roc / whole)
    }

    /// Average precision; `None` without positives.
    pub fn average_precision(&self) -> Option<f64> {
        (self.positives > 0.0).then(|| self.precisions / self.positives)
    }
}
