use std::fmt::Write;
use std::path::Path;

use crate::confusion::Count;
use crate::error::Result;
use crate::evaluation::{Evaluation, NOT_ASKED};
use crate::report::builder::Report;
use crate::report::class_table::class_table;
use crate::report::comparison_section;
use crate::report::curve_charts::curves;
use crate::report::gallery;
use crate::report::html::{escape, interval_or_reason, number, percent, shell, table, untrusted};
use crate::report::matrix_section::{class_order, confused_pairs, matrix};

/// Up to this number of classes, the confusion matrix stands beside what was evaluated on a wide screen.
const SIDE_BY_SIDE: usize = 6;
/// Number of classes whose samples are counted at the top. The table of the classes counts those of all.
const SAMPLES: usize = 12;

impl Report {
    /// The page as HTML.
    ///
    /// # Errors
    /// If a chart cannot be drawn.
    pub fn html(&self) -> Result<String> {
        page(self)
    }

    /// Writes the page to a file. An existing file is replaced only once the whole page has been written.
    ///
    /// # Errors
    /// The errors of [`Report::html`], and if the file cannot be written.
    pub fn write_html(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(files::write_bytes(path, self.html()?.as_bytes())?)
    }
}

fn page(report: &Report) -> Result<String> {
    let mut body = header(report);
    let evaluation = &report.evaluation;
    let order = class_order(evaluation);
    let confusion = matrix(evaluation, &order);
    let pairs = confused_pairs(evaluation);
    let about = evaluated(report);
    body += &if evaluation.classes.len() <= SIDE_BY_SIDE {
        format!(
            "<div class=\"split\">\n<div>{about}{pairs}</div>\n<div>{confusion}</div>\n</div>\n"
        )
    } else {
        about + &confusion + &pairs
    };
    body += &class_table(evaluation, &order);
    if let Some(other) = &report.comparison {
        body += &comparison_section::section(report, other);
    }
    body += &curves(report)?;
    body += &galleries(report);
    body += "<h2>All scores</h2>\n";
    body += &all_scores(evaluation);
    if let Some(card) = &report.card {
        body += &card.html(evaluation);
    }
    Ok(shell(&report.title, &body))
}

fn header(report: &Report) -> String {
    let evaluation = &report.evaluation;
    let wrong = report.predictions.mistakes().count();
    let mut html = format!(
        "<header>\n<h1>{}</h1>\n<p class=\"soft\">",
        untrusted(&report.title)
    );
    if let Some(date) = &report.date {
        let _ = write!(html, "{} · ", untrusted(date));
    }
    let _ = write!(
        html,
        "{} · {} · {}</p>\n<div class=\"tiles\">\n",
        counted(evaluation.samples, "sample", "samples"),
        counted(evaluation.classes.len(), "class", "classes"),
        counted(wrong, "mistake", "mistakes")
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
            _ if score.no_interval == NOT_ASKED => String::new(),
            (None, _) if score.value.is_some() => {
                format!("no interval: {}", escape(&score.no_interval))
            }
            _ => interval_or_reason(score),
        };
        if !note.is_empty() {
            note = format!("<span>{note}</span>");
        }
        let _ = writeln!(
            html,
            "<div class=\"{class}\"><span>{title}</span><b>{value}</b>{note}</div>"
        );
    }
    html += "</div>\n";
    if evaluation
        .scores
        .iter()
        .any(|score| score.no_interval == NOT_ASKED)
    {
        let _ = writeln!(
            html,
            "<p class=\"soft\">No score has an interval: {NOT_ASKED}.</p>"
        );
    }
    html += "</header>\n";
    html
}

fn evaluated(report: &Report) -> String {
    let mut html = String::from("<h2>What was evaluated</h2>\n<dl>\n");
    for fact in &report.facts {
        let _ = writeln!(
            html,
            "<dt>{}</dt><dd>{}</dd>",
            untrusted(&fact.name),
            untrusted(&fact.value)
        );
    }
    let counts: Vec<String> = report
        .evaluation
        .per_class
        .iter()
        .take(SAMPLES)
        .map(|class| format!("{} {}", untrusted(&class.name), Count(class.support)))
        .collect();
    let more = report.evaluation.per_class.len().saturating_sub(SAMPLES);
    let more = if more > 0 {
        format!(" and those of {more} more classes")
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

fn galleries(report: &Report) -> String {
    let mut html = String::new();
    let note = if report.overlays.is_empty() {
        String::new()
    } else {
        format!(
            "<p class=\"soft\"><bdi>{}</bdi></p>\n",
            escape(&report.overlay_note)
        )
    };
    let (mistakes, least) = (
        gallery::confident_mistakes(&report.predictions),
        gallery::least_confident(&report.predictions),
    );
    for (title, caption, samples) in [
        (
            "Most confident mistakes",
            "Wrong predictions, the most confident first: the predicted class in red with its probability, then the \
             target with the probability that was left for it.",
            mistakes,
        ),
        (
            "Least confident predictions",
            "Right (green) and wrong (red) predictions, the least confident first.",
            least,
        ),
    ] {
        if !samples.is_empty() {
            let _ = write!(
                html,
                "<h2>{title}</h2>\n<p class=\"soft\">{caption}</p>\n{note}{}",
                gallery::figures(report, &samples, None)
            );
        }
    }
    html
}

fn all_scores(evaluation: &Evaluation) -> String {
    let rows: Vec<Vec<String>> = evaluation
        .scores
        .iter()
        .map(|score| {
            vec![
                escape(score.title),
                number(score.value),
                interval_or_reason(score),
            ]
        })
        .collect();
    let head = ["Score", "Value", "Interval, or why there is none"];
    format!("<div class=\"narrow\">{}</div>\n", table(&head, &rows))
}

/// A number of things: `1 mistake`, `2 mistakes`.
fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
