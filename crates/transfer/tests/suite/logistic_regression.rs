//! Logistic regression against scikit-learn (`fixtures/logistic.py`).
use serde::Deserialize;
use transfer::head::{ClassWeights, FitReport, LogisticRegression};
use transfer::{Embeddings, Fitted, HeadConfig};

#[derive(Deserialize)]
struct Problem {
    dim: usize,
    classes: usize,
    c: f64,
    balanced: bool,
    targets: Vec<usize>,
    values: Vec<f32>,
    probabilities: Vec<f64>,
    coefficients: Vec<f64>,
}

fn problems() -> Vec<Problem> {
    serde_json::from_str(include_str!("../fixtures/logistic.json")).unwrap()
}

/// A row of weight 2 is the same as two rows.
#[test]
fn weights_count_images_several_times() {
    let values: Vec<f32> = (0..40).map(|i| ((i * 37) % 23) as f32 / 7.0).collect();
    let targets: Vec<usize> = (0..20).map(|i| (i * 7) % 3).collect();
    let set = Embeddings::new(values, 2, targets).unwrap();
    let counts: Vec<usize> = (0..20).map(|i| 1 + i % 3).collect();
    let rows: Vec<usize> = (0..20).flat_map(|i| vec![i; counts[i]]).collect();
    let repeated = set.select(&rows);
    let weights = counts.iter().map(|&n| n as f64).collect();
    let weighted = set.clone().with_weights(weights).unwrap();
    let recipe = LogisticRegression::new()
        .with_regularization([0.5])
        .with_tolerance(1e-10);
    let config = HeadConfig::new()
        .with_recipe(recipe)
        .with_class_weights(ClassWeights::None);
    let fit = |images: &Embeddings| {
        let head = config.training(images).fit().unwrap().head;
        head.probabilities(set.values()).unwrap()
    };
    let (found, expected, plain) = (fit(&weighted), fit(&repeated), fit(&set));
    let off = |a: &[f64], b: &[f64]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max)
    };
    assert!(off(&found, &expected) < 1e-6, "{}", off(&found, &expected));
    assert!(off(&found, &plain) > 1e-3);
    // Gradient descent counts every image the same, and says so.
    let parity = HeadConfig::new().with_recipe(transfer::head::GradientDescent::parity());
    let error = parity.training(&weighted).fit().unwrap_err().to_string();
    assert!(error.contains("weights of images"), "{error}");
    assert!(set.with_weights(vec![0.0; 20]).is_err());
}

#[test]
fn the_optimum_is_scikit_learns() {
    for problem in problems() {
        let set =
            Embeddings::new(problem.values.clone(), problem.dim, problem.targets.clone()).unwrap();
        let weights = if problem.balanced {
            ClassWeights::Balanced
        } else {
            ClassWeights::None
        };
        let config = HeadConfig::new()
            .with_recipe(
                LogisticRegression::new()
                    .with_regularization([problem.c])
                    .with_tolerance(1e-10),
            )
            .with_class_weights(weights);
        let Fitted { head, report } = config.training(&set).fit().unwrap();
        assert_eq!(report.stopped, transfer::head::Stopped::Converged);
        let p = head.probabilities(set.values()).unwrap();
        for (ours, theirs) in p.iter().zip(&problem.probabilities) {
            assert!(
                (ours - theirs).abs() < 2e-6,
                "C {}, {} classes: {ours} {theirs}",
                problem.c,
                problem.classes
            );
        }
        let weights = head.layers()[0].weights();
        let largest = problem
            .coefficients
            .iter()
            .fold(0f64, |m, c| m.max(c.abs()));
        let ours: Vec<f64> = if problem.classes == 2 {
            let (a, b) = weights.split_at(problem.dim);
            a.iter().zip(b).map(|(a, b)| f64::from(b - a)).collect()
        } else {
            weights.iter().map(|&w| f64::from(w)).collect()
        };
        for (ours, theirs) in ours.iter().zip(&problem.coefficients) {
            assert!(
                (ours - theirs).abs() < 1e-6 * largest.max(1.0),
                "{ours} {theirs}"
            );
        }
    }
}

#[test]
fn variants_of_an_image_share_a_fold() {
    // Values are noise and the image's own place: only a head that saw another variant of the image knows its class.
    let (images, variants, dim) = (40, 3, 40);
    let mut values = Vec::new();
    let (mut targets, mut names) = (Vec::new(), Vec::new());
    for image in 0..images {
        for _ in 0..variants {
            values.extend((0..dim).map(|k| f32::from(u8::from(k == image))));
            targets.push((image * 7 % 13) % 2);
            names.push(format!("image {image}"));
        }
    }
    let set = Embeddings::new(values, dim, targets).unwrap();
    let named = set.clone().with_names(names).unwrap();
    let accuracy = |set: &Embeddings| {
        let fitted = HeadConfig::new().training(set).fit().unwrap();
        fitted.report.chosen().unwrap().accuracy
    };
    assert!(accuracy(&set) > 0.95);
    assert!(accuracy(&named) < 0.7);
}

/// Two classes that overlap, `rare` images of the second.
fn overlapping(images: usize, rare: usize) -> Embeddings {
    let dim = 4;
    let targets: Vec<usize> = (0..images).map(|i| usize::from(i < rare)).collect();
    let noise = |i: usize| ((i * 7919 % 1013) as f32) / 1013.0;
    let own = |i: usize| {
        if i % dim == targets[i / dim] {
            0.4
        } else {
            0.0
        }
    };
    let values = (0..images * dim).map(|i| noise(i) + own(i)).collect();
    Embeddings::new(values, dim, targets).unwrap()
}

fn off(a: &[f64], b: &[f64]) -> f64 {
    let off = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    off.fold(0.0, f64::max)
}

/// Both ways to weigh the classes are judged, each as if it were the only one, and what is taken has the lowest log
/// loss of all.
#[test]
fn cross_validation_chooses_the_weighting_too() {
    let fit = |set: &Embeddings, config: HeadConfig| config.training(set).fit().unwrap();
    let set = overlapping(200, 20);
    let Fitted { head, report } = fit(&set, HeadConfig::new());
    for weights in [ClassWeights::None, ClassWeights::Balanced] {
        let losses = |report: &FitReport| -> Vec<f64> {
            let of_these = report.candidates.iter();
            let of_these = of_these.filter(|c| c.class_weights == weights);
            of_these.map(|c| c.log_loss).collect()
        };
        let alone = fit(&set, HeadConfig::new().with_class_weights(weights.clone())).report;
        let (tried, alone) = (losses(&report), losses(&alone));
        assert_eq!(tried.len(), alone.len(), "{weights:?}");
        assert!(
            !tried.is_empty() && off(&tried, &alone) < 1e-3,
            "{tried:?} {alone:?}"
        );
    }
    let losses = report.candidates.iter().map(|c| c.log_loss);
    let lowest = losses.fold(f64::INFINITY, f64::min);
    let chosen = report.chosen().unwrap();
    assert_eq!(chosen.log_loss, lowest);
    // Held-out images are as uneven as the others: weights can only harm the probabilities.
    assert_eq!(chosen.class_weights, ClassWeights::None);
    let balanced = report.candidates.iter();
    let mut balanced = balanced.filter(|c| c.class_weights == ClassWeights::Balanced);
    assert!(balanced.all(|c| c.log_loss > lowest + 0.02));
    // And the head is fitted with what was chosen.
    let recipe = LogisticRegression::new().with_regularization([chosen.c]);
    let config = HeadConfig::new().with_recipe(recipe);
    let alone = fit(&set, config.with_class_weights(ClassWeights::None)).head;
    assert_eq!(head, alone);
}

/// The probabilities of the 60 images by what is learned of `set`.
fn probabilities(set: &Embeddings, c: f64, weights: ClassWeights, smoothing: f64) -> Vec<f64> {
    let recipe = LogisticRegression::new().with_regularization([c]);
    let config = HeadConfig::new()
        .with_recipe(recipe.with_tolerance(1e-10))
        .with_class_weights(weights)
        .with_label_smoothing(smoothing);
    let head = config.training(set).fit().unwrap().head;
    head.probabilities(overlapping(60, 20).values()).unwrap()
}

/// Counting a class twice is having its images twice.
#[test]
fn class_weights_are_as_good_as_rows_twice() {
    let set = overlapping(60, 20);
    let twice = set.select(&(0..60).chain(0..20).collect::<Vec<_>>());
    let given = ClassWeights::Given(vec![1.0, 2.0]);
    let given = probabilities(&set, 1.0, given, 0.0);
    let doubled = probabilities(&twice, 1.0, ClassWeights::None, 0.0);
    let even = probabilities(&set, 1.0, ClassWeights::None, 0.0);
    assert!(off(&given, &doubled) < 1e-5, "{}", off(&given, &doubled));
    assert!(off(&given, &even) > 0.02, "{}", off(&given, &even));
}

/// A smoothed target is an image that belongs to every class in part.
#[test]
fn label_smoothing_is_rows_of_every_class_in_part() {
    let set = overlapping(60, 20);
    let smooth = probabilities(&set, 1.0, ClassWeights::None, 0.5);
    // Three rows of an image's own class and one of the other; C counts rows.
    let rows: Vec<usize> = (0..60).flat_map(|i| [i; 4]).collect();
    let targets = rows.iter().enumerate().map(|(at, &i)| match at % 4 {
        0 => 1 - set.targets()[i],
        _ => set.targets()[i],
    });
    let values = set.select(&rows).values().to_vec();
    let parts = Embeddings::new(values, set.dim(), targets.collect()).unwrap();
    let parts = probabilities(&parts, 0.25, ClassWeights::None, 0.0);
    let sharp = probabilities(&set, 1.0, ClassWeights::None, 0.0);
    assert!(off(&smooth, &parts) < 1e-5, "{}", off(&smooth, &parts));
    assert!(off(&smooth, &sharp) > 0.02, "{}", off(&smooth, &sharp));
}

#[test]
fn classes_that_cannot_be_learned_are_named() {
    let names =
        |n: usize| (0..n).map(move |i| format!("{}/{i}", if i < n / 2 { "boat" } else { "cloud" }));
    let values = |n: usize| (0..n).map(|i| i as f32).collect::<Vec<_>>();
    let error = |set: Embeddings, recipe: LogisticRegression, weights: ClassWeights| {
        let config = HeadConfig::new()
            .with_recipe(recipe)
            .with_class_weights(weights);
        config.training(&set).fit().unwrap_err().to_string()
    };
    // All of a class in one fold: more images would not help.
    let set = Embeddings::new(values(20), 1, (0..20).map(|i| i / 10).collect()).unwrap();
    let set = set.with_names(names(20).collect()).unwrap();
    let folds = LogisticRegression::new().with_fold_of((0..20).map(|i| i / 10).collect());
    let said = error(set, folds, ClassWeights::None);
    assert!(said.contains("fold 0") && said.contains("`boat`"), "{said}");
    // Four variants of one image are one image.
    let one = names(4)
        .map(|name| name.replace("cloud/3", "cloud/2"))
        .collect();
    let set = Embeddings::new(values(4), 1, vec![0, 0, 1, 1]).unwrap();
    let said = error(
        set.with_names(one).unwrap(),
        LogisticRegression::new(),
        ClassWeights::None,
    );
    assert!(said.contains("`cloud` has 1 "), "{said}");
    // Nothing to choose: refused all the same.
    for targets in [vec![0, 2, 0, 2], vec![1; 4]] {
        let set = Embeddings::new(values(4), 1, targets).unwrap();
        let fixed = LogisticRegression::new().with_regularization([1.0]);
        let said = error(set, fixed, ClassWeights::None);
        assert!(said.contains("has 0 "), "{said}");
    }
    assert!(Embeddings::new(values(2), 1, vec![0, usize::MAX]).is_err());
}
