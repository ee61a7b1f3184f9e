use std::fmt::Write;

use super::html::{escape, number, table};
use super::{AgainstAnother, Report, gallery};
use crate::evaluation::p_value;

/// Samples that changed sides, under a heading each.
pub(super) fn changed(other: &AgainstAnother) -> impl Iterator<Item = (&'static str, Vec<usize>)> {
    let comparison = &other.compared.comparison;
    [
        ("Now right", &comparison.fixed),
        ("No longer right", &comparison.broken),
    ]
    .into_iter()
    .map(|(title, samples)| {
        (
            title,
            samples.iter().copied().take(gallery::SHOWN).collect(),
        )
    })
}

pub(super) fn section(report: &Report, other: &AgainstAnother) -> String {
    let name = escape(&other.name);
    let compared = &other.compared;
    let comparison = &compared.comparison;
    let (fixed, broken) = (comparison.fixed.len(), comparison.broken.len());
    let mut html = format!(
        "<h2>Compared with {name}</h2>\n<div class=\"tiles\">\n\
         <div class=\"tile\"><span>Both right</span><b>{}</b></div>\n\
         <div class=\"tile\"><span>Both wrong</span><b>{}</b></div>\n\
         <div class=\"tile\"><span>Right only here</span><b>{fixed}</b></div>\n\
         <div class=\"tile\"><span>Right only there</span><b>{broken}</b></div>\n</div>\n",
        comparison.both_right,
        comparison.both_wrong.len(),
    );
    html += &match &comparison.mcnemar {
        Some(test) => format!(
            "<p>If both erred equally often, a split of {fixed} to {broken} or a more uneven one would come about \
             with probability {} (McNemar's {} test).</p>\n",
            p_value(test.p_value),
            if test.exact { "exact" } else { "chi-squared" },
        ),
        None => "<p>Both are right on the same samples.</p>\n".to_string(),
    };
    if let Some(area) = &compared.area {
        let _ = write!(
            html,
            "<p>The areas under the two ROC curves differ by {:+.4} ({:+.4} to {:+.4}",
            area.difference.value, area.difference.low, area.difference.high
        );
        if let Some(p) = area.p_value {
            let _ = write!(html, ", p = {}", p_value(p));
        }
        html += "; DeLong's test).</p>\n";
    }
    let rows: Vec<Vec<String>> = compared
        .scores
        .iter()
        .map(|score| {
            let difference = score.difference;
            vec![
                escape(score.title),
                number(Some(score.first)),
                number(Some(score.second)),
                format!("{:+.4}", difference.value),
                format!("{:+.4} to {:+.4}", difference.low, difference.high),
            ]
        })
        .collect();
    let head = [
        "Number",
        &name,
        "Here",
        "Difference",
        "Interval of the difference",
    ];
    html += &table(&head, &rows);
    for (title, samples) in changed(other) {
        if !samples.is_empty() {
            let _ = write!(
                html,
                "<h3 class=\"gallery-title\">{title}</h3>\n{}",
                gallery::figures(report, &samples, Some(&other.predictions))
            );
        }
    }
    html
}
