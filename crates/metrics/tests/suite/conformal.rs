//! Prediction sets: against MAPIE and the definitions, and whether the promises hold.

use metrics::conformal::{Conformal, ConformalClassifier, SetScore, coverage_band};
use metrics::{MultilabelPredictions, Predictions};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::reference::{all_close, close, fixture, numbers, same};

const FIXTURE: &str = include_str!("../fixtures/conformal.json");

struct Case {
    json: Value,
    calibration: Predictions,
    test: Predictions,
}

fn cases() -> Vec<Case> {
    let case = |json: Value| {
        let k = json["classes"].as_u64().unwrap() as usize;
        let n = json["n"].as_u64().unwrap() as usize;
        let targets = numbers(&json["targets"]);
        let targets = targets.into_iter().map(|v| v as usize).collect();
        let all = Predictions::from_flat(targets, numbers(&json["probabilities"]), k).unwrap();
        let rows: Vec<usize> = (0..all.len()).collect();
        Case {
            json,
            calibration: all.subset(&rows[..n]).unwrap(),
            test: all.subset(&rows[n..]).unwrap(),
        }
    };
    fixture(FIXTURE, "cases").into_iter().map(case).collect()
}

fn flags(value: &Value) -> Vec<bool> {
    let rows = value.as_array().unwrap().iter();
    rows.flat_map(numbers).map(|value| value == 1.0).collect()
}

#[test]
fn scores_thresholds_and_sets_equal_those_of_mapie() {
    for Case {
        json,
        calibration,
        test,
    } in &cases()
    {
        let k = calibration.classes().len();
        let (calibration_u, test_u) = (numbers(&json["calibration_u"]), numbers(&json["test_u"]));
        for coverage in [0.8, 0.9] {
            for (name, score) in [("lac", SetScore::Lac), ("aps", SetScore::Aps)] {
                let theirs = &json[format!("{name}_{coverage}")];
                let own = |sample: usize| {
                    let row = calibration.row(sample).unwrap();
                    let scores = score.scores(row, calibration_u[sample]);
                    scores[calibration.targets()[sample]]
                };
                let mut scores: Vec<f64> = (0..calibration.len()).map(own).collect();
                all_close(&scores, &theirs["scores"], name);
                scores.sort_unstable_by(f64::total_cmp);
                let rank = ((scores.len() + 1) as f64 * coverage - 1e-9).ceil() as usize;
                let threshold = scores[rank - 1];
                same(Some(threshold), &theirs["threshold"], name);
                let sets = (0..test.len()).flat_map(|sample| {
                    let scores = score.scores(test.row(sample).unwrap(), test_u[sample]);
                    let included = scores.into_iter().map(|score| score <= threshold + 1e-9);
                    included.collect::<Vec<_>>()
                });
                assert_eq!(sets.collect::<Vec<_>>(), flags(&theirs["sets"]), "{name}");
            }
            let found = calibration.conformal(&Conformal::new(coverage)).unwrap();
            let theirs = &json[format!("lac_{coverage}")];
            same(Some(found.thresholds()[0]), &theirs["threshold"], "LAC");
            let sets = found.sets_of(test).unwrap();
            assert_eq!(sets.included(), flags(&theirs["sets"]));
            let evaluation = sets.evaluate(test.targets(), 0.95).unwrap();
            let theirs = &json[format!("metrics_{coverage}")];
            same(
                Some(evaluation.coverage.value),
                &theirs["coverage"],
                "coverage",
            );
            same(Some(evaluation.mean_size), &theirs["size"], "size");
            for size in 0..=k {
                let own = evaluation.by_size.iter().find(|own| own.size == size);
                same(
                    own.map(|own| own.coverage.value),
                    &theirs["ssc"][size],
                    "SSC",
                );
            }
        }
        let raps = SetScore::Raps {
            free: 2,
            penalty: 0.01,
        };
        let own = |sample: usize| {
            let scores = raps.scores(calibration.row(sample).unwrap(), calibration_u[sample]);
            scores[calibration.targets()[sample]]
        };
        let scores: Vec<f64> = (0..calibration.len()).map(own).collect();
        all_close(&scores, &json["raps_scores"], "RAPS");
    }
}

#[test]
fn sets_equal_the_definitions() {
    let mut per_class = 0;
    for Case {
        json,
        calibration,
        test,
    } in &cases()
    {
        for coverage in [0.8, 0.9] {
            let options = Conformal::new(coverage);
            for (name, options) in [
                ("plain", options.with_score(SetScore::Aps)),
                (
                    "raps",
                    options.with_score(SetScore::Raps {
                        free: 1,
                        penalty: 0.05,
                    }),
                ),
                ("mondrian", options.per_class()),
            ] {
                let theirs = &json[format!("{name}_{coverage}")];
                if theirs.is_null() {
                    let error = calibration.conformal(&options).unwrap_err().to_string();
                    assert!(
                        error.contains("calibration samples of the class"),
                        "{error}"
                    );
                    continue;
                }
                let found = calibration.conformal(&options).unwrap();
                if theirs["threshold"].is_array() {
                    all_close(found.thresholds(), &theirs["threshold"], name);
                } else {
                    same(Some(found.thresholds()[0]), &theirs["threshold"], name);
                }
                per_class += usize::from(name == "mondrian");
                assert_eq!(
                    found.sets_of(test).unwrap().included(),
                    flags(&theirs["sets"])
                );
                let text = serde_json::to_string(&found).unwrap();
                let again: ConformalClassifier = serde_json::from_str(&text).unwrap();
                assert_eq!(again.sets_of(test).unwrap(), found.sets_of(test).unwrap());
            }
            let folds: Vec<usize> = (0..calibration.len()).map(|sample| sample % 4).collect();
            let cross = calibration.cross_conformal(&folds, &options).unwrap();
            let k = calibration.classes().len();
            let answers: Vec<Vec<f64>> = (0..4)
                .map(|fold| {
                    let mut rows = test.probabilities().unwrap().to_vec();
                    rows.rotate_right(fold * k);
                    rows
                })
                .collect();
            let answers: Vec<&[f64]> = answers.iter().map(Vec::as_slice).collect();
            let sets = cross.sets(&answers).unwrap();
            assert_eq!(sets.included(), flags(&json[format!("cross_{coverage}")]));
        }
    }
    assert!(per_class > 2, "{per_class}");
}

#[test]
fn bands_are_those_of_the_beta_binomial_distribution() {
    for row in fixture(FIXTURE, "bands") {
        let row = numbers(&row);
        let band = coverage_band(row[0] as usize, row[1] as usize, row[2], row[3]).unwrap();
        close(band.low, row[4], "low");
        close(band.high, row[5], "high");
    }
    assert!(coverage_band(18, 10, 0.95, 0.9).is_none());
    assert!(coverage_band(19, 0, 0.95, 0.9).is_none());
}

/// Samples of three classes with the probabilities that they have, or with others.
fn draw(random: &mut ChaCha8Rng, n: usize) -> Predictions {
    let (mut targets, mut rows) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let weights: [f64; 3] = std::array::from_fn(|_| -random.random::<f64>().max(1e-300).ln());
        let sum: f64 = weights.iter().sum();
        let mut left = random.random::<f64>() * sum;
        let target = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        targets.push(target.unwrap_or(2));
        // Too sure of themselves: squares of what is true.
        let squares = weights.map(|weight| weight * weight);
        let sum: f64 = squares.iter().sum();
        rows.extend(squares.map(|square| square / sum));
    }
    Predictions::from_flat(targets, rows, 3).unwrap()
}

/// Of 1000 draws of calibration and test samples, the mean coverage is within the band of the theory, and so are about as
/// many single ones as the level says.
#[test]
fn promises_hold_in_simulation() {
    const DRAWS: usize = 1000;
    let (n, m, coverage) = (99, 100, 0.9);
    // The number of covered test samples is beta-binomial with a = 90 and b = 10.
    let (a, b) = (90.0, 10.0);
    let variance = a * b * (a + b + m as f64) / ((a + b).powi(2) * (a + b + 1.0)) / m as f64;
    let error = (variance / DRAWS as f64).sqrt();
    let band = coverage_band(n, m, coverage, 0.95).unwrap();
    let raps = SetScore::Raps {
        free: 1,
        penalty: 0.1,
    };
    let scores = [
        (SetScore::Lac, false),
        (SetScore::Aps, true),
        (raps, true),
        (SetScore::Aps, false),
    ];
    for (which, (score, randomized)) in scores.into_iter().enumerate() {
        let mut random = ChaCha8Rng::seed_from_u64(10 + which as u64);
        let (mut sum, mut inside) = (0.0, 0);
        for seed in 0..DRAWS {
            let mut options = Conformal::new(coverage).with_score(score);
            if randomized {
                options = options.with_seed(seed as u64);
            }
            let found = draw(&mut random, n).conformal(&options).unwrap();
            let test = draw(&mut random, m);
            let sets = found.sets_of(&test).unwrap();
            let covered = 1.0 - sets.misses(&test).unwrap().len() as f64 / m as f64;
            sum += covered;
            inside += usize::from(band.low <= covered && covered <= band.high);
        }
        let mean = sum / DRAWS as f64;
        // Four standard errors; the scores of a sum without randomization are at most 1, at which some are equal.
        assert!(mean > coverage - 4.0 * error, "{which}: {mean}");
        if which < 3 {
            assert!(mean < coverage + 4.0 * error, "{which}: {mean}");
            assert!((930..=995).contains(&inside), "{which}: {inside}");
        }
    }
}

#[test]
fn promises_for_each_class_hold_in_simulation() {
    let options = Conformal::new(0.8).per_class();
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let (mut held, mut all) = ([0.0; 3], [0.0; 3]);
    for _ in 0..1000 {
        let found = draw(&mut random, 60).conformal(&options).unwrap();
        let test = draw(&mut random, 30);
        let sets = found.sets_of(&test).unwrap();
        let missed = sets.misses(&test).unwrap();
        for (sample, &target) in test.targets().iter().enumerate() {
            all[target] += 1.0;
            held[target] += f64::from(u8::from(!missed.contains(&sample)));
        }
    }
    for (held, all) in held.into_iter().zip(all) {
        // At most 1/(n + 1) above, with about 20 calibration samples of each class.
        assert!((0.79..0.86).contains(&(held / all)), "{}", held / all);
    }
}

#[test]
fn shares_of_missed_labels_are_as_promised() {
    for row in fixture(FIXTURE, "risks") {
        let rows = |name: &str| -> Vec<Vec<f64>> {
            row[name].as_array().unwrap().iter().map(numbers).collect()
        };
        let targets = rows("targets");
        let targets = targets
            .iter()
            .map(|row| row.iter().map(|&v| v == 1.0).collect());
        let p = MultilabelPredictions::new(targets.collect(), rows("probabilities")).unwrap();
        let control = p
            .control_false_negatives(row["risk"].as_f64().unwrap())
            .unwrap();
        same(Some(control.threshold), &row["threshold"], "threshold");
        same(Some(control.missed), &row["missed"], "missed");
        same(Some(control.mean_size), &row["size"], "size");
        if let Some(theirs) = row["mapie"].as_f64() {
            // Their grid has hundredths, and so have the probabilities.
            assert!(
                (control.threshold - theirs).abs() < 0.0101,
                "{} {theirs}",
                control.threshold
            );
        }
    }
    let mut random = ChaCha8Rng::seed_from_u64(30);
    let mut draw = |n: usize| {
        let (mut targets, mut values) = (Vec::new(), Vec::new());
        for _ in 0..n * 4 {
            let p = random.random::<f64>();
            targets.push(random.random::<f64>() < p);
            values.push(p);
        }
        MultilabelPredictions::from_flat(targets, values, 4).unwrap()
    };
    let (mut missed, draws) = (0.0, 1000);
    for _ in 0..draws {
        let control = draw(50).control_false_negatives(0.1).unwrap();
        let test = draw(50);
        let rows = test
            .targets()
            .chunks_exact(4)
            .zip(test.probabilities().chunks_exact(4));
        let shares = rows.map(|(targets, values)| {
            let held = targets.iter().filter(|&&target| target).count();
            let low = targets
                .iter()
                .zip(values)
                .filter(|&(&target, &p)| target && p < control.threshold);
            low.count() as f64 / held.max(1) as f64
        });
        missed += shares.sum::<f64>() / 50.0;
    }
    let mean = missed / f64::from(draws);
    // At least the promise less 2/(n + 1), by the theory.
    assert!((0.1 - 2.0 / 51.0..0.102).contains(&mean), "{mean}");
}

#[test]
fn what_cannot_be_promised_is_refused() {
    let p = |n: usize| Predictions::from_flat(vec![0; n], vec![0.5; 2 * n], 2).unwrap();
    let error = p(18)
        .conformal(&Conformal::new(0.95))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "there are 18 calibration samples, but a coverage of 0.95 needs at least 19"
    );
    p(19).conformal(&Conformal::new(0.95)).unwrap();
    let error = p(19)
        .conformal(&Conformal::new(0.95).per_class())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("0 calibration samples of the class `1`"),
        "{error}"
    );
    for coverage in [0.0, 1.0, f64::NAN] {
        p(19).conformal(&Conformal::new(coverage)).unwrap_err();
    }
    let penalty = SetScore::Raps {
        free: 1,
        penalty: -1.0,
    };
    p(19)
        .conformal(&Conformal::new(0.5).with_score(penalty))
        .unwrap_err();
    let weighted = p(2).with_weights(vec![1.0, 2.0]).unwrap();
    let error = weighted
        .conformal(&Conformal::new(0.5))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("conformal prediction is not defined for weighted"),
        "{error}"
    );
    let hard = Predictions::from_classes(vec![0], vec![0], 2).unwrap();
    hard.conformal(&Conformal::new(0.5)).unwrap_err();
    let found = p(19).conformal(&Conformal::new(0.5)).unwrap();
    found.set(&[0.5], 0).unwrap_err();
    found.set(&[0.9, 0.9], 0).unwrap_err();
    let named = p(2).with_classes(["a", "b"]).unwrap();
    found.sets_of(&named).unwrap_err();
    let sets = found.sets_of(&p(2)).unwrap();
    sets.evaluate(&[0], 0.95).unwrap_err();
    sets.evaluate(&[0, 2], 0.95).unwrap_err();
    sets.evaluate(&[0, 0], 1.0).unwrap_err();
    let options = Conformal::new(0.5);
    for folds in [vec![0; 19], vec![0; 18], vec![2; 19]] {
        p(19).cross_conformal(&folds, &options).unwrap_err();
    }
    let folds: Vec<usize> = (0..19).map(|sample| sample % 2).collect();
    let cross = p(19).cross_conformal(&folds, &options).unwrap();
    cross.sets(&[&[0.5, 0.5]]).unwrap_err();
    cross
        .sets(&[&[0.5, 0.5], &[0.5, 0.5, 0.5, 0.5]])
        .unwrap_err();
    let few = MultilabelPredictions::from_flat(vec![true; 8], vec![0.5; 8], 1).unwrap();
    let error = few.control_false_negatives(0.1).unwrap_err().to_string();
    assert_eq!(
        error,
        "there are 8 calibration samples, but a share of missed labels of 0.1 needs at least 9"
    );
}

#[test]
fn sets_are_shown_and_read_again() {
    let p = Predictions::from_flat(vec![0; 4], [0.75, 0.25].repeat(4), 2).unwrap();
    let found = p.conformal(&Conformal::new(0.75)).unwrap();
    let evaluation = found
        .sets_of(&p)
        .unwrap()
        .evaluate(p.targets(), 0.95)
        .unwrap();
    let shown = evaluation.to_string();
    assert!(
        shown.starts_with(
            "coverage   1.0000 [0.5101, 1.0000]  of 4 samples\nmean size  1.0000 [1.0000, 1.0000]\n"
        ),
        "{shown}"
    );
    assert!(shown.ends_with("1  -  no samples\n"), "{shown}");
    assert_eq!(evaluation.size_stratified_coverage().unwrap().size, 1);
    let text = serde_json::to_string(&evaluation).unwrap();
    assert_eq!(
        serde_json::from_str::<metrics::conformal::SetEvaluation>(&text).unwrap(),
        evaluation
    );
}
