//! Networks of other programs as classifiers.

use std::fs;

use dataset::ResizePolicy;
use mobilenet::weights::DenseLayer;
use mobilenet::{MobileNetConfig, Weights};
use transfer::classifier::{labels_beside, read_labels};
use transfer::{Backbone, Classifier};

fn backbone(classes: usize) -> Backbone {
    let config = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_classes(classes);
    Backbone::new(Weights::random(&config, 1).unwrap()).unwrap()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("class {n}")).collect()
}

/// Before, only ImageNet's numbers of classes were taken, with ImageNet's names.
#[test]
fn a_network_of_other_classes_needs_its_names() {
    let named = Classifier::from_network(backbone(5), Some(&names(5))).unwrap();
    assert_eq!(named.classes(), names(5));
    let error = Classifier::from_network(backbone(5), None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("5 classes")
            && error.contains("--labels-file")
            && error.contains("labels.txt"),
        "{error}"
    );
    let error = Classifier::from_network(backbone(5), Some(&names(4)))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("5 classes, and there are 4 labels"),
        "{error}"
    );
    let error = Classifier::from_network(backbone(0), Some(&names(4)))
        .unwrap_err()
        .to_string();
    assert!(error.contains("has no classifier"), "{error}");
    assert_eq!(
        Classifier::from_network(backbone(1001), None)
            .unwrap()
            .classes()[1],
        "tench, Tinca tinca"
    );
    assert_eq!(
        Classifier::from_network(backbone(1000), Some(&names(1000)))
            .unwrap()
            .classes(),
        names(1000)
    );
    assert_eq!(
        Classifier::usual_resize(backbone(5).weights()),
        ResizePolicy::CenterCrop
    );
    let _: Option<&DenseLayer> = backbone(5).weights().head();
}

#[test]
fn labels_are_found_beside_a_network_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("net.tflite"), b"x").unwrap();
    assert_eq!(labels_beside(at("net.tflite")), None);
    fs::write(at("labels.txt"), "0 boat\n1 cloud\n").unwrap();
    assert_eq!(labels_beside(at("net.tflite")), Some(at("labels.txt")));
    assert_eq!(labels_beside(folder.path()), Some(at("labels.txt")));
    assert_eq!(labels_beside("bundled"), None);
    // Teachable Machine numbers its labels.
    assert_eq!(read_labels(at("labels.txt")).unwrap(), ["boat", "cloud"]);
    fs::write(
        at("retrained_labels.txt"),
        "\u{feff}7 up\r\n1 litre\r\n\r\n",
    )
    .unwrap();
    assert_eq!(
        labels_beside(at("net.tflite")),
        Some(at("retrained_labels.txt"))
    );
    assert_eq!(
        read_labels(at("retrained_labels.txt")).unwrap(),
        ["7 up", "1 litre"]
    );
    fs::write(at("labels.txt"), "\n\n").unwrap();
    assert!(
        read_labels(at("labels.txt"))
            .unwrap_err()
            .to_string()
            .contains("no names")
    );
}
