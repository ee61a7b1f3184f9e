//! Several labels: every number against scikit-learn, files, and what is refused.

use metrics::multilabel::{
    LabelAverage, LabelMetric, MultilabelEvaluation, SampleMetric, ThresholdGoal,
};
use metrics::{Bootstrap, EvaluationOptions, MultilabelPredictions};
use serde_json::Value;

use crate::reference::{all_close, fixture, numbers, same};

const METRICS: [(&str, LabelMetric); 8] = [
    ("precision", LabelMetric::Precision),
    ("recall", LabelMetric::Recall),
    ("f1", LabelMetric::F1),
    ("f2", LabelMetric::FBeta(2.0)),
    ("jaccard", LabelMetric::Jaccard),
    ("specificity", LabelMetric::Specificity),
    ("roc_auc", LabelMetric::RocAuc),
    ("average_precision", LabelMetric::AveragePrecision),
];

const AVERAGES: [(&str, LabelAverage); 4] = [
    ("micro", LabelAverage::Micro),
    ("macro", LabelAverage::Macro),
    ("weighted", LabelAverage::Weighted),
    ("samples", LabelAverage::Samples),
];

fn cases() -> Vec<Value> {
    fixture(include_str!("../fixtures/multilabel.json"), "cases")
}

fn predictions(case: &Value) -> MultilabelPredictions {
    let rows = |name: &str| -> Vec<Vec<f64>> {
        case[name].as_array().unwrap().iter().map(numbers).collect()
    };
    let targets = rows("targets");
    let targets = targets
        .iter()
        .map(|row| row.iter().map(|&v| v == 1.0).collect());
    let p = MultilabelPredictions::new(targets.collect(), rows("probabilities")).unwrap();
    let p = p.with_thresholds(numbers(&case["thresholds"])).unwrap();
    if case["weights"].is_null() {
        p
    } else {
        p.with_weights(numbers(&case["weights"])).unwrap()
    }
}

#[test]
fn scores_equal_those_of_scikit_learn() {
    let cases = cases();
    assert!(cases.len() >= 36);
    for (number, case) in cases.iter().enumerate() {
        let measures = predictions(case).measures();
        let zero = measures.clone().with_zero_division(0.0);
        let what = |name: &str| format!("case {number}, {name}");
        for (name, metric) in METRICS {
            for (label, ours) in measures.per_label(metric).into_iter().enumerate() {
                same(ours, &case[name][label], &what(name));
            }
            for (kind, average) in AVERAGES {
                let name = format!("{name}_{kind}");
                same(
                    measures.average(metric, average),
                    &case[&name],
                    &what(&name),
                );
                let with_zero = format!("{name}_zero");
                if case[&with_zero].is_number() {
                    let ours = zero.average(metric, average);
                    same(ours, &case[&with_zero], &what(&with_zero));
                }
            }
        }
        for (name, metric) in [
            ("subset_accuracy", SampleMetric::SubsetAccuracy),
            ("hamming_loss", SampleMetric::HammingLoss),
            ("coverage_error", SampleMetric::CoverageError),
            (
                "label_ranking_average_precision",
                SampleMetric::LabelRankingAveragePrecision,
            ),
            ("label_ranking_loss", SampleMetric::LabelRankingLoss),
        ] {
            if case[name].is_number() {
                same(measures.mean(metric), &case[name], &what(name));
            }
        }
        for (name, metric) in [
            ("log_loss", LabelMetric::LogLoss),
            ("brier", LabelMetric::Brier),
        ] {
            let ours = measures.per_label(metric);
            let ours: Vec<f64> = ours.into_iter().map(Option::unwrap).collect();
            all_close(&ours, &case[name], &what(name));
            for average in [
                LabelAverage::Micro,
                LabelAverage::Macro,
                LabelAverage::Samples,
            ] {
                let ours = measures.average(metric, average);
                same(ours, &case[format!("{name}_macro")], &what(name));
            }
        }
        for (label, ours) in measures.confusions().into_iter().enumerate() {
            for (row, ours) in ours.iter().enumerate() {
                all_close(ours, &case["confusion"][label][row], &what("confusion"));
            }
        }
    }
}

#[test]
fn evaluation_has_the_scores_and_says_why_some_are_undefined() {
    for case in cases() {
        let p = predictions(&case);
        let evaluation = p.evaluate(&EvaluationOptions::new()).unwrap();
        assert_eq!(evaluation.scores.len(), 31);
        for (name, _) in &METRICS[..3] {
            for (kind, _) in AVERAGES {
                let name = format!("{name}_{kind}");
                same(evaluation.get(&name), &case[&name], &name);
                let score = evaluation.score(&name).unwrap();
                assert_eq!(score.value.is_none(), !score.reason.is_empty(), "{name}");
            }
        }
        let text = serde_json::to_string(&evaluation).unwrap();
        let again: MultilabelEvaluation = serde_json::from_str(&text).unwrap();
        assert_eq!(again, evaluation);
    }
    let p = MultilabelPredictions::new(
        vec![vec![true, false, false], vec![true, false, false]],
        vec![vec![0.9, 0.8, 0.1], vec![0.7, 0.2, 0.1]],
    )
    .unwrap()
    .with_labels(["boat", "gull", "buoy"])
    .unwrap();
    let evaluation = p.evaluate(&EvaluationOptions::new()).unwrap();
    let reason = |name: &str| evaluation.score(name).unwrap().reason.clone();
    assert_eq!(
        reason("precision_macro"),
        "there are labels never predicted: buoy"
    );
    assert_eq!(
        reason("recall_macro"),
        "there are labels without samples: gull, buoy"
    );
    assert_eq!(
        reason("roc_auc_weighted"),
        "there are labels that every sample or none has: boat, gull, buoy"
    );
    assert_eq!(evaluation.get("recall_samples"), Some(1.0));
    let gull = &evaluation.per_label[1];
    assert_eq!(gull.get("precision"), Some(0.0));
    assert_eq!(
        gull.score("recall").unwrap().reason,
        "the label is one without samples"
    );
    let shown = evaluation.to_string();
    assert!(
        shown.contains("Hamming loss                            0.1667\n"),
        "{shown}"
    );
    assert!(
        shown.contains(
            "boat          2    0.5000    1.0000    1.0000    1.0000         -    1.0000\n"
        ),
        "{shown}"
    );
}

/// Of a share of samples the bootstrap interval is that of the binomial distribution.
#[test]
fn intervals_are_those_of_the_bootstrap() {
    let n = 200;
    let right = |i: usize| !i.is_multiple_of(4);
    let targets = (0..n).map(|i| vec![i % 2 == 0, true]).collect();
    let of = |target: bool, i: usize| if target == right(i) { 0.9 } else { 0.1 };
    let values = (0..n).map(|i| vec![of(i % 2 == 0, i), 0.9]).collect();
    let p = MultilabelPredictions::new(targets, values).unwrap();
    let options = EvaluationOptions::new().with_intervals(Bootstrap::new().with_seed(3));
    let evaluation = p.evaluate(&options).unwrap();
    let interval = evaluation
        .score("subset_accuracy")
        .unwrap()
        .interval
        .unwrap();
    assert_eq!(interval.value, 0.75);
    // Quantiles of the binomial distribution of 200 trials by scipy: 138 and 162 successes.
    assert!((interval.low - 0.69).abs() <= 0.006, "{interval}");
    assert!((interval.high - 0.81).abs() <= 0.006, "{interval}");
    let hamming = evaluation.score("hamming_loss").unwrap().interval.unwrap();
    assert!((hamming.low - (1.0 - interval.high) / 2.0).abs() < 1e-12);
    for score in &evaluation.scores {
        let explained = score.interval.is_some() || !score.no_interval.is_empty();
        assert_eq!(score.value.is_some(), explained, "{}", score.name);
    }
    let f1 = evaluation.score("f1_micro").unwrap();
    assert!(f1.interval.unwrap().low < f1.value.unwrap());
    let first = &evaluation.per_label[0];
    let recall = first.score("recall").unwrap();
    assert!(recall.interval.unwrap().low < recall.value.unwrap());
    // The second label always holds, so its area is undefined; its recall is the same in all.
    let second = &evaluation.per_label[1];
    assert_eq!(second.score("roc_auc").unwrap().value, None);
    let recall = second.score("recall").unwrap();
    assert_eq!((recall.value, recall.interval), (Some(1.0), None));
    assert!(
        recall
            .no_interval
            .starts_with("the score is the same in every replicate"),
        "{}",
        recall.no_interval
    );
    assert_eq!(evaluation, p.evaluate(&options).unwrap());
    let none = p.evaluate(&EvaluationOptions::new()).unwrap();
    assert_eq!(none.scores[0].no_interval, "intervals were not requested");
}

#[test]
fn thresholds_are_the_best_of_all() {
    for (number, case) in cases().iter().enumerate() {
        let p = predictions(case);
        let best = p.choose_thresholds(ThresholdGoal::F1).unwrap();
        for (label, (ours, theirs)) in best
            .iter()
            .zip(case["best_f1"].as_array().unwrap())
            .enumerate()
        {
            let what = format!("case {number}, label {label}");
            same(ours.map(|point| point.threshold), &theirs[0], &what);
            let Some(point) = ours else { continue };
            let mut thresholds = p.thresholds().to_vec();
            thresholds[label] = point.threshold;
            let at = p.clone().with_thresholds(thresholds).unwrap().measures();
            same(at.per_label(LabelMetric::F1)[label], &theirs[1], &what);
        }
        let precise = p.choose_thresholds(ThresholdGoal::Precision(0.75)).unwrap();
        for (ours, theirs) in precise
            .iter()
            .zip(case["precision_0.75"].as_array().unwrap())
        {
            same(ours.map(|point| point.threshold), theirs, "precision");
        }
    }
    let p = predictions(&cases()[0]);
    for goal in [
        ThresholdGoal::FScore(f64::NAN),
        ThresholdGoal::FScore(-1.0),
        ThresholdGoal::Precision(0.0),
        ThresholdGoal::Recall(1.5),
    ] {
        p.choose_thresholds(goal).unwrap_err();
    }
}

fn three() -> MultilabelPredictions {
    MultilabelPredictions::new(
        vec![
            vec![true, false, true],
            vec![false; 3],
            vec![false, true, false],
        ],
        vec![
            vec![0.9, 0.1, 0.7],
            vec![0.125, 0.25, 1.0 / 3.0],
            vec![0.0, 1.0, 0.5],
        ],
    )
    .unwrap()
    .with_labels(["boat", "cloud", "gull"])
    .unwrap()
}

#[test]
fn files_are_read_as_they_were_written() {
    let plain = three();
    let full = three()
        .with_files(["a,b.jpg", "\"b\".jpg", "c.jpg"])
        .unwrap()
        .with_weights(vec![1.0, 0.0, 0.1])
        .unwrap();
    for p in [plain, full] {
        let (mut lines, mut table) = (Vec::new(), Vec::new());
        p.write_json_lines(&mut lines).unwrap();
        let again = MultilabelPredictions::from_json_lines(&lines[..], Some(p.labels())).unwrap();
        assert_eq!(again, p);
        let again = MultilabelPredictions::from_json_lines(&lines[..], None).unwrap();
        assert_eq!(again, p);
        let others = ["boat", "gull", "cloud"].map(String::from);
        let error = MultilabelPredictions::from_json_lines(&lines[..], Some(&others)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1: the labels of this file are boat, cloud, gull; others were given"
        );
        p.write_csv(&mut table).unwrap();
        assert_eq!(
            MultilabelPredictions::from_csv(&table[..], None).unwrap(),
            p
        );
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("p.jsonl", &lines), ("p.csv", &table)] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            assert_eq!(
                MultilabelPredictions::open(&path, Some(p.labels())).unwrap(),
                p
            );
        }
    }
    let flags = "{\"targets\": [true, false], \"probabilities\": [0.5, 0.25]}\n\n";
    let p = MultilabelPredictions::from_json_lines(flags.as_bytes(), None).unwrap();
    assert_eq!(
        (p.labels()[1].as_str(), p.targets()),
        ("1", &[true, false][..])
    );
    // Other separators, orders and spellings.
    let table = "prob_gull;true_boat;weight;true_gull;prob_boat\n0.5;True;2;0.0;0.25\n";
    let labels = ["boat".to_string(), "gull".to_string()];
    let p = MultilabelPredictions::from_csv(table.as_bytes(), Some(&labels)).unwrap();
    assert_eq!(
        (p.targets(), p.probabilities()),
        (&[true, false][..], &[0.25, 0.5][..])
    );
    assert_eq!(p.weights(), Some(&[2.0][..]));
}

#[test]
fn bad_files_are_refused_with_their_line() {
    let labels = ["boat".to_string(), "gull".to_string()];
    for (line, expected) in [
        (
            "{\"targets\": [0, 1], \"probabilities\": [0.5, 0.5]}",
            "line 2: expected the names of the labels that hold, or one true or false for each label, found 0",
        ),
        (
            "{\"targets\": [\"bout\"], \"probabilities\": [0.5, 0.5]}",
            "line 2: the target `bout` is not among the labels: boat, gull",
        ),
        (
            "{\"targets\": [\"boat\", \"boat\"], \"probabilities\": [0.5, 0.5]}",
            "line 2: the target `boat` is given twice",
        ),
        (
            "{\"targets\": [true], \"probabilities\": [0.5, 0.5]}",
            "line 2: expected 2 targets, one for each label, found 1",
        ),
        (
            "{\"targets\": [], \"probabilities\": [0.5]}",
            "line 2: expected 2 probabilities, one for each label, found 1",
        ),
        (
            "{\"targets\": [], \"probabilities\": [0.5, 1.5]}",
            "line 2: probability of label 1 is 1.5; expected a number from 0 to 1 (apply the sigmoid function to scores such as logits first)",
        ),
        (
            "{\"targets\": [], \"probabilities\": [0.5, 0.5], \"weight\": 1}",
            "line 2: `weight` must be given for every sample or for none",
        ),
        (
            "{\"target\": 0, \"probabilities\": [0.5, 0.5]}",
            "line 2: expected an object such as",
        ),
    ] {
        let text = format!("{{\"targets\": [\"boat\"], \"probabilities\": [0.5, 0.5]}}\n{line}\n");
        let error =
            MultilabelPredictions::from_json_lines(text.as_bytes(), Some(&labels)).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let named = "{\"targets\": [\"boat\"], \"probabilities\": [0.5]}";
    let error = MultilabelPredictions::from_json_lines(named.as_bytes(), None).unwrap_err();
    assert!(
        error.to_string().contains("needs the names of all labels"),
        "{error}"
    );
    for (text, expected) in [
        (
            "target_boat,probability_boat,fold\n1,0.5,2\n",
            "line 1: column `fold` is none of",
        ),
        (
            "target_boat,probability_gull\n1,0.5\n",
            "line 1: column `probability_gull`: `gull` is not among the labels: boat",
        ),
        (
            "target_boat,target_gull,prob_boat\n1,0,0.5\n",
            "line 1: expected a column `probability_gull`",
        ),
        (
            "target_boat,target_boat,prob_boat\n1,0,0.5\n",
            "line 1: column `target_boat` is given twice",
        ),
        (
            "target_boat,prob_boat\n1,0.5\n2,0.5\n",
            "line 3: column `target_boat`: expected 1 or 0, found `2`",
        ),
        (
            "target_boat,prob_boat\n1,high\n",
            "line 2: column `prob_boat`: expected a number, found `high`",
        ),
        (
            "target_boat,prob_boat\n1\n",
            "line 2: expected 2 columns, found 1",
        ),
        ("target_boat,prob_boat\n", "there are no predictions"),
        ("", "there are no predictions"),
    ] {
        let error = MultilabelPredictions::from_csv(text.as_bytes(), None).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn bad_predictions_are_refused() {
    let new = MultilabelPredictions::new;
    for (made, expected) in [
        (new(vec![], vec![]), "there are no predictions"),
        (new(vec![vec![]], vec![vec![]]), "number of labels is 0"),
        (
            new(vec![vec![true]], vec![]),
            "expected 1 rows of probabilities",
        ),
        (
            new(vec![vec![true], vec![]], vec![vec![0.1], vec![0.1]]),
            "row 1 (counted from 0): expected 1 targets",
        ),
        (
            new(vec![vec![true]], vec![vec![f64::NAN]]),
            "row 0 (counted from 0): probability of label 0 is NaN",
        ),
        (
            MultilabelPredictions::from_flat(vec![true; 3], vec![0.5; 3], 2),
            "number of targets is 3; expected a multiple of the 2 labels",
        ),
        (
            three().with_labels(["a", "b"]),
            "expected 3 label names, one for each label, found 2",
        ),
        (
            three().with_labels(["a", "b", "a"]),
            "label name `a` is given twice",
        ),
        (
            three().with_thresholds(vec![0.5, f64::INFINITY, -0.1]),
            "threshold is -0.1 for the label `gull`",
        ),
        (three().with_weights(vec![0.0; 3]), "all weights are 0"),
        (three().with_files(["a"]), "expected 3 file names"),
        (three().subset(&[3]), "row is 3; expected below 3"),
        (three().subset(&[]), "there are no predictions"),
    ] {
        let error = made.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_label_is_two_classes() {
    let p = three();
    let gull = p.as_two_classes(2).unwrap();
    assert_eq!(gull.classes(), ["not gull", "gull"]);
    assert_eq!(gull.targets(), [1, 0, 0]);
    assert_eq!(gull.predicted(), [1, 0, 0]);
    let measures = p.measures();
    let brier = measures.per_label(LabelMetric::Brier)[2].unwrap();
    assert!((gull.brier_score().unwrap() - brier).abs() < 1e-15);
    assert_eq!(
        gull.ranking(1).unwrap().roc_auc(),
        measures.per_label(LabelMetric::RocAuc)[2]
    );
    assert!(p.as_two_classes(3).is_none() && p.ranking(3).is_none());
    let some = p.subset(&[2, 0]).unwrap();
    assert_eq!(some.targets(), [false, true, false, true, false, true]);
    // A label that is never predicted.
    let never = p.with_thresholds(vec![f64::INFINITY; 3]).unwrap();
    assert!(never.predicted().iter().all(|&said| !said));
}
