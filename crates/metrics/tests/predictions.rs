//! What predictions refuse, and how they are read from files.

use metrics::confusion::{ClassMetric, KappaWeights, Normalize};
use metrics::error::Place;
use metrics::streaming::StreamingMetrics;
use metrics::{ConfusionMatrix, Error, EvaluationOptions, Predictions};

fn rows(rows: &[&[f64]]) -> Vec<Vec<f64>> {
    rows.iter().map(|row| row.to_vec()).collect()
}

#[test]
fn bad_rows_are_named() {
    let good: &[f64] = &[0.5, 0.5];
    for (row, expected) in [
        (
            &[f64::NAN, 0.5] as &[f64],
            "row 2 (counted from 0): probability of class 0 is NaN",
        ),
        (
            &[1.5, -0.5],
            "row 2 (counted from 0): probability of class 0 is 1.5",
        ),
        (
            &[-0.1, 1.1],
            "row 2 (counted from 0): probability of class 0 is -0.1",
        ),
        (
            &[f64::INFINITY, 0.0],
            "row 2 (counted from 0): probability of class 0 is inf",
        ),
        (
            &[0.5, 0.4],
            "row 2 (counted from 0): probabilities sum to 0.9",
        ),
        (&[1.0], "row 2 (counted from 0): expected 2 probabilities"),
    ] {
        let error = Predictions::new(vec![0, 1, 0], rows(&[good, good, row])).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let error = Predictions::new(vec![0, 2], rows(&[good, good])).unwrap_err();
    assert!(matches!(
        error,
        Error::Class {
            place: Place::Row(1),
            class: 2,
            classes: 2,
            ..
        }
    ));
    let error = Predictions::from_classes(vec![0, 1], vec![0, 7], 2).unwrap_err();
    assert!(matches!(
        error,
        Error::Class {
            place: Place::Row(1),
            class: 7,
            ..
        }
    ));
}

#[test]
fn wrong_lengths_are_refused() {
    let good: &[f64] = &[0.5, 0.5];
    assert!(matches!(
        Predictions::new(vec![], vec![]),
        Err(Error::Empty)
    ));
    assert!(matches!(
        Predictions::new(vec![0], vec![vec![]]),
        Err(Error::NoClasses)
    ));
    assert!(matches!(
        Predictions::new(vec![0], rows(&[good, good])),
        Err(Error::Length {
            expected: 1,
            found: 2,
            ..
        })
    ));
    assert!(Predictions::from_flat(vec![0, 0], vec![0.5; 3], 2).is_err());
    assert!(Predictions::from_flat(vec![0, 0], vec![0.5; 4], usize::MAX).is_err());
    for (error, expected) in [
        (
            ConfusionMatrix::from_rows(&rows(&[good, &[1.0]])).unwrap_err(),
            "row 1 (counted from 0): expected 2 counts, as many as there are rows, found 1",
        ),
        (
            Predictions::from_flat(vec![0, 0], vec![0.5; 5], 2).unwrap_err(),
            "expected whole rows of 2 probabilities, one for each class, found 5 values in all",
        ),
        (
            StreamingMetrics::new(2, 10)
                .unwrap()
                .update(&[0], &[0.5; 4], None)
                .unwrap_err(),
            "expected 1 rows of probabilities, one for each target, found 2",
        ),
    ] {
        assert_eq!(error.to_string(), expected);
    }
    for many in [Predictions::MAX_CLASSES + 1, usize::MAX] {
        for error in [
            Predictions::from_classes(vec![0], vec![0], many).unwrap_err(),
            StreamingMetrics::new(many, 10).unwrap_err(),
        ] {
            assert!(error.to_string().contains("number of classes"), "{error}");
        }
    }
    let p = Predictions::new(vec![0, 1], rows(&[good, good])).unwrap();
    assert!(p.clone().with_classes(["a"]).is_err());
    assert!(matches!(
        p.clone().with_classes(["a", "a"]),
        Err(Error::DuplicateClass { .. })
    ));
    assert!(p.clone().with_weights(vec![1.0]).is_err());
    assert!(matches!(
        p.clone().with_weights(vec![1.0, f64::NAN]),
        Err(Error::Weight {
            place: Place::Row(1),
            ..
        })
    ));
    assert!(matches!(
        p.clone().with_weights(vec![0.0, 0.0]),
        Err(Error::NoWeight)
    ));
    assert!(p.with_files(["a", "b", "c"]).is_err());
}

#[test]
fn json_lines() {
    let text = r#"{"target": 0, "probabilities": [0.75, 0.25], "file": "a.jpg"}

{"target": "cloud", "probabilities": [0.5, 0.5], "file": "b.jpg"}
"#;
    let names = ["boat".to_string(), "cloud".to_string()];
    let p = Predictions::from_json_lines(text.as_bytes(), Some(&names)).unwrap();
    assert_eq!((p.targets(), p.predicted()), (&[0, 1][..], &[0, 0][..]));
    assert_eq!(p.row(1), Some(&[0.5, 0.5][..]));
    assert_eq!(p.row(2), None);
    assert_eq!(p.files().unwrap(), ["a.jpg", "b.jpg"]);

    for (line, expected) in [
        (
            r#"{"target": "dog", "probabilities": [1, 0]}"#,
            "line 2: the target is `dog`",
        ),
        (
            r#"{"target": 2, "probabilities": [1, 0]}"#,
            "line 2: the target is class 2",
        ),
        (
            r#"{"target": -1, "probabilities": [1, 0]}"#,
            "line 2: expected an object",
        ),
        (
            r#"{"target": 0, "probabilities": [1, 0.1]}"#,
            "line 2: probabilities sum to 1.1",
        ),
        (
            r#"{"target": 0, "probabilities": [1]}"#,
            "line 2: expected 2 probabilities",
        ),
        (
            r#"{"target": 0, "probabilities": [NaN, 1]}"#,
            "line 2: expected an object",
        ),
        (
            r#"{"target": 0}"#,
            "line 2: expected `probabilities` or `predicted`",
        ),
        (
            r#"{"target": 0, "predicted": 1}"#,
            "line 2: `probabilities` must be given",
        ),
        (
            r#"{"target": 0, "probabilities": [1, 0], "weight": -1}"#,
            "line 2: weight is -1",
        ),
        (
            r#"{"target": 0, "probabilities": [1, 0], "weight": 1}"#,
            "line 2: `weight` must be",
        ),
        (
            r#"{"target": 0, "probabilites": [1, 0]}"#,
            "line 2: expected an object",
        ),
        (
            r#"{"target": 0, "probabilities": [1, 0], "predicted": 7}"#,
            "line 2: the prediction is class 7",
        ),
        (
            r#"{"target": 0, "probabilities": [0.4, 0.6], "predicted": "boat"}"#,
            "line 2: the prediction is class 0, but the most probable one (at a tie the first) is class 1",
        ),
        ("nonsense", "line 2: expected an object"),
    ] {
        let text = format!("{{\"target\": 0, \"probabilities\": [0.5, 0.5]}}\n{line}\n");
        let error = Predictions::from_json_lines(text.as_bytes(), Some(&names)).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    assert!(matches!(
        Predictions::from_json_lines("\n".as_bytes(), None),
        Err(Error::Empty)
    ));
    assert!(
        Predictions::from_json_lines("{\"target\":0,\"predicted\":0}".as_bytes(), None).is_err()
    );
}

/// More columns than a set of predictions can have are refused at once, in either format.
#[test]
fn a_table_that_was_turned_is_refused() {
    let names: Vec<String> = (0..400_000).map(|i| format!("c{i}")).collect();
    let csv = format!("target,{}\nc0\n", names.join(","));
    let error = Predictions::from_csv(csv.as_bytes(), None).unwrap_err();
    assert!(error.to_string().contains("1 to 25,000"), "{error}");
    let json = format!(
        "{{\"target\":0,\"probabilities\":[{}1]}}\n",
        "0,".repeat(400_000)
    );
    let error = Predictions::from_json_lines(json.as_bytes(), None).unwrap_err();
    assert!(error.to_string().contains("1 to 25,000"), "{error}");
}

#[test]
fn what_is_not_a_number_stays_out() {
    let all_first = Predictions::from_classes(vec![0, 1, 1], vec![0, 0, 0], 3).unwrap();
    let confusion = all_first.confusion().with_zero_division(f64::NAN);
    assert_eq!(confusion.precision()[1], None);
    let recall = |of: &metrics::ConfusionMatrix| of.per_class(ClassMetric::FBeta(f64::INFINITY));
    assert_eq!(recall(&confusion), confusion.recall());
    let options = EvaluationOptions::new().with_zero_division(f64::NAN);
    let evaluation = all_first.evaluate(&options).unwrap();
    let score = |name: &str| evaluation.scores.iter().find(|s| s.name == name).unwrap();
    assert_eq!(
        score("matthews_corrcoef").reason,
        "predictions are all of one class"
    );
    let rows: Vec<f64> = (0..100).flat_map(|_| [0.9, 0.1]).collect();
    let targets = (0..100).map(|i| usize::from(i < 7)).collect();
    let p = Predictions::from_flat(targets, rows, 2).unwrap();
    let all = p.risk_coverage().unwrap().for_accuracy(0.93).unwrap();
    assert_eq!(all.coverage, 1.0);
}

#[test]
fn csv() {
    let text = "file,target,boat,cloud,weight\na.jpg,cloud,0.25,0.75,2\n\"b,c.jpg\",0,1,0,1\n";
    let p = Predictions::from_csv(text.as_bytes(), None).unwrap();
    assert_eq!(p.classes(), ["boat", "cloud"]);
    assert_eq!((p.targets(), p.predicted()), (&[1, 0][..], &[1, 0][..]));
    assert_eq!(p.weights(), Some(&[2.0, 1.0][..]));
    assert_eq!(p.files().unwrap()[1], "b,c.jpg");
    let said = "target,boat,cloud,predicted\ncloud,0.25,0.75,cloud\n";
    let said = Predictions::from_csv(said.as_bytes(), None).unwrap();
    assert_eq!(said.predicted(), [1]);
    let other = ["cloud".to_string(), "boat".to_string()];
    let turned = Predictions::from_csv(text.as_bytes(), Some(&other)).unwrap();
    assert_eq!(turned.row(0), Some(&[0.75, 0.25][..]));
    let hard =
        Predictions::from_csv("target,predicted\nboat,cloud\n".as_bytes(), Some(&other)).unwrap();
    assert_eq!(
        (hard.targets(), hard.predicted(), hard.probabilities()),
        (&[1][..], &[0][..], None)
    );

    for (text, expected) in [
        ("boat,cloud\n1,0\n", "line 1: expected a column `target`"),
        ("target,boat,cloud\nboat,1\n", "line 2: "),
        (
            "target,boat,cloud\nboat,1,0\ndog,1,0\n",
            "line 3: the target is `dog`",
        ),
        (
            "target,boat,cloud\nboat,x,0\n",
            "line 2: column `boat`: expected a number, found `x`",
        ),
        // Lines end in two characters, or are empty.
        (
            "target,boat,cloud\r\nboat,1,0\r\nboat,x,0\r\n",
            "line 3: column `boat`",
        ),
        ("target,boat,cloud\n\n\r\ndog,1,0\n", "line 4: the target"),
        (
            "\r\ntarget,boat,cloud\r\n\"boat\",\"1\",\"0\"\r\nboat,1\r\n",
            "line 4: expected 3 columns, found 2",
        ),
        (
            "target,boat,cloud\nboat,0.3,0\n",
            "line 2: probabilities sum to 0.3",
        ),
        (
            "target,boat,cloud,predicted\nboat,1,0,cloud\n",
            "line 2: the prediction is class 1, but the most probable one",
        ),
        (
            "target,boat,cloud,predicted\nboat,1,0,dog\n",
            "line 2: the prediction is `dog`",
        ),
        (
            "target,boat,boat\nboat,1,0\n",
            "class name `boat` is given twice",
        ),
        ("target\n0\n", "there are no classes"),
        ("", "line 1: expected a column `target`"),
    ] {
        let error = Predictions::from_csv(text.as_bytes(), None).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let error = Predictions::from_csv("target,boat\n".as_bytes(), Some(&other)).unwrap_err();
    assert!(
        error.to_string().contains("expected a column `cloud`"),
        "{error}"
    );
    let error =
        Predictions::from_csv("target,boat,cloud,x\n".as_bytes(), Some(&other)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`x`, which is not among the classes"),
        "{error}"
    );
}

#[test]
fn parts_merged_equal_the_whole() {
    let whole = Predictions::new(
        vec![0, 1, 1],
        rows(&[&[0.9, 0.1], &[0.5, 0.5], &[0.2, 0.8]]),
    )
    .unwrap();
    let mut first = Predictions::new(vec![0], rows(&[&[0.9, 0.1]])).unwrap();
    let rest = Predictions::new(vec![1, 1], rows(&[&[0.5, 0.5], &[0.2, 0.8]])).unwrap();
    first.merge(&rest).unwrap();
    assert_eq!(first, whole);
    assert!(
        first
            .merge(&rest.clone().with_weights(vec![1.0, 1.0]).unwrap())
            .is_err()
    );
    assert!(
        first
            .merge(&rest.with_classes(["a", "b"]).unwrap())
            .is_err()
    );
    assert_eq!(first, whole); // a refused merge changes nothing
}

#[test]
fn printed_as_classification_report() {
    // sklearn.metrics.classification_report([0,1,2,2,2], [0,0,2,2,1], target_names=["cat","dog","a long name"])
    let p = Predictions::from_classes(vec![0, 1, 2, 2, 2], vec![0, 0, 2, 2, 1], 3)
        .unwrap()
        .with_classes(["cat", "dog", "a long name"])
        .unwrap();
    let expected = "              precision    recall  f1-score   support

         cat       0.50      1.00      0.67         1
         dog       0.00      0.00      0.00         1
 a long name       1.00      0.67      0.80         3

    accuracy                           0.60         5
   macro avg       0.50      0.56      0.49         5
weighted avg       0.70      0.60      0.61         5
";
    assert_eq!(p.summary().to_string(), expected);
}

#[test]
fn undefined_is_none_unless_asked() {
    let p = Predictions::from_classes(vec![0, 1], vec![0, 0], 3).unwrap();
    let confusion = p.confusion();
    assert_eq!(confusion.precision(), [Some(0.5), None, None]);
    assert_eq!(confusion.recall(), [Some(1.0), Some(0.0), None]);
    let confusion = confusion.with_zero_division(0.0);
    assert_eq!(confusion.precision(), [Some(0.5), Some(0.0), Some(0.0)]);
    assert_eq!(
        serde_json::to_string(&confusion).unwrap(),
        "[[1,0,0],[1,0,0],[0,0,0]]"
    );
}

/// The option is for what scikit-learn has it for; an undefined agreement is not turned into a perfect one.
#[test]
fn zero_division_leaves_agreement_and_shares_alone() {
    let p = Predictions::new(vec![0, 0], rows(&[&[0.9, 0.1], &[0.8, 0.2]])).unwrap();
    for value in [0.0, 1.0] {
        let confusion = p.confusion().with_zero_division(value);
        assert_eq!(confusion.precision(), [Some(1.0), Some(value)]);
        assert_eq!(confusion.accuracy(), Some(1.0));
        assert_eq!(confusion.balanced_accuracy(), Some(1.0));
        assert_eq!(confusion.matthews_corrcoef(), None);
        for weights in [
            KappaWeights::Unweighted,
            KappaWeights::Linear,
            KappaWeights::Quadratic,
        ] {
            assert_eq!(confusion.cohen_kappa(weights), None);
        }
        assert_eq!(
            confusion.normalized(Normalize::Target),
            [[Some(1.0), Some(0.0)], [None, None]]
        );
        let nothing = ConfusionMatrix::from_rows(&[vec![0.0]]).unwrap();
        let nothing = nothing.with_zero_division(value);
        assert_eq!(
            (nothing.accuracy(), nothing.balanced_accuracy()),
            (None, None)
        );
        let options = EvaluationOptions::new().with_zero_division(value);
        let evaluation = p.evaluate(&options).unwrap();
        for name in ["cohen_kappa", "matthews_corrcoef"] {
            let score = evaluation.score(name).unwrap();
            assert_eq!(score.value, None, "{name}");
            assert_eq!(score.reason, "targets are all of one class", "{name}");
        }
    }
}

#[test]
fn written_lines_are_read_again() {
    let soft = Predictions::new(vec![0, 1], vec![vec![0.125, 0.875], vec![0.75, 0.25]])
        .unwrap()
        .with_weights(vec![1.0, 0.5])
        .unwrap()
        .with_files(["a \"quoted\" name.jpg", "two\nlines.jpg"])
        .unwrap();
    let hard = Predictions::from_classes(vec![0, 1], vec![1, 1], 2).unwrap();
    for predictions in [soft, hard] {
        let mut lines = Vec::new();
        predictions.write_json_lines(&mut lines).unwrap();
        let classes = predictions.classes().to_vec();
        let again = Predictions::from_json_lines(lines.as_slice(), Some(&classes)).unwrap();
        assert_eq!(again, predictions);
    }
}
