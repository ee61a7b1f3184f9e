use crate::confusion::{Average, ClassMetric, KappaWeights};
use crate::curves::{Ranking, one_vs_one_average};
use crate::evaluation::measured::Measured;

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
    /// Whether the bootstrap gives the score an interval. Calibration errors have none, because resampling adds as much
    /// to them as the interval is wide. Top-k accuracies and micro averages have none, because theirs would repeat that
    /// of the accuracy.
    pub resampled: bool,
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
            compute,
        }
    }

    const fn without_interval(mut self) -> Self {
        self.resampled = false;
        self
    }

    /// Why the score is undefined.
    pub fn reason(&self, measured: &Measured) -> String {
        let (predictions, confusion) = (measured.predictions, &measured.confusion);
        let named = |chosen: &dyn Fn(usize) -> bool| -> Vec<&str> {
            let names = predictions.classes.iter().enumerate();
            names
                .filter(|&(class, _)| chosen(class))
                .map(|(_, name)| name.as_str())
                .collect()
        };
        if self.needs != Needs::Classes && predictions.probabilities.is_none() {
            return "needs probabilities, and only classes were given".to_string();
        }
        let classes = predictions.classes.len();
        let absent = named(&|class| confusion.support(class) == 0.0);
        let never_predicted = named(&|class| confusion.predicted_count(class) == 0.0);
        if self.needs == Needs::UnweightedPairs && predictions.weights.is_some() {
            "not defined for weighted samples".to_string()
        } else if self.name.starts_with("precision") && !never_predicted.is_empty() {
            format!(
                "precision is 0/0: no sample was predicted as {}",
                never_predicted.join(", ")
            )
        } else if classes - absent.len() < 2 {
            "targets are all of one class".to_string()
        } else if self.name == "matthews_corrcoef" && classes - never_predicted.len() < 2 {
            "predictions are all of one class".to_string()
        } else if !absent.is_empty() {
            format!("there are no samples of {}", absent.join(", "))
        } else {
            "predictions are all of one class".to_string()
        }
    }
}

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
    hard("accuracy", "Accuracy", |m| m.confusion.accuracy()),
    hard("balanced_accuracy", "Balanced accuracy", |m| {
        m.confusion.balanced_accuracy()
    }),
    hard("precision_macro", "Precision, mean over classes", |m| {
        m.confusion.average(ClassMetric::Precision, Average::Macro)
    }),
    hard("recall_macro", "Recall, mean over classes", |m| {
        m.confusion.average(ClassMetric::Recall, Average::Macro)
    }),
    hard("f1_macro", "F1, mean over classes", |m| {
        m.confusion.average(ClassMetric::F1, Average::Macro)
    }),
    hard(
        "precision_weighted",
        "Precision, weighted by support",
        |m| {
            m.confusion
                .average(ClassMetric::Precision, Average::Weighted)
        },
    ),
    hard("recall_weighted", "Recall, weighted by support", |m| {
        m.confusion.average(ClassMetric::Recall, Average::Weighted)
    }),
    hard("f1_weighted", "F1, weighted by support", |m| {
        m.confusion.average(ClassMetric::F1, Average::Weighted)
    }),
    hard("f1_micro", "F1, all classes together", |m| {
        m.confusion.average(ClassMetric::F1, Average::Micro)
    })
    .without_interval(),
    hard("jaccard_macro", "Jaccard, mean over classes", |m| {
        m.confusion.average(ClassMetric::Jaccard, Average::Macro)
    }),
    hard("specificity_macro", "Specificity, mean over classes", |m| {
        m.confusion
            .average(ClassMetric::Specificity, Average::Macro)
    }),
    hard("matthews_corrcoef", "Matthews correlation", |m| {
        m.confusion.matthews_corrcoef()
    }),
    hard("cohen_kappa", "Cohen's kappa", |m| {
        m.confusion.cohen_kappa(KappaWeights::Unweighted)
    }),
    soft("top_2_accuracy", "Target among the top 2", |m| {
        m.predictions.top_k_accuracy(2)
    })
    .without_interval(),
    soft("top_5_accuracy", "Target among the top 5", |m| {
        m.predictions.top_k_accuracy(5)
    })
    .without_interval(),
    soft(
        "roc_auc_ovr_macro",
        "Area under ROC, one against the rest",
        |m| match m.rankings.as_slice() {
            [_, second] => second.roc_auc(),
            _ => m.of_rankings(Average::Macro, Ranking::roc_auc),
        },
    ),
    soft(
        "roc_auc_ovr_weighted",
        "Area under ROC, weighted by support",
        |m| m.of_rankings(Average::Weighted, Ranking::roc_auc),
    ),
    soft(
        "roc_auc_ovr_micro",
        "Area under ROC, all classes together",
        |m| m.micro.as_ref()?.roc_auc(),
    )
    .without_interval(),
    ScoreKind::new(
        Needs::UnweightedPairs,
        "roc_auc_ovo_macro",
        "Area under ROC, one against one",
        |m| one_vs_one_average(m.predictions, &m.pairs, Average::Macro),
    ),
    soft(
        "average_precision_macro",
        "Average precision, mean over classes",
        |m| m.of_rankings(Average::Macro, Ranking::average_precision),
    ),
    soft(
        "average_precision_micro",
        "Average precision, all classes together",
        |m| m.micro.as_ref()?.average_precision(),
    )
    .without_interval(),
    soft("log_loss", "Log loss", |m| m.predictions.log_loss()),
    soft("brier", "Brier score", |m| m.predictions.brier_score()),
    soft("ece_15", "Expected calibration error, 15 bins", |m| {
        Some(m.calibration.as_ref()?.expected)
    })
    .without_interval(),
    soft("mce_15", "Maximum calibration error, 15 bins", |m| {
        Some(m.calibration.as_ref()?.maximum)
    })
    .without_interval(),
    soft(
        "class_wise_ece_15",
        "Class-wise calibration error, 15 bins",
        |m| Some(m.calibration.as_ref()?.class_wise),
    )
    .without_interval(),
    soft("aurc", "Area under risk against coverage", |m| {
        Some(m.risk_coverage.as_ref()?.area())
    }),
];
