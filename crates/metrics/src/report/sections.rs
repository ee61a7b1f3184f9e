use std::fmt::Write;

use super::charts::{self, COLOURS, Chart, Series, Shape};
use super::html::{escape, interval, number, percent, shell, table};
use super::{LearningCurve, Report, comparison, gallery};
use crate::{Evaluation, Ranking, Result};

/// Up to so many classes the confusion matrix and the table of the classes stand side by side on a wide screen.
const SIDE_BY_SIDE: usize = 6;

pub(super) fn page(report: &Report) -> Result<String> {
    let mut body = header(report);
    let confusion = format!(
        "<figure class=\"confusion\">{}<figcaption>Rows are targets, columns what was said; shares are of the \
         row.</figcaption></figure>\n",
        charts::confusion(&report.evaluation.confusion, &report.evaluation.classes)?
    );
    let confusion = format!("<h2>Which classes are taken for which</h2>\n{confusion}");
    let classes = format!("<h2>Class by class</h2>\n{}", per_class(&report.evaluation));
    body += &if report.evaluation.classes.len() <= SIDE_BY_SIDE {
        format!(
            "<div class=\"split\">\n<div>{}{classes}</div>\n<div>{confusion}</div>\n</div>\n",
            evaluated(report)
        )
    } else {
        evaluated(report) + &confusion + &classes
    };
    if let Some(other) = &report.comparison {
        body += &comparison::section(report, other);
    }
    body += &curves(report)?;
    body += &galleries(report);
    body += "<h2>All numbers</h2>\n";
    body += &all_numbers(&report.evaluation);
    if let Some(card) = &report.card {
        body += &card.html(&report.evaluation);
    }
    Ok(shell(&report.title, &body))
}

fn header(report: &Report) -> String {
    let evaluation = &report.evaluation;
    let wrong = report.predictions.mistakes().count();
    let mut html = format!(
        "<header>\n<h1>{}</h1>\n<p class=\"soft\">",
        escape(&report.title)
    );
    if let Some(date) = &report.date {
        let _ = write!(html, "{} · ", escape(date));
    }
    let _ = write!(
        html,
        "{} samples · {} classes · {wrong} mistakes</p>\n<div class=\"tiles\">\n",
        evaluation.samples,
        evaluation.classes.len()
    );
    for (name, title, class) in [
        ("accuracy", "Accuracy", "tile lead"),
        ("balanced_accuracy", "Balanced accuracy", "tile"),
        ("f1_macro", "Macro F1", "tile"),
        ("roc_auc_ovr_macro", "Area under ROC", "tile"),
        ("log_loss", "Log loss", "tile"),
        ("ece_15", "Calibration error", "tile"),
    ] {
        let Some(score) = evaluation.score(name) else {
            continue;
        };
        let value = match (name, score.value) {
            ("accuracy" | "balanced_accuracy", Some(value)) => percent(value),
            (_, value) => number(value),
        };
        let mut note = match (score.interval, name) {
            (Some(e), "accuracy" | "balanced_accuracy") => {
                format!("{} to {}", percent(e.low), percent(e.high))
            }
            (None, "ece_15") if score.value.is_some() => "in 15 bins".to_string(),
            (estimate, _) if score.value.is_some() => interval(estimate),
            _ => escape(&score.reason),
        };
        if !note.is_empty() {
            note = format!("<span>{note}</span>");
        }
        let _ = writeln!(
            html,
            "<div class=\"{class}\"><span>{title}</span><b>{value}</b>{note}</div>"
        );
    }
    html += "</div>\n</header>\n";
    html
}

fn evaluated(report: &Report) -> String {
    let mut html = String::from("<h2>What was evaluated</h2>\n<dl>\n");
    for (name, value) in &report.facts {
        let _ = writeln!(html, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
    }
    let counts: Vec<String> = report
        .evaluation
        .per_class
        .iter()
        .take(30)
        .map(|class| format!("{} {}", escape(&class.name), class.support))
        .collect();
    let more = report.evaluation.per_class.len().saturating_sub(30);
    let more = if more > 0 {
        format!(" and {more} more classes")
    } else {
        String::new()
    };
    let _ = writeln!(
        html,
        "<dt>Samples</dt><dd>{}{more}</dd>\n</dl>",
        counts.join(", ")
    );
    html
}

fn per_class(evaluation: &Evaluation) -> String {
    let rows: Vec<Vec<String>> = evaluation
        .per_class
        .iter()
        .map(|class| {
            let numbers = [
                class.precision,
                class.recall,
                class.f1,
                class.specificity,
                class.roc_auc,
                class.average_precision,
            ];
            let mut row = vec![escape(&class.name)];
            row.extend(numbers.map(number));
            row.push(class.support.to_string());
            row
        })
        .collect();
    table(
        &[
            "Class",
            "Precision",
            "Recall",
            "F1",
            "Specificity",
            "ROC area",
            "Average precision",
            "Samples",
        ],
        &rows,
    )
}

fn curves(report: &Report) -> Result<String> {
    let evaluation = &report.evaluation;
    let mut html = String::new();
    if !evaluation.rankings.is_empty() {
        html += &ranked(
            evaluation,
            ("ROC", "false positive rate", "true positive rate"),
            (true, "Each class against the rest, with its area."),
            |class| class.roc_auc,
            |ranking| {
                let curve = ranking.roc()?;
                Some(
                    curve
                        .false_positive_rate
                        .into_iter()
                        .zip(curve.true_positive_rate)
                        .collect(),
                )
            },
        )?;
        html += &ranked(
            evaluation,
            ("Precision and recall", "recall", "precision"),
            (
                false,
                "Each class against the rest, with its average precision.",
            ),
            |class| class.average_precision,
            |ranking| {
                let curve = ranking.precision_recall()?;
                Some(
                    curve
                        .recall
                        .into_iter()
                        .zip(curve.precision)
                        .rev()
                        .collect(),
                )
            },
        )?;
        html += &reliability(evaluation)?;
        html += &histogram(report)?;
        html += &coverage(evaluation)?;
    }
    for curve in &report.learning_curves {
        html += &learning(curve)?;
    }
    if !html.is_empty() {
        html = format!("<h2>Curves</h2>\n<div class=\"grid\">\n{html}</div>\n");
    }
    Ok(html)
}

/// One curve a class; of many classes those with the smallest area.
fn ranked(
    evaluation: &Evaluation,
    (title, x, y): (&str, &str, &str),
    (diagonal, note): (bool, &str),
    area: impl Fn(&crate::ClassScores) -> Option<f64>,
    points: impl Fn(&Ranking) -> Option<Vec<(f64, f64)>>,
) -> Result<String> {
    let mut classes: Vec<usize> = (0..evaluation.classes.len()).collect();
    let mut note = note.to_string();
    // Curves that hug the corner are looked at there.
    let near = |&class: &usize| area(&evaluation.per_class[class]).is_none_or(|area| area > 0.97);
    let zoomed = classes.iter().all(near);
    let (low, high) = if zoomed { (0.8, 1.004) } else { (0.0, 1.02) };
    let x_range = match (zoomed, diagonal) {
        (false, _) => (0.0, 1.0),
        (true, true) => (0.0, 0.2),
        (true, false) => (0.8, 1.0),
    };
    if zoomed {
        note += " Only the corner is shown.";
    }
    if classes.len() > COLOURS {
        let key = |&class: &usize| area(&evaluation.per_class[class]).unwrap_or(2.0);
        classes.sort_by(|a, b| key(a).total_cmp(&key(b)));
        classes.truncate(COLOURS);
        let _ = write!(
            note,
            " Of {} classes the {COLOURS} weakest.",
            evaluation.classes.len()
        );
    }
    let series = classes
        .into_iter()
        .filter_map(|class| {
            let scores = &evaluation.per_class[class];
            let line = points(&evaluation.rankings[class])?;
            Some(Series {
                name: format!("{} {}", scores.name, number(area(scores))),
                shape: Shape::Line(line),
            })
        })
        .collect();
    Chart {
        title,
        x,
        y,
        x_range,
        y_range: (low, high),
        diagonal: diagonal && !zoomed,
        series,
    }
    .figure(&note)
}

fn reliability(evaluation: &Evaluation) -> Result<String> {
    let Some(calibration) = &evaluation.calibration else {
        return Ok(String::new());
    };
    let bins = &calibration.reliability.bins;
    let total: f64 = bins.iter().map(|bin| bin.weight).sum();
    let points = bins
        .iter()
        .filter_map(|bin| Some((bin.confidence?, bin.accuracy?, bin.weight / total)));
    let chart = Chart {
        title: "Reliability",
        x: "confidence",
        y: "share that is right",
        x_range: (0.0, 1.0),
        y_range: (0.0, 1.02),
        diagonal: true,
        series: vec![Series {
            name: "15 equal bins; larger: more samples".into(),
            shape: Shape::Dots(points.collect()),
        }],
    };
    chart.figure(&format!(
        "Below the dashed line it is too sure. Expected calibration error {:.4}, largest {:.4}.",
        calibration.expected_error, calibration.maximum_error
    ))
}

fn histogram(report: &Report) -> Result<String> {
    const BINS: usize = 20;
    let predictions = &report.predictions;
    let mut counts = [[0.0_f64; BINS]; 2];
    for sample in 0..predictions.len() {
        let said = predictions.predicted()[sample];
        let sure = predictions.row(sample).map_or(0.0, |row| row[said]);
        let wrong = usize::from(said != predictions.targets()[sample]);
        counts[wrong][((sure * BINS as f64) as usize).min(BINS - 1)] += predictions.weight(sample);
    }
    let shares = counts.map(|counts| {
        let total: f64 = counts.iter().sum();
        counts.map(|count| if total > 0.0 { count / total } else { 0.0 })
    });
    let highest = shares.iter().flatten().fold(0.0_f64, |a, &b| a.max(b));
    // Each in its own half of the bin.
    let bars = |side: usize| {
        let edge = |bin: usize, side: usize| (bin as f64 + 0.08 + 0.42 * side as f64) / BINS as f64;
        let bars = shares[side].iter().enumerate();
        let bar = |(bin, &share): (usize, &f64)| (edge(bin, side), edge(bin, side + 1), share);
        Shape::Bars(bars.map(bar).collect())
    };
    let wrong = predictions.mistakes().count();
    let series = |name: String, side: usize| Series {
        name,
        shape: bars(side),
    };
    let chart = Chart {
        title: "How sure it is",
        x: "probability of the class said",
        y: "share of these answers",
        x_range: (0.0, 1.0),
        y_range: (0.0, highest * 1.05),
        diagonal: false,
        series: vec![
            series(format!("{} right", predictions.len() - wrong), 0),
            series(format!("{wrong} wrong"), 1),
        ],
    };
    chart.figure("Wrong answers should be unsure: to the left of the right ones.")
}

fn coverage(evaluation: &Evaluation) -> Result<String> {
    let Some(curve) = &evaluation.coverage_risk else {
        return Ok(String::new());
    };
    let points: Vec<(f64, f64)> = curve
        .points
        .iter()
        .map(|point| (point.coverage, point.risk))
        .collect();
    let highest = points.iter().fold(0.0_f64, |a, b| a.max(b.1)).max(0.01);
    let chart = Chart {
        title: "Coverage and risk",
        x: "share that is answered",
        y: "share that is wrong",
        x_range: (0.0, 1.0),
        y_range: (0.0, (highest * 1.1).min(1.0)),
        diagonal: false,
        series: vec![Series {
            name: "surest answers first".into(),
            shape: Shape::Line(points),
        }],
    };
    let note = match curve.for_accuracy(0.995) {
        Some(point) if point.coverage < 1.0 => format!(
            "Send the {} it is least sure of (below {}) to a person, and the rest is {} right.",
            percent(1.0 - point.coverage),
            percent(point.threshold),
            percent(1.0 - point.risk)
        ),
        Some(_) => "All answers together are at least 99.5 % right.".to_string(),
        None => "No share of the answers is 99.5 % right.".to_string(),
    };
    chart.figure(&note)
}

/// Numbers, and of a size that axes can have.
fn drawable(&(x, y): &(f64, f64)) -> bool {
    x.abs() < 1e30 && y.abs() < 1e30
}

fn learning(curve: &LearningCurve) -> Result<String> {
    let points = || {
        curve
            .series
            .iter()
            .flat_map(|(_, points)| points)
            .filter(|point| drawable(point))
    };
    let range = |values: &dyn Fn(&(f64, f64)) -> f64| {
        let (low, high) = points()
            .map(values)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        if low > high {
            (0.0, 1.0)
        } else if high - low > 1e-9 * low.abs() {
            (low, high)
        } else {
            let half = f64::max(0.5, 1e-6 * low.abs());
            (low - half, low + half)
        }
    };
    let series = curve.series.iter().take(COLOURS).map(|(name, points)| {
        let sound = points.iter().filter(|point| drawable(point)).copied();
        Series {
            name: name.clone(),
            shape: Shape::Line(sound.collect()),
        }
    });
    Chart {
        title: &curve.number,
        x: &curve.step,
        y: &curve.number,
        x_range: range(&|p| p.0),
        y_range: range(&|p| p.1),
        diagonal: false,
        series: series.collect(),
    }
    .figure("")
}

fn galleries(report: &Report) -> String {
    let mut html = String::new();
    let note = if report.overlays.is_empty() {
        String::new()
    } else {
        format!("<p class=\"soft\">{}</p>\n", escape(&report.overlay_note))
    };
    for (title, samples) in [
        (
            "The surest mistakes",
            gallery::confident_mistakes(&report.predictions),
        ),
        (
            "The least sure answers",
            gallery::least_confident(&report.predictions),
        ),
    ] {
        if !samples.is_empty() {
            let _ = write!(
                html,
                "<h2>{title}</h2>\n{note}{}",
                gallery::figures(report, &samples, None)
            );
        }
    }
    html
}

fn all_numbers(evaluation: &Evaluation) -> String {
    let rows: Vec<Vec<String>> = evaluation
        .scores
        .iter()
        .map(|score| {
            let note = if score.value.is_some() {
                interval(score.interval)
            } else {
                escape(&score.reason)
            };
            vec![escape(score.title), number(score.value), note]
        })
        .collect();
    let head = ["Number", "Value", "Interval, or why there is none"];
    format!("<div class=\"narrow\">{}</div>\n", table(&head, &rows))
}
