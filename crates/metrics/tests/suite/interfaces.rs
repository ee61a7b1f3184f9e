//! Files, serde, errors and arrays: what other programs and crates meet.

use std::error::Error as _;

use metrics::confusion::{ConfusionMatrix, Normalize};
use metrics::formats::PredictionsFormat;
use metrics::probability::{Binning, TemperatureScaling};
use metrics::{Bootstrap, Error, Evaluation, EvaluationOptions, Predictions};

fn predictions() -> Predictions {
    let rows = vec![
        vec![0.75, 0.25],
        vec![0.5, 0.5],
        vec![0.125, 0.875],
        vec![0.25, 0.75],
    ];
    Predictions::new(vec![0, 1, 1, 0], rows)
        .unwrap()
        .with_classes(["boat", "cloud"])
        .unwrap()
        .with_files(["a", "b", "c", "d"])
        .unwrap()
}

#[test]
fn files_are_read_by_their_ending() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, csv) = (folder.path().join("p.jsonl"), folder.path().join("p.CSV"));
    let mut text = Vec::new();
    predictions().write_json_lines(&mut text).unwrap();
    std::fs::write(&lines, text).unwrap();
    let rows = "file,target,boat,cloud\na,boat,0.75,0.25\nb,cloud,0.5,0.5\nc,cloud,0.125,0.875\n\
                d,boat,0.25,0.75\n";
    std::fs::write(&csv, rows).unwrap();
    let classes = predictions().classes().to_vec();
    assert_eq!(
        Predictions::open(&lines, Some(&classes)).unwrap(),
        predictions()
    );
    assert_eq!(Predictions::open(&csv, None).unwrap(), predictions());
    assert_eq!(PredictionsFormat::from_path("boats"), None);

    // The error names the file and the line, and keeps the cause.
    std::fs::write(&lines, "{\"target\": 0}\nboat\n").unwrap();
    let error = Predictions::open(&lines, Some(&classes)).unwrap_err();
    let expected = format!("{}: line 1: expected `probabilities`", lines.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    std::fs::write(&lines, "boat\n").unwrap();
    let error = Predictions::open(&lines, Some(&classes)).unwrap_err();
    let cause = error.source().unwrap();
    assert!(
        cause
            .to_string()
            .starts_with("line 1: expected an object such as"),
        "{cause}"
    );
    assert!(cause.source().unwrap().is::<serde_json::Error>());
    let missing = folder.path().join("missing.csv");
    let error = Predictions::open(&missing, None).unwrap_err();
    assert!(
        matches!(&error, Error::Io { path, .. } if *path == missing),
        "{error}"
    );
}

#[test]
fn settings_out_of_range_are_one_kind_of_error() {
    let p = predictions();
    let scaling = TemperatureScaling {
        value: 0.0,
        loss_before: 0.0,
        loss_after: 0.0,
    };
    let options = EvaluationOptions::new().with_intervals(Bootstrap::new().with_level(2.0));
    for (error, message) in [
        (
            p.evaluate(&options).unwrap_err(),
            "level is 2; expected a number between 0 and 1, such as 0.95",
        ),
        (
            p.calibration_error(Binning::Uniform(0)).unwrap_err(),
            "number of bins is 0; expected 1 to 100,000",
        ),
        (
            scaling.apply(&p).unwrap_err(),
            "temperature is 0; expected a number from 1e-6 to 1e6",
        ),
        (
            p.class_reliability(2, Binning::Uniform(5)).unwrap_err(),
            "class is 2; expected an index below 2, the number of classes",
        ),
    ] {
        assert!(matches!(error, Error::Setting { .. }));
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn evaluations_and_options_are_read_back_from_json() {
    let options = EvaluationOptions::new()
        .with_zero_division(0.0)
        .with_intervals(Bootstrap::new().with_replicates(20).with_seed(3));
    let text = serde_json::to_string(&options).unwrap();
    assert_eq!(
        serde_json::from_str::<EvaluationOptions>(&text).unwrap(),
        options
    );
    let defaults: EvaluationOptions = serde_json::from_str("{}").unwrap();
    assert_eq!(defaults, EvaluationOptions::new());

    let evaluation = predictions().evaluate(&options).unwrap();
    let text = serde_json::to_string(&evaluation).unwrap();
    let read: Evaluation = serde_json::from_str(&text).unwrap();
    assert_eq!(read.scores, evaluation.scores);
    assert_eq!(read.per_class, evaluation.per_class);
    assert_eq!(
        (read.samples, &read.classes),
        (4, &predictions().classes().to_vec())
    );
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    // A file of an earlier version, which names neither confused pairs nor reasons.
    let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
    let entries = old.as_object_mut().unwrap();
    for key in ["confused_pairs", "no_interval", "no_interval_per_class"] {
        assert!(entries.remove(key).is_some(), "{key}");
    }
    for class in entries["per_class"].as_array_mut().unwrap() {
        let class = class.as_object_mut().unwrap();
        class.retain(|key, _| !key.ends_with("_interval"));
    }
    let read: Evaluation = serde_json::from_value(old).unwrap();
    let same = read.scores.iter().zip(&evaluation.scores);
    assert!(
        same.into_iter()
            .all(|(a, b)| (a.value, a.interval) == (b.value, b.interval))
    );
    assert!(read.rankings.is_empty() && read.calibration.is_none());
}

#[test]
fn a_confusion_matrix_is_made_shown_and_read_in_the_usual_ways() {
    let matrix = ConfusionMatrix::try_from(vec![vec![10.0, 2.0], vec![0.0, 0.5]]).unwrap();
    assert_eq!(matrix.to_string(), " 10    2\n  0  0.5\n");
    assert_eq!(matrix.to_vec(), [10.0, 2.0, 0.0, 0.5]);
    assert_eq!(matrix.predicted_count(1), 2.5);
    assert_eq!(matrix.normalized(Normalize::Predicted)[0][1], Some(0.8));
    let text = serde_json::to_string(&matrix).unwrap();
    assert_eq!(
        serde_json::from_str::<ConfusionMatrix>(&text).unwrap(),
        matrix
    );
    assert!(serde_json::from_str::<ConfusionMatrix>("[[1, 2]]").is_err());
    assert!(serde_json::from_str::<ConfusionMatrix>("[[-1]]").is_err());
}

#[cfg(feature = "ndarray")]
#[test]
fn arrays_are_views_of_the_same_numbers() {
    let p = predictions();
    let view = p.as_ndarray().unwrap();
    assert_eq!(view.dim(), (4, 2));
    assert_eq!(view[[2, 1]], 0.875);
    assert_eq!(
        view.as_slice().unwrap().as_ptr(),
        p.probabilities().unwrap().as_ptr()
    );
    assert_eq!(p.confusion().to_ndarray()[[1, 0]], p.confusion()[1][0]);
    let again = Predictions::from_ndarray(p.targets().to_vec(), view).unwrap();
    assert_eq!(again.probabilities(), p.probabilities());
    let hard = Predictions::from_classes(vec![0], vec![0], 1).unwrap();
    assert_eq!(hard.as_ndarray(), None);
}

#[cfg(feature = "arrow")]
#[test]
fn record_batches_hold_all_columns() {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, UInt64Type};

    let p = predictions()
        .with_weights(vec![1.0, 2.0, 1.0, 1.0])
        .unwrap();
    let batch = p.to_record_batch().unwrap();
    let schema = batch.schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(
        names,
        ["target", "predicted", "probabilities", "weight", "file"]
    );
    assert_eq!(schema.metadata()["classes"], "[\"boat\",\"cloud\"]");
    assert_eq!(
        batch["target"].as_primitive::<UInt64Type>().values(),
        &[0, 1, 1, 0]
    );
    let rows = batch["probabilities"].as_fixed_size_list();
    assert_eq!(
        rows.value(2).as_primitive::<Float64Type>().values(),
        &[0.125, 0.875]
    );
    assert_eq!(batch["file"].as_string::<i32>().value(3), "d");
    let matrix = p.confusion().to_arrow().unwrap();
    assert_eq!(
        matrix.value(1).as_primitive::<Float64Type>().values(),
        &p.confusion()[1]
    );
}
