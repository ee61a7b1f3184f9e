use std::fmt::Write;

use crate::curves::Ranking;
use crate::error::Result;
use crate::evaluation::{ClassScores, Evaluation};
use crate::report::builder::Report;
use crate::report::html::{interval_or_reason, number, percent, untrusted};
use crate::report::learning_chart::learning_chart;
use crate::report::learning_curve::LearningCurve;
use crate::report::line_chart::{Chart, Line, Shape};
use crate::report::svg::COLORS;

/// The section with all curves.
pub(super) fn curves(report: &Report) -> Result<String> {
    let evaluation = &report.evaluation;
    let mut html = String::new();
    if !evaluation.rankings.is_empty() {
        html += &ranked(
            evaluation,
            ("ROC", "false positive rate", "true positive rate"),
            (true, "the area under the curve", &area_interval(evaluation)),
            |class| class.roc_auc,
            |ranking| {
                let curve = ranking.roc_curve()?;
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
                "the average precision",
                &no_interval(evaluation, "average_precision"),
            ),
            |class| class.average_precision,
            |ranking| {
                let curve = ranking.precision_recall_curve()?;
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
        html += &learning_chart(curve).figure(&learning_note(curve))?;
    }
    if !html.is_empty() {
        html = format!("<h2>Curves</h2>\n<div class=\"grid\">\n{html}</div>\n");
    }
    Ok(html)
}

/// The interval of the area under ROC of two classes, or why there is none.
fn area_interval(evaluation: &Evaluation) -> String {
    let score = evaluation.score("roc_auc_ovr_macro");
    match score.filter(|_| evaluation.classes.len() == 2) {
        Some(score) if score.interval.is_some() => {
            format!(" Interval of the area: {}.", interval_or_reason(score))
        }
        Some(score) if score.value.is_some() => format!(" No interval: {}.", score.no_interval),
        Some(_) => String::new(),
        None => no_interval(evaluation, "roc_auc"),
    }
}

/// Why a score of the single classes has no interval.
fn no_interval(evaluation: &Evaluation, score: &str) -> String {
    let reason = evaluation.no_interval_per_class.get(score);
    reason.map_or_else(String::new, |reason| format!(" No interval: {reason}."))
}

fn learning_note(curve: &LearningCurve) -> String {
    let lines = curve.series.len();
    if lines > COLORS {
        format!("Of {lines} lines, the first {COLORS} are shown.")
    } else {
        String::new()
    }
}

/// One curve for each class; of many classes only those with the smallest areas. Of two classes only that of the second,
/// the positive one, because that of the first is its mirror image.
fn ranked(
    evaluation: &Evaluation,
    (title, x, y): (&str, &str, &str),
    (diagonal, value, intervals): (bool, &str, &str),
    area: impl Fn(&ClassScores) -> Option<f64>,
    points: impl Fn(&Ranking) -> Option<Vec<(f64, f64)>>,
) -> Result<String> {
    let mut classes: Vec<usize> = (0..evaluation.classes.len()).collect();
    let mut note = if let [_, positive] = evaluation.classes.as_slice() {
        classes = vec![1];
        let positive = untrusted(positive);
        format!("The positive class is {positive}, the second of the two, with {value}.{intervals}")
    } else {
        format!("Each class against all others, with {value}.{intervals}")
    };
    // If all areas are close to 1, only the corner shows a difference.
    let near = |&class: &usize| area(&evaluation.per_class[class]).is_none_or(|area| area > 0.97);
    let zoomed = classes.iter().all(near);
    let (low, high) = if zoomed { (0.8, 1.004) } else { (0.0, 1.02) };
    let x_range = match (zoomed, diagonal) {
        (false, _) => (0.0, 1.0),
        (true, true) => (0.0, 0.2),
        (true, false) => (0.8, 1.0),
    };
    if diagonal && !zoomed {
        note += " The dashed line is chance.";
    }
    if zoomed {
        note += " Only the corner of the chart is shown.";
    }
    if classes.len() > COLORS {
        let key = |&class: &usize| area(&evaluation.per_class[class]).unwrap_or(2.0);
        classes.sort_by(|a, b| key(a).total_cmp(&key(b)));
        classes.truncate(COLORS);
        let _ = write!(
            note,
            " Of {} classes, the {COLORS} with the smallest areas are shown.",
            evaluation.classes.len()
        );
    }
    let series = classes
        .into_iter()
        .filter_map(|class| {
            let scores = &evaluation.per_class[class];
            let line = points(&evaluation.rankings[class])?;
            Some(Line {
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
        y: "share of right predictions",
        x_range: (0.0, 1.0),
        y_range: (0.0, 1.02),
        diagonal: true,
        series: vec![Line {
            name: "15 bins of equal width; larger dots hold more samples".into(),
            shape: Shape::Dots(points.collect()),
        }],
    };
    let intervals = evaluation
        .score("ece_15")
        .map_or("", |score| score.no_interval.as_str());
    chart.figure(&format!(
        "Below the dashed line the classifier is overconfident. Expected calibration error {:.4}, largest error of a \
         bin {:.4}. No intervals: {intervals}.",
        calibration.expected, calibration.maximum
    ))
}

fn histogram(report: &Report) -> Result<String> {
    const BINS: usize = 20;
    let predictions = &report.predictions;
    let mut counts = [[0.0_f64; BINS]; 2];
    for sample in 0..predictions.len() {
        let predicted = predictions.predicted()[sample];
        let confidence = predictions.row(sample).map_or(0.0, |row| row[predicted]);
        let wrong = usize::from(predicted != predictions.targets()[sample]);
        counts[wrong][((confidence * BINS as f64) as usize).min(BINS - 1)] +=
            predictions.weight(sample);
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
    let series = |name: String, side: usize| Line {
        name,
        shape: bars(side),
    };
    let chart = Chart {
        title: "Confidence",
        x: "probability of the predicted class",
        y: "share of samples",
        x_range: (0.0, 1.0),
        y_range: (0.0, highest * 1.05),
        diagonal: false,
        series: vec![
            series(format!("{} right", predictions.len() - wrong), 0),
            series(format!("{wrong} wrong"), 1),
        ],
    };
    chart.figure("Wrong predictions should have a lower confidence than right ones.")
}

fn coverage(evaluation: &Evaluation) -> Result<String> {
    let Some(curve) = &evaluation.risk_coverage else {
        return Ok(String::new());
    };
    let points: Vec<(f64, f64)> = curve
        .points
        .iter()
        .map(|point| (point.coverage, point.risk))
        .collect();
    let highest = points.iter().fold(0.0_f64, |a, b| a.max(b.1)).max(0.01);
    let chart = Chart {
        title: "Risk and coverage",
        x: "share of samples that are answered",
        y: "share of wrong answers",
        x_range: (0.0, 1.0),
        y_range: (0.0, (highest * 1.1).min(1.0)),
        diagonal: false,
        series: vec![Line {
            name: "most confident predictions first".into(),
            shape: Shape::Line(points),
        }],
    };
    let note = match curve.for_accuracy(0.995) {
        Some(point) if point.coverage < 1.0 => format!(
            "If a person decides the {} least confident samples (below {}), {} of the others are right. These numbers have \
             no intervals: the limit was chosen on the same samples, so that new samples will have more mistakes.",
            percent(1.0 - point.coverage),
            percent(point.threshold),
            percent(1.0 - point.risk)
        ),
        Some(_) => "At least 99.5 % of all predictions are right.".to_string(),
        None => {
            "There is no confidence above which 99.5 % of the predictions are right.".to_string()
        }
    };
    chart.figure(&note)
}
