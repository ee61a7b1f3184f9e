use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::html::{escape, percent};
use super::{Picture, Report};
use crate::Predictions;

/// How many samples each gallery shows at most.
pub(super) const SHOWN: usize = 12;

/// Wrong answers, the surest first.
pub(super) fn confident_mistakes(predictions: &Predictions) -> Vec<usize> {
    let mut mistakes: Vec<usize> = predictions.mistakes().collect();
    mistakes.sort_by(|&a, &b| confidence(predictions, b).total_cmp(&confidence(predictions, a)));
    mistakes.truncate(SHOWN);
    mistakes
}

/// Answers, the least sure first; empty without probabilities.
pub(super) fn least_confident(predictions: &Predictions) -> Vec<usize> {
    if predictions.probabilities().is_none() {
        return Vec::new();
    }
    let mut all: Vec<usize> = (0..predictions.len()).collect();
    all.sort_by(|&a, &b| confidence(predictions, a).total_cmp(&confidence(predictions, b)));
    all.truncate(SHOWN);
    all
}

/// Probability of the class said.
fn confidence(predictions: &Predictions, sample: usize) -> f64 {
    let said = predictions.predicted()[sample];
    predictions
        .row(sample)
        .and_then(|row| row.get(said))
        .copied()
        .unwrap_or(1.0)
}

/// One figure a sample: its pictures where given, what it is and what was said, and what another classifier said.
pub(super) fn figures(report: &Report, samples: &[usize], other: Option<&Predictions>) -> String {
    let predictions = &report.predictions;
    let mut html = String::from("<div class=\"gallery\">\n");
    for &sample in samples {
        let (target, said) = (
            predictions.targets()[sample],
            predictions.predicted()[sample],
        );
        let file = predictions
            .files()
            .map_or_else(|| format!("sample {sample}"), |files| files[sample].clone());
        let picture = report
            .pictures
            .get(&sample)
            .and_then(|picture| image(picture, &file));
        let overlay = report
            .overlays
            .get(&sample)
            .and_then(|picture| image(picture, "what spoke for it"));
        html += "<figure>";
        html += &match (picture, overlay) {
            (Some(picture), Some(overlay)) => {
                format!("<div class=\"pair\">{picture}{overlay}</div>")
            }
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => String::new(),
        };
        let class = if target == said { "right" } else { "wrong" };
        let sure = confidence(predictions, sample);
        html += &format!(
            "<figcaption><span class=\"{class}\">{}</span> {}",
            escape(&predictions.classes()[said]),
            if predictions.probabilities().is_some() {
                percent(sure)
            } else {
                String::new()
            }
        );
        if predictions.probabilities().is_some() {
            html += &format!(
                "<svg class=\"bar\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect width=\"100\" height=\"4\" style=\"fill:var(--line)\"/>\
             <rect width=\"{:.1}\" height=\"4\" style=\"fill:var(--{})\"/></svg>",
                100.0 * sure,
                if target == said { "good" } else { "bad" }
            );
        }
        let own = predictions
            .row(sample)
            .and_then(|row| row.get(target))
            .copied();
        if target != said {
            let share = own.map_or_else(String::new, |own| format!(" ({})", percent(own)));
            html += &format!("is {}{share}<br>", escape(&predictions.classes()[target]));
        }
        if let Some(other) = other {
            let said = escape(&other.classes()[other.predicted()[sample]]);
            let share = other.probabilities().map_or_else(String::new, |_| {
                format!(" {}", percent(confidence(other, sample)))
            });
            html += &format!("the other says {said}{share}<br>");
        }
        html += &format!(
            "<span class=\"file\">{}</span></figcaption></figure>\n",
            escape(&file)
        );
    }
    html + "</div>\n"
}

fn image(picture: &Picture, alternative: &str) -> Option<String> {
    let media_type = &picture.media_type;
    let sound = |c: char| c.is_ascii_alphanumeric() || "/+-.".contains(c);
    (media_type.starts_with("image/") && media_type.chars().all(sound)).then(|| {
        format!(
            "<img alt=\"{}\" src=\"data:{media_type};base64,{}\">",
            escape(alternative),
            STANDARD.encode(&picture.bytes)
        )
    })
}
