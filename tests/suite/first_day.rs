//! What somebody meets who uses the programs for the first time: files that are written beside others, advice, tips, and
//! exports that are asked again.

use std::fs;
use std::path::Path;
use std::process::Output;

use image::RgbImage;
use serde_json::Value;

use crate::support::{example, run};

fn output(folder: &Path, name: &str, arguments: &str) -> Output {
    let mut command = example(name);
    let arguments = arguments.split_whitespace();
    command
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

/// What an example prints that must succeed, on standard output and then on standard error.
fn says(folder: &Path, name: &str, arguments: &str) -> String {
    let output = output(folder, name, arguments);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{name} {arguments}: {said}");
    said
}

/// What an example says that must refuse.
fn refusal(folder: &Path, name: &str, arguments: &str) -> String {
    let output = output(folder, name, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{name} {arguments}: {said}");
    said
}

/// A folder with `images` of two classes.
fn photos(of_class: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    dataset::sample::write(folder.path().join("images"), of_class, 3).unwrap();
    folder
}

const PHOTO: &str = "images/boat/boat_00000.jpg";

#[test]
fn exports_answer_like_the_classifier_that_they_are_of() {
    let folder = photos(15);
    let folder = folder.path();
    says(folder, "retrain", "--image-dir images --resize letterbox");
    let tops = |classifier: &str| -> (Vec<(String, f64)>, String) {
        let options =
            format!("--classifier {classifier} --json {PHOTO} images/cloud/cloud_00001.jpg");
        let output = output(folder, "label_image", &options);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{classifier}: {said}");
        let lines = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let tops = lines
            .iter()
            .flat_map(|line| line["top"].as_array().unwrap());
        let tops = tops.map(|top| {
            let class = top["class"].as_str().unwrap().to_string();
            (class, top["probability"].as_f64().unwrap())
        });
        (tops.collect(), said)
    };
    let (expected, _) = tops("classifier.safetensors");
    for beside in ["onnx", "tflite"] {
        fs::create_dir(folder.join(beside)).unwrap();
    }
    for (format, place, asked) in [
        ("onnx", "onnx/net.onnx", "onnx/net.onnx"),
        ("tfjs", "web", "web/model.json"),
        ("tflite", "tflite/net.tflite", "tflite/net.tflite"),
        ("timm-safetensors", "timm.safetensors", "timm.safetensors"),
        ("frozen-graph", "graph", "graph/retrained_graph.pb"),
    ] {
        let options =
            format!("--classifier classifier.safetensors --format {format} --output {place}");
        says(folder, "export", &options);
        let (found, said) = tops(asked);
        assert!(
            said.contains("2 classes") && said.contains("letterbox") && said.contains("thresholds"),
            "{format}: {said}"
        );
        for ((class, found), (expected_class, expected)) in found.iter().zip(&expected) {
            assert_eq!(class, expected_class, "{format}");
            assert!(
                (found - expected).abs() < 1e-4,
                "{format}: {found} for {expected}"
            );
        }
    }
    // A model without its metadata says that it does not know.
    let said = refusal(
        folder,
        "export",
        "--classifier classifier.safetensors --format keras-hdf5 --output x",
    );
    assert!(
        said.contains("onnx") && !said.contains(" safetensors"),
        "{said}"
    );
    let labels = fs::read_to_string(folder.join("onnx/labels.txt")).unwrap();
    assert_eq!(labels, "boat\ncloud\n");
}

#[test]
fn a_table_of_embeddings_replaces_no_other_table() {
    let folder = photos(3);
    let folder = folder.path();
    fs::write(folder.join("photos.csv"), "mine").unwrap();
    let said = refusal(folder, "embed", "--image-dir images --output photos.npy");
    assert!(
        said.contains("photos.csv") && said.contains("there already"),
        "{said}"
    );
    assert_eq!(fs::read(folder.join("photos.csv")).unwrap(), b"mine");
    assert!(!folder.join("photos.npy").exists());
    // The ending names the format, and what was written before is written again.
    for _ in 0..2 {
        let said = says(folder, "embed", "--image-dir images --output e.npy");
        assert!(
            said.contains("wrote e.csv") && said.contains("wrote e.npy"),
            "{said}"
        );
    }
    says(folder, "embed", "--image-dir images --output table.csv");
    let table = fs::read_to_string(folder.join("table.csv")).unwrap();
    assert!(table.starts_with("file,class,e0,"), "{table}");
    let said = refusal(folder, "embed", "--image-dir images --output table.txt");
    assert!(said.contains("--format"), "{said}");
}

#[test]
fn the_doubtful_labels_that_are_printed_are_on_the_page() {
    let folder = photos(20);
    let folder = folder.path();
    for i in 0..2 {
        let name = format!("boat_{i:05}.jpg");
        let to = folder.join("images/cloud").join(&name);
        fs::rename(folder.join("images/boat").join(&name), to).unwrap();
    }
    let said = says(
        folder,
        "audit",
        "--image-dir images --doubtful 30 --page page.html",
    );
    let page = fs::read_to_string(folder.join("page.html")).unwrap();
    let printed = said.matches("looks like").count();
    assert_eq!(
        page.matches("\"reason\":\"doubtful label\"").count(),
        printed
    );
    assert!((1..10).contains(&printed), "{said}");
    assert!(said.contains("open it in a browser, decide"), "{said}");
}

#[test]
fn the_folder_that_one_is_in_is_trained_on() {
    let folder = photos(12);
    let images = folder.path().join("images");
    for _ in 0..2 {
        let said = says(
            &images,
            "retrain",
            "--image-dir . --report report.html --metrics metrics.json",
        );
        assert!(said.contains("classes: boat, cloud\n"), "{said}");
    }
    for written in [
        "classifier.safetensors",
        "report.html",
        "metrics.json",
        "embedding-cache/embeddings.bin",
    ] {
        assert!(images.join(written).is_file(), "{written}");
    }
    let said = says(
        &images,
        "evaluate",
        "--classifier classifier.safetensors --image-dir . --split test",
    );
    assert!(said.contains("passed over"), "{said}");
    let said = says(&images, "audit", "--image-dir .");
    assert!(!said.contains("embedding-cache/embeddings.bin"), "{said}");
    // What would be taken for an image stays refused.
    let said = refusal(&images, "audit", "--image-dir . --pairs boat/pairs.png");
    assert!(said.contains("lies in the folder"), "{said}");
}

#[test]
fn counts_of_parts_are_those_that_are_used() {
    let folder = photos(20);
    let folder = folder.path();
    for name in [
        "boat/boat_00003.jpg",
        "cloud/cloud_00004.jpg",
        "cloud/cloud_00005.jpg",
    ] {
        fs::write(folder.join("images").join(name), b"\xff\xd8\xff no image").unwrap();
    }
    let said = says(folder, "retrain", "--image-dir images");
    let line = said
        .lines()
        .find(|line| line.starts_with("images: "))
        .unwrap();
    let numbers = line.split(|c: char| !c.is_ascii_digit());
    let total: usize = numbers.filter_map(|n| n.parse::<usize>().ok()).sum();
    assert_eq!(total, 37, "{line}");
    // Test images that are trained on are left out, and not counted in the file either.
    dataset::sample::write(folder.join("test"), 8, 9).unwrap();
    let known = "images/boat/boat_00000.jpg";
    fs::copy(folder.join(known), folder.join("test/boat/known.jpg")).unwrap();
    let said = says(folder, "retrain", "--image-dir images --test-dir test");
    assert!(said.contains("validation, 16 test"), "{said}");
    let said = says(folder, "inspect", "classifier.safetensors");
    assert!(said.contains("16 test"), "{said}");
}

#[test]
fn advice_has_the_name_by_which_the_program_was_called() {
    let folder = photos(10);
    let mut command = example("retrain");
    command
        .current_dir(folder.path())
        .env_remove("CARGO_MANIFEST_DIR");
    let program = Path::new(command.get_program()).with_file_name("label_image");
    let said = run(command.args(["--image-dir", "images"]));
    let advice = format!(
        "    {} --classifier classifier.safetensors photo.jpg",
        program.display()
    );
    assert!(said.contains(&advice), "{said}");
    let mut command = example("retrain");
    command
        .current_dir(folder.path())
        .env("CARGO_MANIFEST_DIR", ".");
    let said = run(command.args(["--image-dir", "images"]));
    assert!(
        said.contains("cargo run --release --example label_image --"),
        "{said}"
    );
}

#[test]
fn folders_of_pictures_are_explained_and_looked_up() {
    let folder = photos(12);
    let folder = folder.path();
    says(folder, "retrain", "--image-dir images");
    fs::create_dir_all(folder.join("new/deep")).unwrap();
    for (name, to) in [
        ("boat/boat_00001.jpg", "new/a.jpg"),
        ("cloud/cloud_00001.jpg", "new/deep/a.jpg"),
    ] {
        fs::copy(folder.join("images").join(name), folder.join(to)).unwrap();
    }
    let options = "--classifier classifier.safetensors --method grad-cam --output why new";
    let said = says(folder, "explain", options);
    assert!(
        said.contains("new/a.jpg: ") && said.contains("new/deep/a.jpg: "),
        "{said}"
    );
    assert!(said.contains("written into why/deep/a"), "{said}");
    assert!(
        folder.join("why/a/overlay.png").is_file()
            && folder.join("why/deep/a/overlay.png").is_file()
    );
    let said = says(folder, "similar", "--image-dir images --top 1 new");
    assert!(
        said.contains("new/a.jpg\n") && said.contains("new/deep/a.jpg\n"),
        "{said}"
    );
}

#[test]
fn the_page_of_mistakes_is_about_mistakes() {
    let folder = photos(14);
    let folder = folder.path();
    says(folder, "retrain", "--image-dir images");
    // The labels of a table, of which some are wrong.
    fs::create_dir(folder.join("more")).unwrap();
    let mut table = "image,label\n".to_string();
    dataset::sample::write(folder.join("drawn"), 6, 77).unwrap();
    for class in ["boat", "cloud"] {
        for i in 0..6 {
            let name = format!("{class}_{i:05}.jpg");
            fs::rename(
                folder.join("drawn").join(class).join(&name),
                folder.join("more").join(&name),
            )
            .unwrap();
            let label = if i == 0 { "cloud" } else { class };
            table += &format!("{name},{label}\n");
        }
    }
    fs::write(folder.join("labels.csv"), table).unwrap();
    let options = "--classifier classifier.safetensors --misclassified more --labels labels.csv --method grad-cam --output why";
    let said = says(folder, "explain", options);
    assert!(said.contains("boat_00000.jpg: boat"), "{said}");
    let page = fs::read_to_string(folder.join("why/report.html")).unwrap();
    assert!(
        page.contains("Mistakes of classifier.safetensors"),
        "no title"
    );
    assert!(!page.contains("not asked for"), "intervals are asked for");
}

#[test]
fn a_test_folder_may_have_its_labels_in_a_table() {
    let folder = photos(12);
    let folder = folder.path();
    fs::create_dir(folder.join("test")).unwrap();
    dataset::sample::write(folder.join("drawn"), 5, 77).unwrap();
    let mut table = "id;label\n".to_string();
    for class in ["boat", "cloud"] {
        for i in 0..5 {
            let name = format!("{class}_{i:05}.jpg");
            fs::rename(
                folder.join("drawn").join(class).join(&name),
                folder.join("test").join(&name),
            )
            .unwrap();
            table += &format!("{class}_{i:05};{class}\n");
        }
    }
    fs::write(folder.join("test.csv"), table + "gone;boat\n").unwrap();
    let options = "--image-dir images --test-dir test --test-labels test.csv";
    let said = says(folder, "retrain", options);
    assert!(
        said.contains("validation, 10 test")
            && said.contains("rows without an image file: 1 (gone)"),
        "{said}"
    );
    let said = refusal(
        folder,
        "retrain",
        "--image-dir images --test-labels test.csv",
    );
    assert!(said.contains("--test-dir"), "{said}");
    says(folder, "audit", options);
    says(folder, "similar", &format!("{options} --copies 0.99"));
}

/// Quantizing takes the images that the classifier was trained on, whatever the folder.
#[test]
fn quantizing_takes_what_was_trained_on() {
    let folder = photos(12);
    let folder = folder.path();
    says(folder, "retrain", "--image-dir images");
    dataset::sample::write(folder.join("others"), 20, 99).unwrap();
    fs::copy(folder.join(PHOTO), folder.join("others/boat/known.jpg")).unwrap();
    let quantize = "--classifier classifier.safetensors --calibration-images 3 --output int8.safetensors --calibration-dir";
    let said = says(folder, "quantize", &format!("{quantize} others"));
    assert!(said.contains("trained on 1 of these 41 images"), "{said}");
    assert!(said.contains("calibrated on 1 images"), "{said}");
    fs::remove_file(folder.join("others/boat/known.jpg")).unwrap();
    let said = says(folder, "quantize", &format!("{quantize} others"));
    assert!(said.contains("trained on none of these images"), "{said}");
}

#[test]
fn what_is_nearly_right_is_named() {
    let folder = photos(10);
    let folder = folder.path();
    let said = refusal(folder, "retrain", "images");
    assert!(said.contains("--image-dir images"), "{said}");
    let said = refusal(folder, "retrain", "--image-dir imagse");
    assert!(said.contains("did you mean images?"), "{said}");
    let said = refusal(folder, "retrain", "--image-dir images --epochs 10");
    assert!(said.contains("finetune has --epochs"), "{said}");
    let said = refusal(folder, "retrain", "--image-dir images/boat");
    assert!(
        said.contains("folder of its own") && said.contains("--labels"),
        "{said}"
    );
    let said = refusal(folder, "label_image", "--weights bundled --top 0 photo.jpg");
    assert!(said.contains("--top"), "{said}");
    let said = refusal(
        folder,
        "label_image",
        "--weights bundled images/boat/boat_0000.jpg",
    );
    assert!(
        said.contains("did you mean images/boat/boat_0000"),
        "{said}"
    );
    let said = refusal(
        folder,
        "label_image",
        "--classifier no/clasifier.safetensors images",
    );
    assert!(!said.contains("did you mean"), "{said}");
}

#[test]
fn a_comparison_ends_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, wrong: usize| {
        let mut text = "file,target,boat,cloud\n".to_string();
        for i in 0..40 {
            let (boat, target) = (i % 2 == 0, ["boat", "cloud"][i % 2]);
            let says_boat = boat != (i < wrong);
            let p = if says_boat { 0.9 } else { 0.1 };
            text += &format!("{i}.jpg,{target},{p},{}\n", 1.0 - p);
        }
        fs::write(folder.path().join(name), text).unwrap();
    };
    for (name, wrong) in [("bad.csv", 14), ("good.csv", 1), ("fair.csv", 3)] {
        write(name, wrong);
    }
    for (files, sentence) in [
        (
            "bad.csv good.csv",
            "good.csv is better: it has 13 right that bad.csv has wrong",
        ),
        ("good.csv bad.csv", "bad.csv is worse"),
        (
            "fair.csv good.csv",
            "Nothing shows that one of the two is better",
        ),
        ("good.csv good.csv", "right on the same images"),
    ] {
        let said = says(
            folder.path(),
            "compare",
            &format!("{files} --replicates 10"),
        );
        assert!(said.contains(sentence), "{said}");
    }
}

#[test]
fn files_without_a_row_are_named_once() {
    let folder = photos(12);
    let folder = folder.path();
    let mut table = "file,label\n".to_string();
    for class in ["boat", "cloud"] {
        for i in 0..11 {
            table += &format!("{class}/{class}_{i:05}.jpg,a {class}\n");
        }
    }
    fs::write(folder.join("labels.csv"), table).unwrap();
    let said = says(folder, "retrain", "--image-dir images --labels labels.csv");
    assert_eq!(said.matches("boat_00011.jpg").count(), 1, "{said}");
    // A table of a review page is one of corrections.
    fs::write(
        folder.join("review.csv"),
        "file,label\nboat/boat_00001.jpg,cloud\n",
    )
    .unwrap();
    let said = refusal(folder, "retrain", "--image-dir images --labels review.csv");
    assert!(said.contains("--corrections"), "{said}");
    // One conflict is named already.
    let from = folder.join("images/boat/boat_00002.jpg");
    fs::copy(from, folder.join("images/cloud/copy.jpg")).unwrap();
    let said = says(
        folder,
        "retrain",
        "--image-dir images --corrections review.csv",
    );
    assert!(said.contains("1 picture is in several classes"), "{said}");
    assert!(!said.contains("--verbose names all"), "{said}");
}

#[test]
fn images_of_any_size_are_read_where_it_is_asked_for() {
    let folder = photos(10);
    let folder = folder.path();
    let wide = RgbImage::from_fn(33_000, 32, |x, y| image::Rgb([x as u8, y as u8, 90]));
    wide.save(folder.join("wide.png")).unwrap();
    let said = refusal(folder, "label_image", "--weights bundled wide.png");
    assert!(said.contains("--max-pixels"), "{said}");
    says(
        folder,
        "label_image",
        "--weights bundled --max-pixels 2000000 wide.png",
    );
    let said = refusal(
        folder,
        "label_image",
        "--weights bundled --max-pixels 1000000 wide.png",
    );
    assert!(said.contains("--max-pixels"), "{said}");
    fs::copy(folder.join("wide.png"), folder.join("images/boat/wide.png")).unwrap();
    let said = says(folder, "retrain", "--image-dir images");
    assert!(said.contains("left out images/boat/wide.png"), "{said}");
    for (name, more) in [
        ("retrain", ""),
        ("audit", ""),
        ("explore", "--output looked-at"),
        (
            "evaluate",
            "--classifier classifier.safetensors --split out-of-fold",
        ),
    ] {
        let said = says(
            folder,
            name,
            &format!("--image-dir images --max-pixels 2000000 {more}"),
        );
        assert!(!said.contains("over the limit"), "{name}: {said}");
    }
}

/// A TIFF of 13 bands of 16 bits.
fn satellite(path: &Path, brightness: [u16; 13], seed: u16) {
    const SIDE: u16 = 40;
    let short = |tag: u16, value: u16| (tag, 3u16, 1u32, u32::from(value));
    let pixels = u32::from(SIDE) * u32::from(SIDE) * 26;
    let after = 8 + 2 + 11 * 12 + 4;
    let tags = [
        short(256, SIDE),
        short(257, SIDE),
        (258, 3, 13, after),
        short(259, 1),
        short(262, 1),
        (273, 4, 1, after + 26 + 24),
        short(277, 13),
        short(278, SIDE),
        (279, 4, 1, pixels),
        short(284, 1),
        (338, 3, 12, after + 26),
    ];
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((tags.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend([16u16; 13].iter().flat_map(|bits| bits.to_le_bytes()));
    bytes.extend([0; 24]);
    for i in 0..SIDE * SIDE {
        let noise = i.wrapping_mul(7919).wrapping_add(seed.wrapping_mul(104)) % 300;
        bytes.extend(
            brightness
                .iter()
                .flat_map(|level| (level + noise).to_le_bytes()),
        );
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn pictures_of_satellites_are_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (mut forest, mut sea) = ([0; 13], [0; 13]);
    (forest[1], forest[2], forest[3]) = (400, 900, 300);
    (sea[1], sea[2], sea[3]) = (1500, 500, 200);
    for (class, brightness) in [("forest", forest), ("sea", sea)] {
        fs::create_dir_all(folder.join("eurosat").join(class)).unwrap();
        for i in 0..10 {
            let path = folder.join(format!("eurosat/{class}/{class}_{i}.tif"));
            satellite(&path, brightness, i);
        }
    }
    let said = refusal(folder, "retrain", "--image-dir eurosat");
    assert!(
        said.contains("13 bands") && said.contains("--bands"),
        "{said}"
    );
    let said = refusal(folder, "retrain", "--image-dir eurosat --bands 4,3,2");
    assert!(said.contains("--bands 4,3,2:0-"), "{said}");
    says(
        folder,
        "retrain",
        "--image-dir eurosat --bands 4,3,2:0-2750",
    );
    // The classifier knows its bands.
    let said = says(
        folder,
        "label_image",
        "--classifier classifier.safetensors eurosat/sea/sea_1.tif",
    );
    assert!(said.contains("sea") && !said.contains("error"), "{said}");
    let said = says(folder, "inspect", "classifier.safetensors");
    assert!(said.contains("4,3,2:0-2750"), "{said}");
    for name in ["audit", "explore --output looked-at", "embed"] {
        let (name, more) = name.split_once(' ').unwrap_or((name, ""));
        let said = says(
            folder,
            name,
            &format!("--image-dir eurosat --bands 4,3,2:0-2750 {more}"),
        );
        assert!(!said.contains("13 bands"), "{name}: {said}");
    }
}

/// Weights change the head, and groups stay together in the cross-validation, too.
#[test]
fn weights_of_a_table_are_used() {
    let folder = photos(16);
    let folder = folder.path();
    let table = |weight: fn(usize) -> f64| {
        let mut table = "file,label,weight,patient_id\n".to_string();
        for class in ["boat", "cloud"] {
            for i in 0..16 {
                table += &format!(
                    "{class}/{class}_{i:05}.jpg,{class},{},{}\n",
                    weight(i),
                    i / 2
                );
            }
        }
        fs::write(folder.join("labels.csv"), table).unwrap();
        let said = says(
            folder,
            "retrain",
            "--image-dir images --labels labels.csv --output c.safetensors",
        );
        assert!(
            said.contains("groups in 'patient_id', weights in 'weight'"),
            "{said}"
        );
        transfer::Classifier::load(folder.join("c.safetensors")).unwrap()
    };
    let [even, again, uneven] = [
        table(|_| 1.0),
        table(|_| 1.0),
        table(|i| if i < 8 { 20.0 } else { 0.05 }),
    ];
    let weights =
        |classifier: &transfer::Classifier| classifier.head().layers()[0].weights().to_vec();
    assert_eq!(weights(&even), weights(&again));
    assert_ne!(weights(&even), weights(&uneven));
    let said = refusal(
        folder,
        "retrain",
        "--image-dir images --labels labels.csv --recipe parity",
    );
    assert!(said.contains("weights of images"), "{said}");
}

/// Pictures of several pictures say what is in them, and what was written is said.
#[test]
fn pictures_of_pictures_have_names() {
    let folder = photos(6);
    let folder = folder.path();
    let said = says(
        folder,
        "similar",
        "--image-dir images --map map.png --json found.json",
    );
    assert!(said.contains("wrote found.json"), "{said}");
    let map = image::open(folder.join("map.png")).unwrap().to_rgb8();
    assert!(
        map.width() > 800 && map.height() == 800,
        "no legend: {:?}",
        map.dimensions()
    );
    // The colors of both classes, and letters, are beside the map.
    let beside = |color: [u8; 3]| {
        map.enumerate_pixels()
            .any(|(x, _, p)| x >= 800 && p.0 == color)
    };
    for color in [0, 1]
        .map(transfer::insight::class_color)
        .into_iter()
        .chain([[0; 3]])
    {
        assert!(beside(color), "{color:?}");
    }

    let none = says(folder, "audit", "--image-dir images --pairs pairs.png");
    assert!(none.contains("pairs.png is not written"), "{none}");
    assert!(!folder.join("pairs.png").exists());
    let copy = folder.join("images/boat/copy.jpg");
    fs::copy(folder.join(PHOTO), copy).unwrap();
    let said = says(
        folder,
        "audit",
        "--image-dir images --pairs pairs.png --json found.json --page page.html",
    );
    for word in [
        "wrote pairs.png with 1 pair",
        "wrote found.json",
        "--image-dir images --corrections TABLE",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let pairs = image::open(folder.join("pairs.png")).unwrap().to_rgb8();
    let ink = pairs
        .enumerate_pixels()
        .any(|(_, y, p)| y > 8 + 256 && p.0 == [0; 3]);
    assert!(ink, "no captions");
}

/// Answers know their classes, also when they are read again or compared with those of a file that knows no names.
#[test]
fn answers_keep_the_names_of_their_classes() {
    let folder = photos(20);
    let folder = folder.path();
    says(
        folder,
        "retrain",
        "--image-dir images --testing-percentage 30 --answers own.jsonl",
    );
    let said = says(folder, "evaluate", "--predictions own.jsonl --replicates 0");
    assert!(said.contains("boat") && said.contains("cloud"), "{said}");
    let lines = fs::read_to_string(folder.join("own.jsonl")).unwrap();
    let nameless = lines.replace(",\"classes\":[\"boat\",\"cloud\"]", "");
    assert!(nameless.len() < lines.len(), "{lines}");
    fs::write(folder.join("nameless.jsonl"), nameless).unwrap();
    for files in ["own.jsonl nameless.jsonl", "nameless.jsonl own.jsonl"] {
        says(folder, "compare", &format!("{files} --replicates 10"));
    }
}
