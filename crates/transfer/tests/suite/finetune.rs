//! Fine-tuning on small nets and drawn images.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};

use burn::tensor::Device;
use dataset::augment::Augmentation;
use dataset::split::Subset;
use dataset::{ImageFolder, ImageItem, Split};
use transfer::classifier::{CalibrationData, Provenance};
use transfer::finetune::{
    BatchNormMode, FineTuneConfig, FineTuneEvent, FineTuneRecord, FineTuned, LearningRateRange,
};
use transfer::head::{Checkpoint, LogisticRegression, Stopped};
use transfer::job::{DividedImages, FineTuneJob, FineTuneOutcome, JobEvent};
use transfer::{Backbone, Classifier, EmbeddingCache, Error, HeadConfig};

const SIDE: usize = 48;

/// A small net with its own weights, a head on it, and images: 24 to train, 8 to validate.
fn small(folder: &Path) -> (Classifier, Vec<ImageItem>, Vec<ImageItem>) {
    dataset::sample::write(folder.join("images"), 16, 1).unwrap();
    let images = ImageFolder::open(folder.join("images")).unwrap();
    let (validation, training): (Vec<_>, Vec<_>) = images
        .images()
        .iter()
        .cloned()
        .enumerate()
        .partition(|(i, _)| i % 4 == 0);
    let strip = |items: Vec<(usize, ImageItem)>| items.into_iter().map(|(_, item)| item).collect();
    let (training, validation): (Vec<_>, Vec<_>) = (strip(training), strip(validation));
    let weights = crate::common::weights(13, SIDE).without_classifier();
    let backbone = Backbone::new(weights).unwrap();
    let cache = EmbeddingCache::open(folder.join("cache")).unwrap();
    let embedded = backbone
        .embed(&training, &cache, |_| ())
        .unwrap()
        .embeddings;
    let recipe = LogisticRegression::new().with_regularization([0.1]);
    let head = HeadConfig::new().with_recipe(recipe);
    let head = head.training(&embedded).fit().unwrap().head;
    let classifier = Classifier::new(backbone, head, images.classes().to_vec()).unwrap();
    (classifier, training, validation)
}

fn config() -> FineTuneConfig {
    FineTuneConfig::new()
        .with_epochs(2)
        .with_batch_size(8)
        .with_learning_rate(1e-3)
        .with_ema_decay(None)
        .without_augmentation()
}

fn run(
    config: &FineTuneConfig,
    of: &(Classifier, Vec<ImageItem>, Vec<ImageItem>),
) -> (Classifier, FineTuneRecord) {
    let tuned = watched(config, of, |_| ControlFlow::Continue(()));
    assert!(tuned.failed.is_empty());
    (tuned.classifier, tuned.record)
}

fn watched(
    config: &FineTuneConfig,
    of: &(Classifier, Vec<ImageItem>, Vec<ImageItem>),
    on_event: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
) -> FineTuned {
    let training = config.training(&of.1).validation(&of.2).on_event(on_event);
    training.fit(&of.0, &Device::flex()).unwrap()
}

fn bytes(classifier: &Classifier, folder: &Path) -> Vec<u8> {
    let path = folder.join("tuned.safetensors");
    classifier.save(&path).unwrap();
    std::fs::read(path).unwrap()
}

/// Names of the tensors that differ.
fn changed(a: &Classifier, b: &Classifier) -> Vec<String> {
    let (a, b) = (a.backbone().weights(), b.backbone().weights());
    let pairs = a.tensors().zip(b.tensors());
    let differ = pairs.filter(|(a, b)| {
        assert_eq!(a.0, b.0);
        a.2.iter().zip(b.2).any(|(a, b)| a.to_bits() != b.to_bits())
    });
    differ.map(|(a, _)| a.0.to_string()).collect()
}

#[test]
fn the_last_blocks_learn_and_frozen_statistics_do_not_move() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let (tuned, report) = run(&config(), &(of.0, of.1, vec![]));
    let of = small(folder.path());
    assert_eq!((report.kept, report.history.len()), (Some(1), 2));
    assert!(report.history[1].train_loss < report.history[0].train_loss);
    let changed = changed(&of.0, &tuned);
    for part in ["depthwise", "pointwise"] {
        for block in [11, 12] {
            for tensor in ["conv.weight", "bn.gamma", "bn.beta"] {
                let name = format!("blocks.{block}.{part}.{tensor}");
                assert!(changed.contains(&name), "{name}");
            }
        }
    }
    let learns = |name: &String| {
        (name.starts_with("blocks.11.") || name.starts_with("blocks.12."))
            && !name.contains("running")
    };
    assert!(changed.iter().all(learns), "{changed:?}");
    assert_ne!(tuned.head(), of.0.head());
}

#[test]
fn norms_that_train_move() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let (tuned, _) = run(
        &config().with_batch_norm(BatchNormMode::Train),
        &(of.0, of.1, vec![]),
    );
    let of = small(folder.path());
    let changed = changed(&of.0, &tuned);
    assert!(changed.contains(&"blocks.12.pointwise.bn.running_mean".into()));
    assert!(!changed.iter().any(|name| name.starts_with("blocks.10.")));
}

#[test]
fn same_seed_same_bytes_and_looking_for_a_rate_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    // Nothing to judge by: what comes out is what was learned.
    let of = (of.0, of.1, vec![]);
    let augmented = config()
        .with_augmentation(Augmentation::standard(), 2)
        .with_ema_decay(Some(0.9))
        .with_threads(2);
    let (first, report) = run(&augmented, &of);
    let before = bytes(&of.0, folder.path());
    let range = LearningRateRange {
        to: 10.0,
        steps: 20,
        ..LearningRateRange::default()
    };
    let rates = augmented
        .training(&of.1)
        .find_learning_rate(&of.0, &Device::flex(), &range)
        .unwrap();
    assert!(rates.losses.len() >= 2 && rates.losses.len() == rates.rates.len());
    assert!(
        rates.smoothed.len() == rates.rates.len()
            && (rates.smoothed[0] - rates.losses[0]).abs() < 1e-12
    );
    assert_eq!(bytes(&of.0, folder.path()), before);
    // Too little memory to keep anything changes nothing either.
    let (second, again) = run(&augmented.clone().with_memory(0), &of);
    assert_eq!(report.history, again.history);
    assert_eq!(changed(&first, &second), Vec::<String>::new());
    assert_eq!(first.head(), second.head());
    // Nor does it on the engine whose last bits may depend on how many images there are at once.
    let (head, classes) = (of.0.head().clone(), of.0.classes().to_vec());
    let backbone = Backbone::on(of.0.backbone().weights().clone(), &Device::flex()).unwrap();
    let burn = (
        Classifier::new(backbone, head, classes).unwrap(),
        of.1,
        of.2,
    );
    let (other, _) = run(&augmented.clone().with_seed(1), &burn);
    assert_ne!(first.head(), other.head());
    let (again, _) = run(&augmented.with_seed(1).with_memory(0), &burn);
    assert_eq!(other.head(), again.head());
}

#[test]
fn an_image_that_cannot_be_used_changes_nothing_for_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let broken = ImageItem {
        path: folder.path().join("broken.jpg"),
        ..of.1[0].clone()
    };
    std::fs::write(&broken.path, b"no image").unwrap();
    // In the middle of the first images that are read at once: more follow, there and later.
    let mut training = of.1.clone();
    training.insert(5, broken);
    let of = (of.0, training, vec![]);
    let augmented = config().with_augmentation(Augmentation::standard(), 2);
    let run = |config: &FineTuneConfig| watched(config, &of, |_| ControlFlow::Continue(()));
    let tuned = run(&augmented);
    assert_eq!((tuned.record.images, tuned.failed.len()), (24, 1));
    let kept = tuned.classifier;
    let anew = run(&augmented.clone().with_memory(0)).classifier;
    assert_eq!(changed(&kept, &anew), Vec::<String>::new());
    assert_eq!(kept.head(), anew.head());
    // The images as they are give another result, so it is augmented images that are compared.
    let plain = run(&config()).classifier;
    assert_ne!(kept.head(), plain.head());
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    // 20 images a step: two parts of 8 and one of 4; and the 4 that remain.
    let config = config().with_batch_size(20);
    let (whole, report) = run(&config, &of);
    let whole = bytes(&whole, folder.path());
    for threads in [2, 3, 5] {
        let (again, other) = run(&config.clone().with_threads(threads), &of);
        assert_eq!(other.history, report.history, "{threads} threads");
        assert!(
            bytes(&again, folder.path()) == whole,
            "other bytes on {threads} threads"
        );
    }
}

/// The same where the threads are Rayon's, in processes of their own.
#[test]
fn the_number_of_threads_of_the_process_changes_no_byte() {
    let run = |threads: &str| {
        let folder = tempfile::tempdir().unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "finetune::child_tunes_on_threads", "--ignored"])
            .env("FOLDER", folder.path())
            .env("RAYON_NUM_THREADS", threads)
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        std::fs::read(folder.path().join("tuned.safetensors")).unwrap()
    };
    let one = run("1");
    for threads in ["2", "5"] {
        assert!(run(threads) == one, "other bytes on {threads} threads");
    }
}

#[test]
#[ignore = "run by another test"]
fn child_tunes_on_threads() {
    let folder = std::path::PathBuf::from(std::env::var_os("FOLDER").unwrap());
    let of = small(&folder);
    let threads = rayon::current_num_threads();
    let config = config().with_batch_size(20).with_threads(threads);
    let config = config.with_augmentation(Augmentation::standard(), 2);
    bytes(&run(&config, &(of.0, of.1, vec![])).0, &folder);
}

#[test]
fn the_best_epoch_is_kept_or_what_came_in() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    // Far too fast: no epoch is better than the head's optimum on the frozen net.
    let wild = config().with_learning_rate(3.0).with_epochs(1);
    let (same, report) = run(&wild, &of);
    assert_eq!(report.kept, None);
    assert_eq!(changed(&of.0, &same), Vec::<String>::new());
    assert_eq!(same.head(), of.0.head());
    let (_, report) = run(&config().with_epochs(3).with_patience(Some(1)), &of);
    let before = report.before.unwrap();
    let losses = report
        .history
        .iter()
        .map(|r| r.validation.unwrap().cross_entropy);
    let best = losses.fold(before.cross_entropy, f64::min);
    let kept = report
        .kept
        .map_or(before, |e| report.history[e].validation.unwrap());
    assert_eq!(kept.cross_entropy, best);
}

#[test]
fn blocks_thaw_gradually_and_events_tell() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let gradual = config().with_epochs_per_block(1).with_epochs(3);
    let (mut prepared, mut steps) = (0, 0);
    let tuned = watched(&gradual, &of, |event| {
        match event {
            FineTuneEvent::Prepared { done, total } => {
                prepared = done;
                assert_eq!(total, 32);
            }
            FineTuneEvent::Step {
                step,
                steps: all,
                images_per_second,
                seconds_left,
                ..
            } => {
                assert_eq!((step, all), (steps, 9));
                assert!(images_per_second > 0.0 && seconds_left >= 0.0);
                steps += 1;
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    assert_eq!((prepared, steps), (32, 9));
    let blocks: Vec<usize> = tuned.record.history.iter().map(|r| r.blocks).collect();
    assert_eq!(blocks, [0, 1, 2]);
    // Broken off: the epoch ends there.
    let stop = |event: FineTuneEvent<'_>| match event {
        FineTuneEvent::Step { step: 3, .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let record = watched(&config(), &of, stop).record;
    assert_eq!(
        (record.history.len(), record.stopped),
        (2, Stopped::Cancelled)
    );
}

#[test]
fn the_file_says_how_it_was_tuned() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let (tuned, report) = run(&config().with_epochs(1), &of);
    let provenance = Provenance::default().with_fine_tuning(report.clone());
    let path = folder.path().join("tuned.safetensors");
    tuned.with_provenance(provenance).save(&path).unwrap();
    let loaded = Classifier::load(&path).unwrap();
    let found = loaded.provenance().fine_tuning.as_ref().unwrap();
    assert_eq!(*found, report);
    assert_eq!(found.history.len(), 1);
}

#[test]
fn earlier_blocks_learn_less() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let of = (of.0, of.1, vec![]);
    let rate = 1e-3;
    // The largest change of a weight of each of the last three blocks in one step, from the same gradients.
    let largest = |block_decay: f64| -> [f64; 3] {
        let config = config().with_blocks(3).with_epochs(1).with_batch_size(24);
        let config = config.with_weight_decay(0.0).with_learning_rate(rate);
        let (tuned, _) = run(&config.with_block_decay(block_decay), &of);
        let pairs = of.0.backbone().weights().tensors();
        let pairs = pairs.zip(tuned.backbone().weights().tensors());
        let mut largest = [0f64; 3];
        for (before, after) in pairs {
            for (block, largest) in largest.iter_mut().enumerate() {
                if before.0.starts_with(&format!("blocks.{}.", block + 10)) {
                    let changes = before.2.iter().zip(after.2);
                    let changes = changes.map(|(a, b)| f64::from(b - a).abs());
                    *largest = changes.fold(*largest, f64::max);
                }
            }
        }
        largest
    };
    let shares = [0.125, 0.25, 0.5];
    for ((alike, less), share) in largest(1.0).into_iter().zip(largest(0.5)).zip(shares) {
        assert!(alike > 1e-5 && alike <= 1.001 * rate, "{alike:e}");
        assert!(
            (less / alike / share - 1.0).abs() < 0.02,
            "{less:e} {alike:e}"
        );
    }
}

#[test]
fn blocks_that_are_frozen_yet_do_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let of = (of.0, of.1, vec![]);
    for (epochs, learned) in [(1, vec![]), (2, vec![12]), (3, vec![11, 12])] {
        let gradual = config().with_blocks(2).with_epochs_per_block(1);
        let (tuned, _) = run(&gradual.with_epochs(epochs), &of);
        let changed = changed(&of.0, &tuned);
        for block in 0..13 {
            let name = format!("blocks.{block}.");
            let moved = changed.iter().any(|tensor| tensor.starts_with(&name));
            assert_eq!(
                moved,
                learned.contains(&block),
                "block {block}, {epochs} epochs"
            );
        }
        assert_ne!(tuned.head(), of.0.head());
    }
}

#[test]
fn a_break_ends_it_before_the_first_step_too() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let stop = |_: FineTuneEvent<'_>| ControlFlow::Break(());
    let device = Device::flex();
    let tuned = watched(&config(), &of, stop);
    let (same, record) = (tuned.classifier, tuned.record);
    assert_eq!(record.stopped, Stopped::Cancelled);
    assert_eq!((record.kept, record.history.len()), (None, 0));
    assert_eq!(changed(&of.0, &same), Vec::<String>::new());
    assert_eq!(same.head(), of.0.head());
    let rates = |stop_at: Option<usize>| {
        let watch = |event: FineTuneEvent<'_>| match event {
            FineTuneEvent::Step { step, steps, .. } => {
                assert_eq!(steps, 9);
                if Some(step) == stop_at {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            }
            _ if stop_at.is_none() => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let range = LearningRateRange {
            from: 1e-6,
            to: 1e-4,
            steps: 9,
        };
        let training = config().training(&of.1).on_event(watch);
        let found = training.find_learning_rate(&of.0, &device, &range);
        found.unwrap().rates.len()
    };
    assert_eq!((rates(None), rates(Some(3)), rates(Some(99))), (0, 4, 9));
}

#[test]
fn everything_can_learn_and_nothing_but_the_head() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let of = (of.0, of.1, vec![]);
    let (all, _) = run(&config().with_blocks(14).with_epochs(1), &of);
    assert!(changed(&of.0, &all).contains(&"stem.conv.weight".into()));
    let (head, _) = run(&config().with_blocks(0).with_epochs(1), &of);
    assert_eq!(changed(&of.0, &head), Vec::<String>::new());
    assert_ne!(head.head(), of.0.head());
}

#[test]
fn settings_without_meaning_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let of = small(folder.path());
    let device = Device::flex();
    let refused = |config: FineTuneConfig| {
        let training = config.training(&of.1).validation(&of.2);
        let result = training.fit(&of.0, &device);
        result
            .err()
            .unwrap_or_else(|| panic!("{config:?} was taken"))
    };
    for config in [
        config().with_epochs(0),
        config().with_batch_size(0),
        config().with_learning_rate(f64::NAN),
        config().with_block_decay(0.0),
        config().with_warmup(1.5),
        config().with_label_smoothing(1.0),
        config().with_ema_decay(Some(1.0)),
    ] {
        assert!(matches!(refused(config), Error::Setting { .. }));
    }
    assert!(matches!(
        refused(config().with_blocks(15)),
        Error::Mismatch { .. }
    ));
    // That all images fail is an error; that one fails is told.
    let gone = ImageItem {
        path: "gone.jpg".into(),
        ..of.1[0].clone()
    };
    let only = std::slice::from_ref(&gone);
    assert!(config().training(only).fit(&of.0, &device).is_err());
    let with_it = [vec![gone.clone()], of.1.clone()].concat();
    let config = config().with_epochs(1).with_blocks(0);
    let tuned = config.training(&with_it).fit(&of.0, &device).unwrap();
    assert_eq!((tuned.record.images, tuned.failed.len()), (24, 1));
}

#[test]
fn the_job_calibrates_measures_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (classifier, training, validation) = small(folder);
    let (testing, training): (Vec<_>, Vec<_>) = (0..).zip(training).partition(|(i, _)| i % 3 == 0);
    let items = |set: Vec<(i32, ImageItem)>| set.into_iter().map(|(_, item)| item).collect();
    let images = DividedImages {
        folder: ImageFolder::open(folder.join("images")).unwrap(),
        split: Split {
            training: items(training),
            validation,
            testing: items(testing),
        },
        description: "by hand".into(),
    };
    let state = folder.join("state");
    let job = || {
        let backbone = classifier.backbone().clone();
        FineTuneJob::new(images.clone())
            .with_backbone(backbone)
            .with_config(config())
            .with_cache(folder.join("cache"))
            .with_checkpoint(Checkpoint::new(&state).with_every(1))
    };
    let bytes = |result: &FineTuneOutcome| {
        let path = folder.join("tuned.safetensors");
        result.save(&path).unwrap();
        std::fs::read(path).unwrap()
    };
    let mut parts = std::collections::BTreeSet::new();
    let watched = job().with_summaries(folder.join("logs")).on_event(|event| {
        if let JobEvent::Embedding { part, total, .. } = event {
            parts.insert((part.to_string(), total));
        }
    });
    let whole = watched.run(&Device::flex()).unwrap();
    let expected = [("testing", 8), ("training", 16), ("validation", 8)];
    let expected = expected.map(|(part, total)| (part.to_string(), total));
    assert_eq!(parts, expected.into());
    assert!(state.exists());
    let saved = bytes(&whole);
    assert!(!state.exists());

    let calibration = whole.classifier.calibration().unwrap();
    assert_eq!(
        (calibration.data, calibration.images),
        (CalibrationData::Validation, 8)
    );
    let head = whole.classifier.report().unwrap();
    assert_eq!((head.images, head.out_of_fold.len()), (16, 0));
    let provenance = whole.classifier.provenance();
    assert_eq!(provenance.split.as_deref(), Some("by hand"));
    assert_eq!(provenance.fine_tuning.as_ref(), Some(&whole.record));
    let counts = provenance.images.values().map(|images| images.count);
    assert_eq!(counts.sum::<usize>(), 32);
    let pictures = whole.classifier.pictures().unwrap();
    let counts = Subset::ALL.map(|part| pictures.count(part));
    assert_eq!(counts, [16, 8, 8]);
    // On images that it was trained on alone, nothing is measured: that is said before it is trained.
    let mut seen = images.clone();
    seen.split.testing = seen.split.training.clone();
    let job_on_seen = || FineTuneJob::new(seen.clone()).with_config(config());
    let backbone = || classifier.backbone().clone();
    let refused = job_on_seen().with_backbone(backbone()).on_event(|event| {
        assert!(!matches!(event, JobEvent::FineTune(_)));
    });
    let error = refused.run(&Device::flex()).unwrap_err();
    assert!(matches!(error, Error::NothingUnseen { counts } if counts.trained_on == 16));
    let bare = job_on_seen()
        .with_backbone(backbone())
        .include_training(true);
    let bare = bare.keep_pictures(false).run(&Device::flex()).unwrap();
    assert_eq!(bare.test.unwrap().calibrated.len(), 16);
    assert!(bare.classifier.pictures().is_none());
    let test = whole.test.as_ref().unwrap();
    let loss = test.calibrated.log_loss().unwrap();
    assert_eq!(provenance.metrics["test log loss"], loss);
    assert_eq!(test.to_string().lines().count(), 3);
    assert_eq!(whole.record.to_string().lines().count(), 5);
    for part in ["train", "validation"] {
        assert!(folder.join("logs").join(part).is_dir());
    }

    // Stopped before its first step, and then after the third: what comes out can be used, and the same job goes on to the same bytes.
    let part = job().stop_when(|| true).run(&Device::flex()).unwrap();
    assert_eq!(part.record.stopped, Stopped::Cancelled);
    assert!(part.classifier.calibration().is_some());
    bytes(&part);
    let steps = std::cell::Cell::new(0);
    let mut count = job().on_event(|event| {
        let step = matches!(event, JobEvent::FineTune(FineTuneEvent::Step { .. }));
        steps.set(steps.get() + usize::from(step));
    });
    count = count.stop_when(|| steps.get() == 3);
    bytes(&count.run(&Device::flex()).unwrap());
    assert!(state.exists());
    let last = job().run(&Device::flex()).unwrap();
    assert!(bytes(&last) == saved, "other bytes after two stops");
    let range = LearningRateRange::default();
    let curve = job().find_learning_rate(&Device::flex(), &range).unwrap();
    assert!(curve.rates.len() > 1);
}
