//! The report page: self-contained, escaped, the same bytes for the same input.
#![cfg(feature = "report")]

use metrics::report::{LearningCurve, ModelCard, Picture, Report};
use metrics::{Bootstrap, EvaluationOptions, Predictions};

fn predictions(k: usize) -> Predictions {
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f64 / (1 << 24) as f64
    };
    let targets: Vec<usize> = (0..240).map(|i| i % k).collect();
    let rows = targets
        .iter()
        .map(|&target| {
            let mut row: Vec<f64> = (0..k).map(|_| random() + 0.01).collect();
            row[target] += 2.5 * random();
            let sum: f64 = row.iter().sum();
            row.iter().map(|value| value / sum).collect()
        })
        .collect();
    Predictions::new(targets, rows).unwrap()
}

fn nasty(k: usize) -> Report {
    let names = (0..k).map(|class| format!("<script>alert({class})</script>"));
    let p = predictions(k)
        .with_classes(names)
        .unwrap()
        .with_files((0..240).map(|i| format!("\"><img src=http://x/{i}>")))
        .unwrap();
    let options = EvaluationOptions::new().with_intervals(Bootstrap::new().with_replicates(50));
    let mut report = p
        .report(&options)
        .unwrap()
        .with_title("Boats & <b>clouds</b>")
        .with_date("2026-11-24")
        .with_fact("Weights", "</dd><script>")
        .with_learning_curve(
            LearningCurve::new("Loss", "Epoch")
                .with_series("training", [(0.0, 1.0), (1.0, f64::NAN), (2.0, 0.5)]),
        )
        .with_card(ModelCard {
            name: "boats: \"the\" model".into(),
            intended_use: "To tell boats from <i>clouds</i>.".into(),
            license: "apache-2.0".into(),
            ..ModelCard::default()
        });
    for sample in report.shown() {
        report = report.with_picture(
            sample,
            Picture {
                media_type: "image/png".into(),
                bytes: vec![1, 2, 3],
            },
        );
    }
    report.with_picture(
        0,
        Picture {
            media_type: "text/html\" onload=\"".into(),
            bytes: vec![],
        },
    )
}

#[test]
fn names_are_shown_and_never_run() {
    for k in [2, 5, 40] {
        let html = nasty(k).html().unwrap();
        assert!(!html.contains("<script"), "{k}");
        assert!(!html.contains("<img src=http"), "{k}");
        assert!(!html.contains("onload"), "{k}");
        assert!(
            html.contains("&lt;script&gt;alert(0)&lt;/script&gt;"),
            "{k}"
        );
        assert!(
            html.contains("Boats &amp; &lt;b&gt;clouds&lt;/b&gt;"),
            "{k}"
        );
        // What a page could fetch: nothing but the data it carries.
        for (at, _) in html.match_indices("src=\"") {
            assert!(html[at..].starts_with("src=\"data:image/"), "{k}");
        }
        assert!(
            !html.contains("href=") && !html.contains("url(") && !html.contains("@import"),
            "{k}"
        );
        assert!(html.len() < 2_000_000, "{k}: {}", html.len());
    }
}

/// A page for many classes grows with what was confused, not with the square of the classes.
#[test]
fn empty_cells_of_large_matrices_are_not_drawn() {
    let p = predictions(60);
    let html = p.report(&EvaluationOptions::new()).unwrap().html().unwrap();
    let svg = html
        .split("aria-label=\"Confusion matrix\"")
        .nth(1)
        .unwrap();
    let svg = svg.split("</svg>").next().unwrap();
    let filled = p
        .confusion()
        .rows()
        .flatten()
        .filter(|&&cell| cell > 0.0)
        .count();
    assert!(filled > 60, "{filled}");
    assert_eq!(svg.matches("<rect").count(), filled);
}

#[test]
fn same_input_same_bytes() {
    assert_eq!(nasty(3).html().unwrap(), nasty(3).html().unwrap());
    assert_eq!(nasty(3).card_markdown(), nasty(3).card_markdown());
}

#[test]
fn a_page_is_written_whole_or_not_at_all() {
    let (dir, report) = (tempfile::tempdir().unwrap(), nasty(2));
    let path = dir.path().join("report.html");
    std::fs::write(&path, "an older page").unwrap();
    // Whoever has the old page open keeps it: the new one is another file, put in its place.
    let mut open = std::fs::File::open(&path).unwrap();
    report.write_html(&path).unwrap();
    let mut old = String::new();
    std::io::Read::read_to_string(&mut open, &mut old).unwrap();
    assert_eq!(old, "an older page");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == report.html().unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    let nowhere = dir.path().join("nowhere/report.html");
    let error = report.write_html(&nowhere).unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
    // A name alone, as in the documents, is a path too.
    let _: fn(&Report, &str) -> metrics::Result<()> = |report, path| report.write_html(path);
}

#[test]
fn card_has_front_matter() {
    let markdown = nasty(3).card_markdown().unwrap();
    assert!(
        markdown.starts_with("---\nlicense: \"apache-2.0\"\npipeline_tag: image-classification\n")
    );
    assert!(
        markdown.contains("- name: \"boats: \\\"the\\\" model\"\n"),
        "{markdown}"
    );
    assert!(
        markdown.contains("    - type: accuracy\n      value: 0."),
        "{markdown}"
    );
}

#[test]
fn hard_classes_and_single_samples_have_a_report_too() {
    let hard = Predictions::from_classes(vec![0, 1, 1], vec![0, 1, 0], 2).unwrap();
    assert!(
        hard.report(&EvaluationOptions::new())
            .unwrap()
            .html()
            .unwrap()
            .contains("needs probabilities")
    );
    let one = Predictions::new(vec![0], vec![vec![1.0]]).unwrap();
    one.report(&EvaluationOptions::new())
        .unwrap()
        .html()
        .unwrap();
}

#[test]
fn comparison_shows_who_changed_sides() {
    let second = predictions(3)
        .with_files((0..240).map(|i| format!("{i}.jpg")))
        .unwrap();
    // The first one is wrong on every tenth sample, and right on the ones after those.
    let sure = |class: usize| {
        (0..3)
            .map(|k| if k == class { 0.98 } else { 0.01 })
            .collect()
    };
    let rows = (0..240).map(|i| match i % 10 {
        0 => sure((i + 1) % 3),
        1 => sure(i % 3),
        _ => second.row(i).unwrap().to_vec(),
    });
    let first = Predictions::new(second.targets().to_vec(), rows.collect()).unwrap();
    let compared = first
        .compare(&second, &Bootstrap::new().with_replicates(50))
        .unwrap();
    let (fixed, broken) = (
        compared.outcomes.fixed.clone(),
        compared.outcomes.broken.clone(),
    );
    assert!(fixed.len() > 5 && !broken.is_empty());
    let accuracy = &compared.scores[0];
    assert_eq!(accuracy.name, "accuracy");
    let gain = (fixed.len() as f64 - broken.len() as f64) / 240.0;
    assert!((accuracy.difference.value - gain).abs() < 1e-12);
    assert!(accuracy.difference.low < gain && gain < accuracy.difference.high);
    assert!(compared.delong.is_none(), "three classes");
    let text = compared.to_string();
    assert!(
        text.contains("McNemar's test (chi-squared): p = 0."),
        "{text}"
    );

    let report = second.report(&EvaluationOptions::new()).unwrap();
    // The other way round, or of other samples: a page from these would lie.
    let few = Bootstrap::new().with_replicates(50);
    let turned = second.compare(&first, &few).unwrap();
    let error = report
        .clone()
        .with_comparison("<old>", &first, turned)
        .unwrap_err();
    assert!(error.to_string().contains("the other way round"), "{error}");
    let report = report.with_comparison("<old>", &first, compared).unwrap();
    let shown = report.shown();
    assert!(
        fixed
            .iter()
            .take(12)
            .chain(&broken)
            .all(|sample| shown.contains(sample))
    );
    let html = report.html().unwrap();
    assert!(html.contains("Compared with <bdi>&lt;old&gt;</bdi>"));
    assert!(html.contains("Now right") && html.contains("No longer right"));
    let other = predictions(2);
    let compared = other
        .compare(&other, &Bootstrap::new().with_replicates(50))
        .unwrap();
    assert!(compared.outcomes.mcnemar.is_none());
    assert_eq!(compared.delong.unwrap().p_value, None);
    assert!(
        report
            .with_comparison("two classes", &other, compared)
            .is_err()
    );
}

/// One epoch, values that differ in the fifth digit, and numbers that no axis can have.
/// A label beside an axis is no longer than the axis; the title says the rest.
#[test]
fn labels_of_axes_are_not_cut() {
    let title = "Share of the pictures of everything that is right by their number";
    let page = |curve: LearningCurve| {
        let report = predictions(2).report(&EvaluationOptions::new()).unwrap();
        let curve = curve.with_series("measured", [(0.0, 0.5), (1.0, 0.75)]);
        report.with_learning_curve(curve).html().unwrap()
    };
    let beside_axis = |page: &str| {
        let texts = page.split("transform=\"rotate(270").skip(1);
        let texts = texts.filter_map(|text| text.split(['>', '<']).nth(1));
        texts
            .map(|text| text.trim().to_string())
            .collect::<Vec<_>>()
    };
    let named = page(LearningCurve::new("Accuracy", "images").with_title(title));
    assert!(named.contains(&format!("<h3><bdi>{title}</bdi></h3>")));
    assert!(
        beside_axis(&named).contains(&"Accuracy".to_string()),
        "{:?}",
        beside_axis(&named)
    );
    let long = page(LearningCurve::new(title, "images"));
    assert!(long.contains(&format!("<h3><bdi>{title}</bdi></h3>")));
    assert!(
        beside_axis(&long)
            .iter()
            .all(|text| text.chars().count() <= 21)
    );
}

#[test]
fn learning_curves_of_odd_numbers_are_drawn() {
    let curve = |points: &[(f64, f64)]| {
        let report = predictions(2).report(&EvaluationOptions::new()).unwrap();
        let report = report.with_learning_curve(
            LearningCurve::new("Loss", "Epoch").with_series("training", points.to_vec()),
        );
        let html = report.html().unwrap();
        let svg = html.split("<h3><bdi>Loss</bdi></h3>").nth(1).unwrap();
        svg.split("</svg>").next().unwrap().to_string()
    };
    assert!(curve(&[(1.0, 0.5)]).contains("<circle"));
    let small = curve(&[(0.0, 1e-4), (1.0, 4e-4)]);
    assert!(
        small.contains("0.0002") && small.contains("0.0003"),
        "{small}"
    );
    for huge in [f64::MAX, 1e308, 1e29] {
        curve(&[(0.0, -huge), (1.0, huge), (2.0, 1.0)]);
    }
    curve(&[(0.0, 1e20), (1.0, 1e20 + 65536.0)]);
}

#[test]
fn thumbnails_are_asked_for_the_samples_that_the_page_shows() {
    let report = predictions(3).report(&EvaluationOptions::new()).unwrap();
    let shown = report.shown();
    let mut asked = Vec::new();
    let html = report
        .with_pictures(|sample| {
            asked.push(sample);
            (sample != shown[0]).then(|| Picture::jpeg(vec![1, 2, 3]))
        })
        .html()
        .unwrap();
    assert_eq!(asked, shown);
    assert!(html.contains("src=\"data:image/jpeg;base64,AQID\""));
}

/// Everything that a stranger may name holds this.
const NAME: &str = "Z\u{202e}gpj\u{1b}[31m\n\u{2067}<i>";
const SHOWN: &str = "Z\\u{202e}gpj\\u{1b}[31m\\n\\u{2067}&lt;i&gt;";

/// The text of the page between two marks, without them.
fn without(html: &str, from: &str, to: &str) -> String {
    let mut parts = html.split(from);
    let mut kept = parts.next().unwrap().to_string();
    for part in parts {
        kept += part.split_once(to).unwrap().1;
    }
    kept
}

#[test]
fn text_of_strangers_shows_what_it_hides_and_does_not_turn_the_text_around_it() {
    for k in [2, 5, 40] {
        let named = predictions(k)
            .with_classes((0..k).map(|class| format!("{NAME}{class}")))
            .unwrap()
            .with_files((0..240).map(|i| format!("{NAME}{i}")))
            .unwrap();
        let few = Bootstrap::new().with_replicates(20);
        let other = named.compare(&named, &few).unwrap();
        let report = named
            .report(&EvaluationOptions::new())
            .unwrap()
            .with_title(NAME)
            .with_date(NAME)
            .with_fact(NAME, NAME)
            .with_overlay_note(NAME)
            .with_learning_curve(
                LearningCurve::new(NAME, NAME)
                    .with_title(NAME)
                    .with_series(NAME, [(0.0, 1.0)]),
            )
            .with_comparison(NAME, &named, other)
            .unwrap()
            .with_card(ModelCard {
                name: NAME.into(),
                intended_use: NAME.into(),
                data: NAME.into(),
                limits: NAME.into(),
                license: NAME.into(),
                base_model: NAME.into(),
                dataset: NAME.into(),
                tags: vec![NAME.into()],
            });
        let report = report.with_pictures(|_| Some(Picture::jpeg(vec![1])));
        let html = report.html().unwrap();
        for hidden in ['\u{202e}', '\u{2067}', '\u{1b}'] {
            assert!(!html.contains(hidden), "{k}: {hidden:?}");
            assert!(!report.card_markdown().unwrap().contains(hidden), "{k}");
        }
        assert!(html.contains(SHOWN));
        // In pictures and attributes there are no elements to keep a direction apart.
        let text = without(&html, "<svg", "</svg>");
        let text = without(&text, " alt=\"", "\"");
        let text = without(&text, "<title>", "</title>");
        for (at, _) in text.match_indices("Z\\u{202e}") {
            let count = |mark: &str| text[..at].matches(mark).count();
            let around = &text[at.saturating_sub(80)..at];
            assert_eq!(count("<bdi>"), count("</bdi>") + 1, "{k}: {around}");
        }
    }
}

#[test]
fn confused_classes_are_named_in_words() {
    let targets = vec![0, 0, 0, 0, 1, 1, 1, 2, 2];
    let predicted = vec![1, 1, 1, 0, 1, 2, 1, 2, 1];
    let p = Predictions::from_classes(targets, predicted, 3)
        .unwrap()
        .with_classes(["vehicles", "town", "forest"])
        .unwrap();
    let options = EvaluationOptions::new().with_intervals(Bootstrap::new().with_replicates(20));
    let evaluation = p.evaluate(&options).unwrap();
    let words: Vec<String> = evaluation
        .confused_pairs
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "vehicles taken for town: 3 of 4",
        "forest taken for town: 1 of 2",
        "town taken for forest: 1 of 3",
    ];
    assert_eq!(words, expected);
    let interval = evaluation.confused_pairs[0].interval.unwrap();
    // The formula of Wilson (1927), computed apart in double precision.
    assert!((interval.low - 0.300_641_843).abs() < 1e-8, "{interval}");
    assert!((interval.high - 0.954_412_739).abs() < 1e-8, "{interval}");
    let html = p.report(&options).unwrap().html().unwrap();
    assert!(html.contains("<bdi>vehicles</bdi> taken for <bdi>town</bdi></th><td>3 of 4</td>"));
    assert!(html.contains("<td>75.0 %</td><td>30.1 % to 95.4 %</td>"));
    let json = serde_json::to_value(&evaluation).unwrap();
    assert_eq!(json["confused_pairs"][0]["target"], "vehicles");
    assert_eq!(json["confused_pairs"][0]["count"], 3.0);
    let read: metrics::Evaluation = serde_json::from_value(json).unwrap();
    assert_eq!(read.confused_pairs, evaluation.confused_pairs);

    // Samples with weights are no counts, also where the weights are whole numbers.
    let weighted = p.clone().with_weights(vec![2.0; 9]).unwrap();
    let pair = &weighted.evaluate(&options).unwrap().confused_pairs[0];
    assert_eq!(
        (pair.to_string().as_str(), pair.interval),
        ("vehicles taken for town: 6 of 8", None)
    );
    let right = Predictions::from_classes(vec![0, 1], vec![0, 1], 2).unwrap();
    let html = right.report(&options).unwrap().html().unwrap();
    assert!(!html.contains("Most confused"));
}

/// A matrix of 40 or 200 classes: clustered rows, names on hover and in the table, and the worst block enlarged.
#[test]
fn matrices_of_many_classes_can_be_read() {
    for k in [40, 200] {
        // Classes that lie far apart in their own order are confused: each with the one k / 2 further on.
        let targets: Vec<usize> = (0..10 * k).map(|i| i % k).collect();
        let far = |(i, &target): (usize, &usize)| match i / k {
            0 | 1 => (target + k / 2) % k,
            2 if target < 4 => (target + k / 2) % k,
            _ => target,
        };
        let predicted = targets.iter().enumerate().map(far).collect();
        let p = Predictions::from_classes(targets, predicted, k)
            .unwrap()
            .with_classes((0..k).map(|class| format!("class <{class}>")))
            .unwrap();
        let html = p.report(&EvaluationOptions::new()).unwrap().html().unwrap();
        let order = p.confusion().clustered_order();
        for pair in order.chunks(2) {
            assert_eq!(pair[0].abs_diff(pair[1]), k / 2);
        }
        assert!(html.contains("hierarchical clustering with average linkage"));
        // On hover.
        let title = format!(
            "<title>target: class &lt;0&gt;\npredicted: class &lt;{}&gt;\n3 of 10 (30.0 %)</title>",
            k / 2
        );
        assert!(html.contains(&title), "{k}");
        // In the table, with the number that the matrix has.
        for (place, class) in order.iter().enumerate() {
            let row = format!(
                "<tr><th scope=\"row\">{} <bdi>class &lt;{class}&gt;</bdi></th>",
                place + 1
            );
            assert!(html.contains(&row), "{k}: {row}");
        }
        // Enlarged: eight of the classes that were confused three times, each with its own name and count.
        let block = html
            .split("aria-label=\"The block with the most mistakes\"")
            .nth(1)
            .unwrap();
        let block = block.split("</figure>").next().unwrap();
        assert_eq!(block.matches("<rect").count(), 64);
        assert_eq!(block.matches(">30.0 %</text>").count(), 4);
        assert!(
            block.contains("mistakes are between these 8 classes"),
            "{block}"
        );
        assert!(html.matches("class=\"frame\"").count() == 1);
    }
    let few = predictions(10).report(&EvaluationOptions::new()).unwrap();
    let html = few.html().unwrap();
    assert!(!html.contains("clustering") && !html.contains("class=\"frame\""));
}

/// The curve of the first of two classes is the mirror image of that of the second.
#[test]
fn two_classes_have_one_curve() {
    let names = |k: usize| (0..k).map(|class| format!("class{class}"));
    for k in [2, 3] {
        let p = predictions(k).with_classes(names(k)).unwrap();
        let html = p.report(&EvaluationOptions::new()).unwrap().html().unwrap();
        for chart in ["ROC", "Precision and recall"] {
            let title = format!("<h3><bdi>{chart}</bdi></h3>");
            let figure = html.split(&title).nth(1).unwrap();
            let figure = figure.split("</figure>").next().unwrap();
            let legend = figure.split("<ul class=\"legend\">").nth(1).unwrap();
            assert_eq!(legend.matches("<li>").count(), if k == 2 { 1 } else { 3 });
            let says = "The positive class is <bdi>class1</bdi>, the second of the two";
            assert_eq!(figure.contains(says), k == 2);
        }
    }
}

/// Each number has an interval, or a reason why it has none: on the page and in the JSON.
#[test]
fn each_number_has_an_interval_or_a_reason() {
    let none = EvaluationOptions::new();
    let asked = none.with_intervals(Bootstrap::new().with_replicates(20));
    let weighted = predictions(3).with_weights((0..240).map(f64::from).collect());
    let all = [
        predictions(2),
        predictions(3),
        weighted.unwrap(),
        Predictions::new(
            vec![0, 1, 1],
            vec![vec![0.9, 0.1], vec![0.8, 0.2], vec![0.3, 0.7]],
        )
        .unwrap(),
        Predictions::from_classes(vec![0, 1, 1], vec![0, 1, 0], 2).unwrap(),
        Predictions::from_classes(vec![0; 3], vec![0; 3], 30).unwrap(),
    ];
    for p in &all {
        for options in [none, asked, asked.with_zero_division(1.0)] {
            let report = p.report(&options).unwrap();
            let evaluation = report.evaluation();
            let json = serde_json::to_value(evaluation).unwrap();
            for score in &evaluation.scores {
                let given = [
                    score.interval.is_some(),
                    !score.no_interval.is_empty(),
                    !score.reason.is_empty(),
                ];
                assert_eq!(given.iter().filter(|&&is| is).count(), 1, "{score:?}");
                let in_json = |key: &str| json[key].get(score.name).is_some();
                let found = ["intervals", "no_interval", "undefined"].map(in_json);
                assert_eq!(found, given, "{score:?}");
            }
            for class in &evaluation.per_class {
                let whole = !evaluation.no_interval_per_class.contains_key("recall");
                let has = class.recall_interval.is_some();
                assert_eq!(has, whole && class.support > 0.0, "{class:?}");
            }
            let html = report.html().unwrap();
            assert!(!html.contains("<td></td></tr>"), "an empty last cell");
            assert!(!html.contains("interval: .") && !html.contains("intervals: ."));
        }
    }
    // Wilson's interval of the top-k accuracy, as of any share.
    let top = all[1].evaluate(&asked).unwrap();
    let top = top.score("top_2_accuracy").unwrap();
    let right = (top.value.unwrap() * 240.0).round() as u64;
    assert_eq!(
        top.interval,
        metrics::uncertainty::wilson_interval(right, 240, 0.95)
    );
    // Reasons do not list hundreds of classes.
    let reason = &all[5]
        .evaluate(&none)
        .unwrap()
        .score("precision_macro")
        .cloned();
    assert!(reason.as_ref().is_none_or(|score| score.reason.len() < 100));
}
