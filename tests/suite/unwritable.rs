//! Where something cannot be written, what can go on goes on, and it is said; what cannot is an error.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{example, run};

/// A folder with pictures of two classes.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    dataset::sample::write(folder.path().join("photos"), 12, 7).unwrap();
    folder
}

/// Runs an example after a script that mounts file systems, which only that example sees. `None` where none can be mounted.
fn mounted(folder: &Path, script: &str, name: &str, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new("unshare");
    command.current_dir(folder);
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!("{script} && echo mounted && exec \"$@\""));
    command.arg("sh").arg(example(name).get_program());
    match command.args(arguments).output() {
        Ok(output) if output.stdout.starts_with(b"mounted") => Some(output),
        output => {
            eprintln!("SKIPPED: no disk can be mounted here: {output:?}");
            None
        }
    }
}

/// Neither a cache on a disk that is read-only or full nor a full disk for TensorBoard ends a training; both are said once.
#[cfg(target_os = "linux")]
#[test]
fn a_training_goes_on_without_its_cache_and_summaries() {
    let folder = place();
    let folder = folder.path();
    let known = |cache: &str| {
        let mut retrain = example("retrain");
        retrain.current_dir(folder);
        retrain.args(["--image-dir", "photos", "--cache", cache]);
        retrain.args(["--output", &format!("{cache}.safetensors")]);
        retrain
    };
    let whole = run(&mut known("whole"));
    assert!(whole.contains("are kept in whole"), "{whole}");
    for disk in ["cache", "logs"] {
        std::fs::create_dir(folder.join(disk)).unwrap();
    }
    let full = "mount -t tmpfs -o size=64k none cache";
    for (at, cache) in [
        "mount -t tmpfs -o ro none cache",
        full,
        // All is there, but for the last records, and nothing can be added.
        "mount -t tmpfs none cache && head -c -20000 whole/embeddings.bin > cache/embeddings.bin && mount -o remount,ro cache",
    ]
    .into_iter()
    .enumerate()
    {
        let script = format!("{cache} && mount -t tmpfs -o size=16k none logs");
        let output = format!("{at}.safetensors");
        let options = ["--image-dir", "photos", "--cache", "cache", "--summaries-dir", "logs", "--output", &output];
        let Some(found) = mounted(folder, &script, "retrain", &options) else {
            return;
        };
        let [said, errors] = [&found.stdout, &found.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(found.status.success(), "{cache}: {errors}");
        for sentence in [
            "embeddings cannot be kept, so the next run computes them again",
            "the training goes on without --summaries-dir, which cannot be written",
        ] {
            assert_eq!(errors.matches(sentence).count(), 1, "{cache}: {errors}");
        }
        assert!(!said.contains("are kept in"), "{cache}: {said}");
        // The same classifier as with all of them.
        let [one, other] = ["whole.safetensors", &output].map(|name| std::fs::read(folder.join(name)).unwrap());
        assert!(one == other, "{cache}");
    }

    // What is there serves, without a word.
    let script = "mount --bind whole whole && mount -o remount,bind,ro whole";
    let classifier = ["--classifier", "whole.safetensors", "--cache", "whole"];
    let measure = [
        &classifier[..],
        &[
            "--image-dir",
            "photos",
            "--split",
            "test",
            "--replicates",
            "0",
        ],
    ]
    .concat();
    let measured = mounted(folder, script, "evaluate", &measure).unwrap();
    assert!(
        measured.status.success() && measured.stderr.is_empty(),
        "{measured:?}"
    );
    // Filling the cache is all that this is for.
    let embed = ["--image-dir", "photos", "--cache", "cache"];
    let filled = mounted(folder, full, "embed", &embed).unwrap();
    assert_eq!(filled.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&filled.stderr).contains("cache/embeddings.bin"),
        "{filled:?}"
    );
}

/// A folder for TensorBoard that cannot be made.
#[test]
fn a_file_in_the_place_of_the_summaries_ends_no_training() {
    let folder = place();
    std::fs::write(folder.path().join("file"), "no folder").unwrap();
    let mut retrain = example("retrain");
    retrain.current_dir(folder.path());
    retrain.args(["--image-dir", "photos", "--summaries-dir", "file/logs"]);
    let output = retrain.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(
        errors.contains("without --summaries-dir") && errors.contains("file/logs"),
        "{errors}"
    );
    assert!(folder.path().join("classifier.safetensors").is_file());
}

/// Answers that did not arrive are an error, unless nobody wants them.
#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error_and_a_closed_one_is_not() {
    let folder = place();
    let photo = "photos/boat/boat_00000.jpg";
    let program = |name: &str, arguments: &[&str]| {
        let mut command = example(name);
        command.current_dir(folder.path()).args(arguments);
        command
    };
    let ask = ["--weights", "bundled", photo];
    let json = [&ask[..], &["--json"]].concat();
    let tables: [(&str, &[&str]); 6] = [
        ("label_image", &ask),
        ("label_image", &json),
        ("weights", &["list"]),
        ("inspect", &["--repeat", "0"]),
        ("similar", &["--image-dir", "photos", "--json", "-", photo]),
        ("audit", &["--image-dir", "photos"]),
    ];
    for (name, arguments) in tables {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = program(name, arguments).stdout(full).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{name} {arguments:?}: {errors}"
        );
        assert_eq!(
            errors.matches("error: standard output: ").count(),
            1,
            "{errors}"
        );
        let mut closed = program(name, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(closed.stdout.take());
        let output = closed.wait_with_output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{name}: {output:?}"
        );
    }
}

/// A name may be as long as the file system lets it be; a longer one is refused before any work.
#[cfg(target_os = "linux")]
#[test]
fn long_names_are_written_or_refused_at_once() {
    let folder = place();
    let class = "c".repeat(250);
    let photos = folder.path().join("photos");
    std::fs::rename(photos.join("cloud"), photos.join(&class)).unwrap();
    let image = photos.join(&class).join(format!("{}.jpg", "n".repeat(250)));
    std::fs::rename(photos.join(&class).join("cloud_00000.jpg"), image).unwrap();
    let program = |name: &str, arguments: &[&str]| {
        let mut command = example(name);
        command
            .current_dir(folder.path())
            .args(["--image-dir", "photos"])
            .args(arguments);
        command.output().unwrap()
    };
    let output = format!("{}.safetensors", "o".repeat(243));
    let trained = program("retrain", &["--output", &output, "--summaries-dir", "logs"]);
    assert!(
        trained.status.success() && trained.stderr.is_empty(),
        "{trained:?}"
    );
    assert!(folder.path().join(output).is_file());
    let refused = program("retrain", &["--output", &"o".repeat(256)]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty(), "nothing was done: {refused:?}");
    // The pictures with a name made of the class are left out, and the others are there.
    let explored = program("explore", &["--output", "looked-at"]);
    assert!(explored.status.success(), "{explored:?}");
    assert_eq!(
        String::from_utf8_lossy(&explored.stderr)
            .matches("left out: ")
            .count(),
        4 + 1
    );
    assert!(folder.path().join("looked-at/contact.png").is_file());
    assert!(folder.path().join("looked-at/boat-gray.png").is_file());
}

/// More threads than are of use are not started.
#[test]
fn an_absurd_number_of_threads_is_bounded() {
    let folder = place();
    let mut ask = example("label_image");
    ask.current_dir(folder.path())
        .env("RAYON_NUM_THREADS", "100000");
    ask.args(["--weights", "bundled", "photos/boat/boat_00000.jpg"]);
    let output = ask.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.contains("RAYON_NUM_THREADS is more than the"),
        "{errors}"
    );
}
