//! A classifier as a page: what is in the file, and what is refused. `web/tests` opens it in a browser.

use std::fs;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use transfer::Classifier;

use crate::support::{example, run};

/// What lies between two texts, the first time.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap_or_else(|| panic!("no `{start}`")) + start.len();
    &text[from..from + text[from..].find(end).unwrap()]
}

/// The content of a block of data.
fn block(html: &str, id: &str) -> Vec<u8> {
    let text = between(html, &format!("id=\"{id}\">"), "</script>");
    let packed = STANDARD.decode(text).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

fn retrained(folder: &Path) {
    dataset::sample::write(folder.join("images"), 12, 1).unwrap();
    let mut retrain = example("retrain");
    run(retrain.current_dir(folder).args(["--image-dir", "images"]));
}

fn export(folder: &Path, options: &str) -> std::process::Command {
    let mut export = example("export");
    let options = options.split(' ').filter(|option| !option.is_empty());
    export
        .current_dir(folder)
        .args(["--classifier", "classifier.safetensors"])
        .args(options);
    export
}

#[test]
fn a_page_holds_the_classifier_and_forbids_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    retrained(folder);
    let name = "</title><script>alert(1)</script>";
    run(export(folder, "--format page --output drawn.html").args(["--title", name]));
    let html = fs::read_to_string(folder.join("drawn.html")).unwrap();

    // The policy allows the one script and the one style of the page, and no address.
    let policy = between(&html, "Content-Security-Policy\" content=\"", "\"");
    for (directive, text) in [
        ("script-src", between(&html, "<script>", "</script>")),
        ("style-src", between(&html, "<style>", "</style>")),
    ] {
        let hash = STANDARD.encode(Sha256::digest(text));
        assert!(
            policy.contains(&format!("{directive} 'sha256-{hash}'")),
            "{policy}"
        );
    }
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!html.contains("://"), "an address");
    assert!(!html.contains("<script>alert"), "a title that is a script");

    // Without the 1001 classes that the head does not read, answers have the same bits.
    let original = Classifier::load(folder.join("classifier.safetensors")).unwrap();
    let held = Classifier::from_bytes(&block(&html, "classifier")).unwrap();
    assert_eq!(original.backbone().weights().config().classes, 1001);
    assert_eq!(held.backbone().weights().config().classes, 0);
    let picture = folder.join("images/boat/boat_00000.jpg");
    let [expected, found] = [original, held].map(|one| one.classify(&picture).unwrap());
    assert_eq!(found, expected);
    for module in ["simd128", "relaxed-simd"] {
        assert_eq!(block(&html, module)[..8], *b"\0asm\x01\0\0\0", "{module}");
    }
}

#[test]
fn a_page_in_half_precision_and_in_integers_answers_alike() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    retrained(folder);
    let picture = folder.join("images/boat/boat_00000.jpg");
    let original = Classifier::load(folder.join("classifier.safetensors")).unwrap();
    let expected = original.classify(&picture).unwrap();
    for (precision, apart, most) in [
        ("float16", 0.01, 10_000_000),
        ("int8 --calibration-dir images", 0.2, 6_000_000),
    ] {
        let options = format!("--format page --output page.html --precision {precision}");
        run(&mut export(folder, &options));
        let html = fs::read_to_string(folder.join("page.html")).unwrap();
        let held = Classifier::from_bytes(&block(&html, "classifier")).unwrap();
        let found = held.classify(&picture).unwrap();
        assert_eq!(found[0].class, expected[0].class);
        let difference = (found[0].probability - expected[0].probability).abs();
        assert!(difference < apart, "{precision}: {difference}");
        assert!(html.len() < most, "{precision}: {}", html.len());
    }
}

#[test]
fn options_of_other_formats_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    retrained(folder);
    for (options, reason) in [
        ("--format page --precision int8", "--calibration-dir"),
        (
            "--format page --with-preprocessing",
            "prepares pictures itself",
        ),
        ("--format page --calibration-dir images", "--precision int8"),
        ("--format onnx --title x", "--title is for --format page"),
        ("--format onnx --precision int8", "quantize it first"),
        (
            "--format onnx --precision float16",
            "float16 is for --format page and tflite",
        ),
        ("--format onnx --io uint8", "--io is for --format tflite"),
        (
            "--format tflite --io uint8",
            "floats take normalized floats",
        ),
        ("--format tflite --with-preprocessing", "normalization"),
        ("--format page --license MIT", "--io and --license"),
        ("--format html", "page"),
    ] {
        let output = export(folder, &format!("{options} --output out"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{options}");
        assert!(said.contains(reason), "{options}: {said}");
        assert!(!folder.join("out").exists(), "{options}");
    }
}
