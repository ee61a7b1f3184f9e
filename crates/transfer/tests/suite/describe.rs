//! What a report says about a classifier, and which images of a folder it can be measured on.

use std::fs;

use crate::common::{classifier, numbers, weights};
use dataset::ImageFolder;
use transfer::head::GradientDescent;
use transfer::{Backbone, Embeddings, HeadConfig};

fn backbone() -> Backbone {
    Backbone::new(weights(1, 32)).unwrap()
}

#[test]
fn sub_folders_are_matched_with_classes_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["c", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        let image = image::RgbImage::new(8, 8);
        image.save(folder.path().join(class).join("1.png")).unwrap();
    }
    let classifier = classifier(backbone());
    let images = ImageFolder::open(folder.path()).unwrap();
    let labeled = classifier.labeled_images(&images).unwrap();
    let labels: Vec<(usize, &str)> = labeled
        .iter()
        .map(|item| (item.class, item.name.as_str()))
        .collect();
    assert_eq!(labels, [(1, "b/1.png"), (2, "c/1.png")]);

    fs::rename(folder.path().join("b"), folder.path().join("dog")).unwrap();
    let images = ImageFolder::open(folder.path()).unwrap();
    let error = classifier.labeled_images(&images).unwrap_err().to_string();
    assert!(
        error.contains("`dog`") && error.contains("a, b, c"),
        "{error}"
    );
}

#[cfg(feature = "report")]
#[test]
fn a_report_describes_the_classifier() {
    use metrics::{EvaluationOptions, Predictions};

    let backbone = backbone();
    let targets: Vec<usize> = (0..30).map(|i| i % 3).collect();
    let values = numbers(30 * backbone.dim(), 7);
    let training = Embeddings::new(values, backbone.dim(), targets).unwrap();
    let recipe = GradientDescent::parity().with_steps(50);
    let config = HeadConfig::new().with_recipe(recipe);
    let fit = config.training(&training).validation(&training).fit();
    let classifier = classifier(backbone).with_report(fit.unwrap().report);

    let curves = classifier.learning_curves();
    let metrics: Vec<&str> = curves.iter().map(|curve| curve.metric.as_str()).collect();
    assert_eq!(metrics, ["Cross-entropy", "Accuracy"]);
    assert_eq!(curves[0].series[1].name, "validation");

    let predictions = Predictions::from_classes(vec![0, 1, 2], vec![0, 1, 1], 3).unwrap();
    let report = predictions.report(&EvaluationOptions::new()).unwrap();
    let report = classifier.describe(report, "boats.safetensors", "photos/test/");
    let page = report.html().unwrap();
    for text in [
        "MobileNetV1, alpha 0.25, 32 px",
        "frozen",
        "upright, ",
        "30 images",
        "Cross-entropy",
        "Model card: <bdi>boats</bdi><",
        "Evaluated on 3 images of photos/test/.",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let card = report.card_markdown().unwrap();
    assert!(card.contains("name: \"boats\"") && card.contains("name: \"test\""));
}
