//! What predictions refuse, and how they are read from files.

use metrics::confusion::{ClassMetric, KappaWeights, Normalize};
use metrics::curves::Ranking;
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
        "all predictions are of one class"
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
            assert_eq!(score.reason, "all targets are of one class", "{name}");
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

/// Pseudo-random numbers from 0 to 1 with all the digits that an `f64` has.
fn random() -> impl FnMut() -> f64 {
    let mut state = 1_u64;
    move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Tied scores, each written in two ways: a reading that is off by one bit breaks the ties, and the areas differ.
#[test]
fn json_and_csv_hold_the_same_numbers_to_the_bit() {
    let mut random = random();
    let (mut json, mut csv) = (String::new(), String::from("target,0,1\n"));
    let mut truth = Vec::new();
    for i in 0..4000 {
        let first = random();
        let second = 1.0 - first;
        for target in [i % 2, (i / 2) % 2] {
            let (a, b) = if target == 0 {
                (format!("{first:?}"), format!("{second:?}"))
            } else {
                (format!("{first:e}"), format!("{second:e}"))
            };
            json += &format!("{{\"target\": {target}, \"probabilities\": [{a}, {b}]}}\n");
            csv += &format!("{target},{a},{b}\n");
            truth.extend([first, second]);
        }
    }
    let json = Predictions::from_json_lines(json.as_bytes(), None).unwrap();
    let csv = Predictions::from_csv(csv.as_bytes(), None).unwrap();
    assert_eq!(json.probabilities().unwrap(), truth);
    assert_eq!(json, csv);
    for class in 0..2 {
        let ranking = |p: &Predictions| p.ranking(class).unwrap();
        assert_eq!(ranking(&json).thresholds().len(), 4000);
        assert_eq!(ranking(&json).roc_auc(), ranking(&csv).roc_auc());
    }
}

#[test]
fn columns_of_the_same_name_are_refused() {
    let names = ["boat".to_string(), "cloud".to_string()];
    for (text, expected) in [
        (
            "target,boat,target,cloud\nboat,1,cloud,0\n",
            "line 1: column `target` is given twice",
        ),
        (
            "target,boat,cloud,weight,weight\nboat,1,0,1,2\n",
            "line 1: column `weight` is given twice",
        ),
        (
            "file,target,boat,cloud,file\na,boat,1,0,b\n",
            "line 1: column `file` is given twice",
        ),
        (
            "predicted,target,predicted\nboat,boat,cloud\n",
            "line 1: column `predicted` is given twice",
        ),
        (
            "target,boat,cloud,boat\nboat,1,0,0\n",
            "class name `boat` is given twice",
        ),
    ] {
        let error = Predictions::from_csv(text.as_bytes(), Some(&names)).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let twice = r#"{"target": 0, "probabilities": [1, 0], "target": 1}"#;
    let error = Predictions::from_json_lines(twice.as_bytes(), None).unwrap_err();
    assert!(
        error.to_string().contains("duplicate field `target`"),
        "{error}"
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let json = "\u{feff}{\"target\": 1, \"probabilities\": [0.25, 0.75]}\n";
    let csv = "\u{feff}target,0,1\n1,0.25,0.75\n";
    let quoted = "\u{feff}\"target\",0,1\r\n1,0.25,0.75\r\n";
    let expected = Predictions::new(vec![1], vec![vec![0.25, 0.75]]).unwrap();
    let json = Predictions::from_json_lines(json.as_bytes(), None).unwrap();
    assert_eq!(json, expected);
    for csv in [csv, quoted] {
        assert_eq!(
            Predictions::from_csv(csv.as_bytes(), None).unwrap(),
            expected
        );
    }
    let only = Predictions::from_json_lines("\u{feff}".as_bytes(), None);
    assert!(matches!(only, Err(Error::Empty)));
}

/// Files of several blocks: the samples stay in order, and errors name the line, however far it is.
#[test]
fn long_files_are_read_as_short_ones_are() {
    let n = 150_000;
    let mut random = random();
    let rows: Vec<f64> = (0..n)
        .flat_map(|_| {
            let first = random();
            [first, 1.0 - first]
        })
        .collect();
    let targets: Vec<usize> = (0..n).map(|i| i / 7 % 2).collect();
    let expected = Predictions::from_flat(targets, rows, 2)
        .unwrap()
        .with_files((0..n).map(|i| format!("folder, of\n{i}.jpg")))
        .unwrap();
    let mut json = Vec::new();
    expected.write_json_lines(&mut json).unwrap();
    let mut csv = String::from("target,file,0,1\r\n");
    for (i, row) in expected.probabilities().unwrap().chunks(2).enumerate() {
        let target = expected.targets()[i];
        csv += &format!("{target},\"folder, of\n{i}.jpg\",{},{}\r\n", row[0], row[1]);
    }
    assert!(csv.len() > 6 << 20);
    assert_eq!(
        Predictions::from_json_lines(&json[..], None).unwrap(),
        expected
    );
    assert_eq!(
        Predictions::from_csv(csv.as_bytes(), None).unwrap(),
        expected
    );

    // Each sample of the table takes two lines.
    let (mut short, mut other) = (csv.clone(), csv.clone());
    short.push_str("0,x,1\r\n");
    other.push_str("dog,x,1,0\r\n");
    let line = 2 * n + 2;
    for (text, expected) in [
        (short, format!("line {line}: expected 4 columns, found 3")),
        (other, format!("line {line}: the target is `dog`")),
    ] {
        let error = Predictions::from_csv(text.as_bytes(), None).unwrap_err();
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    for (more, expected) in [
        (
            "{\"target\": 0, \"probabilities\": [1, 0]}",
            "`file` must be given",
        ),
        (
            "{\"target\": 0, \"probabilities\": [1]}",
            "expected 2 probabilities",
        ),
        ("\u{a0}\n\n{\"target\": }", "expected an object"),
    ] {
        let line = n + 1 + more.matches('\n').count();
        let text = [&json, more.as_bytes()].concat();
        let error = Predictions::from_json_lines(&text[..], None).unwrap_err();
        let expected = format!("line {line}: {expected}");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

/// Each weight is finite, but not what is computed from them.
#[test]
fn weights_that_sum_to_too_much_are_refused() {
    let two = |weight: f64| {
        let p = Predictions::new(vec![0, 1], rows(&[&[0.9, 0.1], &[0.2, 0.8]])).unwrap();
        p.with_weights(vec![weight; 2])
    };
    let refused = |error: Error| {
        assert!(matches!(error, Error::WeightSum { .. }), "{error}");
        assert!(error.to_string().contains("at most 1e75"), "{error}");
    };
    refused(two(1e308).unwrap_err());
    refused(two(1e75).unwrap_err());
    let mut large = two(2.0_f64.powi(248)).unwrap();
    // All scores are as with any other weights.
    let options = EvaluationOptions::new();
    let (found, usual) = (
        large.evaluate(&options),
        two(1.0).unwrap().evaluate(&options),
    );
    for (found, usual) in found.unwrap().scores.iter().zip(usual.unwrap().scores) {
        assert_eq!(found.value, usual.value, "{}", found.name);
    }
    let before = large.clone();
    refused(large.merge(&before).unwrap_err());
    assert_eq!(large, before);
    let line = r#"{"target": 0, "probabilities": [1, 0], "weight": 1e308}"#;
    let lines = format!("{line}\n{line}\n");
    refused(Predictions::from_json_lines(lines.as_bytes(), None).unwrap_err());
    refused(Ranking::new(&[true, false], &[0.5, 0.25], Some(&[1e308, 1e308])).unwrap_err());
    refused(ConfusionMatrix::from_rows(&rows(&[&[1e308, 1e308], &[0.0, 0.0]])).unwrap_err());
    let mut stream = StreamingMetrics::new(2, 10).unwrap();
    stream.update(&[0], &[0.5, 0.5], Some(&[9e74])).unwrap();
    let unchanged = stream.clone();
    refused(stream.update(&[0], &[0.5, 0.5], Some(&[9e74])).unwrap_err());
    refused(stream.merge(&unchanged).unwrap_err());
    assert_eq!(stream, unchanged);
}

/// The first line has the names of the classes; they come back, and no others are taken for them.
#[test]
fn names_of_classes_are_written_and_read_again() {
    let named = |names: [&str; 2]| {
        let p = Predictions::new(vec![0, 1], self::rows(&[&[0.9, 0.1], &[0.25, 0.75]])).unwrap();
        p.with_classes(names).unwrap()
    };
    let lines = |p: &Predictions| {
        let mut lines = Vec::new();
        p.write_json_lines(&mut lines).unwrap();
        String::from_utf8(lines).unwrap()
    };
    let boats = named(["boat", "cloud"]);
    let written = lines(&boats);
    assert!(written.starts_with("{\"target\":0,") && written.lines().count() == 2);
    assert_eq!(
        written.matches("\"classes\":[\"boat\",\"cloud\"]").count(),
        1
    );
    let read = |text: &str, given: Option<[&str; 2]>| {
        let given = given.map(|names| names.map(String::from));
        Predictions::from_json_lines(text.as_bytes(), given.as_ref().map(|names| &names[..]))
    };
    assert_eq!(read(&written, None).unwrap(), boats);
    assert_eq!(read(&written, Some(["boat", "cloud"])).unwrap(), boats);
    let renamed = read(&written, Some(["ship", "sky"])).unwrap();
    assert_eq!(renamed.classes(), ["ship", "sky"]);
    let swapped = read(&written, Some(["cloud", "boat"])).unwrap_err();
    assert!(
        swapped
            .to_string()
            .contains("the classes of this file are boat, cloud"),
        "{swapped}"
    );
    // Two files one after the other.
    assert_eq!(read(&(written.clone() + &written), None).unwrap().len(), 4);
    let mixed = written + &lines(&named(["cat", "dog"]));
    assert!(
        read(&mixed, None)
            .unwrap_err()
            .to_string()
            .contains("line 3")
    );
    // Indices are no names.
    assert!(!lines(&named(["0", "1"])).contains("classes"));
}

/// Where all samples are right, resampling them knows no mistakes; that is no reason to expect none.
#[test]
fn perfect_scores_have_no_interval_of_length_zero() {
    let sure: [&[f64]; 4] = [&[0.9, 0.1], &[0.2, 0.8], &[0.7, 0.3], &[0.4, 0.6]];
    let rows: Vec<&[f64]> = sure.iter().copied().cycle().take(12).collect();
    let targets = (0..12).map(|i| i % 2).collect();
    let p = Predictions::new(targets, self::rows(&rows)).unwrap();
    let bootstrap = metrics::Bootstrap::new().with_replicates(200);
    let evaluation = p
        .evaluate(&EvaluationOptions::new().with_intervals(bootstrap))
        .unwrap();
    // Wilson's interval of 12 of 12: 1 / (1 + z^2 / 12).
    let accuracy = evaluation.score("accuracy").unwrap().interval.unwrap();
    assert!(
        (accuracy.low - 0.757_506).abs() < 1e-6 && accuracy.high == 1.0,
        "{accuracy}"
    );
    for name in [
        "balanced_accuracy",
        "f1_macro",
        "matthews_corrcoef",
        "roc_auc_ovr_macro",
        "aurc",
    ] {
        let score = evaluation.score(name).unwrap();
        assert!(score.interval.is_none(), "{name}: {:?}", score.interval);
        assert!(
            score.no_interval.contains("the same in every replicate"),
            "{name}"
        );
    }
    assert!(evaluation.score("log_loss").unwrap().interval.is_some());
}

/// One sample of as many classes as columns: nothing grows with the square of the classes.
#[test]
fn one_row_of_many_classes_takes_little() {
    let k = 20_000;
    let mut row = vec![0.0; k];
    (row[3], row[17_000]) = (0.25, 0.75);
    let p = Predictions::from_flat(vec![3], row, k).unwrap();
    let options =
        EvaluationOptions::new().with_intervals(metrics::Bootstrap::new().with_replicates(100));
    let evaluation = p.evaluate(&options).unwrap();
    assert_eq!(evaluation.get("accuracy"), Some(0.0));
    assert_eq!(evaluation.get("top_2_accuracy"), Some(1.0));
    let reason = &evaluation.score("precision_macro").unwrap().reason;
    assert!(reason.ends_with("0, 1, 2, 3, 4 and 19994 more"), "{reason}");
    let text = serde_json::to_string(&evaluation).unwrap();
    assert!(text.len() < 6_000_000, "{}", text.len());
    assert!(text.contains(r#""confusion":{"classes":20000,"cells":[[3,17000,1.0]]}"#));
    let again: metrics::Evaluation = serde_json::from_str(&text).unwrap();
    assert_eq!(again.confusion, evaluation.confusion);
    let outside = r#"{"classes": 20000, "cells": [[3, 20000, 1.0]]}"#;
    assert!(serde_json::from_str::<ConfusionMatrix>(outside).is_err());
    assert_eq!(resident_megabytes().map(|found| found < 1000), Some(true));
}

/// The most memory that this process had so far, which all tests of this file share.
fn resident_megabytes() -> Option<usize> {
    if !cfg!(target_os = "linux") {
        return Some(0);
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024)
}
