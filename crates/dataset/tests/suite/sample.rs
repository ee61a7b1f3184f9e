use std::fs;

use dataset::sample::{self, Subject, draw};
use dataset::{ResizePolicy, RgbImage};
use rayon::prelude::*;

/// The mean color, centered and scaled so that the descent below converges.
fn mean_color(image: &RgbImage) -> [f64; 3] {
    // Most of the summing in the library's code, which is optimized in tests too.
    let small = ResizePolicy::Squash.apply(image, 8);
    let mut sum = [0.0; 3];
    for pixel in small.pixels() {
        for (sum, value) in sum.iter_mut().zip(pixel.0) {
            *sum += f64::from(value);
        }
    }
    sum.map(|s| s / 64.0 / 64.0 - 2.0)
}

/// Logistic regression by plain gradient descent; `target` is 0 or 1.
fn fit(features: &[[f64; 3]], targets: &[f64]) -> [f64; 4] {
    let mut weights = [0.0; 4];
    for _ in 0..1_500 {
        let mut gradient = [0.0; 4];
        for (x, target) in features.iter().zip(targets) {
            let error = 1.0 / (1.0 + (-score(&weights, x)).exp()) - target;
            for (g, x) in gradient.iter_mut().zip([x[0], x[1], x[2], 1.0]) {
                *g += error * x;
            }
        }
        for (w, g) in weights.iter_mut().zip(gradient) {
            *w -= 1.5 * g / targets.len() as f64;
        }
    }
    weights
}

fn score(w: &[f64; 4], x: &[f64; 3]) -> f64 {
    w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3]
}

#[test]
fn mean_colors_do_not_tell_the_classes_apart() {
    for seed in [0, 42] {
        let set = |from: u64| {
            let colors: Vec<_> = (from..from + 100)
                .into_par_iter()
                .flat_map_iter(|i| Subject::ALL.map(|s| mean_color(&draw(s, i, seed))))
                .collect();
            let targets: Vec<f64> = (0..200).map(|i| f64::from(i % 2)).collect();
            (colors, targets)
        };
        let (training, targets) = set(0);
        let weights = fit(&training, &targets);
        let (testing, targets) = set(100);
        let right = testing
            .iter()
            .zip(targets)
            .filter(|(x, t)| (score(&weights, x) > 0.0) == (*t > 0.5))
            .count();
        eprintln!("seed {seed}: {right} of {} by mean colors", testing.len());
        assert!(right * 100 < 75 * testing.len());
    }
}

#[test]
fn a_seed_gives_the_same_bytes_and_a_larger_set_starts_with_the_smaller() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    sample::write(one.path(), 3, 9).unwrap();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    pool.install(|| sample::write(two.path(), 5, 9)).unwrap();
    for class in ["boat", "cloud"] {
        for i in 0..3 {
            let read = |dir: &tempfile::TempDir| {
                fs::read(dir.path().join(format!("{class}/{class}_{i:05}.jpg"))).unwrap()
            };
            assert!(read(&one) == read(&two), "{class} {i}");
        }
        assert_eq!(fs::read_dir(two.path().join(class)).unwrap().count(), 5);
    }
    assert_ne!(draw(Subject::Cloud, 0, 1), draw(Subject::Cloud, 0, 2));
}
