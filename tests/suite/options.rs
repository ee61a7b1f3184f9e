//! Every option of every example with numbers that it may not expect: it is refused, or it works, within bounded time and
//! memory; nothing panics, and nothing is killed for memory. And no output replaces an input.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{example, run};

/// Each example with options that make it work on little, in a folder with `images` (two classes), `list.txt`, `a.csv`,
/// `b.csv`, `photo.png` and `classifier.safetensors`.
const COMMANDS: [(&str, &str); 17] = [
    ("audit", "--image-dir images"),
    ("compare", "a.csv b.csv --replicates 10"),
    (
        "download",
        "--urls list.txt --class boat --output downloaded",
    ),
    ("embed", "--image-dir images"),
    ("evaluate", "--predictions a.csv --replicates 10"),
    (
        "explain",
        "--classifier classifier.safetensors --method grad-cam --output why photo.png",
    ),
    ("explore", "--image-dir images --output looked-at"),
    (
        "export",
        "--classifier classifier.safetensors --format onnx --output net.onnx",
    ),
    (
        "finetune",
        "--image-dir images --epochs 1 --augment 0 --blocks 1",
    ),
    ("inspect", "--repeat 1"),
    (
        "label_image",
        "--classifier classifier.safetensors photo.png",
    ),
    (
        "quantize",
        "--classifier classifier.safetensors --calibration-dir images --calibration-images 2 --output int8.safetensors",
    ),
    ("retrain", "--image-dir images"),
    ("similar", "--image-dir images photo.png"),
    (
        "speed",
        "--seconds 0 --batch 1 --alpha 0.25 --input-size 32",
    ),
    ("tour", "--pictures 20"),
    ("weights", "list"),
];

const VALUES: [&str; 7] = [
    "0",
    "-1",
    "NaN",
    "inf",
    "1e300",
    "4294967296",
    "18446744073709551616",
];

/// A folder in which the commands work.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    dataset::sample::write(at("images"), 12, 1).unwrap();
    std::fs::copy(at("images/boat/boat_00000.jpg"), at("photo.png")).unwrap();
    std::fs::write(at("out.training"), "read as a classifier").unwrap();
    std::fs::write(at("list.txt"), "http://127.0.0.1:1/flickr.jpg\n").unwrap();
    for (name, sure) in [("a.csv", 0.8), ("b.csv", 0.7)] {
        let mut text = "file,target,boat,cloud\n".to_string();
        for i in 0..20 {
            let boat = if i % 3 == 0 { sure } else { 1.0 - sure };
            let target = ["boat", "cloud"][i % 2];
            text += &format!("{i}.jpg,{target},{boat},{}\n", 1.0 - boat);
        }
        std::fs::write(at(name), text).unwrap();
    }
    let mut retrain = example("retrain");
    run(retrain
        .current_dir(folder.path())
        .args(["--image-dir", "images"]));
    folder
}

/// Runs an example under a limit of memory and time.
fn bounded(folder: &Path, name: &str, options: &[&str]) -> Output {
    let program = example(name);
    let mut command = Command::new("sh");
    command.current_dir(folder).env("RAYON_NUM_THREADS", "2");
    command.args(["-c", "ulimit -v 4000000; exec timeout 60 \"$@\"", "sh"]);
    command.arg(program.get_program()).args(options);
    command.output().unwrap()
}

/// The options of an example that take a value, from its help.
fn with_values(name: &str) -> Vec<String> {
    let help = run(example(name).arg("--help"));
    let options = help.lines().filter_map(|line| {
        let start = line.find("--")?;
        let (option, value) = line[start..].split_once(' ')?;
        let before = line[..start].trim();
        (before.is_empty() || before.ends_with(',')).then_some(())?;
        value.starts_with('<').then(|| option.to_string())
    });
    options.collect()
}

#[test]
fn numbers_are_refused_or_work() {
    let folder = place();
    let mut tried = 0;
    for (name, base) in COMMANDS {
        let base: Vec<&str> = base.split(' ').collect();
        for option in with_values(name) {
            // Paths: each would be a whole tour, or a whole search.
            let long = [("tour", "--output"), ("finetune", "--find-rate")];
            if long.contains(&(name, option.as_str())) {
                continue;
            }
            for value in VALUES {
                let mut options = base.clone();
                // The value that is tried takes the place of the one in the table.
                if let Some(at) = options.iter().position(|o| *o == option) {
                    options.drain(at..at + 2);
                }
                let tried_option = format!("{option}={value}");
                options.push(&tried_option);
                let output = bounded(folder.path(), name, &options);
                let said = String::from_utf8_lossy(&output.stderr);
                let code = output.status.code();
                assert!(
                    matches!(code, Some(0..=2)) && !said.contains("panicked"),
                    "{name} {}: {code:?}\n{said}",
                    options.join(" ")
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "only {tried} runs: is the help read rightly?");
}

/// What has no group is shown under the heading "Options".
#[test]
fn every_option_is_in_a_group() {
    for (name, _) in COMMANDS {
        let help = run(example(name).arg("--help"));
        let first = |text: &str| help.find(text).unwrap_or(usize::MAX);
        assert!(!help.contains("\nOptions:\n"), "{name}:\n{help}");
        assert!(help.contains("\nGeneral:\n"), "{name}:\n{help}");
        assert!(
            first("Common uses:") < first("Usage:"),
            "{name}: the common uses come first:\n{help}"
        );
    }
}

#[test]
fn no_output_replaces_an_input() {
    let folder = place();
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    for (name, options, kept) in [
        (
            "export",
            "--classifier classifier.safetensors --format onnx --output classifier.safetensors",
            "classifier.safetensors",
        ),
        ("evaluate", "--predictions a.csv --metrics ./a.csv", "a.csv"),
        (
            "evaluate",
            "--predictions a.csv --report images/../a.csv",
            "a.csv",
        ),
        ("compare", "a.csv b.csv --metrics b.csv", "b.csv"),
        (
            "weights",
            "convert classifier.safetensors classifier.safetensors",
            "classifier.safetensors",
        ),
        (
            "similar",
            "--image-dir images --map photo.png photo.png",
            "photo.png",
        ),
        ("explore", "--image-dir images --output images", "photo.png"),
        (
            "explore",
            "--image-dir images --output images/boat/more",
            "photo.png",
        ),
        (
            "audit",
            "--image-dir images --pairs images/boat/pairs.png",
            "photo.png",
        ),
        (
            "retrain",
            "--image-dir images --cache images/boat/cache",
            "photo.png",
        ),
        (
            "explain",
            "--classifier classifier.safetensors --misclassified images --output images/boat/why",
            "photo.png",
        ),
        (
            "explain",
            "--classifier classifier.safetensors --output images/why images",
            "photo.png",
        ),
        (
            "label_image",
            "--classifier classifier.safetensors --output images/boat/labels.png images",
            "photo.png",
        ),
        // What is written beside an output replaces nothing either.
        (
            "embed",
            "--image-dir images --labels a.csv --file-column file --output a.npy",
            "a.csv",
        ),
        (
            "retrain",
            "--image-dir images --from out.training --output out.safetensors",
            "out.training",
        ),
        (
            "retrain",
            "--image-dir images --output out --metrics out",
            "photo.png",
        ),
        (
            "retrain",
            "--image-dir images --output out.safetensors --metrics out.training",
            "photo.png",
        ),
    ] {
        let before = read(kept);
        let images = std::fs::read_dir(folder.path().join("images"))
            .unwrap()
            .count();
        let options: Vec<&str> = options.split(' ').collect();
        let output = bounded(folder.path(), name, &options);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name} {options:?}: {said}");
        assert!(
            ["would replace", "lies in the folder"]
                .iter()
                .any(|word| said.contains(word)),
            "{name} {options:?}: {said}"
        );
        assert_eq!(read(kept), before);
        assert_eq!(
            std::fs::read_dir(folder.path().join("images"))
                .unwrap()
                .count(),
            images
        );
    }
}

/// Files and classes whose names command a terminal, begin a line of their own or turn the direction of the writing.
#[cfg(unix)]
#[test]
fn names_do_not_command_the_terminal() {
    let folder = place();
    let images = folder.path().join("images");
    let hostile = "x\u{1b}[2J\u{202e}gpj\nerror: all is lost\r";
    std::fs::rename(images.join("cloud"), images.join(hostile)).unwrap();
    let picture = std::fs::read(folder.path().join("photo.png")).unwrap();
    for class in ["boat", hostile] {
        let file = images.join(class).join(format!("{hostile}.jpg"));
        std::fs::write(file, &picture).unwrap();
        let broken = images.join(class).join(format!("broken {hostile}.jpg"));
        std::fs::write(broken, b"no image").unwrap();
    }
    let hostile_photo = format!("images/boat/{hostile}.jpg");
    let broken = format!("images/boat/broken {hostile}.jpg");
    let list = format!("http://127.0.0.1:1/{hostile}.jpg\nftp://{hostile}/flickr\n");
    std::fs::write(folder.path().join("list.txt"), list).unwrap();
    // Predictions of a foreign program: its classes, and the files that it names.
    for name in ["a.csv", "b.csv"] {
        let cell = hostile.replace('"', "\"\"");
        let row = |target: &str, p: f64| format!("\"{cell}{p}\",\"{target}\",{p},{}\n", 1.0 - p);
        let table = format!("file,target,boat,\"{cell}\"\n");
        let rows = row("boat", 0.75) + &row(&cell, 0.25) + &row(&cell, 0.625);
        std::fs::write(folder.path().join(name), table + &rows).unwrap();
    }
    let commands: [(&str, &[&str]); 18] = [
        (
            "retrain",
            &["--image-dir", "images", "--print-misclassified-test-images"],
        ),
        ("audit", &["--image-dir", "images"]),
        (
            "explore",
            &["--image-dir", "images", "--output", "looked-at"],
        ),
        ("embed", &["--image-dir", "images"]),
        (
            "evaluate",
            &[
                "--classifier",
                "classifier.safetensors",
                "--image-dir",
                "images",
                "--replicates",
                "0",
            ],
        ),
        (
            "label_image",
            &[
                "--classifier",
                "classifier.safetensors",
                &hostile_photo,
                &broken,
            ],
        ),
        (
            "similar",
            &[
                "--image-dir",
                "images",
                "--copies",
                "0.9",
                "--suspects",
                "5",
                &hostile_photo,
                &broken,
            ],
        ),
        (
            "explain",
            &[
                "--classifier",
                "classifier.safetensors",
                "--output",
                "why",
                &hostile_photo,
                &broken,
            ],
        ),
        (
            "download",
            &[
                "--urls",
                "list.txt",
                "--class",
                "boat",
                "--output",
                "downloaded",
                "--keep",
                "",
            ],
        ),
        (
            "finetune",
            &[
                "--image-dir",
                "images",
                "--epochs",
                "1",
                "--augment",
                "0",
                "--blocks",
                "1",
            ],
        ),
        ("weights", &["inspect", &hostile_photo]),
        (
            "export",
            &[
                "--classifier",
                &hostile_photo,
                "--format",
                "onnx",
                "--output",
                "x",
            ],
        ),
        ("inspect", &["--weights", &hostile_photo]),
        ("inspect", &["classifier.safetensors"]),
        ("compare", &["a.csv", "b.csv", "--replicates", "10"]),
        (
            "evaluate",
            &["--predictions", "a.csv", "--replicates", "10"],
        ),
        (
            "quantize",
            &[
                "--classifier",
                "classifier.safetensors",
                "--calibration-dir",
                "images",
                "--calibration-images",
                "2",
                "--output",
                "int8.safetensors",
            ],
        ),
        ("evaluate", &["--predictions", &hostile_photo]),
    ];
    for (name, options) in commands {
        let output = bounded(folder.path(), name, options);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let bad = |c: &char| *c == '\u{202e}' || (c.is_control() && !"\n\t".contains(*c));
        assert!(!said.chars().any(|c| bad(&c)), "{name}: {said:?}");
        let forged = said
            .lines()
            .any(|line| line.trim_start() == "error: all is lost");
        assert!(!forged, "{name}: {said}");
    }
}
