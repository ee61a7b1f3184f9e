//! Files of one kind given for another are named, and the summary of a classifier file.

use std::fs;

use crate::common::{numbers, weights};
use mobilenet::FloatType;
use transfer::classifier::{FileSummary, ImageSetRecord, Provenance, RejectOption};
use transfer::head::{Checkpoint, GradientDescent};
use transfer::{Backbone, Classifier, EmbeddingCache, Embeddings, FileKind, HeadConfig};

fn set(images: usize) -> Embeddings {
    let targets = (0..images).map(|i| i % 2).collect();
    Embeddings::new(numbers(images * 8, 3), 8, targets).unwrap()
}

#[test]
fn each_kind_is_told_from_what_is_really_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let classifier = crate::common::classifier(Backbone::new(weights(1, 16)).unwrap());
    classifier.save(path("classifier")).unwrap();
    weights(1, 16)
        .save(path("weights"), FloatType::F32)
        .unwrap();
    EmbeddingCache::open(path("cache")).unwrap();
    let config = HeadConfig::new().with_recipe(GradientDescent::parity().with_steps(5));
    let (training, checkpoint) = (set(20), Checkpoint::new(path("state")));
    let fit = config.training(&training).resume(Some(&checkpoint)).fit();
    let head = fit.unwrap().head;
    let classes = ["x".to_string(), "y".to_string()];
    let predictions = head.predictions(&training, &classes).unwrap();
    let mut lines = Vec::new();
    predictions.write_json_lines(&mut lines).unwrap();
    fs::write(path("predictions"), lines).unwrap();
    let scores = predictions
        .evaluate(&metrics::EvaluationOptions::new())
        .unwrap();
    fs::write(
        path("scores"),
        serde_json::to_string_pretty(&scores).unwrap(),
    )
    .unwrap();
    let bootstrap = metrics::Bootstrap::new().with_replicates(10);
    let compared = predictions.compare(&predictions, &bootstrap).unwrap();
    fs::write(path("compared"), serde_json::to_string(&compared).unwrap()).unwrap();
    for (name, kind) in [
        ("classifier", FileKind::Classifier),
        ("weights", FileKind::Weights),
        ("cache", FileKind::Embeddings),
        ("cache/embeddings.bin", FileKind::Embeddings),
        ("state", FileKind::HeadCheckpoint),
        ("predictions", FileKind::Predictions),
        ("scores", FileKind::Metrics),
        ("compared", FileKind::Metrics),
    ] {
        assert_eq!(FileKind::of(path(name)), Some(kind), "{name}");
        if kind == FileKind::Classifier || path(name).is_dir() {
            continue;
        }
        let message = Classifier::load(path(name)).unwrap_err().to_string();
        let expected = format!("not a classifier file: it is {kind}; {}", kind.taken_by());
        assert!(message.ends_with(&expected), "{name}: {message}");
    }
    assert_eq!(FileKind::of(path("missing")), None);

    // A classifier under the name of a checkpoint is not to be deleted.
    fs::copy(path("classifier"), path("state")).unwrap();
    let fit = config.training(&training).resume(Some(&checkpoint)).fit();
    let message = fit.unwrap_err().to_string();
    assert!(message.contains("it is a classifier file"), "{message}");
    assert!(!message.contains("delete"), "{message}");
}

#[test]
fn a_summary_says_what_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.safetensors");
    let backbone = Backbone::new(weights(1, 16)).unwrap();
    let dim = backbone.dim();
    let targets = (0..120).map(|i| i % 3).collect();
    let set = Embeddings::new(numbers(120 * dim, 3), dim, targets).unwrap();
    let report = HeadConfig::new()
        .with_seed(7)
        .training(&set)
        .fit()
        .unwrap()
        .report;
    let mut provenance = Provenance::default()
        .with_metric("test accuracy", 0.75)
        .with_split("none");
    let test = ImageSetRecord {
        count: 100,
        digest: "d".into(),
    };
    provenance.images.insert("test".into(), test);
    let classifier = crate::common::classifier(backbone)
        .with_thresholds(vec![0.5, 0.25, 1.0])
        .unwrap()
        .with_reject_option(&RejectOption::new(), None, &set)
        .unwrap()
        .with_report(report)
        .with_provenance(provenance.with_date("2026-11-30"));
    classifier.save(&path).unwrap();
    let summary = FileSummary::open(&path).unwrap();
    let text = summary.to_string();
    for said in [
        "3: a, b, c",
        "2026-11-30",
        "logistic regression, C = ",
        "on 120 images, seed 7",
        "0.7500 [0.6570, 0.8245] on 100 test images",
        "upright, squashed to 16 × 16 px (bilinear), then (level - 127.5) / 127.5",
        "a from 0.5000, b from 0.2500, c from 1.0000",
        "distance from the nearest class at most",
        "MobileNetV1, alpha 0.25, 16 px; frozen; weights ",
        "network F32, head F32",
        "version 2 of the format; its seal is correct",
        &format!("{:<26}{:>12}", "picture of the self-test", 768),
        &format!("{:<26}{:>12}", "seal", 32),
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let bytes: usize = summary.parts().iter().map(|part| part.bytes).sum();
    assert_eq!(bytes as u64, fs::metadata(&path).unwrap().len());

    let v1 = crate::common::fixture("classifier_v1.safetensors");
    let text = FileSummary::open(v1).unwrap().to_string();
    assert!(
        text.contains("version 1 of the format; it has no seal"),
        "{text}"
    );
    assert!(!text.contains("date"), "{text}");
}
