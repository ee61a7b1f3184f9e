use super::BINS;
use crate::curves::Ranking;
use crate::{
    Average, Calibration, ClassMetric, ConfusionMatrix, CoverageRisk, KappaWeights, Predictions,
    Result,
};

/// What the numbers are computed from, each computed once.
pub(super) struct Measured<'a> {
    pub predictions: &'a Predictions,
    pub confusion: ConfusionMatrix,
    pub rankings: Vec<Ranking>,
    pub pairs: Vec<Vec<Option<f64>>>,
    pub micro: Option<Ranking>,
    pub calibration: Option<Calibration>,
    pub coverage_risk: Option<CoverageRisk>,
}

impl<'a> Measured<'a> {
    pub fn new(predictions: &'a Predictions, zero_division: Option<f64>) -> Result<Self> {
        let confusion = match zero_division {
            Some(value) => predictions.confusion().with_zero_division(value),
            None => predictions.confusion(),
        };
        let soft = predictions.probabilities.is_some();
        let ((rankings, pairs), micro) = rayon::join(
            || predictions.ranked(predictions.weights.is_none()),
            || predictions.micro_ranking(),
        );
        let (calibration, coverage_risk) = rayon::join(
            || soft.then(|| predictions.calibration(BINS)).transpose(),
            || soft.then(|| predictions.coverage_risk()).transpose(),
        );
        let (calibration, coverage_risk) = (calibration?, coverage_risk?);
        Ok(Self {
            predictions,
            confusion,
            rankings,
            pairs,
            micro,
            calibration,
            coverage_risk,
        })
    }

    /// Only what the resampled numbers need.
    pub fn lean(predictions: &'a Predictions, confusion: ConfusionMatrix) -> Result<Self> {
        let soft = predictions.probabilities.is_some();
        let (rankings, pairs) = predictions.ranked(predictions.weights.is_none());
        let coverage_risk = soft.then(|| predictions.coverage_risk()).transpose()?;
        Ok(Self {
            predictions,
            confusion,
            rankings,
            pairs,
            micro: None,
            calibration: None,
            coverage_risk,
        })
    }

    fn of_rankings(&self, average: Average, number: fn(&Ranking) -> Option<f64>) -> Option<f64> {
        crate::curves::average_of(average, &self.rankings, number)
    }

    /// Why a number is undefined.
    pub fn reason(&self, kind: &ScoreKind) -> String {
        let named = |chosen: &dyn Fn(usize) -> bool| -> Vec<&str> {
            let names = self.predictions.classes.iter().enumerate();
            names
                .filter(|&(class, _)| chosen(class))
                .map(|(_, name)| name.as_str())
                .collect()
        };
        if kind.needs != Needs::Classes && self.predictions.probabilities.is_none() {
            return "needs probabilities, and only classes were given".to_string();
        }
        let (absent, uncalled) = (
            named(&|class| self.confusion.support(class) == 0.0),
            named(&|class| self.confusion.calls(class) == 0.0),
        );
        if kind.needs == Needs::UnweightedPairs && self.predictions.weights.is_some() {
            "not defined for weighted samples".to_string()
        } else if kind.needs == Needs::Classes
            && kind.name.starts_with("precision")
            && !uncalled.is_empty()
        {
            format!(
                "precision is 0/0: nothing was called {}",
                uncalled.join(", ")
            )
        } else if self.predictions.classes.len() - absent.len() < 2 {
            "targets are all of one class".to_string()
        } else if kind.name == "matthews_corrcoef"
            && self.predictions.classes.len() - uncalled.len() < 2
        {
            "predictions are all of one class".to_string()
        } else if !absent.is_empty() {
            format!("there are no samples of {}", absent.join(", "))
        } else {
            "predictions are all of one class".to_string()
        }
    }
}

/// What a number cannot do without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Needs {
    Classes,
    Probabilities,
    UnweightedPairs,
}

/// One line of the table of numbers.
pub(super) struct ScoreKind {
    pub name: &'static str,
    pub title: &'static str,
    pub needs: Needs,
    /// Whether the bootstrap gives it an interval. Calibration errors have none: resampling adds as much to
    /// them as the interval is wide. Top-k, micro averages and the like would say the accuracy's again.
    pub resampled: bool,
    pub compute: fn(&Measured) -> Option<f64>,
}

macro_rules! score {
    ($name:literal, $title:literal, $needs:ident, $resampled:literal, $compute:expr) => {
        ScoreKind {
            name: $name,
            title: $title,
            needs: Needs::$needs,
            resampled: $resampled,
            compute: $compute,
        }
    };
}

/// A new number is a line here.
pub(super) const SCORES: &[ScoreKind] = &[
    score!("accuracy", "Accuracy", Classes, true, |m| m
        .confusion
        .accuracy()),
    score!(
        "balanced_accuracy",
        "Balanced accuracy",
        Classes,
        true,
        |m| m.confusion.balanced_accuracy()
    ),
    score!(
        "precision_macro",
        "Precision, mean over classes",
        Classes,
        true,
        |m| { m.confusion.average(ClassMetric::Precision, Average::Macro) }
    ),
    score!(
        "recall_macro",
        "Recall, mean over classes",
        Classes,
        true,
        |m| { m.confusion.average(ClassMetric::Recall, Average::Macro) }
    ),
    score!("f1_macro", "F1, mean over classes", Classes, true, |m| {
        m.confusion.average(ClassMetric::F1, Average::Macro)
    }),
    score!(
        "precision_weighted",
        "Precision, weighted by support",
        Classes,
        true,
        |m| {
            m.confusion
                .average(ClassMetric::Precision, Average::Weighted)
        }
    ),
    score!(
        "recall_weighted",
        "Recall, weighted by support",
        Classes,
        true,
        |m| { m.confusion.average(ClassMetric::Recall, Average::Weighted) }
    ),
    score!(
        "f1_weighted",
        "F1, weighted by support",
        Classes,
        true,
        |m| { m.confusion.average(ClassMetric::F1, Average::Weighted) }
    ),
    score!(
        "f1_micro",
        "F1, all classes together",
        Classes,
        false,
        |m| { m.confusion.average(ClassMetric::F1, Average::Micro) }
    ),
    score!(
        "jaccard_macro",
        "Jaccard, mean over classes",
        Classes,
        true,
        |m| { m.confusion.average(ClassMetric::Jaccard, Average::Macro) }
    ),
    score!(
        "specificity_macro",
        "Specificity, mean over classes",
        Classes,
        true,
        |m| {
            m.confusion
                .average(ClassMetric::Specificity, Average::Macro)
        }
    ),
    score!(
        "matthews_corrcoef",
        "Matthews correlation",
        Classes,
        true,
        |m| m.confusion.matthews_corrcoef()
    ),
    score!("cohen_kappa", "Cohen's kappa", Classes, true, |m| m
        .confusion
        .cohen_kappa(KappaWeights::Plain)),
    score!(
        "top_2_accuracy",
        "Target among the top 2",
        Probabilities,
        false,
        |m| m.predictions.top_k_accuracy(2)
    ),
    score!(
        "top_5_accuracy",
        "Target among the top 5",
        Probabilities,
        false,
        |m| m.predictions.top_k_accuracy(5)
    ),
    score!(
        "roc_auc_ovr_macro",
        "Area under ROC, one against the rest",
        Probabilities,
        true,
        |m| {
            match m.rankings.as_slice() {
                [_, second] => second.roc_area(),
                _ => m.of_rankings(Average::Macro, Ranking::roc_area),
            }
        }
    ),
    score!(
        "roc_auc_ovr_weighted",
        "Area under ROC, weighted by support",
        Probabilities,
        true,
        |m| { m.of_rankings(Average::Weighted, Ranking::roc_area) }
    ),
    score!(
        "roc_auc_ovr_micro",
        "Area under ROC, all classes together",
        Probabilities,
        false,
        |m| { m.micro.as_ref()?.roc_area() }
    ),
    score!(
        "roc_auc_ovo_macro",
        "Area under ROC, one against one",
        UnweightedPairs,
        true,
        |m| { m.predictions.one_vs_one_average(&m.pairs, Average::Macro) }
    ),
    score!(
        "average_precision_macro",
        "Average precision, mean over classes",
        Probabilities,
        true,
        |m| { m.of_rankings(Average::Macro, Ranking::average_precision) }
    ),
    score!(
        "average_precision_micro",
        "Average precision, all classes together",
        Probabilities,
        false,
        |m| { m.micro.as_ref()?.average_precision() }
    ),
    score!("log_loss", "Log loss", Probabilities, true, |m| m
        .predictions
        .log_loss()),
    score!("brier", "Brier score", Probabilities, true, |m| m
        .predictions
        .brier()),
    score!(
        "ece_15",
        "Expected calibration error, 15 bins",
        Probabilities,
        false,
        |m| { Some(m.calibration.as_ref()?.expected_error) }
    ),
    score!(
        "mce_15",
        "Maximum calibration error, 15 bins",
        Probabilities,
        false,
        |m| { Some(m.calibration.as_ref()?.maximum_error) }
    ),
    score!(
        "class_wise_ece_15",
        "Class-wise calibration error, 15 bins",
        Probabilities,
        false,
        |m| { Some(m.calibration.as_ref()?.class_wise_error) }
    ),
    score!(
        "aurc",
        "Area under risk against coverage",
        Probabilities,
        true,
        |m| { Some(m.coverage_risk.as_ref()?.area()) }
    ),
];
