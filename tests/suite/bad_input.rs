//! What goes wrong is said in one line that names the thing, and the exit code is 1.

use std::fs;
use std::path::Path;

use crate::support::{example, root, run, shared};

/// Runs an example that must refuse, and gives what it said.
fn refusal(folder: &Path, name: &str, arguments: &[&str]) -> String {
    let mut command = example(name);
    command.current_dir(folder).args(arguments);
    // No published file is in this cache, and none can be fetched through this proxy.
    command.env("MOBILENET_CACHE", folder.join("no-cache"));
    command.env("HTTPS_PROXY", "http://127.0.0.1:9");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(said.contains("error: "), "{arguments:?}: {said}");
    said
}

/// Draws a small folder of two classes.
fn photos(folder: &Path, images: usize) {
    dataset::sample::write(folder.join("photos"), images, 7).unwrap();
}

#[test]
fn folders_that_cannot_be_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    photos(folder, 2);
    fs::create_dir_all(folder.join("one")).unwrap();
    fs::rename(folder.join("photos/boat"), folder.join("one/boat")).unwrap();
    fs::create_dir_all(folder.join("empty/sky")).unwrap();
    fs::rename(folder.join("photos/cloud"), folder.join("empty/cloud")).unwrap();
    for (dir, word) in [
        ("nowhere", "nowhere"),
        ("one", "only class"),
        ("empty", "'sky'"),
    ] {
        let said = refusal(folder, "retrain", &["--image-dir", dir]);
        assert!(said.contains(word), "{said}");
    }
    // One image of a class is enough for one of the recipes, which is said, and which does it.
    dataset::sample::write(folder.join("few"), 8, 7).unwrap();
    for i in 1..8 {
        fs::remove_file(folder.join(format!("few/boat/boat_{i:05}.jpg"))).unwrap();
    }
    let all = ["--testing-percentage", "0", "--validation-percentage", "0"];
    let of_few = [&["--image-dir", "few"], &all[..]].concat();
    let said = refusal(folder, "retrain", &of_few);
    assert!(
        said.contains("boat") && said.contains("--recipe parity"),
        "{said}"
    );
    let parity = ["--recipe", "parity", "--how-many-training-steps", "20"];
    let mut retrain = example("retrain");
    run(retrain
        .current_dir(folder)
        .args([&of_few[..], &parity].concat()));
}

#[test]
fn a_truncated_image_is_named_and_the_rest_used() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    photos(folder, 12);
    let broken = folder.join("photos/boat/boat_00003.jpg");
    let bytes = fs::read(&broken).unwrap();
    fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    let mut retrain = example("retrain");
    retrain.current_dir(folder).args(["--image-dir", "photos"]);
    retrain.args(["--testing-percentage", "25", "--validation-percentage", "0"]);
    let said = retrain.output().unwrap();
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{errors}");
    assert!(errors.contains("boat_00003.jpg"), "{errors}");
    let ask = [
        "--classifier",
        "classifier.safetensors",
        "photos/cloud/cloud_00001.jpg",
    ];
    run(example("label_image").current_dir(folder).args(ask));
}

#[test]
fn weights_that_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    photos(folder, 2);
    let retrain = |more: &[&str]| {
        refusal(
            folder,
            "retrain",
            &[&["--image-dir", "photos"], more].concat(),
        )
    };
    let said = retrain(&["--weights", "mobilenet_v7"]);
    assert!(
        said.contains("mobilenet_v7") && said.contains("bundled"),
        "{said}"
    );
    let said = retrain(&["--architecture", "mobilenet_0.25_224"]);
    assert!(said.contains("--weights bundled"), "{said}");
    let said = retrain(&["--architecture", "mobilenet_0.50_224"]);
    assert!(
        said.contains("mobilenet_v1_0.5_224 is not in the cache"),
        "{said}"
    );
    let said = retrain(&["--architecture", "inception_v3"]);
    assert!(said.contains("expected mobilenet_ALPHA_SIZE"), "{said}");
    let said = retrain(&[
        "--weights",
        "bundled",
        "--architecture",
        "mobilenet_0.25_224",
    ]);
    assert!(said.contains("alpha 0.25"), "{said}");
    let said = retrain(&["--recipe", "converged", "--learning-rate", "0.1"]);
    assert!(said.contains("--recipe"), "{said}");

    let Some(shared) = shared("damaged copies of the real weights") else {
        return;
    };
    let graph = shared.join("weights/mobilenet_v1_1.0_224/retrained_graph.pb");
    let bytes = fs::read(graph).unwrap();
    fs::write(folder.join("cut.pb"), &bytes[..bytes.len() / 3]).unwrap();
    assert!(retrain(&["--weights", "cut.pb"]).contains("cut.pb"));
    let short = folder.join("short");
    fs::create_dir(&short).unwrap();
    let mut shards = Vec::new();
    for entry in fs::read_dir(shared.join("weights/mobilenet_v1_0.25_224")).unwrap() {
        let entry = entry.unwrap();
        let copy = short.join(entry.file_name());
        fs::copy(entry.path(), &copy).unwrap();
        if entry.file_name().to_string_lossy().contains("shard") {
            shards.push(copy);
        }
    }
    let shard = shards
        .iter()
        .max_by_key(|path| fs::metadata(path).unwrap().len());
    let shard = shard.unwrap();
    let bytes = fs::read(shard).unwrap();
    fs::write(shard, &bytes[..bytes.len() - 4]).unwrap();
    let name = shard.file_name().unwrap().to_string_lossy().into_owned();
    let said = retrain(&["--weights", "short"]);
    assert!(said.contains(&name), "{said}");
    fs::remove_file(shard).unwrap();
    let said = retrain(&["--weights", "short"]);
    assert!(said.contains(&name), "{said}");
}

#[test]
fn files_that_are_no_classifier() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    photos(folder, 1);
    fs::write(folder.join("text.safetensors"), "not a classifier").unwrap();
    let bundled = root().join("crates/mobilenet/weights/mobilenet_v1_1.0_224.safetensors");
    for file in [
        "text.safetensors",
        "missing.safetensors",
        bundled.to_str().unwrap(),
    ] {
        let image = "photos/boat/boat_00000.jpg";
        let said = refusal(folder, "label_image", &["--classifier", file, image]);
        assert!(said.contains(file), "{said}");
    }
    // A file of these programs that is given for another kind is named, with the program that takes it.
    let lines = "{\"target\": 0, \"probabilities\": [0.9, 0.1]}\n";
    fs::write(folder.join("answers.jsonl"), lines).unwrap();
    let bundled = bundled.to_str().unwrap();
    let image = "photos/boat/boat_00000.jpg";
    for (name, arguments, kind) in [
        (
            "label_image",
            ["--classifier", "answers.jsonl", image],
            "`evaluate`",
        ),
        ("label_image", ["--classifier", bundled, image], "--weights"),
        (
            "label_image",
            ["--weights", "answers.jsonl", image],
            "`evaluate`",
        ),
        (
            "label_image",
            ["--weights", "bundled", "answers.jsonl"],
            "not an image",
        ),
        (
            "evaluate",
            ["--predictions", bundled, "--seed=0"],
            "--weights",
        ),
    ] {
        let said = refusal(folder, name, &arguments);
        assert!(
            said.contains("it is a file of") && said.contains(kind),
            "{said}"
        );
    }
    let said = run(example("inspect").current_dir(folder).arg("answers.jsonl"));
    assert!(
        said.starts_with("answers.jsonl: a file of predictions; "),
        "{said}"
    );
    let image = "photos/boat/boat_00000.txt";
    fs::write(folder.join(image), "no image").unwrap();
    let said = refusal(folder, "label_image", &["--weights", "bundled", image]);
    assert!(said.contains(image), "{said}");
}

/// All images may be for training, nobody need listen, and no result replaces another.
#[test]
fn a_training_is_not_lost_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    photos(folder, 12);
    let retrain = |arguments: &[&str]| {
        let mut retrain = example("retrain");
        retrain.current_dir(folder).args(["--image-dir", "photos"]);
        retrain
            .args(["--validation-percentage", "0"])
            .args(arguments);
        retrain
    };
    run(
        retrain(&["--testing-percentage", "0", "--metrics", "numbers.json"])
            .env("RUST_BACKTRACE", "0"),
    );
    let numbers: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("numbers.json")).unwrap()).unwrap();
    assert!(
        numbers["test"].is_null() && numbers["train"]["n"] == 24,
        "{numbers}"
    );
    let mut deaf = retrain(&["--testing-percentage", "25", "--output", "deaf.safetensors"]);
    let mut deaf = deaf.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(deaf.stdout.take());
    assert!(deaf.wait().unwrap().success());
    assert!(folder.join("deaf.safetensors").is_file());
    let both = ["--image-dir", "photos", "--output", "x", "--metrics", "x"];
    assert!(refusal(folder, "retrain", &both).contains("--output and --metrics are both x"));
    let weights = [
        "--weights",
        "deaf.safetensors",
        "photos/boat/boat_00000.jpg",
    ];
    assert!(refusal(folder, "label_image", &weights).contains("it is a classifier file"));
    // Pictures that cannot be used are named, and the others explained.
    fs::write(folder.join("text.jpg"), "no picture").unwrap();
    let images = ["text.jpg", "photos/boat/boat_00000.jpg"];
    let explain = ["--weights", "bundled", "--steps", "1", "--output", "why"];
    assert!(refusal(folder, "explain", &[&explain[..], &images].concat()).contains("text.jpg"));
    assert!(folder.join("why/boat_00000/explanation.json").is_file());
}

/// A file of predictions names pictures. One that leads out of the image folder is said once and is not read.
#[test]
fn predictions_do_not_lead_out_of_the_image_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    photos(folder, 1);
    let boat = fs::read_dir(folder.join("photos/boat")).unwrap().next();
    let boat = boat.unwrap().unwrap();
    let secret = folder.join("secret.jpg");
    fs::copy(boat.path(), &secret).unwrap();
    let inside = format!("boat/{}", boat.file_name().to_str().unwrap());
    let outside = ["../secret.jpg", secret.to_str().unwrap(), r"C:\secret.jpg"];
    let lines: Vec<String> = [inside.as_str()]
        .iter()
        .chain(&outside)
        .map(|file| {
            let sample =
                serde_json::json!({"target": 0, "probabilities": [0.4, 0.6], "file": file});
            sample.to_string()
        })
        .collect();
    fs::write(folder.join("answers.jsonl"), lines.join("\n")).unwrap();
    let mut evaluate = example("evaluate");
    evaluate
        .current_dir(folder)
        .args(["--predictions", "answers.jsonl"]);
    evaluate.args([
        "--image-dir",
        "photos",
        "--report",
        "page.html",
        "--replicates",
        "0",
    ]);
    let said = evaluate.output().unwrap();
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{errors}");
    for name in outside {
        let refused = format!("no thumbnail of {name:?}: the name ");
        assert_eq!(errors.matches(&refused).count(), 1, "{errors}");
    }
    let page = fs::read_to_string(folder.join("page.html")).unwrap();
    let pictures: Vec<&str> = page.split("<img alt=\"").skip(1).collect();
    assert!(!pictures.is_empty());
    assert!(pictures.iter().all(|picture| picture.starts_with(&inside)));
}
