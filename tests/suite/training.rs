//! What training can be asked for beside the main job: distortions, an end before the end, shares of the work.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use transfer::Classifier;
use transfer::head::Stopped;

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
    Classifier::load(folder.join(OUTPUT)).unwrap()
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
        format!("embedded {} variants", 3 * n),
        format!("at most {} images to embed, about", 3 * n),
    );
    assert!(said.contains(&computed) && said.contains(&cost), "{said}");
    let first = fs::read(folder.join(OUTPUT)).unwrap();
    let said = run(&mut retrain(folder, &variants));
    assert!(said.contains("embedded 0 variants"), "{said}");
    assert!(first == fs::read(folder.join(OUTPUT)).unwrap());

    let steps = ["--how-many-training-steps", "8", "--train-batch-size", "6"];
    let on_the_fly = [&distorted[..], &steps].concat();
    let said = run(&mut retrain(folder, &on_the_fly));
    assert!(said.contains("at most 48 images to embed"), "{said}");
    let first = fs::read(folder.join(OUTPUT)).unwrap();
    run(&mut retrain(folder, &on_the_fly));
    assert!(first == fs::read(folder.join(OUTPUT)).unwrap());
}

/// A place where nothing can be written is refused before any work.
#[test]
fn where_the_classifier_goes_is_looked_at_first() {
    let folder = with_photos(2);
    let folder = folder.path();
    for (output, said) in [
        (
            "nowhere/c.safetensors",
            "the folder nowhere cannot be written to",
        ),
        ("photos", "--image-dir and --output are both photos"),
    ] {
        let refused = retrain(folder, &["--output", output]).output().unwrap();
        let errors = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1));
        assert!(errors.contains(said), "{errors}");
    }
    assert!(!folder.join("embedding-cache").exists());
}

/// Interrupts a training after so many lines about its steps.
#[cfg(unix)]
fn interrupt(mut command: Command, lines: usize) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = said
        .map(Result::unwrap)
        .filter(|line| line.contains(": Step "));
    said.by_ref().take(lines).for_each(drop);
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-INT", &pid]).status();
    assert!(kill.unwrap().success());
    said.for_each(drop);
    assert!(child.wait().unwrap().success());
}

/// Other distortions are another training: its state is not gone on from.
#[cfg(unix)]
#[test]
fn distortions_are_part_of_what_a_training_is() {
    let folder = with_photos(20);
    let folder = folder.path();
    let steps = [
        "--how-many-training-steps",
        "100000",
        "--train-batch-size",
        "2",
    ];
    let flipped = [&["--flip-left-right"], &steps[..]].concat();
    interrupt(retrain(folder, &flipped), 1);
    assert!(folder.join("classifier.training").exists());
    let brighter = [&["--random-brightness", "20"], &steps[..]].concat();
    let refused = retrain(folder, &brighter).output().unwrap();
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        errors.contains("another training") && errors.contains("distortions"),
        "{errors}"
    );
    interrupt(retrain(folder, &flipped), 1);
}

/// The lines of `retrain.py`, at the interval that is asked for.
#[test]
fn the_parity_recipe_logs_as_retrain_py() {
    let folder = with_photos(20);
    let folder = folder.path();
    let steps = [
        "--how-many-training-steps",
        "8",
        "--eval-step-interval",
        "3",
    ];
    let said = run(&mut retrain(folder, &steps));
    let lines: Vec<(&str, &str)> = said
        .lines()
        .filter_map(|line| line.split_once(": Step "))
        .collect();
    let wanted = [0, 3, 6, 7].map(|step| {
        [
            "Train accuracy = ",
            "Cross entropy = ",
            "Validation accuracy = ",
        ]
        .map(|what| format!("{step}: {what}"))
    });
    assert_eq!(lines.len(), 12, "{said}");
    for ((time, line), wanted) in lines.iter().zip(wanted.concat()) {
        assert!(line.starts_with(&wanted), "{line}, not {wanted}");
        // 2017-06-30 12:00:00.123456
        let shape: String = time
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(shape, "0000-00-00 00:00:00.000000");
    }
    let test = &load(folder).provenance().clone();
    let (accuracy, n) = (
        100.0 * test.metrics["test accuracy"],
        test.images["test"].count,
    );
    let last = format!("Final test accuracy = {accuracy:.1}% (N={n})");
    assert!(said.lines().any(|line| line == last), "{last}: {said}");
    let clock = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    if let Ok(clock) = clock {
        let today = String::from_utf8(clock.stdout).unwrap();
        let midnight = lines[0].0[..10] != *today.trim();
        assert!(
            !midnight || lines[0].0.contains(" 23:59:"),
            "{} {today}",
            lines[0].0
        );
    }
}

/// A new class, first in the alphabet, is learned by the head that knows the others.
#[test]
fn a_class_is_added_to_a_trained_classifier() {
    let folder = with_photos(30);
    let folder = folder.path();
    let steps = |n, rate| ["--how-many-training-steps", n, "--learning-rate", rate];
    run(&mut retrain(folder, &steps("1000", "0.1")));
    let known = load(folder);
    fs::rename(folder.join(OUTPUT), folder.join("known")).unwrap();
    // Plain colors: a third kind of picture.
    fs::create_dir(folder.join("photos/airship")).unwrap();
    for i in 0..30u8 {
        let picture = dataset::RgbImage::from_pixel(64, 64, [255 - i, i, 128].into());
        let path = folder.join(format!("photos/airship/{i}.png"));
        picture.save(path).unwrap();
    }
    let go_on = |n, rate| {
        let mut command = example("retrain");
        command.current_dir(folder).args(["--image-dir", "photos"]);
        command.args(["--from", "known"]).args(steps(n, rate));
        let said = run(&mut command);
        assert!(
            said.contains("continues with the 2 classes of the classifier and 1 new one: airship"),
            "{said}"
        );
        load(folder)
    };
    let photos = |class: &str| {
        let photos = fs::read_dir(folder.join("photos").join(class)).unwrap();
        photos
            .map(|photo| photo.unwrap().path())
            .collect::<Vec<_>>()
    };
    // One small step teaches nothing: boats and clouds are told apart as by the head that it started from.
    let grown = go_on("1", "0.000001");
    assert_eq!(grown.classes(), ["airship", "boat", "cloud"]);
    assert_eq!(grown.backbone().digest(), known.backbone().digest());
    for path in [photos("boat"), photos("cloud")].concat() {
        let name = |classifier: &Classifier| {
            let answers = classifier.classify(&path).unwrap().into_iter();
            let mut known = answers
                .map(|answer| answer.class)
                .filter(|c| c != "airship");
            known.next().unwrap()
        };
        assert_eq!(name(&grown), name(&known), "{}", path.display());
    }
    let taught = go_on("500", "0.1");
    for path in photos("airship") {
        assert_eq!(taught.classify(&path).unwrap()[0].class, "airship");
    }
    // What the classifier says already cannot be said otherwise.
    let output = retrain(folder, &["--from", "known"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("--blocks"),
        "{said}"
    );
}

/// `--summaries-dir` writes both runs, and pictures of what is taken for something else.
#[test]
fn summaries_are_written() {
    let folder = with_photos(20);
    let folder = folder.path();
    // After two small steps the head knows nothing yet.
    let steps = [
        "--how-many-training-steps",
        "2",
        "--learning-rate",
        "0.000001",
    ];
    let more = ["--summaries-dir", "logs", "--validation-percentage", "30"];
    run(&mut retrain(folder, &[&steps[..], &more].concat()));
    let events = |part: &str| -> Vec<u8> {
        let files = fs::read_dir(folder.join("logs").join(part)).unwrap();
        let records = files.flat_map(|file| {
            let path = file.unwrap().path();
            transfer::tensorboard::read_records(&path).unwrap()
        });
        records.flatten().collect()
    };
    let holds = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|w| w == word.as_bytes());
    let train = events("train");
    for tag in [
        "learning_rate",
        "accuracy_1",
        "configuration",
        "pr_curves/boat",
    ] {
        assert!(holds(&train, tag), "{tag}");
    }
    let validation = events("validation");
    assert!(holds(&validation, "cross_entropy_1"));
    assert!(holds(&validation, "misclassified/") && holds(&validation, "PNG\r\n"));
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
        interrupt(retrain(folder, &steps), lines);
        if load(folder).report().unwrap().stopped == Stopped::Cancelled {
            assert!(folder.join("classifier.training").exists());
            interrupted += 1;
        }
    }
    assert!(interrupted > 0);
    run(&mut retrain(folder, &steps));
    assert!(whole == fs::read(folder.join(OUTPUT)).unwrap());
    assert!(!folder.join("classifier.training").exists());
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
    // A slip of the pen is no empty part.
    let refused = embed("typo", &["--merge", "part1", "prat2"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("prat2: no embedding cache"), "{said}");
    assert!(!folder.join("prat2").exists() && !folder.join("typo").exists());

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
    // Another instruction set has other last bits: what it finds there is not its own.
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        let portable = || {
            let mut command = embed("shared", &photos);
            run(command.env("MOBILENET_ISA", "portable"))
        };
        let said = portable();
        assert!(said.contains("60 images, 60 computed"), "{said}");
        assert!(portable().contains("60 images, 0 computed"));
        let said = run(&mut embed("shared", &photos));
        assert!(said.contains("60 images, 0 computed"), "{said}");
    }
}

/// Out as text and in again: what was imported is not computed, and is what was exported.
#[test]
fn bottlenecks_go_out_and_come_in() {
    let folder = with_photos(4);
    let folder = folder.path();
    let embed = |more: &[&str]| {
        let mut command = example("embed");
        command.current_dir(folder).args(["--image-dir", "photos"]);
        run(command.args(more))
    };
    let said = embed(&["--cache", "one", "--export-bottlenecks", "text"]);
    assert!(said.contains("mobilenet_1.0_224, in text"), "{said}");
    let file = "text/boat/boat_00000.jpg_mobilenet_1.0_224.txt";
    let text = fs::read_to_string(folder.join(file)).unwrap();
    assert_eq!(text.split(',').count(), 1024);
    let said = embed(&["--cache", "two", "--import-bottlenecks", "text"]);
    assert!(
        said.contains("8 images taken from text, 0 left out"),
        "{said}"
    );
    let bytes = |cache: &str| fs::read(folder.join(cache).join("embeddings.bin")).unwrap();
    assert!(bytes("one") == bytes("two"));
    let mut command = example("embed");
    command
        .current_dir(folder)
        .args(["--image-dir", "photos", "--cache", "three"]);
    command.args(["--import-bottlenecks", "text", "--resize", "center-crop"]);
    let refused = command.output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said.contains("text/boat") && said.contains("another resize"),
        "{said}"
    );
}
