//! Shifts: against numpy and scipy, and whether the tests and intervals hold in simulation.

use metrics::shift::{
    AccuracyEstimator, EmbeddingSummary, LabelShiftMethod, LabelShiftOptions, MmdOptions,
    ShiftVerdict, label_shift, mmd_test,
};
use metrics::{Bootstrap, Predictions};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;

use crate::reference::{all_close, close, fixture, numbers, same};

const FIXTURE: &str = include_str!("../fixtures/shift.json");

fn source(case: &Value) -> Predictions {
    let targets = numbers(&case["targets"]);
    let targets = targets.into_iter().map(|v| v as usize).collect();
    let k = case["classes"].as_u64().unwrap() as usize;
    Predictions::from_flat(targets, numbers(&case["source"]), k).unwrap()
}

#[test]
fn label_shifts_equal_those_of_numpy() {
    for case in fixture(FIXTURE, "label_shifts") {
        let mut source = source(&case);
        if case["weights"].is_array() {
            source = source.with_weights(numbers(&case["weights"])).unwrap();
        }
        let target = numbers(&case["target"]);
        let options = LabelShiftOptions::new().with_method(LabelShiftMethod::ConfusionMatrix);
        let found = label_shift(&source, &target, &options).unwrap();
        all_close(&found.target, &case["confusion"], "BBSE");
        same(found.condition, &case["condition"], "condition");
        same(Some(found.expected_accuracy), &case["accuracy"], "accuracy");
        let options = options.with_method(LabelShiftMethod::Likelihood { tolerance: 1e-14 });
        let found = label_shift(&source, &target, &options).unwrap();
        // The steps end where sums in another order still differ a little.
        for (ours, theirs) in found.target.iter().zip(numbers(&case["likelihood"])) {
            assert!((ours - theirs).abs() < 1e-9, "{ours} {theirs}");
        }
        let corrected = found.corrected(&target).unwrap();
        for (ours, theirs) in corrected.iter().zip(numbers(&case["corrected"])) {
            assert!((ours - theirs).abs() < 1e-9, "{ours} {theirs}");
        }
    }
}

/// Samples of two classes with calibrated probabilities for equal frequencies, where a share of the samples is of the first.
fn draw(random: &mut ChaCha8Rng, n: usize, share: f64) -> (Vec<usize>, Vec<f64>) {
    let (mut targets, mut rows) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let target = usize::from(random.random::<f64>() >= share);
        let x: f64 = StandardNormal.sample(random);
        let x = x + if target == 0 { 1.0 } else { -1.0 };
        // Two normal distributions around 1 and -1.
        let p = 1.0 / (1.0 + (-2.0 * x).exp());
        targets.push(target);
        rows.extend([p, 1.0 - p]);
    }
    (targets, rows)
}

#[test]
fn intervals_of_frequencies_hold_in_simulation() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for method in [
        LabelShiftMethod::ConfusionMatrix,
        LabelShiftMethod::Likelihood { tolerance: 1e-6 },
    ] {
        let (mut held, draws) = (0, 100);
        for _ in 0..draws {
            let (targets, rows) = draw(&mut random, 200, 0.5);
            let source = Predictions::from_flat(targets, rows, 2).unwrap();
            let (_, new) = draw(&mut random, 200, 0.8);
            let options = LabelShiftOptions::new()
                .with_method(method)
                .with_intervals(Bootstrap::new().with_replicates(100).with_level(0.9));
            let found = label_shift(&source, &new, &options).unwrap();
            let interval = found.target_intervals[0];
            held += usize::from(interval.low <= 0.8 && 0.8 <= interval.high);
            let accuracy = found.accuracy_interval.unwrap();
            assert!(
                accuracy.low < found.expected_accuracy && found.expected_accuracy < accuracy.high
            );
        }
        // 0.001 and 0.999 of the binomial distribution of 100 trials of 0.88: percentile intervals are a little short.
        assert!((76..=97).contains(&held), "{method:?}: {held}");
    }
}

#[test]
fn what_cannot_be_estimated_is_refused() {
    let source = Predictions::new(
        vec![0, 0, 1, 1],
        vec![
            vec![0.9, 0.1],
            vec![0.2, 0.8],
            vec![0.7, 0.3],
            vec![0.4, 0.6],
        ],
    )
    .unwrap();
    let confusion = LabelShiftOptions::new().with_method(LabelShiftMethod::ConfusionMatrix);
    let error = label_shift(&source, &[0.5, 0.5], &confusion)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("condition number of the confusion matrix is infinite (the matrix is singular); expected at most 100: the classifier confuses"), "{error}");
    let mut rows = vec![[0.9, 0.1]; 51];
    rows.extend(vec![[0.1, 0.9]; 49]);
    rows.extend(vec![[0.9, 0.1]; 50]);
    rows.extend(vec![[0.1, 0.9]; 50]);
    let targets = (0..200).map(|i| usize::from(i >= 100)).collect();
    let weak = Predictions::from_flat(targets, rows.concat(), 2).unwrap();
    let error = label_shift(&weak, &[0.5, 0.5], &confusion)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("matrix is 101; expected at most 100"),
        "{error}"
    );
    let one = Predictions::from_flat(vec![0], vec![0.5, 0.5], 2).unwrap();
    let error = label_shift(&one, &[0.5, 0.5], &confusion)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "there are 0 source samples of the class `1`, but an estimate of label shift needs at least 1"
    );
    let default = LabelShiftOptions::new();
    label_shift(&source, &[], &default).unwrap_err();
    label_shift(&source, &[0.5], &default).unwrap_err();
    label_shift(&source, &[0.9, 0.9], &default).unwrap_err();
    let never = LabelShiftMethod::Likelihood { tolerance: 0.0 };
    label_shift(&source, &[0.5, 0.5], &default.with_method(never)).unwrap_err();
    let none = Bootstrap::new().with_replicates(0);
    label_shift(&source, &[0.5, 0.5], &default.with_intervals(none)).unwrap_err();
    let found = label_shift(&source, &[0.9, 0.1], &default).unwrap();
    let shown = found.to_string();
    assert!(
        shown.starts_with("0  0.5000 -> 1.0000\n1  0.5000 -> 0.0000\nexpected accuracy  0.5000\n"),
        "{shown}"
    );
    assert!(found.corrected(&[0.5]).is_err());
}

fn floats(value: &Value) -> Vec<f32> {
    numbers(value)
        .into_iter()
        .map(|value| value as f32)
        .collect()
}

#[test]
fn discrepancies_equal_those_of_scipy() {
    for case in fixture(FIXTURE, "discrepancies") {
        let (first, second) = (floats(&case["first"]), floats(&case["second"]));
        let width = case["width"].as_u64().unwrap() as usize;
        let options = MmdOptions::new().with_permutations(9999);
        let test = mmd_test(&first, &second, width, &options).unwrap();
        same(test.statistic, &case["statistic"], "statistic");
        close(
            test.bandwidth,
            case["bandwidth"].as_f64().unwrap(),
            "bandwidth",
        );
        if let Some(exact) = case["exact_p"].as_f64() {
            // Four standard errors of 9999 permutations.
            let error = 4.0 * (exact * (1.0 - exact) / 9999.0).sqrt() + 1e-4;
            assert!(
                (test.p_value.unwrap() - exact).abs() < error,
                "{test:?} {exact}"
            );
        }
        // Two rows each: the smallest p-value is 2/6.
        if first.len() / width == 2 {
            assert_eq!(test.verdict, ShiftVerdict::CannotTell);
            assert!(
                test.to_string()
                    .starts_with("cannot tell: there are too few rows (2 and 2 rows")
            );
        }
    }
}

#[test]
fn equal_distributions_are_seldom_said_to_differ() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut normal = |n: usize, mean: f32| -> Vec<f32> {
        (0..n * 4)
            .map(|_| {
                let value: f32 = StandardNormal.sample(&mut random);
                value + mean
            })
            .collect()
    };
    let options = MmdOptions::new().with_permutations(99).with_level(0.1);
    let (mut differ, mut found) = (0, 0);
    for _ in 0..400 {
        let equal = mmd_test(&normal(15, 0.0), &normal(20, 0.0), 4, &options).unwrap();
        differ += usize::from(equal.verdict == ShiftVerdict::Shifted);
        let moved = mmd_test(&normal(15, 0.0), &normal(20, 1.0), 4, &options).unwrap();
        found += usize::from(moved.verdict == ShiftVerdict::Shifted);
    }
    // 0.0005 and 0.9995 of the binomial distribution of 400 trials of 0.1: 21 and 61.
    assert!((21..=61).contains(&differ), "{differ}");
    assert!(found > 380, "{found}");
}

#[test]
fn many_rows_are_drawn_and_bad_ones_refused() {
    let rows: Vec<f32> = (0..600).map(|i| (i % 7) as f32).collect();
    let options = MmdOptions::new().with_max_rows(50);
    let test = mmd_test(&rows, &rows[..90], 3, &options).unwrap();
    assert_eq!(test.rows, [50, 30]);
    assert_eq!(test, mmd_test(&rows, &rows[..90], 3, &options).unwrap());
    // All rows are equal.
    let equal = mmd_test(&[1.0; 20], &[1.0; 20], 2, &options).unwrap();
    assert_eq!(
        (equal.p_value, equal.verdict),
        (Some(1.0), ShiftVerdict::NoEvidence)
    );
    let few = mmd_test(&[1.0], &[2.0, 3.0], 1, &options).unwrap();
    assert_eq!(
        (few.statistic, few.verdict),
        (None, ShiftVerdict::CannotTell)
    );
    mmd_test(&[], &[], 1, &options).unwrap();
    for (first, width, options) in [
        (&[1.0_f32, 2.0][..], 0, options),
        (&[1.0, 2.0, 3.0], 2, options),
        (&[1.0, f32::NAN], 2, options),
        (&[1.0, 2.0], 2, options.with_permutations(0)),
        (&[1.0, 2.0], 2, options.with_level(1.0)),
        (&[1.0, 2.0], 2, options.with_max_rows(1)),
    ] {
        mmd_test(first, &[1.0, 2.0], width, &options).unwrap_err();
    }
    let error = mmd_test(&[1.0], &[1.0], 1, &options.with_permutations(18)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "number of permutations is 18; expected at least 19, so that a p-value can be as small as the level 0.05"
    );
}

#[test]
fn estimated_accuracies_equal_the_definitions() {
    for case in fixture(FIXTURE, "accuracies") {
        let estimator = AccuracyEstimator::fit(&source(&case)).unwrap();
        let text = serde_json::to_string(&estimator).unwrap();
        let estimator: AccuracyEstimator = serde_json::from_str(&text).unwrap();
        let found = estimator.estimate(&numbers(&case["target"])).unwrap();
        for (name, value) in [
            ("average_confidence", found.average_confidence),
            ("atc_confidence", found.atc_confidence),
            ("atc_entropy", found.atc_entropy),
            ("difference_of_confidences", found.difference_of_confidences),
        ] {
            same(Some(value), &case[name], name);
        }
    }
    let wrong = Predictions::from_flat(vec![1, 1], vec![0.75, 0.25, 1.0, 0.0], 2).unwrap();
    let estimator = AccuracyEstimator::fit(&wrong).unwrap();
    let found = estimator.estimate(&[1.0, 0.0]).unwrap();
    assert_eq!(
        (found.atc_confidence, found.difference_of_confidences),
        (0.0, 0.125)
    );
    assert!(
        found
            .to_string()
            .starts_with("average confidence         1.0000\n")
    );
    estimator.estimate(&[]).unwrap_err();
    estimator.estimate(&[0.2, 0.2]).unwrap_err();
    AccuracyEstimator::fit(&wrong.clone().with_weights(vec![1.0, 1.0]).unwrap()).unwrap_err();
    AccuracyEstimator::fit(&Predictions::from_classes(vec![0], vec![0], 2).unwrap()).unwrap_err();
}

/// On new samples of the same kind all estimates are near the accuracy.
#[test]
fn estimated_accuracies_are_near_the_true_one_without_a_shift() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let (targets, rows) = draw(&mut random, 4000, 0.5);
    let estimator =
        AccuracyEstimator::fit(&Predictions::from_flat(targets, rows, 2).unwrap()).unwrap();
    let (_, new) = draw(&mut random, 4000, 0.5);
    let found = estimator.estimate(&new).unwrap();
    // The normal distribution function at 1.
    for value in [
        found.average_confidence,
        found.atc_confidence,
        found.atc_entropy,
        found.difference_of_confidences,
    ] {
        assert!((value - 0.8413).abs() < 0.025, "{value}");
    }
}

#[test]
fn distances_equal_those_of_scikit_learn() {
    for case in fixture(FIXTURE, "summaries") {
        let targets = numbers(&case["targets"]);
        let targets: Vec<usize> = targets.into_iter().map(|v| v as usize).collect();
        let [width, classes] =
            ["width", "classes"].map(|name| case[name].as_u64().unwrap() as usize);
        let rows = floats(&case["rows"]);
        let summary = EmbeddingSummary::fit(&rows, width, &targets, classes).unwrap();
        same(Some(summary.shrinkage()), &case["shrinkage"], "shrinkage");
        let text = serde_json::to_string(&summary).unwrap();
        let summary: EmbeddingSummary = serde_json::from_str(&text).unwrap();
        let found = summary.nearest(&floats(&case["new"])).unwrap();
        let nearest = numbers(&case["nearest"]);
        let distances = numbers(&case["distances"]);
        for ((class, distance), theirs) in found.iter().zip(nearest.iter().zip(&distances)) {
            assert_eq!(*class as f64, *theirs.0);
            assert!((distance - theirs.1).abs() < 1e-9 * theirs.1.max(1.0));
        }
        // A class without samples is never the nearest.
        let more = EmbeddingSummary::fit(&rows, width, &targets, classes + 1).unwrap();
        assert_eq!(more.nearest(&floats(&case["new"])).unwrap(), found);
        assert_eq!((more.samples()[classes], more.width()), (0, width));
        summary.nearest(&[f32::INFINITY].repeat(width)).unwrap_err();
    }
    for (rows, width, targets, expected) in [
        (
            &[1.0_f32, 2.0, 3.0][..],
            1,
            &[0, 1][..],
            "expected 2 rows of embeddings",
        ),
        (
            &[1.0, 2.0, 3.0],
            1,
            &[0, 1, 2],
            "row 2 (counted from 0): the target is class 2",
        ),
        (
            &[1.0, 2.0, 3.0],
            1,
            &[0, 1, 1],
            "there are 3 embeddings of 2 classes, but their covariance needs at least 4",
        ),
        (
            &[1.0; 4],
            1,
            &[0; 4],
            "covariance of the embeddings is 0; expected embeddings of a class that differ",
        ),
        (&[1.0; 4], 3, &[0; 4], "width of a row is 3"),
    ] {
        let error = EmbeddingSummary::fit(rows, width, targets, 2)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
