//! What training can be asked for beside the main job: distortions, an end before the end, shares of the work.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use burn::tensor::Device;
use tempfile::TempDir;
use transfer::{Classifier, Stopped};

use crate::support::{example, run};

const OUTPUT: &str = "classifier.safetensors";

/// A folder with so many `photos` a class.
fn with_photos(a_class: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    dataset::sample::write(folder.path().join("photos"), a_class, 1).unwrap();
    folder
}

/// `retrain` on the photos of a folder, with two blocks, which is fast.
fn retrain(folder: &Path, more: &[&str]) -> Command {
    let mut command = example("retrain");
    command.current_dir(folder).args(["--image-dir", "photos"]);
    command.args(["--blocks", "2"]).args(more);
    command
}

fn load(folder: &Path) -> Classifier {
    Classifier::load(folder.join(OUTPUT), &Device::flex()).unwrap()
}

#[test]
fn distortions_as_variants_and_on_the_fly() {
    let folder = with_photos(20);
    let folder = folder.path();
    let distorted = ["--flip-left-right", "--random-brightness", "20"];
    let variants = [&distorted[..], &["--variants", "3"]].concat();
    let said = run(&mut retrain(folder, &variants));
    let n = load(folder).provenance().images["training"].count;
    let (computed, cost) = (
        format!("{} variants computed", 3 * n),
        format!("{} images to embed at most, about", 3 * n),
    );
    assert!(said.contains(&computed) && said.contains(&cost), "{said}");
    let first = fs::read(folder.join(OUTPUT)).unwrap();
    let said = run(&mut retrain(folder, &variants));
    assert!(said.contains("\n0 variants computed"), "{said}");
    assert!(first == fs::read(folder.join(OUTPUT)).unwrap());

    let steps = ["--how-many-training-steps", "8", "--train-batch-size", "6"];
    let on_the_fly = [&distorted[..], &steps].concat();
    let said = run(&mut retrain(folder, &on_the_fly));
    assert!(said.contains("48 images to embed at most"), "{said}");
    let first = fs::read(folder.join(OUTPUT)).unwrap();
    run(&mut retrain(folder, &on_the_fly));
    assert!(first == fs::read(folder.join(OUTPUT)).unwrap());
}

#[test]
fn the_classifier_says_where_it_comes_from() {
    let folder = with_photos(20);
    let folder = folder.path();
    run(&mut retrain(folder, &[]));
    let classifier = load(folder);
    let provenance = classifier.provenance();
    let counts: Vec<usize> = provenance.images.values().map(|part| part.count).collect();
    assert_eq!(counts.iter().sum::<usize>(), 40);
    assert!(
        provenance
            .split
            .as_ref()
            .unwrap()
            .contains("10 % for the test")
    );
    assert!(provenance.metrics.contains_key("test accuracy"));
    let calibration = classifier.calibration().unwrap();
    assert!(calibration.log_loss_after <= calibration.log_loss_before);
    assert!(classifier.report().unwrap().chosen().is_some());
}

/// Ctrl-C leaves a classifier that can be used, and the same command goes on to the bytes of the undisturbed run.
#[cfg(unix)]
#[test]
fn an_interrupted_training_is_usable_and_goes_on() {
    let folder = with_photos(20);
    let folder = folder.path();
    let steps = ["--how-many-training-steps", "30000"];
    run(&mut retrain(folder, &steps));
    let whole = fs::read(folder.join(OUTPUT)).unwrap();
    fs::remove_file(folder.join(OUTPUT)).unwrap();

    let mut interrupted = 0;
    for lines in [1, 40, 90] {
        let mut command = retrain(folder, &steps);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = said
            .map(Result::unwrap)
            .filter(|line| line.starts_with("Step"));
        said.by_ref().take(lines).for_each(drop);
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        said.for_each(drop);
        assert!(child.wait().unwrap().success());
        if load(folder).report().unwrap().stopped == Stopped::Cancelled {
            assert!(folder.join("classifier.training").exists());
            interrupted += 1;
        }
    }
    assert!(interrupted > 0);
    run(&mut retrain(folder, &steps));
    assert!(whole == fs::read(folder.join(OUTPUT)).unwrap());
}

/// Shards merged in order are the bytes of one run; so are two processes at once on one cache, record by record.
#[test]
fn work_on_a_cache_is_shared() {
    let folder = with_photos(30);
    let folder = folder.path();
    let embed = |cache: &str, more: &[&str]| {
        let mut command = example("embed");
        command.current_dir(folder).args(["--cache", cache]);
        command.args(more);
        command
    };
    let photos = ["--image-dir", "photos"];
    let bytes = |cache: &str| fs::read(folder.join(cache).join("embeddings.bin")).unwrap();
    run(&mut embed("whole", &photos));
    let parts = ["part1", "part2", "part3"];
    for (i, part) in parts.iter().enumerate() {
        let shard = format!("{}/3", i + 1);
        run(&mut embed(
            part,
            &[&photos[..], &["--shard", &shard]].concat(),
        ));
    }
    run(&mut embed("merged", &[&["--merge"], &parts[..]].concat()));
    assert!(bytes("whole") == bytes("merged"));

    let children = [(); 2].map(|()| {
        embed("shared", &photos)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    });
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let said = run(&mut embed("shared", &photos));
    assert!(said.contains("60 images, 0 computed"), "{said}");
    assert_eq!(bytes("shared").len(), bytes("whole").len());
}
