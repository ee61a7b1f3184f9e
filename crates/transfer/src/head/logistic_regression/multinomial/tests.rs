//! The methods for many classes beside the plain one, and the search beside one that drops nothing.

use std::ops::ControlFlow;

use super::features::Features;
use super::path::{Path, Shared};
use super::preconditioner::Preconditioner;
use super::search;
use crate::embeddings::Embeddings;
use crate::head::class_weights::ClassWeights;
use crate::head::config::HeadConfig;
use crate::head::logistic_regression::choice::Choice;
use crate::head::logistic_regression::config::LogisticRegression;
use crate::head::logistic_regression::objective::{Data, Problem};
use crate::head::logistic_regression::watcher::Watcher;
use crate::head::report::{Candidate, FitEvent};

/// Classes that overlap: the more noise, the more. Image `i` is of class `i % classes`, but for those that `keep` leaves out.
fn images(
    seed: u64,
    [count, dim, classes]: [usize; 3],
    noise: f32,
    keep: impl Fn(usize) -> bool,
) -> Embeddings {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(1);
    let mut random = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    let centers: Vec<f32> = (0..classes * dim).map(|_| random()).collect();
    let (mut values, mut targets) = (Vec::new(), Vec::new());
    for image in (0..count).filter(|&image| keep(image)) {
        let class = image % classes;
        values.extend((0..dim).map(|k| centers[class * dim + k] + noise * random() + 0.5));
        targets.push(class);
    }
    Embeddings::new(values, dim, targets).unwrap()
}

fn with_shared<T>(
    images: &Embeddings,
    features: &Features,
    smoothing: f64,
    run: impl FnOnce(&Shared<'_>) -> T,
) -> T {
    run(&Shared {
        images,
        features,
        preconditioner: &Preconditioner::new(features),
        smoothing,
    })
}

/// Logits `[images, classes]` at the optimum.
fn logits(images: &Embeddings, features: &Features, c: f64, tolerance: f64) -> Vec<f64> {
    let rows: Vec<usize> = (0..images.len()).collect();
    let parameters = with_shared(images, features, 0.0, |shared| {
        let path = Path::<f64>::new(shared, &rows, vec![1.0; rows.len()]);
        let start = vec![0.0; images.classes() * features.width()];
        path.solve_from(start, c, tolerance, 5000, &mut |_, _| true)
            .parameters
    });
    let all = features.matrix::<f64>(&rows);
    crate::head::matrix_product::products(&all.values, &parameters, features.width())
}

fn off(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

/// With fewer images than values, the basis of their span has the same optimum as the values themselves.
#[test]
fn a_basis_of_the_images_changes_nothing() {
    for (seed, c) in [(1, 0.01), (2, 1.0), (3, 30.0)] {
        let images = images(seed, [36, 90, 4], 1.5, |_| true);
        let (short, plain) = (Features::new(&images), Features::plain(&images));
        assert_eq!((short.width(), plain.width()), (48, 96));
        let in_basis = logits(&images, &short, c, 1e-13);
        let off = off(&in_basis, &logits(&images, &plain, c, 1e-13));
        assert!(off < 1e-9, "{c}: {off}");
    }
}

/// The optimum is that of the plain method, which has no preconditioner, no basis and other products.
#[test]
fn the_optimum_is_that_of_the_plain_method() {
    for (size, smoothing) in [([90, 12, 5], 0.0), ([36, 90, 4], 0.0), ([60, 20, 3], 0.1)] {
        let images = images(4, size, 1.5, |_| true);
        let features = Features::new(&images);
        let rows: Vec<usize> = (0..images.len()).collect();
        let weights: Vec<f64> = rows.iter().map(|i| 1.0 + (i % 3) as f64).collect();
        let data = Data::new(&images, smoothing);
        let problem = Problem {
            weights: weights.clone(),
            c: 0.7,
        };
        let plain = data
            .solve(&[problem], None, 1e-11, 5000, |_, _| true)
            .remove(0);
        let plain = data.head(&plain).unwrap();
        let ours = with_shared(&images, &features, smoothing, |shared| {
            let path = Path::<f64>::new(shared, &rows, weights);
            let start = vec![0.0; images.classes() * features.width()];
            path.solve_from(start, 0.7, 1e-11, 5000, &mut |_, _| true)
        });
        assert!(ours.converged);
        let ours = features.head(&ours.parameters).unwrap();
        let (ours, plain) = [ours, plain]
            .map(|head| head.probabilities(images.values()).unwrap())
            .into();
        // Heads have single precision.
        assert!(
            off(&ours, &plain) < 1e-6,
            "{size:?}: {}",
            off(&ours, &plain)
        );
    }
}

/// An optimum does not depend on where the search starts: at no weights, or at the end of a path.
#[test]
fn a_warm_start_reaches_the_same_optimum() {
    let images = images(5, [120, 30, 6], 1.5, |_| true);
    let features = Features::new(&images);
    let rows: Vec<usize> = (0..images.len()).collect();
    with_shared(&images, &features, 0.0, |shared| {
        let mut path = Path::<f64>::new(shared, &rows, vec![1.0; rows.len()]);
        let mut go_on = |_: usize, _: f64| true;
        let mut warm = None;
        for c in [0.01, 0.1, 1.0, 10.0] {
            warm = Some(path.go_to(c, 1e-12, 5000, &mut go_on));
        }
        let warm = warm.unwrap();
        let cold = vec![0.0; images.classes() * features.width()];
        let cold = path.solve_from(cold, 10.0, 1e-12, 5000, &mut go_on);
        assert!(off(&warm.parameters, &cold.parameters) < 1e-7);
        assert!(warm.evaluations < cold.evaluations);
    });
}

/// What the search chooses, and what it says that it drops.
fn choose(images: &Embeddings, config: &HeadConfig, all: bool) -> (Choice, Vec<Candidate>) {
    let features = Features::new(images);
    let mut dropped = Vec::new();
    let mut watcher = Watcher::new(Box::new(|event| {
        if let FitEvent::Dropped(candidate) = event {
            dropped.push(candidate.clone());
        }
        ControlFlow::Continue(())
    }));
    let choice = with_shared(images, &features, 0.0, |shared| {
        search::choose(
            config,
            &LogisticRegression::new(),
            shared,
            all,
            &mut watcher,
        )
        .unwrap()
    });
    drop(watcher);
    (choice, dropped)
}

/// What is dropped after the first fold is never what all folds would choose.
#[test]
fn the_search_chooses_what_a_full_one_does() {
    let mut dropped = 0;
    for seed in 0..24 {
        let size = [
            90 + 20 * (seed as usize % 8),
            4 + seed as usize % 20,
            3 + seed as usize % 4,
        ];
        // Every other set is unbalanced.
        let images = images(seed, size, 1.0 + (seed % 3) as f32, |image| {
            seed % 2 == 0 || image % size[2] != 0 || image % 3 == 0
        });
        let config = HeadConfig::new().with_seed(seed);
        let (some, told) = choose(&images, &config, false);
        let (all, none) = choose(&images, &config, true);
        assert!(none.is_empty(), "{none:?}");
        // Each setting is judged or dropped.
        for of_it in &told {
            let same = |other: &Candidate| {
                (other.c, &other.class_weights) == (of_it.c, &of_it.class_weights)
            };
            assert!(!some.candidates.iter().any(same), "{of_it:?}");
        }
        dropped += told.len();
        let [some, all] = [some, all].map(|choice| choice.candidates[choice.best.unwrap()].clone());
        assert_eq!(
            (some.c, &some.class_weights),
            (all.c, &all.class_weights),
            "{seed}"
        );
        assert!((some.log_loss - all.log_loss).abs() < 1e-3, "{seed}");
    }
    assert!(dropped > 50, "{dropped}");
}

/// Balanced weights are tried only where they differ from weighting all alike.
#[test]
fn balanced_weights_are_for_unbalanced_classes() {
    let tried = |images: &Embeddings| {
        let found = choose(images, &HeadConfig::new(), true).0.candidates;
        found
            .iter()
            .any(|candidate| candidate.class_weights == ClassWeights::Balanced)
    };
    assert!(!tried(&images(6, [60, 8, 3], 2.0, |_| true)));
    assert!(tried(&images(6, [60, 8, 3], 2.0, |image| image % 6 != 0)));
}

/// Applied to the curvature that it approximates, it gives the identity, where it knows all directions.
#[test]
fn the_preconditioner_is_the_inverse_of_the_curvature() {
    let images = images(7, [80, 20, 3], 1.0, |_| true);
    let features = Features::new(&images);
    let (rank, width) = (features.rank(), features.width());
    let rows = features.coordinates().chunks_exact(rank);
    let vector: Vec<f64> = (0..rank).map(|k| ((k * k) as f64).cos()).collect();
    let (spread, penalty) = (0.2, 0.01);
    let mut values = vec![0.0; width];
    for row in rows {
        let along: f64 = row.iter().zip(&vector).map(|(a, b)| a * b).sum();
        for (value, x) in values.iter_mut().zip(row) {
            *value += spread * along * x / images.len() as f64;
        }
    }
    for (value, v) in values.iter_mut().zip(&vector) {
        *value += penalty * v;
    }
    values[rank] = spread;
    Preconditioner::new(&features).apply(&mut values, spread, penalty);
    assert!(off(&values[..rank], &vector) < 1e-9);
    assert!((values[rank] - 1.0).abs() < 1e-12);
}
