//! Runs that are stopped anywhere end in the same bytes as those that are not.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{numbers, weights};
use burn::tensor::Device;
use dataset::augment::Augmentation;
use dataset::{ImageFolder, ImageItem};
use transfer::finetune::{BatchNormMode, FineTuneConfig, FineTuneEvent, FineTuned};
use transfer::head::{Checkpoint, Dense, FitEvent, GradientDescent, Head, HeadTraining, Stopped};
use transfer::{Backbone, Classifier, EmbeddingCache, Embeddings, Fitted, HeadConfig};

fn set(images: usize, dim: usize, seed: u64) -> Embeddings {
    let targets: Vec<usize> = (0..images).map(|i| i % 3).collect();
    let mut values = numbers(images * dim, seed);
    for (row, target) in values.chunks_mut(dim).zip(&targets) {
        row[*target] += 0.6;
    }
    Embeddings::new(values, dim, targets).unwrap()
}

fn recipes() -> [HeadConfig; 2] {
    [
        GradientDescent::parity().with_steps(300),
        GradientDescent::hidden(7)
            .with_steps(500)
            .with_patience(Some(6)),
    ]
    .map(|recipe| HeadConfig::new().with_recipe(recipe).with_seed(9))
}

/// Trains until `looks` more looks have been had.
fn part(
    config: &HeadConfig,
    sets: &[Embeddings; 2],
    checkpoint: &Checkpoint,
    looks: usize,
) -> Fitted {
    let mut seen = 0;
    let watch = |_: FitEvent<'_>| {
        seen += 1;
        if seen < looks {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    on(config, sets)
        .resume(checkpoint)
        .on_event(watch)
        .fit()
        .unwrap()
}

/// A training on the first set, validated on the second.
fn on<'a>(config: &'a HeadConfig, sets: &'a [Embeddings; 2]) -> HeadTraining<'a> {
    config.training(&sets[0]).validation(&sets[1])
}

#[test]
fn a_cancelled_training_goes_on_to_the_same_bytes() {
    let sets = [set(90, 12, 1), set(30, 12, 2)];
    let folder = tempfile::tempdir().unwrap();
    for config in recipes() {
        let whole = on(&config, &sets).fit().unwrap();
        for looks in [1, 3, 7] {
            let path = folder.path().join("state");
            let checkpoint = Checkpoint::new(&path).with_every(1000);
            let mut parts = 0;
            let last = loop {
                let fitted = part(&config, &sets, &checkpoint, looks);
                parts += 1;
                if fitted.report.stopped != Stopped::Cancelled {
                    break fitted;
                }
                assert!(fitted.head.probabilities(sets[1].values()).is_ok());
                assert!(path.exists() && parts < 1000);
            };
            assert!(parts > 1);
            assert_eq!(last, whole, "{looks} looks a part");
            // What came out is there until it is saved: the same call has it at once.
            let again = on(&config, &sets).resume(&checkpoint);
            let again = again.on_event(|_| panic!("a step")).fit();
            assert_eq!(again.unwrap(), whole);
            checkpoint.remove().unwrap();
            assert!(!path.exists());
            checkpoint.remove().unwrap();
        }
    }
}

#[test]
fn a_start_from_a_head_goes_on_to_the_same_bytes() {
    let sets = [set(90, 12, 1), set(30, 12, 2)];
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::new(folder.path().join("state"));
    let [config, _] = recipes();
    let head = on(&config.clone().with_seed(1), &sets).fit().unwrap().head;
    let fit = |checkpoint: Option<&Checkpoint>, looks: usize| {
        let mut seen = 0;
        let watch = |_: FitEvent<'_>| {
            seen += 1;
            if seen < looks {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let training = on(&config, &sets).start_from(&head).resume(checkpoint);
        training.on_event(watch).fit().unwrap()
    };
    let whole = fit(None, usize::MAX);
    assert_eq!(fit(Some(&checkpoint), 5).report.stopped, Stopped::Cancelled);
    assert_eq!(fit(Some(&checkpoint), usize::MAX), whole);
}

#[test]
fn the_state_of_another_training_is_refused() {
    let sets = [set(90, 12, 1), set(30, 12, 2)];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let checkpoint = Checkpoint::new(&path);
    let [parity, hidden] = recipes();
    part(&parity, &sets, &checkpoint, 2);
    let refused = |config: &HeadConfig, sets: &[Embeddings; 2]| {
        let result = on(config, sets).resume(&checkpoint).fit();
        let message = result.unwrap_err().to_string();
        assert!(
            message.contains("state") && message.contains("delete it"),
            "{message}"
        );
        message
    };
    assert!(refused(&hidden, &sets).contains("another training"));
    refused(&parity.clone().with_seed(10), &sets);
    refused(&parity, &[set(90, 12, 3), sets[1].clone()]);
    refused(&parity, &[sets[0].clone(), set(30, 12, 3)]);
    // Another head to start from, and rows made in another way.
    let head = on(&parity, &sets).fit().unwrap().head;
    let from = on(&parity, &sets)
        .start_from(&head)
        .resume(&checkpoint)
        .fit();
    assert!(from.unwrap_err().to_string().contains("another training"));
    let rows = |_, images: &[usize]| Ok(sets[0].select(images).values().to_vec());
    let fresh = |checkpoint: &Checkpoint| {
        let fit = on(&parity, &sets).varied(rows).resume(checkpoint).fit();
        fit.map_err(|error| error.to_string())
    };
    let distorted = checkpoint.clone().with_context("flip");
    assert!(fresh(&distorted).unwrap_err().contains("another training"));
    let whole = fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by(101) {
        fs::write(&path, &whole[..cut]).unwrap();
        refused(&parity, &sets);
    }
    for place in (0..whole.len()).step_by(37) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(&path, &damaged).unwrap();
        refused(&parity, &sets);
    }
    fs::write(&path, &whole).unwrap();
    part(&parity, &sets, &checkpoint, 1000);
}

/// A classifier on a small net, and images to fine-tune it on: three quarters to train, the rest to validate.
fn to_tune(pictures: &Path) -> (Classifier, Vec<ImageItem>, Vec<ImageItem>) {
    let backbone = Backbone::new(weights(13, 32).without_classifier()).unwrap();
    let images = ImageFolder::open(pictures).unwrap();
    let head = Dense::new(
        backbone.dim(),
        numbers(2 * backbone.dim(), 3),
        vec![0.0, 0.1],
    );
    let head = Head::new(vec![head.unwrap()]).unwrap();
    let classifier = Classifier::new(backbone, head, images.classes().to_vec()).unwrap();
    let all = images.images().iter().cloned().enumerate();
    let (validation, training): (Vec<_>, Vec<_>) = all.partition(|(i, _)| i % 4 == 0);
    let items = |set: Vec<(usize, ImageItem)>| set.into_iter().map(|(_, item)| item).collect();
    (classifier, items(training), items(validation))
}

fn tuning() -> FineTuneConfig {
    FineTuneConfig::new()
        .with_epochs(3)
        .with_batch_size(7)
        .with_learning_rate(1e-3)
        .with_epochs_per_block(1)
        .with_augmentation(Augmentation::standard(), 2)
        .with_ema_decay(Some(0.9))
        .with_seed(5)
}

/// Fine-tunes until `events` more steps or epochs have been.
fn tune(
    config: &FineTuneConfig,
    of: &(Classifier, Vec<ImageItem>, Vec<ImageItem>),
    checkpoint: &Checkpoint,
    events: usize,
) -> transfer::Result<FineTuned> {
    let mut seen = 0;
    let watch = |event: FineTuneEvent<'_>| {
        seen += usize::from(!matches!(event, FineTuneEvent::Prepared { .. }));
        if seen < events {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let training = config.training(&of.1).validation(&of.2);
    let training = training.resume(checkpoint).on_event(watch);
    training.fit(&of.0, &Device::flex())
}

#[test]
fn a_cancelled_fine_tuning_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    dataset::sample::write(&pictures, 12, 1).unwrap();
    let of = to_tune(&pictures);
    let bytes = |classifier: &Classifier| {
        let path = folder.path().join("tuned");
        classifier.save(&path).unwrap();
        fs::read(path).unwrap()
    };
    let whole_net = tuning()
        .with_batch_norm(BatchNormMode::Train)
        .with_blocks(14);
    let configs = [
        (tuning(), of.2.clone()),
        (tuning().with_patience(Some(1)), of.2.clone()),
        (whole_net.with_epochs_per_block(0), vec![]),
    ];
    for (config, validation) in configs {
        let of = (to_tune(&pictures).0, of.1.clone(), validation);
        let training = config.training(&of.1).validation(&of.2);
        let whole = training.fit(&of.0, &Device::flex()).unwrap();
        let (whole, record) = (bytes(&whole.classifier), whole.record);
        // Steps come three an epoch, then the epoch: parts end within an epoch, at its last step and at its end.
        for events in [1, 3, 4] {
            let path = folder.path().join("state");
            let checkpoint = Checkpoint::new(&path).with_every(2);
            let mut parts = 0;
            let last = loop {
                let tuned = tune(&config, &of, &checkpoint, events).unwrap();
                parts += 1;
                if tuned.record.stopped != Stopped::Cancelled {
                    break tuned;
                }
                assert!(path.exists() && parts < 100);
            };
            assert!(parts > 1);
            assert_eq!(last.record, record);
            assert!(bytes(&last.classifier) == whole, "{events} events a part");
            // What is done is there until it is removed, and takes no step more.
            let again = tune(&config, &of, &checkpoint, 1).unwrap();
            assert_eq!(again.record.stopped, record.stopped);
            assert!(bytes(&again.classifier) == whole);
            checkpoint.remove().unwrap();
        }
    }
}

#[test]
fn the_state_of_another_fine_tuning_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    dataset::sample::write(&pictures, 8, 1).unwrap();
    let (classifier, training, validation) = to_tune(&pictures);
    let of = (classifier, training, validation);
    let path = folder.path().join("state");
    let checkpoint = Checkpoint::new(&path);
    tune(&tuning(), &of, &checkpoint, 2).unwrap();
    let refused = |config: &FineTuneConfig, of: &(Classifier, Vec<ImageItem>, Vec<ImageItem>)| {
        let message = tune(config, of, &checkpoint, 1000).unwrap_err().to_string();
        assert!(
            message.contains("state") && message.contains("delete it"),
            "{message}"
        );
        message
    };
    assert!(refused(&tuning().with_seed(6), &of).contains("another fine-tuning"));
    let fewer = (to_tune(&pictures).0, of.1[1..].to_vec(), of.2.clone());
    refused(&tuning(), &fewer);
    let whole = fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by(whole.len() / 50) {
        fs::write(&path, &whole[..cut]).unwrap();
        refused(&tuning(), &of);
        let mut flipped = whole.clone();
        flipped[cut] ^= 4;
        fs::write(&path, &flipped).unwrap();
        refused(&tuning(), &of);
    }
    // An image whose content is another.
    fs::write(&path, &whole).unwrap();
    let image = fs::read(&of.1[0].path).unwrap();
    fs::copy(&of.1[1].path, &of.1[0].path).unwrap();
    refused(&tuning(), &of);
    fs::write(&of.1[0].path, image).unwrap();
    // Threads and memory change no byte.
    let same = tuning().with_threads(2).with_memory(0);
    let tuned = tune(&same, &of, &checkpoint, 1000).unwrap();
    assert_eq!(tuned.record.stopped, Stopped::Steps);
}

/// How many kills each of the three tests below does. `TRANSFER_KILLS=170` makes it 510 together.
fn kills() -> usize {
    let kills = std::env::var("TRANSFER_KILLS").ok();
    kills.and_then(|kills| kills.parse().ok()).unwrap_or(8)
}

/// Starts one of the ignored tests at the end as a process of its own.
fn start(test: &str, folder: &Path, pictures: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("resume::{test}"), "--ignored"])
        .env("FOLDER", folder)
        .env("PICTURES", pictures)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Whether a process gets to its end; it is killed when its time is over.
fn finishes(mut child: Child, time: Duration) -> bool {
    let end = Instant::now() + time;
    while Instant::now() < end && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(300));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(
        status.success() || status.code().is_none(),
        "failed, not killed: {status}"
    );
    status.success()
}

/// Runs `test` to its end once; then again and again in new folders, killed at random moments until it gets through,
/// until it has been killed often enough. The files named must be the same each time.
fn survive(test: &str, files: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    dataset::sample::write(&pictures, 60, 1).unwrap();
    let whole = folder.path().join("whole");
    fs::create_dir(&whole).unwrap();
    let begin = Instant::now();
    assert!(finishes(
        start(test, &whole, &pictures),
        Duration::from_mins(10)
    ));
    let time = begin.elapsed();
    let expected: Vec<Vec<u8>> = files
        .iter()
        .map(|f| fs::read(whole.join(f)).unwrap())
        .collect();

    let mut moments = numbers(1 << 16, 77).into_iter();
    let (mut killed, mut runs) = (0, 0);
    while killed < kills() {
        let again = folder.path().join("again");
        fs::create_dir(&again).unwrap();
        loop {
            let moment = time.mul_f32(moments.next().unwrap().abs());
            let last = killed >= kills();
            let moment = if last {
                Duration::from_mins(10)
            } else {
                moment
            };
            if finishes(start(test, &again, &pictures), moment) {
                break;
            }
            killed += 1;
        }
        for (file, expected) in files.iter().zip(&expected) {
            let found = fs::read(again.join(file)).unwrap();
            assert!(found == *expected, "{file} after {killed} kills");
        }
        fs::remove_dir_all(&again).unwrap();
        runs += 1;
    }
    eprintln!(
        "{test}: {killed} kills over {runs} runs, each with the bytes of the undisturbed one"
    );
}

#[test]
fn embedding_survives_kills() {
    survive("child_embeds", &["cache/embeddings.bin", "embeddings"]);
}

#[test]
fn training_survives_kills() {
    survive("child_trains", &["classifier"]);
}

#[test]
fn fine_tuning_survives_kills() {
    survive("child_tunes", &["tuned"]);
}

fn folders() -> [std::path::PathBuf; 2] {
    ["FOLDER", "PICTURES"].map(|name| std::env::var_os(name).unwrap().into())
}

#[test]
#[ignore = "run by another test"]
fn child_embeds() {
    let [folder, pictures] = folders();
    let backbone = Backbone::new(weights(6, 96)).unwrap();
    let items = ImageFolder::open(pictures).unwrap();
    let cache = EmbeddingCache::open(folder.join("cache")).unwrap();
    let embedded = backbone.embed(items.images(), &cache, |_| ()).unwrap();
    let values = embedded.embeddings.values();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    fs::write(folder.join("embeddings"), bytes).unwrap();
}

#[test]
#[ignore = "run by another test"]
fn child_trains() {
    let [folder, _] = folders();
    let backbone = Backbone::new(weights(6, 32)).unwrap();
    let sets = [set(300, backbone.dim(), 1), set(60, backbone.dim(), 2)];
    let recipe = GradientDescent::hidden(16)
        .with_steps(1500)
        .with_patience(Some(1000));
    let config = HeadConfig::new().with_recipe(recipe);
    let checkpoint = Checkpoint::new(folder.join("state")).with_every(50);
    let Fitted { head, report } = on(&config, &sets).resume(&checkpoint).fit().unwrap();
    let classes = ["a", "b", "c"].map(String::from).to_vec();
    let classifier = Classifier::new(backbone, head, classes).unwrap();
    classifier
        .with_report(report)
        .save(folder.join("classifier"))
        .unwrap();
}

#[test]
#[ignore = "run by another test"]
fn child_tunes() {
    let [folder, pictures] = folders();
    let (classifier, training, validation) = to_tune(&pictures);
    let checkpoint = Checkpoint::new(folder.join("state")).with_every(3);
    let config = tuning().with_batch_size(16);
    let training = config.training(&training).validation(&validation);
    let tuned = training
        .resume(&checkpoint)
        .fit(&classifier, &Device::flex());
    tuned
        .unwrap()
        .classifier
        .save(folder.join("tuned"))
        .unwrap();
}
