//! "None of the classes": when it is said, how it is chosen, and that the file keeps it.

use crate::common::{levels, numbers, weights};
use metrics::Predictions;
use transfer::classifier::{RejectOption, Rejection};
use transfer::head::{Dense, Head};
use transfer::insight::OpenSet;
use transfer::retrain::Retrain;
use transfer::{Backbone, Classifier, Embeddings};

fn pixels(seed: u64) -> Vec<u8> {
    levels(16 * 16 * 3, seed)
}

/// A classifier of two classes, and images of them as embeddings: pictures of noise are the one, plain ones the other.
fn trained() -> (Classifier, Embeddings) {
    let backbone = Backbone::new(weights(2, 16)).unwrap();
    let (mut values, mut targets) = (Vec::new(), Vec::new());
    for seed in 0..120 {
        let plain = seed % 2 == 1;
        let picture = if plain {
            vec![(seed * 2) as u8; 16 * 16 * 3]
        } else {
            pixels(seed)
        };
        values.extend(backbone.forward(&picture, 1).unwrap());
        targets.push(usize::from(plain));
    }
    let dim = backbone.dim();
    let set = Embeddings::new(values, dim, targets).unwrap();
    let dense = Dense::new(dim, numbers(2 * dim, 5), vec![0.0; 2]).unwrap();
    let classes = vec!["noise".to_string(), "plain".to_string()];
    let classifier = Classifier::new(backbone, Head::new(vec![dense]).unwrap(), classes);
    (classifier.unwrap(), set)
}

#[test]
fn without_limits_the_answer_is_always_a_name() {
    let (classifier, _) = trained();
    assert!(!classifier.can_reject());
    let answer = classifier.answer(&pixels(1)).unwrap();
    assert_eq!(answer.rejection, None);
    let probabilities = classifier.predict(&pixels(1), 1).unwrap();
    assert_eq!(answer.ranked, classifier.rank(&probabilities));
}

#[test]
fn an_unsure_answer_and_an_unlike_image_are_rejected_with_the_reason() {
    let (classifier, set) = trained();
    let classifier = classifier.with_thresholds(vec![1.0, 1.0]).unwrap();
    let answer = classifier.answer(&pixels(1)).unwrap();
    let best = answer.ranked[0].clone();
    let expected = Rejection::Unsure {
        class: best.class.clone(),
        probability: best.probability,
        threshold: 1.0,
    };
    let found = answer.rejection.unwrap();
    assert_eq!(found, expected);
    assert!(found.to_string().contains("needs 1.0000"), "{found}");
    assert_eq!(serde_json::to_value(&found).unwrap()["reason"], "unsure");

    // Only what points exactly where one image does is known: everything else is unlike it.
    let row = set.row(0).unwrap();
    let strict = OpenSet::fit(row, row, set.dim(), 1, 1.0).unwrap();
    let classifier = classifier.with_thresholds(vec![0.0, 0.0]).unwrap();
    let classifier = classifier.with_open_set(strict).unwrap();
    assert_eq!(classifier.answer(&pixels(0)).unwrap().rejection, None);
    let found = classifier.answer(&pixels(1)).unwrap().rejection.unwrap();
    assert!(
        matches!(found, Rejection::Unlike { distance, limit } if distance > limit),
        "{found:?}"
    );
    assert!(found.to_string().contains("unlike the training images"));
    assert_eq!(serde_json::to_value(&found).unwrap()["reason"], "unlike");

    let of_another_length = OpenSet::fit(&[1.0, 0.0], &[1.0, 0.0], 2, 1, 1.0).unwrap();
    let error = classifier.with_open_set(of_another_length).unwrap_err();
    assert!(error.to_string().contains("open-set test"), "{error}");
}

#[test]
fn the_limits_are_chosen_where_there_is_enough_data() {
    let (classifier, set) = trained();
    let targets = set.targets().to_vec();
    // Of 60 images that are taken for the first class, the 10 least sure ones are of the other class.
    let row = |i: usize| match (i % 2, i / 2) {
        (0, place) if place < 10 => [0.6, 0.4],
        (0, _) => [0.9, 0.1],
        _ => [0.2, 0.8],
    };
    let rows: Vec<f64> = (0..120).flat_map(row).collect();
    let truth = |(i, target): (usize, &usize)| if i % 2 == 0 && i / 2 < 10 { 1 } else { *target };
    let truth: Vec<usize> = targets.iter().enumerate().map(truth).collect();
    let predictions = Predictions::from_flat(truth.clone(), rows.clone(), 2).unwrap();
    let option = RejectOption::new();
    let some = Some(&predictions);
    let classifier = classifier.with_reject_option(&option, some, &set).unwrap();
    assert_eq!(classifier.thresholds(), Some(&[0.9, 0.8][..]));
    let open_set = classifier.open_set().unwrap();
    let beyond = open_set.scores(set.values()).unwrap();
    let beyond = beyond.iter().filter(|&&score| score > open_set.threshold());
    assert!(
        beyond.count() <= 6,
        "of 120, one of a hundred may be unlike"
    );

    // The file keeps it to the bit.
    let bytes = classifier.to_bytes().unwrap();
    let loaded = Classifier::from_bytes(&bytes).unwrap();
    assert_eq!(loaded.open_set(), classifier.open_set());
    assert_eq!(loaded.thresholds(), classifier.thresholds());
    assert_eq!(loaded.to_bytes().unwrap(), bytes);

    // Nothing of it is set by too few images, and each part can be left out.
    let few: Vec<usize> = (0..30).collect();
    let few_rows = Predictions::from_flat(truth[..30].to_vec(), rows[..60].to_vec(), 2).unwrap();
    let (classifier, _) = trained();
    let classifier = classifier
        .with_reject_option(&option, Some(&few_rows), &set.select(&few))
        .unwrap();
    assert!(!classifier.can_reject());
    let alone = option.with_accepted(1.0);
    let (classifier, _) = trained();
    let classifier = classifier.with_reject_option(&alone, some, &set).unwrap();
    assert!(classifier.thresholds().is_some() && classifier.open_set().is_none());
    let alone = option.with_precision(0.0);
    let (classifier, _) = trained();
    let classifier = classifier.with_reject_option(&alone, some, &set).unwrap();
    assert!(classifier.thresholds().is_none() && classifier.open_set().is_some());
}

#[test]
fn shares_out_of_range_are_refused_before_any_work() {
    let (classifier, set) = trained();
    let wrong = RejectOption::new().with_precision(f64::NAN);
    let error = classifier.with_reject_option(&wrong, None, &set);
    assert!(matches!(error, Err(transfer::Error::Setting { .. })));
    let wrong = RejectOption::new().with_accepted(1.5);
    let error = Retrain::new("no such folder")
        .with_reject_option(wrong)
        .run();
    assert!(matches!(error, Err(transfer::Error::Setting { .. })));
}

/// The whole job sets both on the drawn images; a picture of something else is of none of the classes.
#[test]
fn a_retrained_classifier_says_none_of_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    dataset::sample::write(folder.path(), 80, 1).unwrap();
    let job = Retrain::new(folder.path()).run().unwrap();
    let classifier = &job.classifier;
    assert!(classifier.open_set().is_some());
    let others = crate::common::out_of_distribution::all();
    let rejected = |picture: &image::RgbImage| {
        let square = classifier.backbone().square(picture);
        classifier
            .answer(square.as_raw())
            .unwrap()
            .rejection
            .is_some()
    };
    let found = others.iter().filter(|other| rejected(other)).count();
    assert!(
        found * 10 >= others.len() * 9,
        "{found} of {}",
        others.len()
    );
    // Without a reject option the file is the same but for it.
    let job = Retrain::new(folder.path()).with_reject_option(None).run();
    assert!(!job.unwrap().classifier.can_reject());
}
