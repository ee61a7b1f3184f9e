use std::fmt::Write;
use std::path::Path;

use crate::error::Result;
use crate::evaluation::Evaluation;
use crate::report::builder::Report;
use crate::report::comparison_section;
use crate::report::curve_charts::curves;
use crate::report::gallery;
use crate::report::html::{escape, interval, number, percent, shell, table};
use crate::report::matrix_chart;

/// Up to this number of classes, the confusion matrix and the table of the classes are side by side on a wide screen.
const SIDE_BY_SIDE: usize = 6;

impl Report {
    /// The page as HTML.
    ///
    /// # Errors
    /// If a chart cannot be drawn.
    pub fn html(&self) -> Result<String> {
        page(self)
    }

    /// Writes the page to a file. An existing file is replaced only by a whole page.
    ///
    /// # Errors
    /// As [`Report::html`], and if the file cannot be written.
    pub fn write_html(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(files::write_bytes(path, self.html()?.as_bytes())?)
    }
}

fn page(report: &Report) -> Result<String> {
    let mut body = header(report);
    let confusion = format!(
        "<figure class=\"confusion\">{}<figcaption>Rows are targets, columns are predicted classes. Percentages are \
         shares of the row.</figcaption></figure>\n",
        matrix_chart::confusion(&report.evaluation.confusion, &report.evaluation.classes)?
    );
    let confusion = format!("<h2>Confusion matrix</h2>\n{confusion}");
    let classes = format!(
        "<h2>Scores of each class</h2>\n{}",
        per_class(&report.evaluation)
    );
    body += &if report.evaluation.classes.len() <= SIDE_BY_SIDE {
        format!(
            "<div class=\"split\">\n<div>{}{classes}</div>\n<div>{confusion}</div>\n</div>\n",
            evaluated(report)
        )
    } else {
        evaluated(report) + &confusion + &classes
    };
    if let Some(other) = &report.comparison {
        body += &comparison_section::section(report, other);
    }
    body += &curves(report)?;
    body += &galleries(report);
    body += "<h2>All scores</h2>\n";
    body += &all_scores(&report.evaluation);
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
    for fact in &report.facts {
        let _ = writeln!(
            html,
            "<dt>{}</dt><dd>{}</dd>",
            escape(&fact.name),
            escape(&fact.value)
        );
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

fn galleries(report: &Report) -> String {
    let mut html = String::new();
    let note = if report.overlays.is_empty() {
        String::new()
    } else {
        format!("<p class=\"soft\">{}</p>\n", escape(&report.overlay_note))
    };
    for (title, samples) in [
        (
            "Most confident mistakes",
            gallery::confident_mistakes(&report.predictions),
        ),
        (
            "Least confident predictions",
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

fn all_scores(evaluation: &Evaluation) -> String {
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
    let head = ["Score", "Value", "Interval, or why the score is undefined"];
    format!("<div class=\"narrow\">{}</div>\n", table(&head, &rows))
}
