//! The converged recipe against scikit-learn (`fixtures/logistic.py`).
use serde::Deserialize;
use transfer::{ClassWeights, ConvergedConfig, Embeddings, HeadConfig};

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
    serde_json::from_str(include_str!("fixtures/logistic.json")).unwrap()
}

#[test]
fn the_optimum_is_scikit_learns() {
    for problem in problems() {
        let set =
            Embeddings::new(problem.values.clone(), problem.dim, problem.targets.clone()).unwrap();
        let none = Embeddings::new(vec![], problem.dim, vec![]).unwrap();
        let weights = if problem.balanced {
            ClassWeights::Balanced
        } else {
            ClassWeights::None
        };
        let config = HeadConfig::new()
            .with_recipe(
                ConvergedConfig::new()
                    .with_regularisation([problem.c])
                    .with_tolerance(1e-10),
            )
            .with_class_weights(weights);
        let (head, report) = config.fit(&set, &none).unwrap();
        assert_eq!(report.stopped, transfer::Stopped::Converged);
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
        let (_, report) = HeadConfig::new().fit(set, &set.select(&[])).unwrap();
        report.chosen().unwrap().accuracy
    };
    assert!(accuracy(&set) > 0.95);
    assert!(accuracy(&named) < 0.7);
}
