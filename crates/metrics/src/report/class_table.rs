use crate::confusion::Count;
use crate::evaluation::{ClassScores, Evaluation};
use crate::report::html::{escape, number, table, untrusted};
use crate::report::matrix_section::is_large;
use crate::uncertainty::Interval;

/// The scores of each class with their intervals. Many classes are numbered in the order of the confusion matrix, and
/// each says for which other it is taken most often.
pub(super) fn class_table(evaluation: &Evaluation, order: &[usize]) -> String {
    let large = is_large(order.len());
    let mut head = vec![
        "Class",
        "Precision",
        "Recall",
        "F1",
        "Specificity",
        "ROC area",
        "Average precision",
        "Samples",
    ];
    if large {
        head.push("Most often taken for");
    }
    let row = |(place, &class): (usize, &usize)| {
        let scores = &evaluation.per_class[class];
        let name = untrusted(&scores.name);
        let mut row = cells(scores);
        if large {
            row.insert(0, format!("{} {name}", place + 1));
            row.push(taken_for(evaluation, class));
        } else {
            row.insert(0, name);
        }
        row
    };
    let rows: Vec<Vec<String>> = order.iter().enumerate().map(row).collect();
    let note = note(evaluation);
    format!(
        "<h2>Scores of each class</h2>\n{}{note}",
        table(&head, &rows)
    )
}

fn cells(scores: &ClassScores) -> Vec<String> {
    let with_interval = |value: Option<f64>, interval: Option<Interval>| {
        let interval = interval.map_or_else(String::new, |interval| {
            format!("<small>{:.3} to {:.3}</small>", interval.low, interval.high)
        });
        number(value) + &interval
    };
    vec![
        with_interval(scores.precision, scores.precision_interval),
        with_interval(scores.recall, scores.recall_interval),
        number(scores.f1),
        with_interval(scores.specificity, scores.specificity_interval),
        number(scores.roc_auc),
        number(scores.average_precision),
        Count(scores.support).to_string(),
    ]
}

/// The class that most samples of a class were wrongly predicted as, and how many.
fn taken_for(evaluation: &Evaluation, target: usize) -> String {
    let row = evaluation.confusion[target].iter().enumerate();
    let mut most = (0.0, None);
    for (predicted, &count) in row {
        if predicted != target && count > most.0 {
            most = (count, Some(predicted));
        }
    }
    most.1.map_or_else(
        || "–".to_string(),
        |class| {
            format!(
                "{} ({})",
                untrusted(&evaluation.classes[class]),
                Count(most.0)
            )
        },
    )
}

/// What the intervals are, and why numbers have none.
fn note(evaluation: &Evaluation) -> String {
    let reasons = &evaluation.no_interval_per_class;
    // The reasons with all scores that they hold for.
    let mut grouped: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, title) in [
        ("precision", "precision"),
        ("recall", "recall"),
        ("specificity", "specificity"),
        ("f1", "F1"),
        ("roc_auc", "ROC area"),
        ("average_precision", "average precision"),
    ] {
        let Some(reason) = reasons.get(name) else {
            continue;
        };
        match grouped.iter_mut().find(|(known, _)| known == reason) {
            Some((_, titles)) => titles.push(title),
            None => grouped.push((reason, vec![title])),
        }
    }
    let mut text = String::new();
    if !reasons.contains_key("recall") {
        text += "Below precision, recall and specificity: Wilson's interval, which a score of 0/0 does not have.";
    }
    for (reason, titles) in grouped {
        text += &format!(" No interval of {}: {}.", titles.join(", "), escape(reason));
    }
    let undefined = |class: &ClassScores| {
        let defined = [class.precision, class.recall, class.f1, class.specificity];
        defined.contains(&None) || (class.roc_auc.is_none() && !evaluation.rankings.is_empty())
    };
    if evaluation.per_class.iter().any(undefined) {
        text += " A dash stands for a score that is 0/0, because the class has no samples or was never predicted.";
    }
    format!("<p class=\"soft\">{}</p>\n", text.trim_start())
}
