//! What people really have, as the examples take it: tables, folders that are divided already, retrained graphs, lists.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::{example, root, run, shared};

fn output(folder: &Path, name: &str, arguments: &[&str]) -> Output {
    let mut command = example(name);
    command.current_dir(folder).args(arguments);
    command.output().unwrap()
}

/// What an example says that must succeed.
fn says(folder: &Path, name: &str, arguments: &[&str]) -> String {
    let mut command = example(name);
    run(command.current_dir(folder).args(arguments))
}

/// What an example says that must refuse.
fn refusal(folder: &Path, name: &str, arguments: &[&str]) -> String {
    let output = output(folder, name, arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Moves drawn images into one folder, and writes a table of their labels.
fn table(folder: &Path) {
    dataset::sample::write(folder.join("drawn"), 20, 7).unwrap();
    fs::create_dir(folder.join("images")).unwrap();
    let mut rows = String::from("image_id,species,age,split\n");
    for class in ["boat", "cloud"] {
        for i in 0..20 {
            let name = format!("{class}_{i:05}");
            let from = folder.join(format!("drawn/{class}/{name}.jpg"));
            fs::rename(from, folder.join(format!("images/{name}.jpg"))).unwrap();
            let part = if i < 14 { "train" } else { "test" };
            rows += &format!("{name},a {class},3,{part}\n");
        }
    }
    rows += "missing,a boat,3,train\n";
    fs::write(folder.join("train.csv"), rows).unwrap();
}

#[test]
fn a_table_of_labels_is_trained_on_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    table(folder);
    let labels = ["--image-dir", "images", "--labels", "train.csv"];
    let said = says(folder, "retrain", &labels);
    for words in [
        "files are in the column 'image_id', labels in 'species', parts in 'split'; not used: 'age'",
        "rows without an image file: 1 (missing)",
        "classes: a boat, a cloud",
        "images: 28 training, 0 validation, 12 test",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let classifier = ["--classifier", "classifier.safetensors"];
    let said = says(folder, "evaluate", &[&classifier[..], &labels].concat());
    assert!(said.contains("measured are the 12 images"), "{said}");
    says(folder, "embed", &labels);
    says(
        folder,
        "explore",
        &[&labels[..], &["--output", "looked-at"]].concat(),
    );
    let said = says(folder, "audit", &labels);
    assert!(said.contains("no image file: missing"), "{said}");
    let said = refusal(folder, "retrain", &["--labels", "train.csv"]);
    assert!(said.contains("--image-dir"), "{said}");
    let said = refusal(
        folder,
        "retrain",
        &[&labels[..], &["--label-column", "kind"]].concat(),
    );
    assert!(said.contains("no column 'kind'"), "{said}");
}

#[test]
fn a_folder_that_is_divided_already_keeps_its_split() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (part, images, seed) in [("train", 14, 1), ("val", 4, 2), ("test", 5, 3)] {
        dataset::sample::write(folder.join("photos").join(part), images, seed).unwrap();
    }
    // Options of the original, with underscores.
    let said = says(folder, "retrain", &["--image_dir=photos"]);
    assert!(
        said.contains("train/ is for training, val/ is for validation, test/ is for testing")
            && said.contains("images: 28 training, 8 validation, 10 test"),
        "{said}"
    );
    let classifier = [
        "--classifier",
        "classifier.safetensors",
        "--image-dir",
        "photos",
    ];
    let said = says(folder, "evaluate", &classifier);
    assert!(said.contains("measured are the 10 images"), "{said}");
    let said = says(folder, "audit", &["--image-dir", "photos"]);
    assert!(said.contains("(validation)"), "{said}");
    let said = says(
        folder,
        "retrain",
        &["--image-dir", "photos", "--parts-are-classes"],
    );
    assert!(said.contains("classes: test, train, val"), "{said}");
    // A class that the test lacks has support 0.
    fs::remove_dir_all(folder.join("photos/test/cloud")).unwrap();
    let said = says(folder, "retrain", &["--image-dir", "photos"]);
    assert!(said.contains("no test images of cloud"), "{said}");
    for option in [
        "--output_graph",
        "--model_dir",
        "--final_tensor_name",
        "--tfhub_module",
    ] {
        let said = refusal(folder, "retrain", &["--image_dir", "photos", option, "a"]);
        let words = format!("{option} has no meaning here");
        assert!(said.contains(&words), "{said}");
    }
}

#[test]
fn the_same_picture_in_two_classes_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    dataset::sample::write(folder.join("photos"), 20, 7).unwrap();
    for i in 0..2 {
        let from = folder.join(format!("photos/boat/boat_{i:05}.jpg"));
        fs::copy(from, folder.join(format!("photos/cloud/copy_{i}.jpg"))).unwrap();
    }
    let said = says(folder, "retrain", &["--image-dir", "photos"]);
    assert!(said.contains("2 pictures are in several classes"), "{said}");
    assert_eq!(said.matches("the same picture: ").count(), 1, "{said}");
    let said = says(folder, "retrain", &["--image-dir", "photos", "--verbose"]);
    assert_eq!(said.matches("the same picture: ").count(), 2, "{said}");
}

/// Before, a class whose images all fail had no reason, and the advice to add images.
#[test]
fn a_class_that_cannot_be_used_has_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    dataset::sample::write(folder.join("photos"), 12, 7).unwrap();
    for entry in fs::read_dir(folder.join("photos/boat")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 3]).unwrap();
    }
    let said = refusal(folder, "retrain", &["--image-dir", "photos"]);
    assert!(
        said.contains("class `boat`: none of its training images can be used")
            && said.contains("get the image again"),
        "{said}"
    );
}

/// Options, and the picture that is asked about.
fn ask<'a>(more: &[&'a str], picture: &'a str) -> Vec<&'a str> {
    [more, &[picture]].concat()
}

/// Before, it answered with ImageNet's names.
#[test]
fn a_retrained_graph_answers_with_its_own_classes() {
    let Some(shared) = shared("a retrained graph") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let graph = shared.join("weights/mobilenet_v1_1.0_224/retrained_graph.pb");
    fs::copy(graph, folder.join("retrained_graph.pb")).unwrap();
    let picture = root().join("tests/fixtures/rocket.png");
    let picture = picture.to_str().unwrap();
    let of_weights = ["--weights", "retrained_graph.pb"];
    let said = refusal(folder, "label_image", &ask(&of_weights, picture));
    assert!(
        said.contains("2 classes") && said.contains("--labels-file"),
        "{said}"
    );
    fs::write(folder.join("names.txt"), "one\ntwo\nthree\n").unwrap();
    let with_names = [&of_weights[..], &["--labels-file", "names.txt"]].concat();
    let said = refusal(folder, "label_image", &ask(&with_names, picture));
    assert!(said.contains("3 labels"), "{said}");
    fs::write(folder.join("retrained_labels.txt"), "bread\nroses\n").unwrap();
    let weights = says(folder, "label_image", &ask(&of_weights, picture));
    assert!(
        weights.contains("bread") && weights.contains("roses"),
        "{weights}"
    );
    let of_classifier = ["--classifier", "retrained_graph.pb"];
    assert_eq!(
        says(folder, "label_image", &ask(&of_classifier, picture)),
        weights
    );
    says(
        folder,
        "explain",
        &ask(
            &[
                &of_classifier[..],
                &["--target", "roses", "--output", "why"],
            ]
            .concat(),
            picture,
        ),
    );
    let export = ["--format", "onnx", "--output", "net.onnx"];
    says(folder, "export", &[&of_classifier[..], &export].concat());
}

#[test]
fn predictions_are_read_in_many_forms() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let put = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    put(
        "a.csv",
        "id;y_true;boat;cloud\n1;boat;2.5;-1\n2;cloud;0.5;1\n3;boat;1;0\n",
    );
    put(
        "b.csv",
        "id,target,boat,cloud\n3,boat,0.2,0.8\n1,boat,0.9,0.1\n4,cloud,0,1\n",
    );
    put("names.txt", "boat\ncloud\n");
    let logits = [
        "--predictions",
        "a.csv",
        "--scores",
        "logits",
        "--replicates",
        "0",
    ];
    says(folder, "evaluate", &logits);
    let said = refusal(
        folder,
        "evaluate",
        &["--predictions", "a.csv", "--replicates", "0"],
    );
    assert!(said.contains("a.csv"), "{said}");
    put("c.csv", "fold,target,boat,cloud\n0,boat,0.2,0.8\n");
    let said = refusal(folder, "evaluate", &["--predictions", "c.csv"]);
    assert!(said.contains("`fold`"), "{said}");
    let chosen = [
        "--probabilities",
        "boat,cloud",
        "--classes",
        "names.txt",
        "--replicates",
        "0",
    ];
    says(
        folder,
        "evaluate",
        &[&["--predictions", "c.csv"], &chosen[..]].concat(),
    );
    // ImageNet's names have commas.
    put("two.txt", "tench, Tinca tinca\ngoldfish\n");
    put(
        "e.csv",
        "y_true,p0,p1\n\"tench, Tinca tinca\",0.2,0.8\ngoldfish,0.1,0.9\n",
    );
    let named = [
        "--predictions",
        "e.csv",
        "--probabilities",
        "p0,p1",
        "--classes",
        "two.txt",
        "--replicates",
        "0",
    ];
    let said = says(folder, "evaluate", &named);
    assert!(said.contains("tench, Tinca tinca"), "{said}");
    put(
        "d.csv",
        "id,target,boat,cloud\n1,boat,0.9,0.1\n2,cloud,0.4,0.6\n3,boat,1,0\n",
    );
    let said = says(folder, "compare", &["d.csv", "b.csv", "--replicates", "10"]);
    assert!(
        said.contains("1 file is in the first alone")
            && said.contains("1 file is in the second alone")
            && said.contains("; 2 images"),
        "{said}"
    );
}
