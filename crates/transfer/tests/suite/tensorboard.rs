//! Event files, read by TensorBoard itself.

use std::path::Path;
use std::process::Command;

use dataset::RgbImage;
use serde_json::Value;
use transfer::head::GradientDescent;
use transfer::tensorboard::{EventWriter, RetrainSummaries, read_records};
use transfer::{Embeddings, Fitted, HeadConfig};

/// What TensorBoard reads in a folder, or `None` with a word about what is missing.
fn tensorboard(folder: &Path) -> Option<Value> {
    let python = std::env::var("PYTHON").unwrap_or("python3".into());
    let asked = Command::new(&python)
        .args(["-c", "import tensorboard, numpy"])
        .output();
    if !asked.is_ok_and(|out| out.status.success()) {
        eprintln!(
            "skipped: reading event files with TensorBoard ({python} has none; set PYTHON to one that has)"
        );
        return None;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/read_events.py");
    let out = Command::new(python).arg(script).arg(folder).output();
    let out = out.unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{errors}");
    Some(serde_json::from_slice(&out.stdout).unwrap())
}

fn floats(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_f64().unwrap()).collect()
}

fn close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn tensorboard_sees_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = EventWriter::create(folder.path()).unwrap();
    for step in 0..20 {
        log.scalar(step, "accuracy_1", 0.5 + step as f64 / 64.0)
            .unwrap();
    }
    let weights: Vec<f32> = (-50..150).map(|i| i as f32 / 64.0).collect();
    log.histogram(19, "weights", &weights).unwrap();
    let image = RgbImage::from_fn(30, 20, |x, y| [x as u8, y as u8, 200].into());
    log.image(3, "boat", &image).unwrap();
    log.text(0, "configuration", "| steps |\n|---|\n| 4000 |")
        .unwrap();
    let scores: Vec<f64> = (0..=100).map(|i| (f64::from(i) + 0.3) / 103.0).collect();
    let targets: Vec<bool> = (0..=100).map(|i| i % 3 == 0).collect();
    log.pr_curve(7, "curve", &targets, &scores).unwrap();
    log.flush().unwrap();
    assert_eq!(read_records(log.path()).unwrap().len(), 25);

    let Some(seen) = tensorboard(folder.path()) else {
        return;
    };
    let accuracy = seen["scalars"]["accuracy_1"].as_array().unwrap();
    assert_eq!(accuracy.len(), 20);
    assert_eq!(floats(&accuracy[19]), [19.0, 0.5 + 19.0 / 64.0]);
    let histogram = &seen["histograms"]["weights"];
    for (name, value) in [("min", -50.0 / 64.0), ("max", 149.0 / 64.0), ("num", 200.0)] {
        assert_eq!(histogram[name].as_f64(), Some(value), "{name}");
    }
    let sum: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    close(&[histogram["sum"].as_f64().unwrap()], &[sum]);
    if let Some(expected) = seen.get("expected_histogram") {
        close(&floats(&histogram["bucket"]), &floats(&expected[1]));
        close(&floats(&histogram["bucket_limit"]), &floats(&expected[0]));
    }
    assert_eq!(seen["images"]["boat"], serde_json::json!([30, 20, "PNG"]));
    assert_eq!(seen["plugins"]["configuration"], "text");
    assert_eq!(
        seen["tensors"]["configuration"],
        serde_json::json!(["| steps |\n|---|\n| 4000 |"])
    );
    assert_eq!(seen["plugins"]["curve"], "pr_curves");
    let rows = seen["tensors"]["curve"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    if let Some(expected) = seen.get("expected_curve") {
        for (row, expected) in rows.iter().zip(expected.as_array().unwrap()) {
            close(&floats(row), &floats(expected));
        }
    }
}

#[test]
fn a_fit_writes_the_tags_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let values = (0..400).map(|i| ((i * 37) % 101) as f32 / 50.0 + f32::from(i % 4 == 0));
    let set = Embeddings::new(values.collect(), 4, (0..100).map(|i| i % 2).collect()).unwrap();
    let config = HeadConfig::new().with_recipe(GradientDescent::parity().with_steps(30));
    let mut summaries = RetrainSummaries::create(folder.path(), &set, &set).unwrap();
    summaries.configuration(&config).unwrap();
    let mut looks = 0;
    let Fitted { head, report } = config
        .training(&set)
        .validation(&set)
        .on_event(|event| {
            looks += 1;
            summaries.watch(event)
        })
        .fit()
        .unwrap();
    let classes = ["boat".to_string(), "cloud".into()];
    summaries.finish(&head, &report, &classes).unwrap();
    drop(summaries);
    assert_eq!(looks, report.history.len());
    // Looking changes nothing.
    let unwatched = config.training(&set).validation(&set).fit();
    assert_eq!(unwatched.unwrap().head, head);

    for run in ["train", "validation"] {
        let Some(seen) = tensorboard(&folder.path().join(run)) else {
            return;
        };
        let summaries = |of: &str| {
            let names = ["max", "mean", "min", "stddev_1"];
            names.map(|name| format!("final_training_ops/{of}/summaries/{name}"))
        };
        let scalars = seen["scalars"].as_object().unwrap();
        for tag in [summaries("weights"), summaries("biases")].concat() {
            assert!(scalars.contains_key(&tag), "{run}: {tag}");
        }
        for tag in [
            "final_training_ops/weights/summaries/histogram",
            "final_training_ops/biases/summaries/histogram",
            "final_training_ops/Wx_plus_b/pre_activations",
            "activations",
        ] {
            assert!(seen["histograms"].get(tag).is_some(), "{run}: {tag}");
        }
        let losses = scalars["cross_entropy_1"].as_array().unwrap();
        assert_eq!(losses.len(), report.history.len() + 1);
        if run == "train" {
            let first = report.history[0].train_cross_entropy;
            close(&floats(&losses[0])[1..], &[first]);
            let rates = scalars["learning_rate"].as_array().unwrap();
            let steps = report.history.iter().map(|record| record.step as f64);
            assert_eq!(rates.len(), report.history.len());
            for (rate, step) in rates.iter().zip(steps) {
                close(&floats(rate), &[step, 0.01]);
            }
            let text = seen["tensors"]["configuration"][0].as_str().unwrap();
            assert!(text.contains("\"learning-rate\""), "{text}");
        }
        assert!(scalars["accuracy_1"].is_array());
        assert_eq!(seen["plugins"]["pr_curves/boat"], "pr_curves");
    }
}
