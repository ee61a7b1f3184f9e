//! The whole job as one call, beside the same job step by step.

use std::cell::RefCell;
use std::path::Path;

use dataset::augment::Distortions;
use dataset::split::{BesideTestFolder, Subset};
use dataset::{HashedSplit, ImageFolder};
use mobilenet::Weights;
use transfer::classifier::RejectOption;
use transfer::head::GradientDescent;
use transfer::insight::SampleSize;
use transfer::job::{ImageSource, JobEvent};
use transfer::retrain::{Retrain, Variants};
use transfer::{Backbone, Classifier, EmbeddingCache, HeadConfig};

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn one_call_gives_what_the_steps_give() {
    let root = tempfile::tempdir().unwrap();
    let [photos, cache, one, steps] = ["photos", "cache", "one.safetensors", "steps.safetensors"]
        .map(|name| root.path().join(name));
    dataset::sample::write(&photos, 30, 1).unwrap();
    let seen = RefCell::new(Vec::new());
    let job = Retrain::new(&*photos)
        .with_cache(&cache)
        .keep_pictures(false)
        .on_event(|event| match event {
            JobEvent::Images { split, .. } => {
                assert_eq!(
                    split.training.len() + split.validation.len() + split.testing.len(),
                    60
                );
            }
            JobEvent::Embedding { part, done, total } if done == total => {
                seen.borrow_mut().push(part);
            }
            _ => {}
        })
        .run()
        .unwrap();
    assert_eq!(*seen.borrow(), Subset::ALL);
    assert_eq!(job.computed, 60);
    let test = job.test.as_ref().unwrap();
    assert!(test.confusion().accuracy() > Some(0.8), "{job}");
    job.save(&one).unwrap();

    let folder = ImageFolder::open(&photos).unwrap();
    let split = HashedSplit::default().apply(&folder).unwrap();
    let backbone = Backbone::new(Weights::open("bundled").unwrap()).unwrap();
    let kept = EmbeddingCache::open(&cache).unwrap();
    let evaluated = job.classifier.evaluate(&folder, &kept, |_| ()).unwrap();
    assert_eq!((evaluated.images.len(), evaluated.failed.len()), (60, 0));
    assert_eq!(evaluated.predictions.len(), 60);
    let numbers = serde_json::to_value(&job).unwrap();
    assert_eq!(numbers["train"]["n"], job.training.len());
    assert_eq!(
        numbers["test"]["accuracy"].as_f64(),
        test.confusion().accuracy()
    );
    let [training, validation, testing] = [&split.training, &split.validation, &split.testing]
        .map(|items| backbone.embed(items, &kept, |_| ()).unwrap());
    assert_eq!(
        training.computed + validation.computed + testing.computed,
        0
    );
    let config = HeadConfig::new();
    let fitted = config
        .training(&training.embeddings)
        .validation(&validation.embeddings)
        .fit()
        .unwrap();
    let classifier = Classifier::new(backbone, fitted.head, folder.classes().to_vec())
        .unwrap()
        .calibrate_held_out(&fitted.report, &training.embeddings, &validation.embeddings)
        .unwrap();
    let [training, validation] = [&training.embeddings, &validation.embeddings];
    let held_out = classifier.held_out_predictions(&fitted.report, training, validation);
    let known = training.concat(validation).unwrap();
    let option = RejectOption::new();
    let classifier = classifier
        .with_reject_option(&option, held_out.unwrap().as_ref(), &known)
        .unwrap();
    classifier
        .with_report(fitted.report)
        .with_provenance(job.classifier.provenance().clone())
        .save(&steps)
        .unwrap();
    assert!(
        bytes(&one) == bytes(&steps),
        "the two ways give different files"
    );
    assert_eq!(
        job.classifier.provenance().split.as_deref(),
        Some("by a hash of the file names: 10 % for validation, 10 % for the test")
    );
}

#[test]
fn a_stopped_training_goes_on_and_ends_alike() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    dataset::sample::write(path("photos"), 30, 1).unwrap();
    let config = HeadConfig::new().with_recipe(
        GradientDescent::parity()
            .with_steps(60)
            .with_eval_interval(5),
    );
    let job = |checkpoint: &str| {
        Retrain::new(path("photos"))
            .with_head(config.clone())
            .with_cache(path("cache"))
            .with_checkpoint(path(checkpoint))
    };
    job("never").run().unwrap().save(path("whole")).unwrap();
    assert!(
        !path("never").exists(),
        "the checkpoint of a finished training stays"
    );

    let events = RefCell::new(0);
    let stopped = job("state")
        .on_event(|event| {
            if let JobEvent::Fit(_) = event {
                *events.borrow_mut() += 1;
            }
        })
        .stop_when(|| *events.borrow() >= 3)
        .run()
        .unwrap();
    stopped.save(path("stopped")).unwrap();
    assert!(
        path("state").exists(),
        "the state of a stopped training is gone"
    );
    job("state").run().unwrap().save(path("continued")).unwrap();
    assert!(bytes(&path("whole")) == bytes(&path("continued")));
    assert!(bytes(&path("whole")) != bytes(&path("stopped")));
}

#[test]
fn variants_are_trained_on_and_a_test_folder_is_used() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    dataset::sample::write(path("photos"), 20, 1).unwrap();
    dataset::sample::write(path("test"), 5, 2).unwrap();
    let distortions = Distortions {
        flip_left_right: true,
        ..Distortions::default()
    };
    let costs = RefCell::new(Vec::new());
    let images = ImageSource::folder(path("photos"), HashedSplit::default())
        .with_test_folder(path("test"), BesideTestFolder::Training);
    let job = Retrain::new(images)
        .with_variation(distortions, Variants::PerImage(2))
        .on_event(|event| {
            if let JobEvent::VariationCost { images, .. } = event {
                costs.borrow_mut().push(images);
            }
        })
        .run()
        .unwrap();
    assert_eq!(*costs.borrow(), [80]);
    assert_eq!(job.test.unwrap().len(), 10);
    assert_eq!(job.training.len(), 40);
    assert_eq!(job.classifier.report().unwrap().images, 80);
}

#[test]
fn what_cannot_be_done_is_refused_first() {
    let root = tempfile::tempdir().unwrap();
    let photos = root.path().join("photos");
    dataset::sample::write(&photos, 3, 1).unwrap();
    let every_step = Retrain::new(&*photos)
        .with_variation(Distortions::default(), Variants::EveryStep)
        .on_event(|_| panic!("work was done"))
        .run()
        .unwrap_err();
    assert!(
        every_step
            .to_string()
            .contains("logistic regression has no steps"),
        "{every_step}"
    );
    std::fs::remove_dir_all(photos.join("cloud")).unwrap();
    let one_class = Retrain::new(&*photos).run().unwrap_err();
    assert!(
        one_class.to_string().contains("`boat` as the only class"),
        "{one_class}"
    );
}

#[test]
fn a_learning_curve_is_measured_where_it_is_asked_for_and_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    dataset::sample::write(path("photos"), 30, 1).unwrap();
    let job = || Retrain::new(path("photos")).with_cache(path("cache"));
    let plain = job().run().unwrap();
    assert_eq!(plain.learning_curve, None);
    assert!(
        serde_json::to_value(&plain)
            .unwrap()
            .get("learning_curve")
            .is_none()
    );

    let last = RefCell::new((0, 0));
    let measured = job()
        .with_learning_curve(SampleSize::new().with_repeats(2))
        .on_event(|event| {
            if let JobEvent::LearningCurve { done, total } = event {
                *last.borrow_mut() = (done, total);
            }
        })
        .run()
        .unwrap();
    assert_eq!(*last.borrow(), (9, 9));
    let curve = measured.learning_curve.as_ref().unwrap();
    // All that the head was fitted on: training and validation images, without the test images.
    let test = measured.test.as_ref().map_or(0, metrics::Predictions::len);
    assert_eq!(curve.images, 60 - test);
    // With all images, the heads are those of the cross-validation.
    let out_of_fold = measured.out_of_fold.as_ref().unwrap();
    let accuracy = out_of_fold.confusion().accuracy().unwrap();
    let all = curve.points.last().unwrap();
    assert!((all.accuracy.value - accuracy).abs() < 1e-9, "{curve}");
    let numbers = serde_json::to_value(&measured).unwrap();
    assert_eq!(numbers["learning_curve"]["images"], curve.images);

    plain.save(path("plain")).unwrap();
    measured.save(path("measured")).unwrap();
    assert!(bytes(&path("plain")) == bytes(&path("measured")));

    let refused = job()
        .with_learning_curve(SampleSize::new().with_repeats(0))
        .run();
    assert!(matches!(refused, Err(transfer::Error::Setting { .. })));
}
