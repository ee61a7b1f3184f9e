use crate::confusion::ClassMetric;
use crate::curves::Areas;
use crate::error::Result;
use crate::evaluation::asked::{Asked, NO_SPREAD, wilson_of_share};
use crate::evaluation::measured::Measured;
use crate::evaluation::options::EvaluationOptions;
use crate::evaluation::result::{ClassScores, Evaluation, Score};
use crate::evaluation::sorted::Sorted;
use crate::evaluation::table::SCORES;
use crate::evaluation::whole::Whole;
use crate::predictions::Predictions;
use crate::uncertainty::{Bootstrap, Estimate, delong_interval, wilson_interval};

impl Predictions {
    /// Computes all scores, each under its name in scikit-learn. The samples are sorted only once for each class.
    ///
    /// ```
    /// # use metrics::{EvaluationOptions, Predictions};
    /// # fn main() -> Result<(), metrics::Error> {
    /// # let predictions = Predictions::new(vec![0, 1], vec![vec![0.9, 0.1], vec![0.2, 0.8]])?;
    /// let evaluation = predictions.evaluate(&EvaluationOptions::new())?;
    /// assert_eq!(evaluation.get("f1_macro"), Some(1.0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If a setting of the bootstrap is out of range.
    pub fn evaluate(&self, options: &EvaluationOptions) -> Result<Evaluation> {
        self.evaluate_with_progress(options, |_, _| {})
    }

    /// Does the same as [`Predictions::evaluate`] and reports progress: `on_progress` receives the number of bootstrap
    /// replicates that are done and their total number. It is called a few dozen times, and not at all without
    /// intervals.
    ///
    /// # Errors
    /// The errors of [`Predictions::evaluate`].
    pub fn evaluate_with_progress(
        &self,
        options: &EvaluationOptions,
        on_progress: impl FnMut(usize, usize),
    ) -> Result<Evaluation> {
        let whole = Whole::new(self, options.zero_division)?;
        let counts = &whole.measured.counts;
        let mut scores: Vec<Score> = SCORES
            .iter()
            .map(|kind| {
                let value = (kind.compute)(&whole.measured);
                Score::new(kind.name, kind.title, value, || kind.reason(self, counts))
            })
            .collect();
        let mut per_class = per_class(&self.classes, &whole.measured);
        if let Some(bootstrap) = &options.bootstrap {
            self.add_intervals(&mut scores, bootstrap, options.zero_division, on_progress)?;
        }
        let level = options.bootstrap.as_ref().map(Bootstrap::level);
        let asked = Asked::new(level, self.weights.is_some());
        asked.explain(&mut scores, self.classes.len());
        asked.add_class_intervals(&mut per_class, &whole.confusion);
        Ok(Evaluation {
            samples: self.len(),
            classes: self.classes.clone(),
            scores,
            per_class,
            no_interval_per_class: asked.explain_classes(),
            confused_pairs: asked.confused_pairs(&whole.confusion, &self.classes),
            confusion: whole.confusion,
            calibration: whole.calibration,
            risk_coverage: whole.risk_coverage,
            rankings: whole.rankings,
        })
    }

    fn add_intervals(
        &self,
        scores: &mut [Score],
        bootstrap: &Bootstrap,
        zero_division: Option<f64>,
        on_progress: impl FnMut(usize, usize),
    ) -> Result<()> {
        // All scores are computed from the same replicates.
        let values: Vec<Option<f64>> = scores.iter().map(|score| score.value).collect();
        let results = bootstrap.run_drawn(
            &self.strata(),
            &values,
            |rows| Sorted::new(self, rows),
            |sorted, draws| {
                let measured = sorted.measured(draws, zero_division);
                let kinds = SCORES.iter();
                kinds
                    .map(|kind| kind.resampled.then(|| (kind.compute)(&measured)).flatten())
                    .collect()
            },
            on_progress,
        )?;
        for ((score, kind), result) in scores.iter_mut().zip(SCORES).zip(results) {
            let interval = match score.name {
                "accuracy" if self.weights.is_none() => {
                    let right = self.len() - self.mistakes().count();
                    wilson_interval(right as u64, self.len() as u64, bootstrap.level())
                }
                "roc_auc_ovr_macro" if self.weights.is_none() && self.classes.len() == 2 => {
                    let second = self.column(1).unwrap_or_default();
                    delong_interval(&self.positives(1), &second, bootstrap.level())
                }
                "top_2_accuracy" | "top_5_accuracy" if self.weights.is_none() => score
                    .value
                    .and_then(|share| wilson_of_share(share, self.len() as f64, bootstrap.level())),
                _ => result.filter(|_| score.value.is_some()).map(|result| {
                    // Replicates of a bag that are moved to the value may leave the range.
                    let (least, most) = kind.range();
                    let Estimate { value, low, high } = result.estimate;
                    Estimate {
                        value,
                        low: low.max(least),
                        high: high.min(most),
                    }
                }),
            };
            score.interval = interval.filter(|found| found.low < found.high);
            if score.interval.is_none() && interval.is_some() {
                score.no_interval = NO_SPREAD.to_string();
            }
        }
        Ok(())
    }
}

fn per_class(classes: &[String], measured: &Measured) -> Vec<ClassScores> {
    let counts = &measured.counts;
    let [precision, recall, f1, jaccard, specificity] = [
        ClassMetric::Precision,
        ClassMetric::Recall,
        ClassMetric::F1,
        ClassMetric::Jaccard,
        ClassMetric::Specificity,
    ]
    .map(|metric| counts.per_class(metric));
    let scores = |(class, name): (usize, &String)| ClassScores {
        name: name.clone(),
        support: counts.support[class],
        precision: precision[class],
        recall: recall[class],
        f1: f1[class],
        jaccard: jaccard[class],
        specificity: specificity[class],
        roc_auc: measured.classes.get(class).and_then(Areas::roc_auc),
        average_precision: measured
            .classes
            .get(class)
            .and_then(Areas::average_precision),
        precision_interval: None,
        recall_interval: None,
        specificity_interval: None,
    };
    classes.iter().enumerate().map(scores).collect()
}
