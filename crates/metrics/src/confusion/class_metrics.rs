use crate::confusion::matrix::ConfusionMatrix;
use crate::confusion::metric::{Average, ClassMetric};

impl ConfusionMatrix {
    /// Precision of each class, from 0 to 1; `None` for a class that was never predicted.
    #[doc(alias = "precision_score")]
    pub fn precision(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::Precision)
    }

    /// Recall of each class, from 0 to 1; `None` for a class without samples.
    #[doc(alias = "recall_score")]
    #[doc(alias = "sensitivity")]
    pub fn recall(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::Recall)
    }

    /// F1 score of each class, from 0 to 1; `None` for a class that has no samples and was never predicted.
    #[doc(alias = "f1_score")]
    pub fn f1(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::F1)
    }

    /// The given metric of each class, in the order of the classes; `None` where it is 0/0.
    #[doc(alias = "fbeta_score")]
    #[doc(alias = "jaccard_score")]
    pub fn per_class(&self, metric: ClassMetric) -> Vec<Option<f64>> {
        self.margins().per_class(metric)
    }

    /// The given metric averaged over the classes that are present: those that have samples or were predicted.
    /// scikit-learn averages over the same classes if `labels` is not given.
    ///
    /// `None` if the metric is undefined for one of these classes: averaging over the remaining classes would hide
    /// that.
    pub fn average(&self, metric: ClassMetric, average: Average) -> Option<f64> {
        self.margins().average(metric, average)
    }

    /// A metric averaged over the given classes, as with scikit-learn's `labels`. Indices of classes that do not
    /// exist are ignored.
    pub fn average_over(
        &self,
        metric: ClassMetric,
        average: Average,
        classes: &[usize],
    ) -> Option<f64> {
        self.margins().average_over(metric, average, classes)
    }
}
