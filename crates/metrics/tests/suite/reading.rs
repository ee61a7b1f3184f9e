//! Tables of predictions in the forms in which people have them.

use metrics::formats::{Reading, Scores};
use metrics::{Error, Predictions};

fn read(text: &str) -> Predictions {
    Reading::new().csv(text.as_bytes()).unwrap().predictions
}

fn refused(text: &str) -> String {
    Reading::new().csv(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn separators_and_usual_names_are_understood() {
    let expected = read("file,target,boat,cloud\na.jpg,boat,0.75,0.25\nb.jpg,cloud,0.5,0.5\n");
    for text in [
        "file;target;boat;cloud\na.jpg;boat;0.75;0.25\nb.jpg;cloud;0.5;0.5\n",
        "file\ttarget\tboat\tcloud\r\na.jpg\tboat\t0.75\t0.25\r\nb.jpg\tcloud\t0.5\t0.5\r\n",
        "\u{feff}id,boat,cloud,y_true\na.jpg,0.75,0.25,boat\nb.jpg,0.5,0.5,cloud\n",
        "filename,boat,cloud,true_label,y_pred\na.jpg,0.75,0.25,boat,boat\nb.jpg,0.5,0.5,cloud,boat\n",
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
    let reading = Reading::new()
        .with_target("truth".to_string())
        .with_file("key".to_string())
        .with_probabilities(vec!["p0".to_string(), "p1".to_string()])
        .with_classes(vec!["boat".to_string(), "cloud".to_string()]);
    let text = "key,fold,truth,p0,p1,note\na.jpg,1,boat,0.75,0.25,x\nb.jpg,2,cloud,0.5,0.5,y\n";
    assert_eq!(reading.csv(text.as_bytes()).unwrap().predictions, expected);
    let error = reading
        .csv("key,truth,p0\n".as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("expected a column `p1`"), "{error}");
}

/// Before, such a column became a class: with a fold of 0 in every row all numbers were others.
#[test]
fn columns_that_are_no_probabilities_are_named_and_refused() {
    for (text, word) in [
        (
            "target,boat,cloud,fold\nboat,0.75,0.25,0\ncloud,0.5,0.5,0\n",
            "`fold`",
        ),
        (
            ",target,boat,cloud\n0,boat,0.75,0.25\n1,cloud,0.5,0.5\n",
            "column 1 (without a name)",
        ),
        (
            "Unnamed: 0,target,boat,cloud\n0,boat,0.75,0.25\n",
            "`Unnamed: 0`",
        ),
        (
            "target,boat,cloud,size\nboat,0.75,0.25,640\ncloud,0.5,0.5,480\n",
            "`size`",
        ),
        (
            "target,boat,cloud,sharp\nboat,0.75,0.25,0.9\ncloud,0.5,0.5,0.1\n",
            "`sharp`",
        ),
        (
            "target,boat,cloud,wide,high\nboat,0.75,0.25,640,480\n",
            "`wide`, `high`",
        ),
    ] {
        let said = refused(text);
        assert!(
            said.contains(word)
                && said.contains("not probabilities of a class")
                && said.contains("--probabilities boat,cloud"),
            "{text}: {said}"
        );
    }
}

#[test]
fn classes_alone_give_what_can_be_computed() {
    let read = Reading::new()
        .csv("y_true,y_pred\ncat,cat\ndog,cat\ndog,dog\neel,dog\n".as_bytes())
        .unwrap();
    let predictions = read.predictions;
    assert_eq!(predictions.classes(), ["cat", "dog", "eel"]);
    assert_eq!(predictions.targets(), [0, 1, 1, 2]);
    assert_eq!(predictions.predicted(), [0, 0, 1, 1]);
    assert_eq!(predictions.confusion().accuracy(), Some(0.5));
    assert!(read.remarks[0].contains("no probabilities"));
    // Indices are in the order of numbers.
    let predictions = self::read("target,predicted,weight\n10,2,1\n2,2,3\n");
    assert_eq!(predictions.classes().len(), 11);
    assert_eq!(
        (predictions.targets(), predictions.predicted()),
        (&[10, 2][..], &[2, 2][..])
    );
    assert_eq!(predictions.weights(), Some(&[1.0, 3.0][..]));
    assert!(refused("y_true,y_pred\ncat\n").contains("line 2: expected 2 columns"));
}

#[test]
fn logits_become_probabilities() {
    let reading = Reading::new().with_scores(Scores::Logits);
    let csv = reading
        .csv("target,a,b,c\na,1000,999,-5\nb,0,0,0\n".as_bytes())
        .unwrap();
    let row = csv.predictions.row(0).unwrap();
    let expected = 1.0 / (1.0 + (-1.0_f64).exp());
    assert!(
        (row[0] - expected).abs() < 1e-12 && row[2] == 0.0,
        "{row:?}"
    );
    assert_eq!(csv.predictions.row(1), Some(&[1.0 / 3.0; 3][..]));
    let json = "{\"target\": 0, \"probabilities\": [2.0, -1.0]}\n";
    let json = reading.json_lines(json.as_bytes()).unwrap().predictions;
    assert!(json.row(0).unwrap()[0] > 0.95);
    let error = reading
        .csv("target,a,b\na,inf,0\n".as_bytes())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 2: the logit of class 0 is inf"),
        "{error}"
    );
}

/// Before, numbers of JSON were off by a last bit at times, so that equal scores became different ones.
#[test]
fn numbers_of_json_are_exact() {
    let (mut csv, mut json) = (String::from("target,a,b\n"), String::new());
    // Decimals of 17 digits, and the same of 16, which are read as the nearest number.
    for i in 0..2000_u64 {
        let digits = i.wrapping_mul(6_364_136_223_846_793_005) % 89_999_999_999_999_999
            + 10_000_000_000_000_000;
        let (p, target) = (format!("0.{digits}"), i % 2);
        let rest = 1.0 - p.parse::<f64>().unwrap();
        csv += &format!("{},{p},{rest:?}\n", ["a", "b"][target as usize]);
        json += &format!("{{\"target\": {target}, \"probabilities\": [{p}, {rest:?}]}}\n");
    }
    let json = Reading::new().json_lines(json.as_bytes()).unwrap();
    let (csv, json) = (read(&csv), json.predictions);
    let bits = |predictions: &Predictions| -> Vec<u64> {
        let all = predictions.probabilities().unwrap();
        all.iter().map(|p| p.to_bits()).collect()
    };
    assert_eq!(bits(&csv), bits(&json));
    // Tied scores of which one stands in another notation: an area of one half, with half of the pairs tied.
    let tied = "{\"target\": 0, \"probabilities\": [0.30000000000000004, 0.7]}\n{\"target\": 1, \"probabilities\": \
                [3.0000000000000004e-1, 0.7]}\n";
    let tied = Reading::new().json_lines(tied.as_bytes()).unwrap();
    let rows = [0, 1].map(|row| tied.predictions.row(row).unwrap().to_vec());
    assert_eq!(rows[0], rows[1]);
}

/// Three probabilities in half precision sum to 0.9995, which was refused.
#[test]
fn probabilities_in_half_precision_are_divided_by_their_sums() {
    let text = "target,a,b,c\na,0.3333,0.3333,0.3333\nb,0.25,0.5,0.25\n";
    let read = Reading::new().csv(text.as_bytes()).unwrap();
    assert_eq!(read.predictions.row(1), Some(&[0.25, 0.5, 0.25][..]));
    let sum: f64 = read.predictions.row(0).unwrap().iter().sum();
    assert!((sum - 1.0).abs() < 1e-12);
    assert!(
        read.remarks[0].contains("1 of 2 samples"),
        "{:?}",
        read.remarks
    );
    let exact = Reading::new()
        .csv("target,a,b\na,0.5,0.5\n".as_bytes())
        .unwrap();
    assert!(exact.remarks.is_empty());
    let far = refused("target,a,b\na,0.5,0.4\n");
    assert!(far.contains("sum to 0.9"), "{far}");
}

/// Before, the same files in another order were refused.
#[test]
fn samples_are_paired_by_their_files() {
    let first = read("file,target,a,b\n1,a,1,0\n2,b,0,1\n3,a,1,0\n");
    let second = read("file,target,a,b\n3,a,0,1\n4,b,0,1\n1,a,1,0\n");
    let pairs = first.align(&second).unwrap().unwrap();
    assert_eq!(
        (&pairs.first[..], &pairs.second[..]),
        (&[0, 2][..], &[2, 0][..])
    );
    assert_eq!(
        (&pairs.only_first[..], &pairs.only_second[..]),
        (&["2".to_string()][..], &["4".to_string()][..])
    );
    let (first, second) = (
        first.subset(&pairs.first).unwrap(),
        second.subset(&pairs.second).unwrap(),
    );
    let compared = first
        .compare(&second, &metrics::Bootstrap::new().with_replicates(10))
        .unwrap();
    assert_eq!(compared.outcomes.broken, [1]);
    let other = read("file,target,a,b\n7,a,1,0\n");
    assert!(matches!(
        other.align(&first),
        Err(Error::Mismatch { what: "files", .. })
    ));
    let twice = read("file,target,a,b\n1,a,1,0\n1,b,0,1\n");
    assert_eq!(twice.align(&first).unwrap(), None);
}
