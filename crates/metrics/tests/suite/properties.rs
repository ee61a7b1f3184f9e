//! What must not matter: the order of the samples, the names of the classes, the scale of the scores, the
//! number of threads.

use metrics::confusion::{Average, ClassMetric, KappaWeights};
use metrics::curves::Ranking;
use metrics::probability::{Binning, ReliabilityDiagram, TemperatureScaling};
use metrics::uncertainty::{Estimate, IntervalMethod};
use metrics::{Bootstrap, Error, EvaluationOptions, Predictions};
use proptest::prelude::*;

/// Targets, rows and weights of up to 40 samples over 2 to 5 classes.
fn samples() -> impl Strategy<Value = (usize, Vec<(usize, Vec<u32>, u32)>)> {
    (2_usize..6).prop_flat_map(|k| {
        let sample = (0..k, prop::collection::vec(1_u32..20, k), 1_u32..5);
        (Just(k), prop::collection::vec(sample, 1..40))
    })
}

fn build(samples: &[(usize, Vec<u32>, u32)]) -> Predictions {
    let row = |counts: &[u32]| -> Vec<f64> {
        let sum: u32 = counts.iter().sum();
        counts
            .iter()
            .map(|&count| f64::from(count) / f64::from(sum))
            .collect()
    };
    let targets = samples.iter().map(|sample| sample.0).collect();
    let rows = samples.iter().map(|sample| row(&sample.1)).collect();
    let weights = samples.iter().map(|sample| f64::from(sample.2)).collect();
    Predictions::new(targets, rows)
        .unwrap()
        .with_weights(weights)
        .unwrap()
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-12,
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn permuting_samples_changes_nothing((_, mut all) in samples(), turn in 0_usize..40) {
        let before = build(&all).evaluate(&EvaluationOptions::new()).unwrap();
        let turn = turn % all.len();
        all.rotate_left(turn);
        let after = build(&all).evaluate(&EvaluationOptions::new()).unwrap();
        for (a, b) in before.scores.iter().zip(&after.scores) {
            prop_assert!(near(a.value, b.value), "{}: {:?} {:?}", a.name, a.value, b.value);
        }
    }

    #[test]
    fn merged_parts_equal_one_shot((_, all) in samples(), cut in 1_usize..40) {
        let cut = cut.min(all.len() - 1);
        if cut > 0 {
            let mut parts = build(&all[..cut]);
            parts.merge(&build(&all[cut..])).unwrap();
            prop_assert_eq!(parts, build(&all));
        }
    }

    #[test]
    fn relabeling_permutes_the_classes((k, all) in samples()) {
        // Ties between classes would be broken the other way round; make them impossible.
        let all: Vec<_> = all
            .into_iter()
            .map(|(target, row, weight)| {
                let row = row.iter().enumerate().map(|(c, &v)| v * 8 + c as u32).collect::<Vec<_>>();
                (target, row, weight)
            })
            .collect();
        let turned: Vec<_> = all
            .iter()
            .map(|(target, row, weight)| (k - 1 - target, row.iter().rev().copied().collect(), *weight))
            .collect();
        let (a, b) = (build(&all), build(&turned));
        let (a, b) = (
            a.evaluate(&EvaluationOptions::new()).unwrap(),
            b.evaluate(&EvaluationOptions::new()).unwrap(),
        );
        for (first, second) in a.per_class.iter().zip(b.per_class.iter().rev()) {
            prop_assert!(near(first.precision, second.precision));
            prop_assert!(near(first.recall, second.recall));
            prop_assert!(near(first.roc_auc, second.roc_auc));
            prop_assert!(near(first.average_precision, second.average_precision));
        }
        prop_assert!(near(a.get("f1_macro"), b.get("f1_macro")));
    }

    #[test]
    fn monotone_transforms_leave_the_roc_unchanged(
        scored in prop::collection::vec((any::<bool>(), -30_i32..30), 1..60),
    ) {
        let positive: Vec<bool> = scored.iter().map(|s| s.0).collect();
        let scores: Vec<f64> = scored.iter().map(|s| f64::from(s.1) / 10.0).collect();
        let moved: Vec<f64> = scores.iter().map(|s| (2.0 * s).exp() - 7.0).collect();
        let (a, b) =
            (Ranking::new(&positive, &scores, None).unwrap(), Ranking::new(&positive, &moved, None).unwrap());
        prop_assert_eq!(a.roc_auc(), b.roc_auc());
        let rates = |ranking: &Ranking| ranking.roc_curve().map(|c| (c.false_positive_rate, c.true_positive_rate));
        prop_assert_eq!(rates(&a), rates(&b));
    }
}

fn fixed() -> Predictions {
    let all: Vec<_> = (0..60_u32)
        .map(|i| ((i % 3) as usize, vec![1 + i % 7, 2 + i % 5, 3 + i % 4], 1))
        .collect();
    let p = build(&all);
    Predictions::from_flat(p.targets().to_vec(), p.probabilities().unwrap().to_vec(), 3).unwrap()
}

#[test]
fn threads_change_no_bit() {
    let p = fixed();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let bootstrap = Bootstrap::new().with_replicates(200).with_seed(5);
            let options = EvaluationOptions::new().with_intervals(bootstrap);
            let bca = bootstrap.with_method(IntervalMethod::Bca);
            let f1 = |p: &Predictions| p.confusion().average(ClassMetric::F1, Average::Macro);
            (
                serde_json::to_string(&p.evaluate(&options).unwrap()).unwrap(),
                bca.run(&p, f1).unwrap(),
            )
        })
    };
    assert_eq!(run(1), run(4));
    assert_ne!(
        Bootstrap::new()
            .with_seed(1)
            .run(&p, Predictions::brier_score)
            .unwrap(),
        Bootstrap::new()
            .with_seed(2)
            .run(&p, Predictions::brier_score)
            .unwrap()
    );
}

/// Drawing the rows of the matrix and drawing the samples are the same bootstrap.
#[test]
fn both_ways_to_resample_a_confusion_matrix_agree() {
    let p = fixed();
    let bootstrap = Bootstrap::new().with_replicates(20_000);
    let f1 = |p: &Predictions| p.confusion().average(ClassMetric::F1, Average::Macro);
    let slow = bootstrap.run(&p, f1).unwrap().unwrap();
    let fast = bootstrap
        .run_confusion(&p, |m| m.average(ClassMetric::F1, Average::Macro))
        .unwrap()
        .unwrap();
    assert_eq!(slow.estimate.value, fast.estimate.value);
    // Two samples of 20,000: the standard errors differ by about 1 %.
    assert!((slow.standard_error / fast.standard_error - 1.0).abs() < 0.03);
    assert!((slow.estimate.low - fast.estimate.low).abs() < 0.1 * slow.standard_error);
    assert!((slow.estimate.high - fast.estimate.high).abs() < 0.1 * slow.standard_error);
}

#[test]
fn what_is_compared_weighs_the_same() {
    let p = fixed();
    let weighted = |weight: f64| p.clone().with_weights(vec![weight; p.len()]).unwrap();
    let bootstrap = Bootstrap::new().with_replicates(20);
    for (first, second) in [(&weighted(2.0), &p), (&weighted(2.0), &weighted(3.0))] {
        for error in [
            first.compare(second, &bootstrap).unwrap_err(),
            bootstrap
                .run_paired(first, second, Predictions::brier_score)
                .unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(
                matches!(
                    error,
                    Error::Mismatch {
                        what: "weights",
                        ..
                    }
                ),
                "{text}"
            );
            assert!(text.contains("2 at row 0"), "{text}");
        }
    }
    // Weights of 1 are no weights.
    p.compare(&weighted(1.0), &bootstrap).unwrap();
}

#[test]
fn diagrams_and_temperatures_refuse_what_would_give_no_number() {
    let diagram = |confidences: &[f64], weights: Option<&[f64]>| {
        ReliabilityDiagram::new(confidences, &[true, false], weights, Binning::Uniform(5))
    };
    assert!(diagram(&[0.0, 1.0], None).is_ok());
    let error = diagram(&[0.5, 1.5], None).unwrap_err().to_string();
    assert!(
        error.starts_with("row 1 (counted from 0): confidence is 1.5"),
        "{error}"
    );
    assert!(diagram(&[-0.1, 0.5], None).is_err());
    let weightless = diagram(&[0.5, 0.5], Some(&[0.0, 0.0]));
    assert!(matches!(weightless, Err(Error::NoWeight)));
    let p = fixed();
    let at = |value: f64| {
        let (loss_before, loss_after) = (0.0, 0.0);
        TemperatureScaling {
            value,
            loss_before,
            loss_after,
        }
        .apply(&p)
    };
    for value in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-7] {
        let error = at(value).unwrap_err().to_string();
        assert!(error.starts_with("temperature is "), "{value}: {error}");
    }
    for value in [1e-6, 1e6] {
        let scaled = at(value).unwrap();
        assert!(
            scaled
                .probabilities()
                .unwrap()
                .iter()
                .all(|v| (0.0..=1.0).contains(v))
        );
    }
}

/// Most replicates of few samples, of which few count, draw none that does: there is nothing to measure there.
#[test]
fn replicates_without_weight_are_undefined() {
    type Number = fn(&Predictions) -> Option<f64>;
    let targets: Vec<usize> = (0..12).map(|i| i % 3).collect();
    let rows = targets
        .iter()
        .enumerate()
        .map(|(i, &target)| {
            let own = 0.2 + 0.05 * i as f64;
            let mut row = vec![0.5 * (1.0 - own); 3];
            row[target] = own;
            row
        })
        .collect();
    let mut weights = vec![0.0; 12];
    (weights[1], weights[5]) = (1.0, 2.0);
    let p = Predictions::new(targets, rows)
        .unwrap()
        .with_weights(weights)
        .unwrap();
    let numbers: [(&str, Number); 5] = [
        ("log loss", Predictions::log_loss),
        ("Brier score", Predictions::brier_score),
        ("top-k accuracy", |p| p.top_k_accuracy(2)),
        ("area of risk", |p| Some(p.risk_coverage().ok()?.area())),
        ("calibration", |p| {
            Some(p.calibration_error(Binning::Uniform(5)).ok()?.expected)
        }),
    ];
    for method in [IntervalMethod::Percentile, IntervalMethod::Bca] {
        let bootstrap = Bootstrap::new().with_replicates(400).with_method(method);
        for (name, number) in numbers {
            let found = bootstrap.run(&p, number).unwrap().unwrap();
            // One class has no sample that counts; of the other two, each replicate draws none with (3/4)^4.
            assert!(
                (10..90).contains(&found.undefined),
                "{name}: {}",
                found.undefined
            );
            assert_eq!(found.replicates.len() + found.undefined, 400, "{name}");
            assert!(found.replicates.iter().all(|v| v.is_finite()), "{name}");
            let Estimate { value, low, high } = found.estimate;
            assert!(
                low <= high && [value, low, high].iter().all(|v| v.is_finite()),
                "{name}"
            );
        }
        let not_a_number = bootstrap.run(&p, |_| Some(f64::NAN)).unwrap();
        assert_eq!(not_a_number, None);
    }
    let options = EvaluationOptions::new().with_intervals(Bootstrap::new().with_replicates(400));
    let evaluation = p.evaluate(&options).unwrap();
    assert!(evaluation.score("log_loss").unwrap().interval.is_some());
    for score in &evaluation.scores {
        if let Some(Estimate { low, high, .. }) = score.interval {
            assert!(low.is_finite() && high.is_finite(), "{}", score.name);
        }
    }
}

/// Samples whose probabilities have ties, of classes of unequal size.
fn many(n: usize, k: usize) -> Predictions {
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f64 / (1 << 24) as f64
    };
    let targets: Vec<usize> = (0..n)
        .map(|_| (random() * random() * k as f64) as usize)
        .collect();
    let mut rows = Vec::with_capacity(n * k);
    for &target in &targets {
        let score = |class| (30.0 * random() + if class == target { 12.0 } else { 0.0 }).floor();
        let row: Vec<f64> = (0..k).map(score).map(|score| (0.1 * score).exp()).collect();
        let sum: f64 = row.iter().sum();
        rows.extend(row.iter().map(|value| value / sum));
    }
    Predictions::from_flat(targets, rows, k).unwrap()
}

/// What the scores with an interval are by their names, computed from the samples themselves.
type Score = fn(&Predictions) -> Option<f64>;
const SCORES: [(&str, Score); 12] = [
    ("balanced_accuracy", |p| p.confusion().balanced_accuracy()),
    ("precision_macro", |p| {
        p.confusion()
            .average(ClassMetric::Precision, Average::Macro)
    }),
    ("f1_macro", |p| {
        p.confusion().average(ClassMetric::F1, Average::Macro)
    }),
    ("specificity_macro", |p| {
        p.confusion()
            .average(ClassMetric::Specificity, Average::Macro)
    }),
    ("matthews_corrcoef", |p| p.confusion().matthews_corrcoef()),
    ("cohen_kappa", |p| {
        p.confusion().cohen_kappa(KappaWeights::Unweighted)
    }),
    ("roc_auc_ovr_weighted", |p| {
        p.roc_auc_one_vs_rest(Average::Weighted)
    }),
    ("roc_auc_ovo_macro", |p| {
        p.roc_auc_one_vs_one(Average::Macro)
    }),
    ("average_precision_macro", |p| {
        p.average_precision(Average::Macro)
    }),
    ("log_loss", Predictions::log_loss),
    ("brier", Predictions::brier_score),
    ("aurc", |p| Some(p.risk_coverage().ok()?.area())),
];

/// The intervals of the evaluation, which are computed without copies and sorts, are those of samples drawn one by one.
#[test]
fn intervals_are_those_of_samples_drawn_one_by_one() {
    let few = fixed();
    let large = many(10_000, 10);
    let weights = (0..few.len()).map(|i| 0.5 * (i % 4) as f64).collect();
    let weighted = few.clone().with_weights(weights).unwrap();
    let percentile = Bootstrap::new().with_seed(11);
    let bca = percentile.with_method(IntervalMethod::Bca);
    for (p, bootstrap) in [
        (&large, percentile.with_replicates(60)),
        (&few, percentile.with_replicates(500)),
        (&few, bca.with_replicates(500)),
        (&weighted, percentile.with_replicates(500)),
        (&weighted, bca.with_replicates(500)),
    ] {
        let evaluation = p
            .evaluate(&EvaluationOptions::new().with_intervals(bootstrap))
            .unwrap();
        let slow = bootstrap
            .run_many(p, SCORES.len(), |p| {
                SCORES.iter().map(|(_, score)| score(p)).collect()
            })
            .unwrap();
        for ((name, _), slow) in SCORES.iter().zip(slow) {
            let fast = evaluation.score(name).unwrap().interval;
            let Some(slow) = slow else {
                assert_eq!(fast, None, "{name}");
                continue;
            };
            let (slow, fast) = (slow.estimate, fast.unwrap());
            assert!(slow.low < slow.high, "{name}");
            for (slow, fast) in [
                (slow.value, fast.value),
                (slow.low, fast.low),
                (slow.high, fast.high),
            ] {
                // Another formula, so what is equal for one may differ in the last bit for the other, and BCa counts it.
                let counted = *name == "cohen_kappa"
                    && bootstrap.with_replicates(1) == bca.with_replicates(1);
                let tolerance = if counted { 0.01 } else { 1e-11 };
                assert!((slow - fast).abs() < tolerance, "{name}: {slow} {fast}");
            }
        }
    }
}

/// Of many samples replicates are drawn from bags; the intervals are those of all samples up to chance.
#[test]
fn bags_give_the_intervals_of_all_samples() {
    let p = many(110_000, 3);
    let bootstrap = Bootstrap::new().with_replicates(400).with_seed(2);
    let options = EvaluationOptions::new().with_intervals(bootstrap);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build()
            .unwrap()
            .install(|| p.evaluate(&options).unwrap())
    };
    let evaluation = run(2);
    assert_eq!(
        serde_json::to_string(&evaluation).unwrap(),
        serde_json::to_string(&run(3)).unwrap()
    );
    let scores: Vec<_> = SCORES
        .iter()
        .filter(|(name, _)| ["f1_macro", "average_precision_macro", "log_loss"].contains(name))
        .collect();
    let exact = bootstrap.with_seed(3).with_replicates(200);
    let exact = exact
        .run_many(&p, scores.len(), |p| {
            scores.iter().map(|(_, score)| score(p)).collect()
        })
        .unwrap();
    for ((name, _), exact) in scores.into_iter().zip(exact) {
        let (exact, found) = (exact.unwrap(), evaluation.score(name).unwrap());
        let found = found.interval.unwrap();
        assert_eq!(Some(found.value), evaluation.get(name));
        // 200 replicates know the standard error to 5 %, and the ends of the interval to a fifth of it.
        let width = (found.high - found.low) / (2.0 * 1.96 * exact.standard_error);
        assert!((0.8..1.2).contains(&width), "{name}: {width}");
        for (found, exact_end) in [
            (found.low, exact.estimate.low),
            (found.high, exact.estimate.high),
        ] {
            let apart = (found - exact_end) / exact.standard_error;
            assert!(apart.abs() < 0.7, "{name}: {apart}");
        }
    }
}

#[test]
fn progress_counts_the_replicates() {
    let p = fixed();
    let bootstrap = Bootstrap::new().with_replicates(301);
    let mut told = Vec::new();
    p.evaluate_with_progress(
        &EvaluationOptions::new().with_intervals(bootstrap),
        |done, total| told.push((done, total)),
    )
    .unwrap();
    assert!(told.len() > 2 && told.is_sorted());
    assert_eq!(told.last(), Some(&(301, 301)));
    told.clear();
    p.evaluate_with_progress(&EvaluationOptions::new(), |done, total| {
        told.push((done, total));
    })
    .unwrap();
    assert_eq!(told, []);
    p.compare_with_progress(&p, &bootstrap, |done, total| told.push((done, total)))
        .unwrap();
    assert_eq!(told.last(), Some(&(301, 301)));
}
