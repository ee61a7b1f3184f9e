use crate::confusion::matrix::ConfusionMatrix;
use crate::confusion::metric::{Average, ClassMetric};

impl ConfusionMatrix {
    /// Precision of each class.
    #[doc(alias = "precision_score")]
    pub fn precision(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::Precision)
    }

    /// Recall of each class.
    #[doc(alias = "recall_score")]
    #[doc(alias = "sensitivity")]
    pub fn recall(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::Recall)
    }

    /// F1 score of each class.
    #[doc(alias = "f1_score")]
    pub fn f1(&self) -> Vec<Option<f64>> {
        self.per_class(ClassMetric::F1)
    }

    /// A metric of each class.
    #[doc(alias = "fbeta_score")]
    #[doc(alias = "jaccard_score")]
    pub fn per_class(&self, metric: ClassMetric) -> Vec<Option<f64>> {
        self.margins().per_class(metric)
    }

    /// A metric averaged over the classes that are present, which means that they have samples or were predicted.
    /// scikit-learn averages over the same classes where its `labels` are not given.
    ///
    /// `None` if the metric is undefined for one of these classes: a mean over fewer classes would hide that.
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
