use crate::confusion::{Average, ClassMetric, Margins};
use crate::curves::Areas;
use crate::evaluation::measured::Measured;
use crate::predictions::Predictions;
use crate::visible::visible;

/// What a score is computed from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Needs {
    Classes,
    Probabilities,
    UnweightedPairs,
}

/// One line of the table of scores.
pub(crate) struct ScoreKind {
    pub name: &'static str,
    pub title: &'static str,
    needs: Needs,
    /// Whether the bootstrap gives the score an interval.
    pub resampled: bool,
    /// Why the bootstrap gives the score no interval; empty if it does.
    pub no_interval: &'static str,
    pub compute: fn(&Measured) -> Option<f64>,
}

impl ScoreKind {
    const fn new(
        needs: Needs,
        name: &'static str,
        title: &'static str,
        compute: fn(&Measured) -> Option<f64>,
    ) -> Self {
        Self {
            name,
            title,
            needs,
            resampled: true,
            no_interval: "",
            compute,
        }
    }

    const fn without_interval(mut self, reason: &'static str) -> Self {
        self.resampled = false;
        self.no_interval = reason;
        self
    }

    /// The least and the largest value that the score can have.
    pub fn range(&self) -> (f64, f64) {
        match self.name {
            "matthews_corrcoef" | "cohen_kappa" => (-1.0, 1.0),
            "brier" => (0.0, 2.0),
            "log_loss" => (0.0, f64::INFINITY),
            _ => (0.0, 1.0),
        }
    }

    /// Why the score is undefined.
    pub fn reason(&self, predictions: &Predictions, counts: &Margins) -> String {
        let named = |sums: &[f64]| -> Vec<&str> {
            let names = predictions.classes.iter().zip(sums);
            let zero = names.filter(|&(_, &sum)| sum == 0.0);
            zero.map(|(name, _)| name.as_str()).collect()
        };
        if self.needs != Needs::Classes && predictions.probabilities.is_none() {
            return "the score needs probabilities, and only predicted classes were given"
                .to_string();
        }
        let classes = predictions.classes.len();
        let (absent, never_predicted) = (named(&counts.support), named(&counts.predicted));
        if self.needs == Needs::UnweightedPairs && predictions.weights.is_some() {
            "the score is not defined for weighted samples".to_string()
        } else if self.name.starts_with("precision") && !never_predicted.is_empty() {
            format!(
                "precision is 0/0: no sample was predicted as {}",
                list(&never_predicted)
            )
        } else if classes - absent.len() < 2 {
            "all targets are of one class".to_string()
        } else if self.name == "matthews_corrcoef" && classes - never_predicted.len() < 2 {
            "all predictions are of one class".to_string()
        } else if !absent.is_empty() {
            format!("there are no samples of {}", list(&absent))
        } else {
            "all predictions are of one class".to_string()
        }
    }
}

/// The first names of a list, and how many more there are.
pub(crate) fn list(names: &[&str]) -> String {
    const NAMED: usize = 5;
    let first: Vec<_> = names.iter().take(NAMED).map(|name| visible(name)).collect();
    match names.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

const REPEATS_ACCURACY: &str = "the score equals the accuracy, whose interval is given";
const SORTS_ALL: &str = "each replicate of the bootstrap would have to sort all classes together, which takes too long; the mean over classes has an interval";
pub(super) const WEIGHTED: &str =
    "Wilson's interval needs samples of equal weight, and these samples have weights";
const RESAMPLING_ADDS: &str =
    "resampling itself increases this error, so that a bootstrap interval would be too high";

/// A score that needs the predicted classes only.
const fn hard(
    name: &'static str,
    title: &'static str,
    compute: fn(&Measured) -> Option<f64>,
) -> ScoreKind {
    ScoreKind::new(Needs::Classes, name, title, compute)
}

/// A score that needs probabilities.
const fn soft(
    name: &'static str,
    title: &'static str,
    compute: fn(&Measured) -> Option<f64>,
) -> ScoreKind {
    ScoreKind::new(Needs::Probabilities, name, title, compute)
}

/// All scores. A new score is one more entry.
pub(crate) const SCORES: &[ScoreKind] = &[
    hard("accuracy", "Accuracy", |m| m.counts.accuracy()),
    hard("balanced_accuracy", "Balanced accuracy", |m| {
        m.counts.balanced_accuracy()
    }),
    hard("precision_macro", "Precision, mean over classes", |m| {
        m.counts.average(ClassMetric::Precision, Average::Macro)
    }),
    hard("recall_macro", "Recall, mean over classes", |m| {
        m.counts.average(ClassMetric::Recall, Average::Macro)
    }),
    hard("f1_macro", "F1, mean over classes", |m| {
        m.counts.average(ClassMetric::F1, Average::Macro)
    }),
    hard(
        "precision_weighted",
        "Precision, weighted by support",
        |m| m.counts.average(ClassMetric::Precision, Average::Weighted),
    ),
    hard("recall_weighted", "Recall, weighted by support", |m| {
        m.counts.average(ClassMetric::Recall, Average::Weighted)
    }),
    hard("f1_weighted", "F1, weighted by support", |m| {
        m.counts.average(ClassMetric::F1, Average::Weighted)
    }),
    hard("f1_micro", "F1, all classes together", |m| {
        m.counts.average(ClassMetric::F1, Average::Micro)
    })
    .without_interval(REPEATS_ACCURACY),
    hard("jaccard_macro", "Jaccard, mean over classes", |m| {
        m.counts.average(ClassMetric::Jaccard, Average::Macro)
    }),
    hard("specificity_macro", "Specificity, mean over classes", |m| {
        m.counts.average(ClassMetric::Specificity, Average::Macro)
    }),
    hard("matthews_corrcoef", "Matthews correlation", |m| {
        m.counts.matthews_corrcoef()
    }),
    hard("cohen_kappa", "Cohen's kappa", |m| m.cohen_kappa),
    soft("top_2_accuracy", "Target among the top 2", |m| {
        m.whole.as_ref()?.top_2
    })
    .without_interval(WEIGHTED),
    soft("top_5_accuracy", "Target among the top 5", |m| {
        m.whole.as_ref()?.top_5
    })
    .without_interval(WEIGHTED),
    soft(
        "roc_auc_ovr_macro",
        "Area under ROC, one against the rest",
        |m| match m.classes.as_slice() {
            [_, second] => second.roc_auc(),
            _ => m.of_classes(Average::Macro, Areas::roc_auc),
        },
    ),
    soft(
        "roc_auc_ovr_weighted",
        "Area under ROC, weighted by support",
        |m| m.of_classes(Average::Weighted, Areas::roc_auc),
    ),
    soft(
        "roc_auc_ovr_micro",
        "Area under ROC, all classes together",
        |m| m.whole.as_ref()?.micro?.roc_auc(),
    )
    .without_interval(SORTS_ALL),
    ScoreKind::new(
        Needs::UnweightedPairs,
        "roc_auc_ovo_macro",
        "Area under ROC, one against one",
        |m| m.one_vs_one,
    ),
    soft(
        "average_precision_macro",
        "Average precision, mean over classes",
        |m| m.of_classes(Average::Macro, Areas::average_precision),
    ),
    soft(
        "average_precision_micro",
        "Average precision, all classes together",
        |m| m.whole.as_ref()?.micro?.average_precision(),
    )
    .without_interval(SORTS_ALL),
    soft("log_loss", "Log loss", |m| m.log_loss),
    soft("brier", "Brier score", |m| m.brier),
    soft("ece_15", "Expected calibration error, 15 bins", |m| {
        Some(m.whole.as_ref()?.calibration?[0])
    })
    .without_interval(RESAMPLING_ADDS),
    soft("mce_15", "Maximum calibration error, 15 bins", |m| {
        Some(m.whole.as_ref()?.calibration?[1])
    })
    .without_interval(RESAMPLING_ADDS),
    soft(
        "class_wise_ece_15",
        "Class-wise calibration error, 15 bins",
        |m| Some(m.whole.as_ref()?.calibration?[2]),
    )
    .without_interval(RESAMPLING_ADDS),
    soft("aurc", "Area under risk against coverage", |m| m.aurc),
];
