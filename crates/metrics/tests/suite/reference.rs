//! Every number against scikit-learn, SciPy and statsmodels: `fixtures/make.py` says which versions.

use metrics::Predictions;
use metrics::confusion::{Average, ClassMetric, KappaWeights, Normalize};
use metrics::curves::Ranking;
use metrics::probability::{Binning, IsotonicCalibration, IsotonicRegression, TemperatureScaling};
use metrics::streaming::StreamingMetrics;
use metrics::uncertainty::{
    Interval, LeaveOneOut, bca_interval, clopper_pearson_interval, delong_interval, delong_test,
    mcnemar_chi_squared, mcnemar_exact, percentile_interval, wilson_interval,
};
use serde_json::Value;

pub(crate) fn fixture(text: &str, name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(text).unwrap();
    all[name].as_array().unwrap().clone()
}

fn cases() -> Vec<Value> {
    fixture(include_str!("../fixtures/cases.json"), "cases")
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| {
            if v == "inf" {
                f64::INFINITY
            } else {
                v.as_f64().unwrap_or(f64::NAN)
            }
        })
        .collect()
}

fn predictions(case: &Value) -> Predictions {
    let targets = numbers(&case["targets"])
        .iter()
        .map(|&v| v as usize)
        .collect();
    let classes = case["classes"].as_u64().unwrap() as usize;
    let p = Predictions::from_flat(targets, numbers(&case["probabilities"]), classes).unwrap();
    if case["weights"].is_null() {
        p
    } else {
        p.with_weights(numbers(&case["weights"])).unwrap()
    }
}

/// Equal to 1e-12, relative or absolute.
#[track_caller]
pub(crate) fn close(ours: f64, theirs: f64, what: &str) {
    let equal = ours == theirs || (ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0);
    assert!(equal, "{what}: {ours} is not {theirs}");
}

/// `null` in the fixture is undefined, so `None` here.
#[track_caller]
pub(crate) fn same(ours: Option<f64>, theirs: &Value, what: &str) {
    match (ours, theirs.as_f64()) {
        (Some(ours), Some(theirs)) => close(ours, theirs, what),
        (ours, theirs) => assert_eq!(ours, theirs, "{what}"),
    }
}

#[track_caller]
pub(crate) fn all_close(ours: &[f64], theirs: &Value, what: &str) {
    let theirs = numbers(theirs);
    assert_eq!(ours.len(), theirs.len(), "{what}: lengths");
    for (ours, theirs) in ours.iter().zip(theirs) {
        close(*ours, theirs, what);
    }
}

const METRICS: [(&str, ClassMetric); 7] = [
    ("precision", ClassMetric::Precision),
    ("recall", ClassMetric::Recall),
    ("f1", ClassMetric::F1),
    ("f2", ClassMetric::FBeta(2.0)),
    ("f0.5", ClassMetric::FBeta(0.5)),
    ("jaccard", ClassMetric::Jaccard),
    ("specificity", ClassMetric::Specificity),
];

#[test]
fn counts() {
    let cases = cases();
    assert!(cases.len() >= 60);
    for (number, case) in cases.iter().enumerate() {
        let (confusion, theirs) = (predictions(case).confusion(), &case["counts"]);
        let what = |name: &str| format!("case {number}, {name}");
        for (ours, theirs) in confusion
            .rows()
            .zip(theirs["confusion"].as_array().unwrap())
        {
            all_close(ours, theirs, &what("confusion"));
        }
        same(confusion.accuracy(), &theirs["accuracy"], &what("accuracy"));
        same(
            confusion.balanced_accuracy(),
            &theirs["balanced_accuracy"],
            &what("balanced accuracy"),
        );
        same(
            confusion.matthews_corrcoef(),
            &theirs["matthews_corrcoef"],
            &what("Matthews"),
        );
        for (name, weights) in [
            ("cohen_kappa", KappaWeights::Unweighted),
            ("kappa_linear", KappaWeights::Linear),
            ("kappa_quadratic", KappaWeights::Quadratic),
        ] {
            same(confusion.cohen_kappa(weights), &theirs[name], &what(name));
        }
        for (name, metric) in METRICS {
            for (class, ours) in confusion.per_class(metric).into_iter().enumerate() {
                same(ours, &theirs["per_class"][name][class], &what(name));
            }
            for (kind, average) in [("macro", Average::Macro), ("weighted", Average::Weighted)] {
                let name = format!("{name}_{kind}");
                same(
                    confusion.average(metric, average),
                    &theirs[&name],
                    &what(&name),
                );
            }
        }
        for name in ["precision", "recall", "f1", "jaccard"] {
            let metric = METRICS.iter().find(|(known, _)| *known == name).unwrap().1;
            let name = format!("{name}_micro");
            same(
                confusion.average(metric, Average::Micro),
                &theirs[&name],
                &what(&name),
            );
        }
        let classes: Vec<usize> = (0..confusion.classes()).collect();
        let zero = confusion.with_zero_division(0.0);
        for (name, metric, average) in [
            ("precision_macro", ClassMetric::Precision, Average::Macro),
            ("recall_macro", ClassMetric::Recall, Average::Macro),
            ("f1_weighted", ClassMetric::F1, Average::Weighted),
            ("jaccard_macro", ClassMetric::Jaccard, Average::Macro),
        ] {
            let ours = zero.average_over(metric, average, &classes);
            same(ours, &theirs["zero_division_0"][name], &what(name));
        }
    }
}

#[test]
fn normalized_confusion() {
    for case in cases().iter().filter(|case| case["normalised"].is_array()) {
        let confusion = predictions(case).confusion();
        for (index, by) in [Normalize::Target, Normalize::Predicted, Normalize::All]
            .into_iter()
            .enumerate()
        {
            for (target, row) in confusion.normalized(by).into_iter().enumerate() {
                for (predicted, ours) in row.into_iter().enumerate() {
                    same(
                        ours,
                        &case["normalised"][index][target][predicted],
                        "normalized",
                    );
                }
            }
        }
    }
}

#[test]
fn curves() {
    for (number, case) in cases().iter().enumerate() {
        let (p, theirs) = (predictions(case), &case["curves"]);
        let what = |name: &str| format!("case {number}, {name}");
        let k = p.classes().len();
        for class in 0..k {
            let (ranking, theirs) = (p.ranking(class).unwrap(), &theirs["per_class"][class]);
            same(ranking.roc_auc(), &theirs["area"], &what("area"));
            same(
                ranking.partial_roc_auc(0.1),
                &theirs["partial_0.1"],
                &what("partial area"),
            );
            same(
                ranking.partial_roc_auc(0.5),
                &theirs["partial_0.5"],
                &what("partial area"),
            );
            same(
                ranking.average_precision(),
                &theirs["average_precision"],
                &what("average precision"),
            );
        }
        for (kind, average) in [
            ("macro", Average::Macro),
            ("weighted", Average::Weighted),
            ("micro", Average::Micro),
        ] {
            let of = |name: &str| &theirs[format!("{name}_{kind}")];
            same(
                p.roc_auc_one_vs_rest(average),
                of("area"),
                &what("one vs rest"),
            );
            same(
                p.average_precision(average),
                of("average_precision"),
                &what("average precision"),
            );
            same(
                p.roc_auc_one_vs_one(average),
                of("ovo"),
                &what("one vs one"),
            );
        }
        let ranking = p.ranking(k - 1).unwrap();
        if let Some(curve) = theirs.get("roc") {
            let ours = ranking.roc_curve().unwrap();
            all_close(&ours.false_positive_rate, &curve[0], &what("roc"));
            all_close(&ours.true_positive_rate, &curve[1], &what("roc"));
            all_close(&ours.thresholds, &curve[2], &what("roc"));
        }
        if let Some(curve) = theirs.get("det") {
            let ours = ranking.det_curve().unwrap();
            all_close(&ours.false_positive_rate, &curve[0], &what("det"));
            all_close(&ours.false_negative_rate, &curve[1], &what("det"));
            all_close(&ours.thresholds, &curve[2], &what("det"));
        }
        if let Some(curve) = theirs.get("precision_recall") {
            let ours = ranking.precision_recall_curve().unwrap();
            all_close(&ours.precision, &curve[0], &what("precision-recall"));
            all_close(&ours.recall, &curve[1], &what("precision-recall"));
            all_close(&ours.thresholds, &curve[2], &what("precision-recall"));
        }
    }
}

#[test]
fn probabilities() {
    for (number, case) in cases().iter().enumerate() {
        let (p, theirs) = (predictions(case), &case["proba"]);
        let what = |name: &str| format!("case {number}, {name}");
        same(p.log_loss(), &theirs["log_loss"], &what("log loss"));
        same(p.brier_score(), &theirs["brier"], &what("Brier"));
        for k in [2, 3] {
            same(p.top_k_accuracy(k), &theirs["top_k"][k - 2], &what("top k"));
        }
        for bins in [15, 10, 2] {
            for (name, binning) in [
                ("uniform", Binning::Uniform(bins)),
                ("mass", Binning::Quantile(bins)),
            ] {
                let name = format!("{name}_{bins}");
                let ours = p.calibration_error(binning).unwrap();
                let ours = [ours.expected, ours.maximum, ours.class_wise];
                all_close(&ours, &theirs[&name], &what(&name));
            }
        }
    }
}

#[test]
fn choosing() {
    for (number, case) in cases().iter().enumerate() {
        let (p, theirs) = (predictions(case), &case["choosing"]);
        let what = |name: &str| format!("case {number}, {name}");
        let ranking = p.ranking(0).unwrap();
        for wanted in [0.5, 0.9] {
            let ours = ranking
                .threshold_for_precision(wanted)
                .map(|point| point.threshold);
            same(
                ours,
                &theirs[format!("precision_{wanted:?}")],
                &what("precision"),
            );
            let ours = ranking
                .threshold_for_recall(wanted)
                .map(|point| point.threshold);
            same(ours, &theirs[format!("recall_{wanted:?}")], &what("recall"));
        }
        let cheapest = ranking.threshold_for_costs(2.0, 3.0).unwrap();
        let cost = 2.0 * cheapest.false_positives + 3.0 * cheapest.false_negatives;
        close(cost, theirs["cost"].as_f64().unwrap(), &what("cost"));
        let curve = p.risk_coverage().unwrap();
        same(Some(curve.area()), &theirs["aurc"], &what("area"));
        let ours = curve.for_accuracy(0.75);
        same(
            ours.map(|point| point.threshold),
            &theirs["accuracy_0.75"][0],
            &what("coverage"),
        );
        same(
            ours.map(|point| point.coverage),
            &theirs["accuracy_0.75"][1],
            &what("coverage"),
        );
    }
}

#[test]
fn streaming() {
    for (number, case) in cases().iter().enumerate() {
        let p = predictions(case);
        let k = p.classes().len();
        let cut = p.len() / 3;
        let mut parts = [
            StreamingMetrics::new(k, 15).unwrap(),
            StreamingMetrics::new(k, 15).unwrap(),
        ];
        let (rows, weights) = (p.probabilities().unwrap(), p.weights());
        parts[0]
            .update(
                &p.targets()[..cut],
                &rows[..cut * k],
                weights.map(|w| &w[..cut]),
            )
            .unwrap();
        for i in cut..p.len() {
            let row = &rows[i * k..(i + 1) * k];
            parts[1]
                .update(&p.targets()[i..=i], row, weights.map(|w| &w[i..=i]))
                .unwrap();
        }
        let [mut whole, second] = parts;
        whole.merge(&second).unwrap();
        let what = format!("case {number}");
        assert_eq!(whole.samples(), p.len());
        for (ours, theirs) in whole.confusion().rows().zip(p.confusion().rows()) {
            for (ours, theirs) in ours.iter().zip(theirs) {
                close(*ours, *theirs, &what);
            }
        }
        same(whole.log_loss(), &case["proba"]["log_loss"], &what);
        same(whole.brier_score(), &case["proba"]["brier"], &what);
        same(whole.top_k_accuracy(2), &case["proba"]["top_k"][0], &what);
        let reliability = whole.reliability().unwrap();
        same(
            Some(reliability.expected_error()),
            &case["proba"]["uniform_15"][0],
            &what,
        );
        same(
            Some(reliability.maximum_error()),
            &case["proba"]["uniform_15"][1],
            &what,
        );
    }
}

#[test]
fn proportions() {
    let rows = fixture(include_str!("../fixtures/intervals.json"), "proportions");
    assert!(rows.len() >= 60);
    for row in &rows {
        let (k, n, level) = (
            row[0].as_u64().unwrap(),
            row[1].as_u64().unwrap(),
            row[2].as_f64().unwrap(),
        );
        let (wilson, exact) = (
            wilson_interval(k, n, level).unwrap(),
            clopper_pearson_interval(k, n, level).unwrap(),
        );
        for (index, ours) in [wilson.low, wilson.high, exact.low, exact.high]
            .into_iter()
            .enumerate()
        {
            close(
                ours,
                row[3 + index].as_f64().unwrap(),
                &format!("{k} of {n} at {level}, {index}"),
            );
        }
    }
    assert_eq!(wilson_interval(0, 0, 0.95), None);
    assert_eq!(wilson_interval(2, 1, 0.95), None);
    assert_eq!(clopper_pearson_interval(1, 2, 1.0), None);
}

#[test]
fn mcnemar() {
    let rows = fixture(include_str!("../fixtures/intervals.json"), "mcnemar");
    assert!(rows.len() >= 60);
    for row in &rows {
        let (b, c) = (row[0].as_u64().unwrap(), row[1].as_u64().unwrap());
        let what = format!("{b} against {c}");
        same(mcnemar_exact(b, c).map(|test| test.p_value), &row[2], &what);
        for (correction, at) in [(false, 3), (true, 5)] {
            let test = mcnemar_chi_squared(b, c, correction).unwrap();
            same(Some(test.statistic), &row[at], &what);
            same(Some(test.p_value), &row[at + 1], &what);
        }
    }
    assert_eq!(mcnemar_exact(0, 0), None);
}

#[test]
fn delong_areas() {
    let rows = fixture(include_str!("../fixtures/intervals.json"), "delong");
    assert!(rows.len() >= 60);
    for row in &rows {
        let positive: Vec<bool> = numbers(&row["positive"])
            .iter()
            .map(|&v| v == 1.0)
            .collect();
        let (a, b) = (numbers(&row["a"]), numbers(&row["b"]));
        let ours = delong_interval(&positive, &a, 0.95).unwrap();
        same(Some(ours.value), &row["area"], "area");
        same(Some(ours.low), &row["low"], "low");
        same(Some(ours.high), &row["high"], "high");
        let ours = delong_test(&positive, &a, &b, 0.95).unwrap();
        same(
            Some(ours.difference.value),
            &row["difference"],
            "difference",
        );
        // A variance that is a difference of two equal numbers is rounding only.
        let half = ours.difference.high - ours.difference.value;
        let theirs = row["half"].as_f64().unwrap();
        assert!((half - theirs).abs() < 1e-7, "{half} {theirs}");
        if theirs > 1e-3 {
            close(half, theirs, "half width");
            same(ours.p_value, &row["p"], "p");
        }
    }
    assert_eq!(
        delong_interval(&[true, false, false], &[1.0, 0.0, 0.0], 0.95),
        None
    );
}

#[test]
fn bootstrap_intervals() {
    let rows = fixture(include_str!("../fixtures/intervals.json"), "bca");
    assert!(rows.len() >= 60);
    for (number, row) in rows.iter().enumerate() {
        let replicates = numbers(&row["replicates"]);
        let left_out: Vec<Vec<LeaveOneOut>> = row["left_out"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stratum| {
                numbers(stratum)
                    .into_iter()
                    .map(|value| LeaveOneOut { value, count: 1.0 })
                    .collect()
            })
            .collect();
        let Interval { low, high } = percentile_interval(&replicates, 0.9).unwrap();
        same(Some(low), &row["percentile"][0], "percentile");
        same(Some(high), &row["percentile"][1], "percentile");
        let value = row["value"].as_f64().unwrap();
        let Interval { low, high } = bca_interval(&replicates, value, &left_out, 0.9).unwrap();
        if row["bca"][0].is_f64() {
            same(Some(low), &row["bca"][0], &format!("BCa {number}"));
            same(Some(high), &row["bca"][1], "BCa");
        }
    }
}

#[test]
fn isotonic_regression() {
    let rows = fixture(include_str!("../fixtures/fits.json"), "isotonic");
    assert!(rows.len() >= 60);
    for row in &rows {
        let weights = row["w"].is_array().then(|| numbers(&row["w"]));
        let fitted =
            IsotonicRegression::fit(&numbers(&row["x"]), &numbers(&row["y"]), weights.as_deref())
                .unwrap();
        let ours: Vec<f64> = numbers(&row["at"])
            .into_iter()
            .map(|x| fitted.predict(x))
            .collect();
        all_close(&ours, &row["value"], "isotonic");
    }
}

#[test]
fn isotonic_calibration() {
    let (cases, rows) = (
        cases(),
        fixture(
            include_str!("../fixtures/fits.json"),
            "isotonic_calibration",
        ),
    );
    for row in &rows {
        let p = predictions(&cases[row["case"].as_u64().unwrap() as usize]);
        let fitted = IsotonicCalibration::fit(&p).unwrap();
        all_close(
            fitted.apply(&p).unwrap().row(0).unwrap(),
            &row["first"],
            "first row",
        );
        same(Some(fitted.loss_after), &row["after"], "loss");
    }
}

#[test]
fn temperature() {
    let (cases, rows) = (
        cases(),
        fixture(include_str!("../fixtures/fits.json"), "temperature"),
    );
    for row in &rows {
        let p = predictions(&cases[row["case"].as_u64().unwrap() as usize]);
        let ours = TemperatureScaling::fit(&p).unwrap();
        let (theirs, before, after) = (
            row["temperature"].as_f64().unwrap(),
            row["before"].as_f64().unwrap(),
            row["after"].as_f64().unwrap(),
        );
        close(ours.loss_before, before, "loss before");
        // Theirs may stop at a slightly higher loss, never we.
        assert!(
            ours.loss_after <= after.min(before) + 1e-9,
            "{ours:?} {theirs} {after}"
        );
        // Where the loss has one clear minimum, both find it (theirs to about 1e-8 of its logarithm).
        if ours.value != 1.0 && (0.05..20.0).contains(&theirs) {
            assert!(
                (ours.value.ln() - theirs.ln()).abs() < 1e-6,
                "{ours:?} {theirs}"
            );
        }
    }
}

/// The cases that go wrong most often, each by its own name.
mod edges {
    use super::*;

    #[test]
    fn roc_thresholds_start_at_infinity() {
        let curve = Ranking::new(&[false, true], &[0.1, 0.9], None)
            .unwrap()
            .roc_curve()
            .unwrap();
        assert_eq!(curve.thresholds, [f64::INFINITY, 0.9, 0.1]);
    }

    #[test]
    fn average_precision_is_the_step_sum() {
        let ranking = Ranking::new(&[true, false, true], &[0.9, 0.8, 0.7], None).unwrap();
        close(
            ranking.average_precision().unwrap(),
            0.5 + 0.5 * 2.0 / 3.0,
            "steps",
        );
    }

    #[test]
    fn ties_are_one_threshold() {
        let ranking =
            Ranking::new(&[true, false, true, false], &[0.5, 0.5, 0.5, 0.0], None).unwrap();
        assert_eq!(ranking.thresholds(), [0.5, 0.0]);
        assert_eq!(ranking.roc_auc(), Some(0.75));
        let zeros = Ranking::new(&[true, false], &[0.0, -0.0], None).unwrap();
        assert_eq!(zeros.roc_auc(), Some(0.5));
    }

    #[test]
    fn one_class_and_one_sample_are_undefined() {
        let p = Predictions::new(vec![0, 0], vec![vec![0.9, 0.1], vec![0.6, 0.4]]).unwrap();
        assert_eq!(p.ranking(0).unwrap().roc_auc(), None);
        assert_eq!(p.roc_auc_one_vs_rest(Average::Macro), None);
        assert_eq!(p.confusion().matthews_corrcoef(), None);
        assert_eq!(p.confusion().cohen_kappa(KappaWeights::Unweighted), None);
        let one = Predictions::new(vec![0], vec![vec![0.9, 0.1]]).unwrap();
        assert_eq!(one.ranking(0).unwrap().roc_auc(), None);
        assert_eq!(one.average_precision(Average::Macro), None);
    }

    #[test]
    fn log_loss_is_clipped_at_epsilon() {
        let p = Predictions::new(vec![0], vec![vec![0.0, 1.0]]).unwrap();
        close(p.log_loss().unwrap(), -f64::EPSILON.ln(), "log loss");
    }

    #[test]
    fn confidence_one_is_in_the_last_bin_and_zero_in_the_first() {
        let sure = Predictions::new(vec![0, 1], vec![vec![1.0, 0.0], vec![1.0, 0.0]]).unwrap();
        let bins = sure
            .calibration_error(Binning::Uniform(15))
            .unwrap()
            .reliability
            .bins;
        assert_eq!((bins.len(), bins[14].weight), (15, 2.0));
        let zero = sure.class_reliability(1, Binning::Uniform(15)).unwrap();
        assert_eq!(zero.bins[0].weight, 2.0);
        assert_eq!(zero.bins[7].confidence, None);
    }

    #[test]
    fn bins_are_closed_on_the_right() {
        let p = Predictions::new(vec![0], vec![vec![0.6, 0.4]]).unwrap();
        let bins = p
            .calibration_error(Binning::Uniform(5))
            .unwrap()
            .reliability
            .bins;
        assert_eq!(bins[2].weight, 1.0); // 0.6 lies in (0.4, 0.6]
    }

    #[test]
    fn multi_class_brier_sums_over_the_classes() {
        let p = Predictions::new(vec![0], vec![vec![0.0, 1.0, 0.0]]).unwrap();
        assert_eq!(p.brier_score(), Some(2.0));
        let two = Predictions::new(vec![0], vec![vec![0.0, 1.0]]).unwrap();
        assert_eq!(two.brier_score(), Some(1.0));
    }

    #[test]
    fn temperature_stays_at_one_where_it_does_not_help() {
        let p = Predictions::new(vec![0, 1], vec![vec![0.5, 0.5], vec![0.5, 0.5]]).unwrap();
        assert_eq!(TemperatureScaling::fit(&p).unwrap().value, 1.0);
        let mixed = vec![
            vec![0.75, 0.25],
            vec![0.75, 0.25],
            vec![0.75, 0.25],
            vec![0.75, 0.25],
        ];
        let calibrated = Predictions::new(vec![0, 0, 0, 1], mixed).unwrap();
        let fitted = TemperatureScaling::fit(&calibrated).unwrap();
        assert!((fitted.value - 1.0).abs() < 1e-9 && fitted.loss_after <= fitted.loss_before);
    }
}
