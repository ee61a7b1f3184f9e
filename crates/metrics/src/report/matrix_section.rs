use std::ops::Range;

use crate::confusion::{ConfusedPair, ConfusionMatrix, Count};
use crate::evaluation::Evaluation;
use crate::report::html::{percent, table, untrusted};
use crate::report::matrix_chart::{CELLS, COLUMN_NAMES, MatrixChart, NUMBERS};

/// Number of confused pairs that the page shows.
const PAIRS: usize = 10;

/// The order in which the page shows the classes: their own, and of many classes that in which those that are confused
/// with each other are neighbors.
pub(super) fn class_order(evaluation: &Evaluation) -> Vec<usize> {
    if is_large(evaluation.classes.len()) {
        evaluation.confusion.clustered_order()
    } else {
        (0..evaluation.classes.len()).collect()
    }
}

/// Whether there are too many classes for a matrix with a number in each cell.
pub(super) fn is_large(classes: usize) -> bool {
    classes > NUMBERS
}

/// The confusion matrix; of many classes also its worst block.
pub(super) fn matrix(evaluation: &Evaluation, order: &[usize]) -> String {
    let (matrix, names) = (&evaluation.confusion, &evaluation.classes);
    let large = is_large(order.len());
    let block = large.then(|| worst_block(matrix, order)).flatten();
    let whole = MatrixChart {
        title: "Confusion matrix",
        matrix,
        names,
        order,
        first_number: (order.len() > COLUMN_NAMES).then_some(1),
        frame: block.clone(),
    };
    let mut caption =
        "Rows are targets, columns are predicted classes. Percentages are shares of the row."
            .to_string();
    if large {
        caption = format!(
            "Rows are targets, columns are predicted classes. The stronger the color of a cell, the larger its share of \
             the row; point at it to see its classes and its count. {} The numbers of the classes are those of the table \
             below.",
            order_note(order)
        );
        if filled(matrix) > CELLS {
            caption += &format!(" Only the {CELLS} cells with the most samples are drawn.");
        }
    }
    let mut html = figure(&whole, &caption);
    if let Some(block) = block {
        html += &worst(evaluation, order, block);
    }
    format!("<h2>Confusion matrix</h2>\n{html}")
}

fn order_note(order: &[usize]) -> &'static str {
    if order.is_sorted() {
        "The classes are in their own order."
    } else {
        "Classes that are confused with each other are neighbors: the order is that of a hierarchical clustering with \
         average linkage, where two classes are as similar as the shares of samples that they lose to each other."
    }
}

/// The worst block, enlarged.
fn worst(evaluation: &Evaluation, order: &[usize], block: Range<usize>) -> String {
    let matrix = &evaluation.confusion;
    let first = block.start + 1;
    let classes = &order[block];
    let (inside, all) = (mistakes(matrix, classes), matrix.total() - matrix.correct());
    let chart = MatrixChart {
        title: "The block with the most mistakes",
        matrix,
        names: &evaluation.classes,
        order: classes,
        first_number: Some(first),
        frame: None,
    };
    let caption = format!(
        "The block with the most mistakes, framed above: {} of all {} mistakes are between these {} classes. Percentages \
         are shares of all samples of the row, also of those outside of the block.",
        Count(inside),
        Count(all),
        classes.len()
    );
    figure(&chart, &caption)
}

fn figure(chart: &MatrixChart, caption: &str) -> String {
    format!(
        "<figure class=\"confusion\"><div class=\"scroll\">{}</div><figcaption>{caption}</figcaption></figure>\n",
        chart.svg()
    )
}

/// Of all groups of up to eight neighbors in the order, that with the most mistakes among each other, without classes at
/// its ends that have none. `None` if no neighbors were confused.
fn worst_block(matrix: &ConfusionMatrix, order: &[usize]) -> Option<Range<usize>> {
    let length = COLUMN_NAMES.min(order.len());
    let mut worst = 0..0;
    let mut most = 0.0;
    for start in 0..=order.len() - length {
        let inside = mistakes(matrix, &order[start..start + length]);
        if inside > most {
            (worst, most) = (start..start + length, inside);
        }
    }
    let without = |block: Range<usize>| mistakes(matrix, &order[block]) == most;
    while worst.len() > 2 && without(worst.start + 1..worst.end) {
        worst.start += 1;
    }
    while worst.len() > 2 && without(worst.start..worst.end - 1) {
        worst.end -= 1;
    }
    (most > 0.0).then_some(worst)
}

/// Total weight of the samples of these classes that were predicted as another of them.
fn mistakes(matrix: &ConfusionMatrix, classes: &[usize]) -> f64 {
    let of_class = |&target: &usize| -> f64 {
        let others = classes.iter().filter(|&&predicted| predicted != target);
        others.map(|&predicted| matrix[target][predicted]).sum()
    };
    classes.iter().map(of_class).sum()
}

fn filled(matrix: &ConfusionMatrix) -> usize {
    matrix
        .rows()
        .flatten()
        .filter(|&&count| count > 0.0)
        .count()
}

/// The pairs of classes that were confused most often; nothing without mistakes.
pub(super) fn confused_pairs(evaluation: &Evaluation) -> String {
    let pairs = &evaluation.confused_pairs;
    if pairs.is_empty() {
        return String::new();
    }
    let row = |pair: &ConfusedPair| {
        vec![
            format!(
                "{} taken for {}",
                untrusted(&pair.target),
                untrusted(&pair.predicted)
            ),
            format!("{} of {}", Count(pair.count), Count(pair.support)),
            percent(pair.share),
            pair.interval.map_or_else(
                || "–".to_string(),
                |interval| format!("{} to {}", percent(interval.low), percent(interval.high)),
            ),
        ]
    };
    let rows: Vec<Vec<String>> = pairs.iter().take(PAIRS).map(row).collect();
    let head = [
        "Mistake",
        "Samples",
        "Share of the class",
        "Interval of the share",
    ];
    let note = match evaluation.no_interval_per_class.get("recall") {
        Some(reason) => format!("<p class=\"soft\">No intervals: {reason}.</p>\n"),
        None => String::new(),
    };
    format!(
        "<h2>Most confused classes</h2>\n<div class=\"narrow\">{}{note}</div>\n",
        table(&head, &rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_block_has_the_most_mistakes_and_no_idle_ends() {
        let mut rows = vec![vec![0.0; 20]; 20];
        for (class, row) in rows.iter_mut().enumerate() {
            row[class] = 10.0;
        }
        rows[12][14] = 5.0;
        rows[3][2] = 4.0;
        rows[0][19] = 9.0; // no neighbors
        let matrix = ConfusionMatrix::from_rows(&rows).unwrap();
        let order: Vec<usize> = (0..20).collect();
        assert_eq!(worst_block(&matrix, &order), Some(12..15));
        let fine = ConfusionMatrix::from_rows(&vec![vec![0.0; 20]; 20]).unwrap();
        assert_eq!(worst_block(&fine, &order), None);
    }
}
