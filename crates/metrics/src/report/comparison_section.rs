use std::fmt::Write;

use crate::report::builder::{Other, Report};
use crate::report::gallery::{changed, figures};
use crate::report::html::{escape, number, table, untrusted};
use crate::uncertainty::p_value;

pub(super) fn section(report: &Report, other: &Other) -> String {
    let name = untrusted(&other.name);
    let comparison = &other.comparison;
    let outcomes = &comparison.outcomes;
    let (fixed, broken) = (outcomes.fixed.len(), outcomes.broken.len());
    let mut html = format!(
        "<h2>Compared with {name}</h2>\n<div class=\"tiles\">\n\
         <div class=\"tile\"><span>Both right</span><b>{}</b></div>\n\
         <div class=\"tile\"><span>Both wrong</span><b>{}</b></div>\n\
         <div class=\"tile\"><span>Only this one right</span><b>{fixed}</b></div>\n\
         <div class=\"tile\"><span>Only {name} right</span><b>{broken}</b></div>\n</div>\n",
        outcomes.both_right,
        outcomes.both_wrong.len(),
    );
    html += &match &outcomes.mcnemar {
        Some(test) => format!(
            "<p>If both were wrong equally often, a difference of at least {fixed} to {broken} would have the \
             probability {} (McNemar's {} test).</p>\n",
            p_value(test.p_value),
            if test.exact { "exact" } else { "chi-squared" },
        ),
        None => "<p>Both classifiers are right on the same samples.</p>\n".to_string(),
    };
    if let Some(test) = &comparison.delong {
        let _ = write!(
            html,
            "<p>The areas under the two ROC curves differ by {:+.4} ({:+.4} to {:+.4}",
            test.difference.value, test.difference.low, test.difference.high
        );
        if let Some(p) = test.p_value {
            let _ = write!(html, ", p = {}", p_value(p));
        }
        html += "; DeLong's test).</p>\n";
    }
    let rows: Vec<Vec<String>> = comparison
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
        "Score",
        &name,
        "This classifier",
        "Difference",
        "Interval of the difference",
    ];
    html += &table(&head, &rows);
    html += "<p class=\"soft\">A difference is the score of this classifier minus that of the other one. Of log loss, Brier \
             score and area under risk against coverage, the smaller value is better; of all other scores, the larger. If \
             the interval holds 0, the difference can be chance. Scores without an interval are not compared.</p>\n";
    for (title, caption, samples) in changed(other) {
        if !samples.is_empty() {
            let _ = write!(
                html,
                "<h3 class=\"gallery-title\">{title}</h3>\n<p class=\"soft\">{caption}</p>\n{}",
                figures(report, &samples, Some(&other.predictions))
            );
        }
    }
    html
}
