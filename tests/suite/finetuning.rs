//! The example `finetune`: what it leaves behind, and that it can be stopped.

use std::fs;
use std::path::Path;
use std::process::Command;

use transfer::Classifier;
use transfer::classifier::CalibrationData;

use crate::support::{example, run};

const OUTPUT: &str = "finetuned.safetensors";

/// `finetune` on the photos of a folder: one block, which is fast.
fn finetune(folder: &Path, more: &[&str]) -> Command {
    let mut command = example("finetune");
    command.current_dir(folder).args(["--image-dir", "photos"]);
    let few = ["--blocks", "1", "--batch", "8", "--augment", "0"];
    command.args(few).args(more);
    command
}

fn load(folder: &Path) -> Classifier {
    Classifier::load(folder.join(OUTPUT)).unwrap()
}

#[test]
fn the_classifier_is_calibrated_and_says_how_it_was_tuned() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    dataset::sample::write(folder.join("photos"), 20, 1).unwrap();
    let more = ["--epochs", "2", "--seed", "3", "--summaries-dir", "logs"];
    run(&mut finetune(folder, &more));
    let classifier = load(folder);
    assert_eq!(
        classifier.calibration().unwrap().data,
        CalibrationData::Validation
    );
    assert!(classifier.report().unwrap().chosen().is_some());
    let provenance = classifier.provenance();
    let tuning = provenance.fine_tuning.as_ref().unwrap();
    assert_eq!((tuning.config.blocks(), tuning.history.len()), (1, 2));
    let images: usize = provenance.images.values().map(|part| part.count).sum();
    assert_eq!(images, 40);
    assert!(provenance.split.is_some());
    assert!(provenance.metrics.contains_key("test log loss"));
    let curve = fs::read_to_string(folder.join("finetuned.svg")).unwrap();
    for part in ["training", "validation", "kept", "Learning rate"] {
        assert!(curve.contains(part), "{part}");
    }
    for (part, tag) in [("train", "learning_rate"), ("validation", "accuracy_1")] {
        let files = fs::read_dir(folder.join("logs").join(part)).unwrap();
        let file = files.map(|file| file.unwrap().path()).next().unwrap();
        let events = transfer::tensorboard::read_records(file).unwrap();
        let with_tag = events.iter().filter(|event| {
            event
                .windows(tag.len())
                .any(|bytes| bytes == tag.as_bytes())
        });
        let steps = tuning.images.div_ceil(8) * 2;
        let expected = if part == "train" { steps } else { 2 };
        assert_eq!(with_tag.count(), expected, "{part}");
    }

    let evaluate = ["--classifier", OUTPUT, "--image-dir", "photos"];
    let card = ["--card", "card.md", "--replicates", "0"];
    run(example("evaluate")
        .current_dir(folder)
        .args(evaluate)
        .args(card));
    let card = fs::read_to_string(folder.join("card.md")).unwrap();
    let expected = match tuning.kept {
        Some(_) => "last block fine-tuned",
        None => "frozen",
    };
    assert!(card.contains(expected), "{card}");
}

/// Ctrl-C leaves a classifier that can be used, and the same command goes on to the bytes of the undisturbed run.
#[cfg(unix)]
#[test]
fn an_interrupted_fine_tuning_is_usable_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    dataset::sample::write(folder.join("photos"), 20, 1).unwrap();
    let more = ["--epochs", "4", "--checkpoint-every", "1"];
    run(&mut finetune(folder, &more));
    let whole = fs::read(folder.join(OUTPUT)).unwrap();
    fs::remove_file(folder.join(OUTPUT)).unwrap();

    let state = folder.join("finetuned.training");
    assert!(!state.exists());
    let mut child = finetune(folder, &more).spawn().unwrap();
    while !state.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(kill.success());
    assert!(child.wait().unwrap().success());
    assert!(state.exists(), "it was over before it was stopped");
    let names = load(folder).classes().to_vec();
    assert_eq!(names, ["boat", "cloud"]);
    run(&mut finetune(folder, &more));
    assert!(!state.exists());
    assert!(fs::read(folder.join(OUTPUT)).unwrap() == whole);
}
