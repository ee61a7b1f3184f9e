//! Insight on matrices drawn for the purpose.

use std::ops::ControlFlow;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use transfer::insight::{
    OpenSet, Outlook, Pca, SampleSize, SampleSizeCurve, SimilarImages, label_noise, scatter_plot,
};
use transfer::{Embeddings, Error, HeadConfig};

/// `[n, dim]`: class 0 around the first axis, class 1 around the second.
fn two_classes(n: usize, dim: usize, seed: u64) -> (Vec<f32>, Vec<usize>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let targets: Vec<usize> = (0..n).map(|i| i % 2).collect();
    let values = targets
        .iter()
        .flat_map(|&t| {
            let noise: Vec<f32> = (0..dim).map(|_| random.random_range(0.0..0.3)).collect();
            noise
                .into_iter()
                .enumerate()
                .map(move |(axis, v)| if axis == t { v + 1.0 } else { v })
        })
        .collect();
    (values, targets)
}

#[test]
fn planted_label_noise_is_at_the_top() {
    let n = 1000;
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let truth: Vec<usize> = (0..n).map(|i| i % 3).collect();
    let probabilities: Vec<f64> = truth
        .iter()
        .flat_map(|&t| {
            let sure = random.random_range(0.5..0.98);
            (0..3).map(move |c| if c == t { sure } else { (1.0 - sure) / 2.0 })
        })
        .collect();
    let mut labels = truth;
    let swapped: Vec<usize> = (0..n).step_by(20).collect();
    for &at in &swapped {
        labels[at] = (labels[at] + 1) % 3;
    }
    let noise = label_noise(&labels, &probabilities, 3).unwrap();
    let first = &noise.ranking[..n / 10];
    let found = first.iter().filter(|s| swapped.contains(&s.index)).count();
    assert!(found * 2 >= swapped.len(), "{found} of {}", swapped.len());
    assert!((noise.joint.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(
        (noise.noise_rate() - 0.05).abs() < 0.03,
        "{}",
        noise.noise_rate()
    );
    assert!(label_noise(&labels, &probabilities, 2).is_err());
}

#[test]
fn the_mean_of_equals_is_reached_by_each() {
    // (0.8 + 0.8 + 0.8) / 3 rounds up; the fourth image looks exactly like the three before.
    let p: Vec<f64> = [0.8, 0.8, 0.8, 0.8, 0.1]
        .iter()
        .flat_map(|&p| [p, 1.0 - p])
        .collect();
    let noise = label_noise(&[0, 0, 0, 1, 1], &p, 2).unwrap();
    let found: Vec<usize> = noise.mislabeled().map(|suspect| suspect.index).collect();
    assert_eq!(found, [3]);
}

#[test]
fn no_labels_have_no_noise() {
    for classes in [2, 1 << 33] {
        let error = label_noise(&[], &[], classes).unwrap_err().to_string();
        assert!(error.contains("at least 1"), "{error}");
    }
}

#[test]
fn images_of_other_things_are_told_from_the_known() {
    let (train, _) = two_classes(200, 16, 1);
    let (held_out, _) = two_classes(100, 16, 2);
    let (test, _) = two_classes(100, 16, 5);
    let known = OpenSet::fit(&train, &held_out, 16, 10, 0.95).unwrap();
    let others: Vec<f32> = (0..16 * 16)
        .map(|i| f32::from(i / 16 == 2 + i % 16))
        .collect();
    let others: Vec<f32> = others.chunks(16).take(14).flatten().copied().collect();
    for row in others.chunks(16).filter(|r| r.iter().any(|&v| v > 0.0)) {
        assert!(known.is_out_of_distribution(row).unwrap());
    }
    let accepted = known.scores(&test).unwrap();
    let accepted = accepted.iter().filter(|&&s| s <= known.threshold()).count();
    assert!(accepted > 85, "{accepted} of 100");
    assert!(OpenSet::fit(&train, &[], 16, 10, 0.95).is_err());
    assert!(OpenSet::fit(&train, &held_out, 16, 0, 0.95).is_err());
    assert!(OpenSet::fit(&train, &held_out, 16, 10, f64::NAN).is_err());
}

#[test]
fn copies_are_the_nearest_and_pairs() {
    let (values, _) = two_classes(50, 40, 1);
    let images = SimilarImages::new(&values, 40).unwrap();
    for (index, row) in values.chunks(40).enumerate() {
        let doubled: Vec<f32> = row.iter().map(|v| v * 2.0).collect();
        let nearest = images.nearest(&doubled, 3).unwrap();
        assert_eq!(nearest[0].index, index);
        assert!((nearest[0].similarity - 1.0).abs() < 1e-6);
        assert!(nearest[1].similarity >= nearest[2].similarity);
    }
    let pairs = images.pairs(&images, 0.9999).unwrap();
    assert!((0..50).all(|i| pairs.iter().any(|p| (p.first, p.second) == (i, i))));
    assert_eq!(images.nearest(&values[..40], 1000).unwrap().len(), 50);
}

/// One image of the training set is in the test set too, a little changed: that pair is found, and no other.
#[test]
fn a_copy_across_two_sets_is_the_one_pair() {
    let dim = 64;
    let (train, test) = (two_classes(60, dim, 1).0, two_classes(40, dim, 2).0);
    let mut test: Vec<f32> = test;
    let copy = train[17 * dim..18 * dim].iter().enumerate();
    let changed = copy.map(|(i, v)| 1.1 * v + 0.02 * (i % 3) as f32);
    test.splice(9 * dim..10 * dim, changed);
    let [train, test] = [&train, &test].map(|set| SimilarImages::new(set, dim).unwrap());
    let found = |pairs: Vec<transfer::insight::Pair>| {
        let rows = pairs.iter().map(|pair| (pair.first, pair.second));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(found(train.pairs(&test, 0.95).unwrap()), [(17, 9)]);
    assert_eq!(found(test.pairs(&train, 0.95).unwrap()), [(9, 17)]);
}

#[test]
fn principal_components_of_known_data() {
    // Variances 9, 4 and 0.01 along three axes of eight, drawn without correlation.
    let mut values = Vec::new();
    for i in 0..600 {
        let mut row = [0.0f32; 8];
        let angle = |k: u32| (f64::from(i) * f64::from(k) * std::f64::consts::TAU / 600.0).sin();
        row[5] = (3.0 * angle(1)) as f32 + 7.0;
        row[2] = (2.0 * angle(2)) as f32;
        row[0] = (0.1 * angle(3)) as f32;
        values.extend(row);
    }
    let pca = Pca::fit(&values, 8, 2).unwrap();
    let total = 9.0 + 4.0 + 0.01;
    assert!((pca.explained()[0] - 9.0 / total).abs() < 1e-6);
    assert!((pca.explained()[1] - 4.0 / total).abs() < 1e-6);
    let points = pca.project(&values).unwrap();
    let wrong = values.chunks(8).zip(points.chunks(2)).map(|(row, point)| {
        (f64::from(row[5]) - 7.0 - point[0])
            .abs()
            .max((f64::from(row[2]) - point[1]).abs())
    });
    assert!(wrong.fold(0.0, f64::max) < 1e-4);
    let targets: Vec<usize> = (0..600).map(|i| i % 2).collect();
    let map = scatter_plot(&points, &targets, 200).unwrap();
    assert!(map.pixels().any(|p| p.0 != [255; 3]));
    assert!(Pca::fit(&values, 8, 9).is_err());
    assert!(Pca::fit(&values[..8], 8, 1).is_err());
}

/// Two classes of `n` images in all, alternately: normally distributed values, whose means differ by `distance` on the first
/// axis alone.
fn normal_classes(n: usize, dim: usize, distance: f32, seed: u64) -> Embeddings {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    // The sum of twelve uniform values is very nearly normal, with variance 1.
    let mut normal = || (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
    let mut values = Vec::with_capacity(n * dim);
    for image in 0..n {
        let shift = if image % 2 == 0 { 0.0 } else { distance };
        values.extend((0..dim).map(|axis| normal() + if axis == 0 { shift } else { 0.0 }));
    }
    Embeddings::new(values, dim, (0..n).map(|image| image % 2).collect()).unwrap()
}

fn sample_size(images: &Embeddings) -> SampleSizeCurve {
    measured_by(&SampleSize::new(), images)
}

fn measured_by(settings: &SampleSize, images: &Embeddings) -> SampleSizeCurve {
    let fitted = HeadConfig::new().training(images).fit().unwrap();
    let measured = settings.measure(&fitted.report, images, |_, _| ControlFlow::Continue(()));
    measured.unwrap().unwrap()
}

#[test]
fn more_images_help_where_a_head_has_too_few() {
    // One axis of 400 tells the classes apart: a head needs many images to find it. By the formula for the difference of two
    // means, the accuracy is about 0.68 with 40 images, 0.82 with 320, 0.84 with 400 and 0.86 with 800.
    let images = normal_classes(400, 400, 2.5, 1);
    let curve = measured_by(&SampleSize::new().with_level(0.999), &images);
    let (first, last) = (curve.points[0], curve.points[4]);
    assert_eq!(
        (curve.images, first.images, last.images),
        (400, 40.0, 320.0)
    );
    assert!(first.accuracy.value + 0.05 < last.accuracy.value, "{curve}");
    assert!(first.log_loss.value > last.log_loss.value + 0.05, "{curve}");
    let forecast = curve.forecast.unwrap();
    assert_eq!(forecast.images, 800);
    assert_ne!(forecast.outlook, Outlook::Little, "{curve}");
    // The truth: heads of twice as many images, asked about many new ones.
    let new = normal_classes(4000, 400, 2.5, 99);
    let classes = ["0".to_string(), "1".to_string()];
    let accuracies = (2..5).map(|seed| {
        let twice = normal_classes(800, 400, 2.5, seed);
        let head = HeadConfig::new().training(&twice).fit().unwrap().head;
        let answers = head.predictions(&new, &classes).unwrap();
        answers.confusion().accuracy().unwrap()
    });
    let truth = accuracies.sum::<f64>() / 3.0;
    let expected = forecast.accuracy;
    assert!(
        expected.low < truth && truth < expected.high,
        "{truth}: {curve}"
    );
}

#[test]
fn more_images_change_little_where_the_classes_overlap() {
    // Two values, of which one tells: some tens of images are enough, and no head is right more often than 0.84.
    let curve = sample_size(&normal_classes(800, 2, 2.0, 5));
    let forecast = curve.forecast.unwrap();
    assert_eq!(forecast.outlook, Outlook::Little, "{curve}");
    assert!((forecast.accuracy.value - 0.84).abs() < 0.04, "{curve}");
    assert!(curve.to_string().contains("would change little"), "{curve}");
}

#[test]
fn a_learning_curve_does_not_depend_on_threads_and_keeps_variants_together() {
    let images = normal_classes(60, 4, 2.0, 7);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let alone = pool.unwrap().install(|| sample_size(&images));
    assert_eq!(alone, sample_size(&images));

    // Each image twice under its name: as many images, and the same answers to both.
    let rows: Vec<usize> = (0..120).map(|row| row / 2).collect();
    let names = rows.iter().map(|row| format!("class/{row}")).collect();
    let doubled = images.select(&rows).with_names(names).unwrap();
    let curve = sample_size(&doubled);
    let sizes = |curve: &SampleSizeCurve| -> Vec<f64> {
        curve.points.iter().map(|point| point.images).collect()
    };
    assert_eq!((curve.images, sizes(&curve)), (60, sizes(&alone)));
}

#[test]
fn a_learning_curve_can_be_stopped_and_refuses_what_it_cannot_do() {
    let images = normal_classes(40, 3, 2.0, 3);
    let report = HeadConfig::new().training(&images).fit().unwrap().report;
    let measure = |settings: SampleSize| {
        settings.measure(&report, &images, |done, total| {
            assert!(total == 21 || done == 1);
            ControlFlow::Break(())
        })
    };
    assert_eq!(measure(SampleSize::new()).unwrap(), None);
    for wrong in [
        SampleSize::new().with_fractions([]),
        SampleSize::new().with_fractions([0.5, 1.5]),
        SampleSize::new().with_fractions([f64::NAN]),
        SampleSize::new().with_repeats(0),
        SampleSize::new().with_replicates(9),
        SampleSize::new().with_level(1.0),
    ] {
        let refused = measure(wrong.clone());
        assert!(matches!(refused, Err(Error::Setting { .. })), "{wrong:?}");
    }
    let two = SampleSize::new().with_fractions([0.5, 1.0]);
    let curve = two.measure(&report, &images, |_, _| ControlFlow::Continue(()));
    let curve = curve.unwrap().unwrap();
    assert_eq!((curve.points.len(), curve.forecast), (2, None));
    let lonely = images.select(&(0..39).step_by(2).chain([1]).collect::<Vec<_>>());
    let refused = SampleSize::new().measure(&report, &lonely, |_, _| ControlFlow::Continue(()));
    assert!(matches!(
        refused,
        Err(Error::TooFewImages {
            found: 1,
            needed: 2,
            ..
        })
    ));
}
