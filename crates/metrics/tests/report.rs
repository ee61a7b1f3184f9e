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
    assert!(html.contains("Compared with &lt;old&gt;"));
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
#[test]
fn learning_curves_of_odd_numbers_are_drawn() {
    let curve = |points: &[(f64, f64)]| {
        let report = predictions(2).report(&EvaluationOptions::new()).unwrap();
        let report = report.with_learning_curve(
            LearningCurve::new("Loss", "Epoch").with_series("training", points.to_vec()),
        );
        let html = report.html().unwrap();
        let svg = html.split("<h3>Loss</h3>").nth(1).unwrap();
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
