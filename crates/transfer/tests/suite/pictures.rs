//! Which pictures a classifier was made with, and what that means for its measurements.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use dataset::split::{BesideTestFolder, Subset};
use dataset::{HashedSplit, ImageFolder};
use image::imageops::{FilterType, resize};
use transfer::familiarity::{Familiarity, FamiliarityCounts};
use transfer::head::GradientDescent;
use transfer::job::{ImageSource, JobEvent};
use transfer::retrain::{Retrain, Retrained};
use transfer::{Classifier, EmbeddingCache, Error, HeadConfig};

/// So many drawn images of each class.
fn drawn(folder: &Path, a_class: usize, seed: u64) -> PathBuf {
    dataset::sample::write(folder, a_class, seed).unwrap();
    folder.to_path_buf()
}

fn retrain<'a>(photos: &Path, cache: &Path) -> Retrain<'a> {
    Retrain::new(photos).with_cache(cache)
}

/// The parts of a folder of drawn images: training and validation together, and test.
fn sizes(photos: &Path) -> [usize; 2] {
    let folder = ImageFolder::open(photos).unwrap();
    let split = HashedSplit::default().apply(&folder).unwrap();
    let fitted = split.training.len() + split.validation.len();
    [fitted, split.testing.len()]
}

/// Copies every image of a folder, changed by `copy`, which may give it another name.
fn copied(from: &Path, to: &Path, copy: impl Fn(&Path, &Path)) -> PathBuf {
    for item in ImageFolder::open(from).unwrap().images() {
        let target = to.join(&item.name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        copy(&item.path, &target);
    }
    to.to_path_buf()
}

fn counts(classifier: &Classifier, folder: &Path, cache: &Path) -> FamiliarityCounts {
    let folder = ImageFolder::open(folder).unwrap();
    let cache = EmbeddingCache::open(cache).unwrap();
    let found = classifier.evaluate(&folder, &cache, |_| ()).unwrap();
    found.counts().unwrap()
}

#[test]
fn what_was_trained_on_is_left_out_and_the_test_part_is_found_again() {
    let root = tempfile::tempdir().unwrap();
    let [cache, file] = ["cache", "file"].map(|name| root.path().join(name));
    let photos = drawn(&root.path().join("photos"), 50, 1);
    let job = retrain(&photos, &cache).run().unwrap();
    job.save(&file).unwrap();
    let classifier = Classifier::load(&file).unwrap();
    assert_eq!(classifier.pictures(), job.classifier.pictures());
    let [fitted, tested] = sizes(&photos);

    // Under other names, and in the folder of another class: the content counts.
    let moved = root.path().join("moved");
    copied(&photos, &moved, |from, to| {
        fs::copy(
            from,
            to.with_file_name(format!("new-{}", to.file_name().unwrap().display())),
        )
        .unwrap();
    });
    for folder in [&photos, &moved] {
        let found = counts(&classifier, folder, &cache);
        assert_eq!(found.trained_on, fitted, "{found}");
        assert_eq!(found.test_part + found.looks_trained_on, tested, "{found}");
    }

    let folder = ImageFolder::open(&photos).unwrap();
    let cache = EmbeddingCache::open(&cache).unwrap();
    let evaluate = || classifier.evaluate(&folder, &cache, |_| ()).unwrap();
    assert_eq!(evaluate().predictions.len(), 100);
    // What remains are the answers that the training reported.
    let unseen = evaluate().unseen().unwrap();
    let test = job.test.as_ref().unwrap();
    assert_eq!(unseen.predictions, *test);
    assert_eq!(evaluate().test_part().unwrap().predictions, *test);
    assert_eq!(unseen.counts().unwrap().unseen(), test.len());
    // Nothing is left of the images that were trained on alone.
    let known = ImageFolder::open(&moved).unwrap();
    let trained = evaluate().familiarity.unwrap();
    for (item, familiarity) in known.images().iter().zip(trained) {
        if familiarity != Familiarity::TrainedOn {
            fs::remove_file(&item.path).unwrap();
        }
    }
    let trained = ImageFolder::open(&moved).unwrap();
    let found = classifier.evaluate(&trained, &cache, |_| ()).unwrap();
    let error = found.unseen().unwrap_err();
    assert!(matches!(error, Error::NothingUnseen { counts } if counts.trained_on == fitted));
    let said = error.to_string();
    assert!(
        said.contains(&format!(
            "{fitted} of these {fitted} pictures were trained on"
        )),
        "{said}"
    );
    assert!(said.contains("--include-training"), "{said}");
    let found = classifier.evaluate(&trained, &cache, |_| ()).unwrap();
    assert!(found.test_part().is_err());
}

#[test]
fn copies_that_were_resized_or_encoded_again_are_recognized() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let photos = drawn(&root.path().join("photos"), 40, 1);
    let classifier = retrain(&photos, &cache).run().unwrap().classifier;
    let [fitted, _] = sizes(&photos);
    let smaller = copied(&photos, &root.path().join("smaller"), |from, to| {
        let image = image::open(from).unwrap().to_rgb8();
        resize(&image, 160, 120, FilterType::Triangle)
            .save(to)
            .unwrap();
    });
    let found = counts(&classifier, &smaller, &cache);
    assert_eq!((found.trained_on, found.validated_on), (0, 0));
    assert!(
        found.looks_trained_on * 10 >= fitted * 9,
        "{found:?}, {fitted} trained on"
    );
    // Other images of the same kind are new, nearly all.
    let others = drawn(&root.path().join("others"), 40, 2);
    let found = counts(&classifier, &others, &cache);
    assert!(found.new >= 76, "{found:?}");
}

/// With a cache that has embeddings but no hashes, as earlier versions wrote it.
#[test]
fn hashes_are_added_to_a_cache_without_computing_embeddings() {
    let root = tempfile::tempdir().unwrap();
    let photos = drawn(&root.path().join("photos"), 5, 1);
    let cache = EmbeddingCache::open(root.path().join("cache")).unwrap();
    let weights = mobilenet::Weights::open("bundled").unwrap();
    let backbone = transfer::Backbone::new(weights).unwrap();
    let folder = ImageFolder::open(&photos).unwrap();
    let plain = backbone.embed(folder.images(), &cache, |_| ()).unwrap();
    assert_eq!((plain.computed, cache.len()), (10, 10));
    assert!(
        plain
            .pictures
            .iter()
            .all(|picture| picture.hashes == [0; 2])
    );
    let known = backbone
        .embed_recognizably(folder.images(), &cache, |_| ())
        .unwrap();
    assert_eq!((known.computed, cache.len()), (0, 20));
    assert_eq!(known.embeddings, plain.embeddings);
    assert_eq!(known.digest, plain.digest);
    let again = backbone
        .embed_recognizably(folder.images(), &cache, |_| ())
        .unwrap();
    assert_eq!((again.computed, cache.len()), (0, 20));
    assert_eq!(again.pictures, known.pictures);
    for (a, b) in known.pictures.iter().zip(&plain.pictures) {
        assert_eq!(a.content, b.content);
        assert!(a.hashes != [0; 2] && a.looks_like(a), "{a:?}");
    }
    // Some images new to the cache, some with hashes missing, some whole.
    drawn(&photos, 7, 1);
    let folder = ImageFolder::open(&photos).unwrap();
    let mixed = backbone
        .embed_recognizably(folder.images(), &cache, |_| ())
        .unwrap();
    assert_eq!((mixed.computed, cache.len()), (4, 28));
    let fresh = EmbeddingCache::temporary().unwrap();
    let fresh = backbone
        .embed_recognizably(folder.images(), &fresh, |_| ())
        .unwrap();
    assert_eq!(
        (mixed.embeddings, mixed.pictures),
        (fresh.embeddings, fresh.pictures)
    );
}

#[test]
fn a_test_folder_without_new_images_is_refused_at_once() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let photos = drawn(&root.path().join("photos"), 20, 1);
    let images = || {
        let images = ImageSource::folder(&photos, HashedSplit::default());
        images.with_test_folder(&photos, BesideTestFolder::Training)
    };
    let job = || Retrain::new(images()).with_cache(&cache);
    let fits = RefCell::new(0);
    let error = job()
        .on_event(|event| {
            if let JobEvent::Fit(_) = event {
                *fits.borrow_mut() += 1;
            }
        })
        .run()
        .unwrap_err();
    assert!(matches!(error, Error::NothingUnseen { counts } if counts.trained_on == 40));
    assert_eq!(*fits.borrow(), 0, "it was trained before it was refused");

    let told = RefCell::new(Vec::new());
    let included = job()
        .include_training(true)
        .on_event(|event| {
            if let JobEvent::TestSeen { counts, included } = event {
                told.borrow_mut().push((counts.to_string(), included));
            }
        })
        .run()
        .unwrap();
    assert_eq!(included.test.as_ref().unwrap().len(), 40);
    let said = "40 of these 40 pictures were trained on".to_string();
    assert_eq!(*told.borrow(), [(said, true)]);
    let numbers = serde_json::to_value(&included).unwrap();
    assert_eq!(numbers["test"]["pictures"]["trained_on"], 40);
}

#[test]
fn test_images_that_are_trained_on_are_left_out() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let photos = drawn(&root.path().join("photos"), 20, 1);
    let test = drawn(&root.path().join("test"), 5, 2);
    let run = || -> Retrained {
        let images = ImageSource::folder(&photos, HashedSplit::default());
        let images = images.with_test_folder(&test, BesideTestFolder::Training);
        Retrain::new(images).with_cache(&cache).run().unwrap()
    };
    let before = run();
    let new = before.test.as_ref().unwrap().len();
    assert_eq!(before.test_counts.trained_on, 0);
    let numbers = serde_json::to_value(&before).unwrap();
    assert_eq!(
        numbers["test"].get("pictures").is_some(),
        before.test_counts.seen() > 0
    );
    for name in ["boat/boat_00011.jpg", "cloud/cloud_00012.jpg"] {
        fs::copy(photos.join(name), test.join(name)).unwrap();
    }
    let after = run();
    assert_eq!(after.test_counts.trained_on, 2);
    assert_eq!(after.test.as_ref().unwrap().len(), new);
    assert_eq!(after.test, before.test);
}

#[test]
fn pictures_can_be_left_out_of_the_file() {
    let root = tempfile::tempdir().unwrap();
    let [cache, file] = ["cache", "file"].map(|name| root.path().join(name));
    let photos = drawn(&root.path().join("photos"), 20, 1);
    let job = retrain(&photos, &cache).keep_pictures(false).run().unwrap();
    job.save(&file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let holds = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(!holds(b"\"pictures\"") && !holds(b"\\\"pictures\\\""));
    let classifier = Classifier::load(&file).unwrap();
    assert!(classifier.pictures().is_none());
    let folder = ImageFolder::open(&photos).unwrap();
    let cache = EmbeddingCache::open(&cache).unwrap();
    let found = classifier.evaluate(&folder, &cache, |_| ()).unwrap();
    assert!(found.familiarity.is_none());
    assert_eq!(found.unseen().unwrap().predictions.len(), 40);
    let found = classifier.evaluate(&folder, &cache, |_| ()).unwrap();
    let error = found.test_part().unwrap_err().to_string();
    assert!(error.contains("train it again"), "{error}");
    let error = classifier.evaluate_out_of_fold(&folder, &cache, |_| ());
    assert!(error.unwrap_err().to_string().contains("train it again"));
}

#[test]
fn who_goes_on_from_a_classifier_knows_its_pictures() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let photos = drawn(&root.path().join("photos"), 20, 1);
    let more = drawn(&root.path().join("more"), 20, 2);
    let first = retrain(&photos, &cache).run().unwrap().classifier;
    let steps = GradientDescent::parity().with_steps(5);
    let config = || HeadConfig::new().with_recipe(steps.clone());
    let then = |classifier| {
        let job = retrain(&more, &cache).with_head(config());
        job.start_from(classifier).run().unwrap().classifier
    };
    let second = then(first);
    let pictures = second.pictures().unwrap();
    assert!(pictures.is_complete());
    assert_eq!(pictures.len(), 80);
    let [fitted, tested] = sizes(&photos);
    let found = counts(&second, &photos, &cache);
    assert_eq!(found.trained_on, fitted);
    assert_eq!(found.unseen() + found.looks_trained_on, tested);
    // Gradient descent is not fitted on the validation images.
    let found = counts(&second, &more, &cache);
    assert!(found.validated_on + found.looks_trained_on > 0, "{found:?}");
    assert_eq!(pictures.count(Subset::Training) - fitted, found.trained_on);

    let unknown = retrain(&photos, &cache).keep_pictures(false).run().unwrap();
    let third = then(unknown.classifier);
    assert!(!third.pictures().unwrap().is_complete());
}

#[test]
fn out_of_fold_answers_are_to_all_images_that_were_trained_on() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let photos = drawn(&root.path().join("photos"), 40, 1);
    let job = retrain(&photos, &cache).run().unwrap();
    let [fitted, tested] = sizes(&photos);
    let held_out = job.out_of_fold.as_ref().unwrap();
    assert_eq!((held_out.len(), held_out.classes().len()), (fitted, 2));
    let accuracy = held_out.confusion().accuracy().unwrap();
    let chosen = job.classifier.report().unwrap().chosen().unwrap();
    assert!((accuracy - chosen.accuracy).abs() < 1e-9);
    // At the classifier's temperature.
    let loss = job.classifier.calibration().unwrap().log_loss_after;
    assert!((held_out.log_loss().unwrap() - loss).abs() < 1e-6);
    // They are not what the head says of images that it was fitted on.
    assert!(job.training.log_loss() < held_out.log_loss());

    let folder = ImageFolder::open(&photos).unwrap();
    let kept = EmbeddingCache::open(&cache).unwrap();
    let found = job
        .classifier
        .evaluate_out_of_fold(&folder, &kept, |_| ())
        .unwrap();
    assert_eq!(found.predictions.len(), fitted);
    let mut names = found.predictions.files().unwrap().to_vec();
    let mut expected = held_out.files().unwrap().to_vec();
    names.sort();
    expected.sort();
    assert_eq!(names, expected);
    let again = found.predictions.confusion().accuracy().unwrap();
    assert!((again - accuracy).abs() < 0.1, "{again} and {accuracy}");

    let steps = HeadConfig::new().with_recipe(GradientDescent::parity().with_steps(5));
    let by_steps = retrain(&photos, &cache).with_head(steps).run().unwrap();
    assert!(by_steps.out_of_fold.is_none());
    assert_eq!(
        by_steps.test.unwrap().len() + by_steps.test_counts.seen(),
        tested
    );
    let error = by_steps
        .classifier
        .evaluate_out_of_fold(&folder, &kept, |_| ());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("cross-validation"), "{error}");
}

/// Variants of one image are one answer.
#[test]
fn variants_of_an_image_are_one_out_of_fold_answer() {
    let root = tempfile::tempdir().unwrap();
    let photos = drawn(&root.path().join("photos"), 20, 1);
    let flipped = dataset::augment::Distortions {
        flip_left_right: true,
        ..dataset::augment::Distortions::default()
    };
    let job = retrain(&photos, &root.path().join("cache"))
        .with_variation(flipped, transfer::retrain::Variants::PerImage(2))
        .run()
        .unwrap();
    let [fitted, _] = sizes(&photos);
    assert_eq!(job.out_of_fold.unwrap().len(), fitted);
}

/// The validation images are among those that logistic regression is fitted on in the end, so what the final head says of
/// them is no validation.
#[test]
fn tensorboard_shows_what_was_held_out() {
    let root = tempfile::tempdir().unwrap();
    let photos = drawn(&root.path().join("photos"), 40, 1);
    let logs = root.path().join("logs");
    let cache = root.path().join("cache");
    let job = retrain(&photos, &cache)
        .with_summaries(logs.clone())
        .run()
        .unwrap();
    let files = |run: &str| {
        let files = fs::read_dir(logs.join(run)).unwrap();
        files
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
            .count()
    };
    for run in [
        "train",
        "validation",
        "cross_validation/unweighted",
        "gradient/final",
    ] {
        assert_eq!(files(run), 1, "{run}");
    }
    let report = job.classifier.report().unwrap();
    let mut values: Vec<f64> = report.candidates.iter().map(|found| found.c).collect();
    values.dedup();
    values.sort_by(f64::total_cmp);
    values.dedup();
    for c in values {
        assert_eq!(files(&format!("gradient/c={c}")), 1, "{c}");
    }
}
