use crate::evaluation::list;
use crate::multilabel::measures::Measures;
use crate::multilabel::metric::{LabelAverage, LabelMetric, SampleMetric};

/// What a score is.
#[derive(Clone, Copy)]
enum What {
    Average(LabelMetric, LabelAverage),
    Mean(SampleMetric),
}

/// One line of the table of scores.
pub(super) struct ScoreKind {
    pub name: &'static str,
    pub title: &'static str,
    what: What,
}

/// One line of the table of scores of a single label.
pub(super) struct LabelScoreKind {
    pub name: &'static str,
    pub title: &'static str,
    pub metric: LabelMetric,
}

impl ScoreKind {
    pub fn compute(&self, measures: &Measures) -> Option<f64> {
        match self.what {
            What::Average(metric, average) => measures.average(metric, average),
            What::Mean(metric) => measures.mean(metric),
        }
    }

    /// The least and the largest value that the score can have.
    pub fn range(&self, labels: usize) -> (f64, f64) {
        match self.what {
            What::Average(metric, _) => range(metric),
            What::Mean(SampleMetric::CoverageError) => (0.0, labels as f64),
            What::Mean(_) => (0.0, 1.0),
        }
    }

    /// Why the score is undefined.
    pub fn reason(&self, measures: &Measures, labels: &[String]) -> String {
        let What::Average(metric, average) = self.what else {
            return "all weights are 0".to_string();
        };
        let (of_label, of_sample) = metric.undefined();
        match average {
            LabelAverage::Samples => format!(
                "the metric is undefined for {} of {} samples, for which {of_sample}",
                measures.undefined_samples(metric),
                measures.samples.len()
            ),
            LabelAverage::Macro | LabelAverage::Weighted => {
                let values = measures.per_label(metric);
                let named = labels.iter().zip(&values);
                let named = named.filter(|(_, value)| value.is_none());
                let named: Vec<&str> = named.map(|(name, _)| name.as_str()).collect();
                if named.is_empty() {
                    "no label has a sample".to_string()
                } else {
                    format!("there are labels {of_label}: {}", list(&named))
                }
            }
            LabelAverage::Micro => format!("for all samples together, {of_sample}"),
        }
    }
}

impl LabelScoreKind {
    /// Why the score of a label is undefined.
    pub fn reason(&self) -> String {
        format!("the label is one {}", self.metric.undefined().0)
    }
}

/// The least and the largest value of a metric.
pub(super) fn range(metric: LabelMetric) -> (f64, f64) {
    match metric {
        LabelMetric::LogLoss => (0.0, f64::INFINITY),
        _ => (0.0, 1.0),
    }
}

const fn average(
    name: &'static str,
    title: &'static str,
    metric: LabelMetric,
    average: LabelAverage,
) -> ScoreKind {
    let what = What::Average(metric, average);
    ScoreKind { name, title, what }
}

const fn mean(name: &'static str, title: &'static str, metric: SampleMetric) -> ScoreKind {
    let what = What::Mean(metric);
    ScoreKind { name, title, what }
}

const fn of_label(name: &'static str, title: &'static str, metric: LabelMetric) -> LabelScoreKind {
    LabelScoreKind {
        name,
        title,
        metric,
    }
}

/// The scores of a single label. A new one is one more entry.
pub(super) const LABEL_SCORES: &[LabelScoreKind] = &[
    of_label("precision", "Precision", LabelMetric::Precision),
    of_label("recall", "Recall", LabelMetric::Recall),
    of_label("f1", "F1", LabelMetric::F1),
    of_label("jaccard", "Jaccard", LabelMetric::Jaccard),
    of_label("roc_auc", "Area under ROC", LabelMetric::RocAuc),
    of_label(
        "average_precision",
        "Average precision",
        LabelMetric::AveragePrecision,
    ),
    of_label("log_loss", "Log loss", LabelMetric::LogLoss),
    of_label("brier", "Brier score", LabelMetric::Brier),
];

/// The four averages of a metric.
macro_rules! averages {
    ($(($metric:expr, $name:literal, $title:literal)),* ; $($rest:expr),* $(,)?) => {
        &[
            $(
                average(concat!($name, "_micro"), concat!($title, ", all labels together"), $metric, LabelAverage::Micro),
                average(concat!($name, "_macro"), concat!($title, ", mean over labels"), $metric, LabelAverage::Macro),
                average(concat!($name, "_weighted"), concat!($title, ", weighted by support"), $metric, LabelAverage::Weighted),
                average(concat!($name, "_samples"), concat!($title, ", mean over samples"), $metric, LabelAverage::Samples),
            )*
            $($rest),*
        ]
    };
}

/// All scores over all labels, in the order in which they are shown.
pub(super) const SCORES: &[ScoreKind] = averages![
    (LabelMetric::Precision, "precision", "Precision"),
    (LabelMetric::Recall, "recall", "Recall"),
    (LabelMetric::F1, "f1", "F1"),
    (LabelMetric::Jaccard, "jaccard", "Jaccard"),
    (LabelMetric::RocAuc, "roc_auc", "Area under ROC"),
    (LabelMetric::AveragePrecision, "average_precision", "Average precision");
    mean("subset_accuracy", "All labels of a sample right", SampleMetric::SubsetAccuracy),
    mean("hamming_loss", "Hamming loss", SampleMetric::HammingLoss),
    mean("coverage_error", "Coverage error", SampleMetric::CoverageError),
    mean(
        "label_ranking_average_precision",
        "Label ranking average precision",
        SampleMetric::LabelRankingAveragePrecision,
    ),
    mean("label_ranking_loss", "Label ranking loss", SampleMetric::LabelRankingLoss),
    average("log_loss", "Log loss, mean over labels", LabelMetric::LogLoss, LabelAverage::Macro),
    average("brier", "Brier score, mean over labels", LabelMetric::Brier, LabelAverage::Macro),
];
