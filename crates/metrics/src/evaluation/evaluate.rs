use crate::confusion::ClassMetric;
use crate::curves::Ranking;
use crate::error::Result;
use crate::evaluation::asked::{Asked, wilson_of_share};
use crate::evaluation::measured::Measured;
use crate::evaluation::options::EvaluationOptions;
use crate::evaluation::result::{ClassScores, Evaluation, Score};
use crate::evaluation::table::SCORES;
use crate::predictions::Predictions;
use crate::uncertainty::{Bootstrap, delong_interval, wilson_interval};

impl Predictions {
    /// Computes all scores. Each class is sorted only once for all curves and areas.
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
        let measured = Measured::new(self, options.zero_division)?;
        let mut scores: Vec<Score> = SCORES
            .iter()
            .map(|kind| {
                let value = (kind.compute)(&measured);
                let reason = if value.is_some() {
                    String::new()
                } else {
                    kind.reason(&measured)
                };
                Score {
                    name: kind.name,
                    title: kind.title,
                    value,
                    reason,
                    interval: None,
                    no_interval: String::new(),
                }
            })
            .collect();
        if let Some(bootstrap) = &options.bootstrap {
            self.add_intervals(&mut scores, bootstrap, options.zero_division)?;
        }
        let level = options.bootstrap.as_ref().map(Bootstrap::level);
        let asked = Asked::new(level, self.weights.is_some());
        asked.explain(&mut scores, self.classes.len());
        let mut per_class = per_class(&measured);
        asked.add_class_intervals(&mut per_class, &measured.confusion);
        Ok(Evaluation {
            samples: self.len(),
            classes: self.classes.clone(),
            scores,
            per_class,
            no_interval_per_class: asked.explain_classes(),
            confused_pairs: asked.confused_pairs(&measured.confusion, &self.classes),
            confusion: measured.confusion,
            calibration: measured.calibration,
            risk_coverage: measured.risk_coverage,
            rankings: measured.rankings,
        })
    }

    fn add_intervals(
        &self,
        scores: &mut [Score],
        bootstrap: &Bootstrap,
        zero_division: Option<f64>,
    ) -> Result<()> {
        // All scores are computed from the same replicates.
        let results = bootstrap.run_many(self, SCORES.len(), |p| {
            let Ok(measured) = Measured::lean(p, zero_division) else {
                return vec![None; SCORES.len()];
            };
            let kinds = SCORES.iter();
            kinds
                .map(|kind| kind.resampled.then(|| (kind.compute)(&measured)).flatten())
                .collect()
        })?;
        for (score, result) in scores.iter_mut().zip(results) {
            score.interval = match score.name {
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
                _ => result
                    .filter(|_| score.value.is_some())
                    .map(|result| result.estimate),
            };
        }
        Ok(())
    }
}

fn per_class(measured: &Measured) -> Vec<ClassScores> {
    let classes = measured.predictions.classes();
    let of_rankings = |metric: fn(&Ranking) -> Option<f64>| -> Vec<Option<f64>> {
        let mut values: Vec<_> = measured.rankings.iter().map(metric).collect();
        values.resize(classes.len(), None);
        values
    };
    let confusion = &measured.confusion;
    let (precision, recall, f1) = (confusion.precision(), confusion.recall(), confusion.f1());
    let jaccard = confusion.per_class(ClassMetric::Jaccard);
    let specificity = confusion.per_class(ClassMetric::Specificity);
    let roc_auc = of_rankings(Ranking::roc_auc);
    let average_precision = of_rankings(Ranking::average_precision);
    let scores = |(class, name): (usize, &String)| ClassScores {
        name: name.clone(),
        support: confusion.support(class),
        precision: precision[class],
        recall: recall[class],
        f1: f1[class],
        jaccard: jaccard[class],
        specificity: specificity[class],
        roc_auc: roc_auc[class],
        average_precision: average_precision[class],
        precision_interval: None,
        recall_interval: None,
        specificity_interval: None,
    };
    classes.iter().enumerate().map(scores).collect()
}
