//! The main job as its examples do it: retrain, ask, measure.

use std::path::Path;

use mobilenet::weights::FloatType;
use serde_json::Value;

use crate::support::{example, root, run, shared};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Without any option: the drawn set and the bundled weights; the same bytes from the cache and on one thread.
#[test]
fn the_sample_set_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let retrain = |output: &str, cache: &str| {
        let mut command = example("retrain");
        command.current_dir(folder.path());
        command.args(["--output", output, "--cache", cache]);
        command.args(["--metrics", "metrics.json"]);
        command
    };
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();

    let said = run(&mut retrain("first.safetensors", "cache"));
    for part in [
        "settings tried; the best: C = ",
        "are classified rightly: accuracy ",
        "The classifier is in first.safetensors.",
        "What can be done next:",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The settings that were tried are told on demand.
    assert_eq!(said.matches("(cross-validation)").count(), 1, "{said}");
    let metrics = json(&folder.path().join("metrics.json"));
    let accuracy = metrics["test"]["accuracy"].as_f64().unwrap();
    // The drawn pictures are easy: of 94 that were held out, all may be right.
    assert!((0.90..=1.0).contains(&accuracy), "{metrics}");
    assert_eq!(metrics["classes"], serde_json::json!(["boat", "cloud"]));
    let confusion = metrics["test"]["confusion"].as_array().unwrap();
    let counted: u64 = confusion
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(Some(counted), metrics["test"]["n"].as_u64());
    // The numbers of the report, and how the head was fitted.
    let evaluation = &metrics["evaluation"];
    assert_eq!(evaluation["split"], "test");
    assert_eq!(evaluation["accuracy"], metrics["test"]["accuracy"]);
    assert!(
        evaluation["intervals"]["accuracy"].is_array(),
        "{evaluation}"
    );
    assert!(metrics["fit"]["candidates"].is_array(), "{metrics}");

    let said = run(&mut retrain("second.safetensors", "cache"));
    assert!(said.contains("embedded 0 images"), "{said}");
    run(retrain("third.safetensors", "other-cache").env("RAYON_NUM_THREADS", "1"));
    let first = bytes("first.safetensors");
    assert!(first == bytes("second.safetensors"), "from the cache");
    assert!(first == bytes("third.safetensors"), "on one thread");

    let mut ask = example("label_image");
    ask.current_dir(folder.path())
        .args(["--classifier", "first.safetensors", "--json"])
        .args(["sample-images/boat/boat_00000.jpg"])
        .args(["sample-images/cloud/cloud_00000.jpg"]);
    let lines = run(&mut ask);
    let named: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["top"][0]["class"].to_string())
        .collect();
    assert_eq!(named, ["\"boat\"", "\"cloud\""]);

    // A picture of something else is of none of the classes, with the reason.
    let ask = |output: &str| {
        let mut ask = example("label_image");
        ask.current_dir(folder.path())
            .args(["--classifier", output]);
        ask.arg("--json").arg(root().join("tests/fixtures/cat.png"));
        serde_json::from_str::<Value>(&run(&mut ask)).unwrap()
    };
    assert_eq!(
        ask("first.safetensors")["none_of_these"]["reason"],
        "unlike"
    );
    run(retrain("always.safetensors", "cache").arg("--no-reject"));
    assert!(ask("always.safetensors").get("none_of_these").is_none());

    let mut inspect = example("inspect");
    inspect.current_dir(folder.path()).arg("first.safetensors");
    let said = run(&mut inspect);
    for fact in [
        "2: boat, cloud",
        "logistic regression, C = ",
        " test images (95 % interval)",
        "open-set test",
    ] {
        assert!(said.contains(fact), "{fact}: {said}");
    }
    inspect.args(["--require-signature", "no key"]);
    assert!(!inspect.output().unwrap().status.success());
}

/// Boats and clouds of the real world, tested on the folder that nothing was chosen on.
#[test]
fn real_boats_and_clouds() {
    let Some(shared) = shared("retraining on the real boats and clouds") else {
        return;
    };
    let images = shared.join("data/boat-cloud");
    let quarter = shared.join("weights/mobilenet_v1_0.25_224");
    for (weights, least) in [(Path::new("bundled"), 0.979), (&quarter, 0.958)] {
        let folder = tempfile::tempdir().unwrap();
        let mut retrain = example("retrain");
        retrain
            .current_dir(folder.path())
            .arg("--image-dir")
            .arg(images.join("train"))
            .arg("--test-dir")
            .arg(images.join("test"))
            .arg("--weights")
            .arg(weights)
            .args(["--metrics", "metrics.json"]);
        run(&mut retrain);
        let metrics = json(&folder.path().join("metrics.json"));
        let accuracy = metrics["test"]["accuracy"].as_f64().unwrap();
        eprintln!(
            "{}: {accuracy:.4} on {}",
            weights.display(),
            metrics["test"]["n"]
        );
        assert_eq!(metrics["test"]["n"], 337);
        assert!(accuracy >= least, "{}: {metrics}", weights.display());
    }
}

/// `label_image` on the golden pictures: the reference's five best in its order.
#[test]
fn label_image_ranks_as_the_reference() {
    let Some(shared) = shared("label_image on the golden pictures") else {
        return;
    };
    // The net of a graph that has a layer for two classes behind it.
    let graph = shared.join("weights/mobilenet_v1_1.0_224/retrained_graph.pb");
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("net.safetensors");
    let weights = mobilenet::Weights::open(graph).unwrap();
    weights.save(&whole, FloatType::F32).unwrap();
    let small = shared.join("weights/mobilenet_v1_0.25_224");
    for (alpha, weights) in [("1.0", whole), ("0.25", small)] {
        let golden = json(&shared.join(format!("golden/golden_{alpha}.json")));
        for (name, expected) in golden["pictures"].as_object().unwrap() {
            let mut label = example("label_image");
            label
                .args(["--json", "--resize", "squash", "--weights"])
                .arg(&weights)
                .arg(shared.join(format!("golden/pictures/{name}.png")));
            let found: Value = serde_json::from_str(&run(&mut label)).unwrap();
            for rank in 0..5 {
                let (found, expected) = (&found["top"][rank], &expected["top5"][rank]);
                assert_eq!(
                    found["index"], expected[0],
                    "alpha {alpha}, {name}, rank {rank}"
                );
                let off = found["probability"].as_f64().unwrap() - expected[1].as_f64().unwrap();
                assert!(
                    off.abs() <= 1e-3,
                    "alpha {alpha}, {name}, rank {rank}: {off:e}"
                );
            }
        }
    }
}

/// Images that were trained on are not measured as if they were new; what was held out has a report of its own.
#[test]
fn what_was_trained_on_is_said_and_left_out() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    dataset::sample::write(folder.join("photos"), 60, 1).unwrap();
    let command = |name: &str, more: &[&str]| {
        let mut command = example(name);
        command.current_dir(folder).args(more);
        command
    };
    let photos = ["--image-dir", "photos"];
    let small = ["--blocks", "4", "--metrics", "trained.json"];
    let held_out = ["--report", "test.html", "--answers", "test.jsonl"];
    let said = run(&mut command(
        "retrain",
        &[&photos[..], &small, &held_out].concat(),
    ));
    let tested = json(&folder.join("trained.json"))["test"]["n"]
        .as_u64()
        .unwrap();
    assert!(
        said.contains(&format!(
            "{tested} images of the classifier's own test part"
        )),
        "{said}"
    );
    let answers = std::fs::read_to_string(folder.join("test.jsonl")).unwrap();
    assert_eq!(answers.lines().count() as u64, tested);
    let page = std::fs::read_to_string(folder.join("test.html")).unwrap();
    assert!(page.contains("own test part") && page.contains("data:image/jpeg"));

    let classifier = [
        "--classifier",
        "classifier.safetensors",
        "--replicates",
        "0",
    ];
    let evaluate = |more: &[&str]| {
        let metrics = ["--metrics", "measured.json", "--report", "measured.html"];
        let said = run(&mut command(
            "evaluate",
            &[&photos[..], &classifier, &metrics, more].concat(),
        ));
        let page = std::fs::read_to_string(folder.join("measured.html")).unwrap();
        (said, json(&folder.join("measured.json")), page)
    };
    let (said, numbers, page) = evaluate(&[]);
    assert!(
        said.contains("of these 120 pictures were trained on"),
        "{said}"
    );
    assert_eq!(numbers["n"].as_u64(), Some(tested));
    assert_eq!(
        numbers["accuracy"],
        json(&folder.join("trained.json"))["test"]["accuracy"]
    );
    assert_eq!(numbers["pictures"]["included"], false);
    assert!(page.contains("they are left out"));
    let (_, numbers, page) = evaluate(&["--include-training"]);
    assert_eq!(
        (numbers["n"].as_u64(), &numbers["pictures"]["included"]),
        (Some(120), &true.into())
    );
    assert!(page.contains("they are included"));
    let (_, numbers, _) = evaluate(&["--split", "test"]);
    assert_eq!(
        (numbers["n"].as_u64(), &numbers["split"]),
        (Some(tested), &"test".into())
    );
    let (said, numbers, page) = evaluate(&["--split", "out-of-fold"]);
    assert!(said.contains("by a head that had not seen it") && page.contains("out of fold"));
    assert_eq!(numbers["n"].as_u64(), numbers_of_training(folder));
    assert_eq!(numbers["split"], "out-of-fold");

    let both = [
        "classifier.safetensors",
        "classifier.safetensors",
        "--replicates",
        "50",
    ];
    let said = run(&mut command("compare", &[&both[..], &photos].concat()));
    assert!(
        said.contains("of these 120 pictures were trained on"),
        "{said}"
    );
    assert!(said.contains(&format!("{tested} images")), "{said}");
    let itself = [&photos[..], &["--test-dir", "photos", "--blocks", "4"]].concat();
    let refused = command("retrain", &itself).output().unwrap();
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(errors.contains("nothing is left to measure"), "{errors}");
}

/// Training and validation images of the classifier in a folder.
fn numbers_of_training(folder: &Path) -> Option<u64> {
    let classifier = transfer::Classifier::load(folder.join("classifier.safetensors")).unwrap();
    let pictures = classifier.pictures()?;
    Some(pictures.count(dataset::split::Subset::Training) as u64)
}

/// A handful of test images says little, which is said, and what the cross-validation says stands beside it.
#[test]
fn few_test_images_and_more_images_are_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    dataset::sample::write(folder.path().join("photos"), 40, 1).unwrap();
    let mut retrain = example("retrain");
    retrain.current_dir(folder.path());
    retrain.args(["--image-dir", "photos", "--learning-curve", "--verbose"]);
    retrain.args(["--metrics", "metrics.json", "--report", "report.html"]);
    let said = run(&mut retrain);
    for part in [
        "So few test images say little",
        "each answered by a head that had not seen it (cross-validation), ",
        "Would more images help?",
        "with twice as many",
        "precision",
        "The report is in report.html.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.matches(" (cross-validation)\n").count() > 2, "{said}");
    let curve = &json(&folder.path().join("metrics.json"))["learning_curve"];
    assert_eq!(curve["points"].as_array().map(Vec::len), Some(5));
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("Accuracy by the number of images"));
    assert!(page.contains("More images"));
}
