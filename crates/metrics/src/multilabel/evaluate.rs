use crate::error::Result;
use crate::evaluation::{EvaluationOptions, NO_SPREAD, NOT_ASKED, Score};
use crate::multilabel::measures::Measures;
use crate::multilabel::predictions::MultilabelPredictions;
use crate::multilabel::result::{LabelScores, MultilabelEvaluation};
use crate::multilabel::sorted::Sorted;
use crate::multilabel::table::{LABEL_SCORES, SCORES, ScoreKind, range};
use crate::uncertainty::{BootstrapResult, Estimate};

/// Up to so many labels, each has intervals of its own; they take memory for each replicate.
const LABELS_WITH_INTERVALS: usize = 1000;

const TOO_MANY_LABELS: &str = "intervals of single labels are computed for up to 1000 labels";
const ALWAYS_UNDEFINED: &str = "the score is undefined in every replicate of the bootstrap";

impl MultilabelPredictions {
    /// Sorts and counts the samples, so that any metric can be asked for. The time is that of sorting all probabilities.
    pub fn measures(&self) -> Measures<'static> {
        let rows: Vec<usize> = (0..self.len()).collect();
        let sorted = Sorted::new(self, &rows);
        sorted.measures(&vec![1.0; rows.len()]).into_owned()
    }
}

impl MultilabelPredictions {
    /// Computes all scores, each under its name in scikit-learn, with intervals if they are asked for. The samples are sorted
    /// only once for each label and once for all labels together.
    ///
    /// All intervals are those of the bootstrap, whose replicates are drawn from all samples. With more than 1000 labels the
    /// single labels have none.
    ///
    /// ```
    /// # use metrics::{Bootstrap, EvaluationOptions, MultilabelPredictions};
    /// # fn main() -> Result<(), metrics::Error> {
    /// # let predictions = MultilabelPredictions::new(
    /// #     vec![vec![true, false], vec![true, true], vec![false, false]],
    /// #     vec![vec![0.9, 0.2], vec![0.8, 0.4], vec![0.6, 0.1]],
    /// # )?;
    /// let evaluation = predictions.evaluate(&EvaluationOptions::new().with_intervals(Bootstrap::new()))?;
    /// assert_eq!(evaluation.get("subset_accuracy"), Some(1.0 / 3.0));
    /// assert_eq!(evaluation.per_label[0].get("recall"), Some(1.0));
    /// println!("{evaluation}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If a setting of the bootstrap is out of range.
    pub fn evaluate(&self, options: &EvaluationOptions) -> Result<MultilabelEvaluation> {
        self.evaluate_with_progress(options, |_, _| {})
    }

    /// Does the same as [`MultilabelPredictions::evaluate`] and reports progress: `on_progress` receives the number of
    /// bootstrap replicates that are done and their total number, a few dozen times. It is not called without intervals.
    ///
    /// # Errors
    /// The errors of [`MultilabelPredictions::evaluate`].
    pub fn evaluate_with_progress(
        &self,
        options: &EvaluationOptions,
        on_progress: impl FnMut(usize, usize),
    ) -> Result<MultilabelEvaluation> {
        let rows: Vec<usize> = (0..self.len()).collect();
        let once = vec![1.0; rows.len()];
        let sorted = Sorted::new(self, &rows);
        let prepared = |draws| with_options(sorted.measures(draws), options);
        let measures = prepared(&once);
        let mut scores = self.scores(&measures);
        let mut per_label = self.label_scores(&measures);
        if let Some(bootstrap) = &options.bootstrap {
            let own = self.labels().len() <= LABELS_WITH_INTERVALS;
            let compute = |measures: &Measures| values(measures, own);
            let results = bootstrap.run_drawn(
                &[rows],
                &compute(&measures),
                |rows| Sorted::new(self, rows),
                |sorted, draws| compute(&with_options(sorted.measures(draws), options)),
                on_progress,
            )?;
            let ranges = SCORES.iter().map(|kind| kind.range(self.labels().len()));
            let label_ranges = LABEL_SCORES.iter().map(|kind| range(kind.metric)).cycle();
            let all = scores
                .iter_mut()
                .chain(per_label.iter_mut().flat_map(|label| &mut label.scores));
            for ((score, result), range) in all.zip(results).zip(ranges.chain(label_ranges)) {
                let found = result.and_then(|result| interval(&result, score.value, range));
                score.interval = found.filter(|found| found.low < found.high);
                if score.interval.is_none() && found.is_some() {
                    score.no_interval = NO_SPREAD.to_string();
                }
            }
        }
        let explain = |score: &mut Score, missing: &str| {
            let explained = score.interval.is_some() || !score.no_interval.is_empty();
            if score.value.is_some() && !explained {
                let reason = options.bootstrap.as_ref().map_or(NOT_ASKED, |_| missing);
                score.no_interval = reason.to_string();
            }
        };
        scores
            .iter_mut()
            .for_each(|score| explain(score, ALWAYS_UNDEFINED));
        let missing = match per_label.len() {
            0..=LABELS_WITH_INTERVALS => ALWAYS_UNDEFINED,
            _ => TOO_MANY_LABELS,
        };
        for label in &mut per_label {
            label
                .scores
                .iter_mut()
                .for_each(|score| explain(score, missing));
        }
        Ok(MultilabelEvaluation {
            samples: self.len(),
            labels: self.labels().to_vec(),
            scores,
            per_label,
        })
    }

    fn scores(&self, measures: &Measures) -> Vec<Score> {
        let score = |kind: &ScoreKind| {
            let reason = || kind.reason(measures, self.labels());
            Score::new(kind.name, kind.title, kind.compute(measures), reason)
        };
        SCORES.iter().map(score).collect()
    }

    fn label_scores(&self, measures: &Measures) -> Vec<LabelScores> {
        let (confusions, support) = (measures.confusions(), measures.support());
        let names = self.labels().iter().enumerate();
        names
            .map(|(label, name)| LabelScores {
                name: name.clone(),
                support: support[label],
                threshold: self.thresholds()[label],
                confusion: confusions[label],
                scores: LABEL_SCORES
                    .iter()
                    .map(|kind| {
                        let value = measures.of_label(kind.metric, label);
                        Score::new(kind.name, kind.title, value, || kind.reason())
                    })
                    .collect(),
            })
            .collect()
    }
}

fn with_options<'a>(measures: Measures<'a>, options: &EvaluationOptions) -> Measures<'a> {
    // NaN is none.
    measures.with_zero_division(options.zero_division.unwrap_or(f64::NAN))
}

/// All scores in the order of the table, and then those of each label.
fn values(measures: &Measures, of_labels: bool) -> Vec<Option<f64>> {
    let mut values: Vec<_> = SCORES.iter().map(|kind| kind.compute(measures)).collect();
    if of_labels {
        for label in 0..measures.counts.len() {
            let kinds = LABEL_SCORES.iter();
            values.extend(kinds.map(|kind| measures.of_label(kind.metric, label)));
        }
    }
    values
}

/// The interval within the range of the score: replicates of a bag that are moved to the value may leave it.
fn interval(
    result: &BootstrapResult,
    value: Option<f64>,
    (least, most): (f64, f64),
) -> Option<Estimate> {
    let Estimate { low, high, .. } = result.estimate;
    value.map(|value| Estimate {
        value,
        low: low.max(least),
        high: high.min(most),
    })
}
