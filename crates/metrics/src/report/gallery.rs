use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::predictions::Predictions;
use crate::report::builder::{Other, Picture, Report};
use crate::report::html::{escape, percent, untrusted};
use crate::visible::visible;

/// The largest number of samples that each gallery shows.
const SHOWN: usize = 12;

impl Report {
    /// Indices of the samples that the page shows, ascending and without duplicates. Thumbnails and overlays of other
    /// samples are not needed.
    pub fn shown(&self) -> Vec<usize> {
        let mut shown = confident_mistakes(&self.predictions);
        shown.extend(least_confident(&self.predictions));
        if let Some(other) = &self.comparison {
            shown.extend(changed(other).flat_map(|(_, _, samples)| samples));
        }
        shown.sort_unstable();
        shown.dedup();
        shown
    }

    /// Calls `picture` with the index of each sample that the page shows, and adds the thumbnails that it returns.
    pub fn with_pictures(mut self, mut picture: impl FnMut(usize) -> Option<Picture>) -> Self {
        for sample in self.shown() {
            if let Some(picture) = picture(sample) {
                self = self.with_picture(sample, picture);
            }
        }
        self
    }
}

/// Samples that only one of two classifiers has right, with a heading and a caption for each of the two groups.
pub(super) fn changed(other: &Other) -> impl Iterator<Item = (&'static str, String, Vec<usize>)> {
    let outcomes = &other.comparison.outcomes;
    let groups = [
        ("Now right", "only this classifier", &outcomes.fixed),
        (
            "No longer right",
            "only the other classifier",
            &outcomes.broken,
        ),
    ];
    groups.into_iter().map(|(title, which, samples)| {
        let shown: Vec<usize> = samples.iter().copied().take(SHOWN).collect();
        let (first, all) = (shown.len(), samples.len());
        let caption = format!("The first {first} of {all} samples that {which} has right.");
        (title, caption, shown)
    })
}

/// Wrong predictions in descending order of confidence.
pub(super) fn confident_mistakes(predictions: &Predictions) -> Vec<usize> {
    let mut mistakes: Vec<usize> = predictions.mistakes().collect();
    mistakes.sort_by(|&a, &b| confidence(predictions, b).total_cmp(&confidence(predictions, a)));
    mistakes.truncate(SHOWN);
    mistakes
}

/// Samples in ascending order of confidence; empty without probabilities.
pub(super) fn least_confident(predictions: &Predictions) -> Vec<usize> {
    if predictions.probabilities().is_none() {
        return Vec::new();
    }
    let mut all: Vec<usize> = (0..predictions.len()).collect();
    all.sort_by(|&a, &b| confidence(predictions, a).total_cmp(&confidence(predictions, b)));
    all.truncate(SHOWN);
    all
}

/// Confidence: the probability of the predicted class, or 1 without probabilities.
fn confidence(predictions: &Predictions, sample: usize) -> f64 {
    let predicted = predictions.predicted()[sample];
    predictions
        .row(sample)
        .and_then(|row| row.get(predicted))
        .copied()
        .unwrap_or(1.0)
}

/// One figure for each sample: its pictures if there are any, its target, what was predicted, and what another
/// classifier predicted.
pub(super) fn figures(report: &Report, samples: &[usize], other: Option<&Predictions>) -> String {
    let figures: String = samples
        .iter()
        .map(|&sample| figure(report, sample, other))
        .collect();
    format!("<div class=\"gallery\">\n{figures}</div>\n")
}

fn figure(report: &Report, sample: usize, other: Option<&Predictions>) -> String {
    let predictions = &report.predictions;
    let (target, predicted) = (
        predictions.targets()[sample],
        predictions.predicted()[sample],
    );
    let right = target == predicted;
    let file = predictions.name(sample);
    let class = if right { "right" } else { "wrong" };
    let mut html = format!(
        "<figure>{}<figcaption><span class=\"{class}\">{}</span> ",
        pictures(report, sample, &file),
        untrusted(&predictions.classes()[predicted])
    );
    if predictions.probabilities().is_some() {
        let confidence = confidence(predictions, sample);
        html += &percent(confidence);
        html += &bar(confidence, right);
    }
    if !right {
        let own = predictions.row(sample).map(|row| row[target]);
        let own = own.map_or_else(String::new, |own| format!(" ({})", percent(own)));
        html += &format!("is {}{own}<br>", untrusted(&predictions.classes()[target]));
    }
    if let Some(other) = other {
        let class = untrusted(&other.classes()[other.predicted()[sample]]);
        let share = other.probabilities().map_or_else(String::new, |_| {
            format!(" {}", percent(confidence(other, sample)))
        });
        html += &format!("other classifier: {class}{share}<br>");
    }
    html += &format!(
        "<span class=\"file\">{}</span></figcaption></figure>\n",
        untrusted(&file)
    );
    html
}

/// The thumbnail and the overlay of a sample, as far as they are given.
fn pictures(report: &Report, sample: usize, file: &str) -> String {
    let picture = report.pictures.get(&sample);
    let picture = picture.and_then(|picture| image(picture, file));
    let overlay = report.overlays.get(&sample);
    let overlay = overlay.and_then(|picture| image(picture, "attribution overlay"));
    match (picture, overlay) {
        (Some(picture), Some(overlay)) => {
            format!("<div class=\"pair\">{picture}{overlay}</div>")
        }
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    }
}

/// A bar as long as the confidence.
fn bar(confidence: f64, right: bool) -> String {
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect width=\"100\" height=\"4\" style=\"fill:var(--line)\"/>\
         <rect width=\"{:.1}\" height=\"4\" style=\"fill:var(--{})\"/></svg>",
        100.0 * confidence,
        if right { "good" } else { "bad" }
    )
}

/// A picture as an HTML element; `None` if its media type is not that of a picture.
fn image(picture: &Picture, alternative: &str) -> Option<String> {
    let media_type = &picture.media_type;
    let sound = |c: char| c.is_ascii_alphanumeric() || "/+-.".contains(c);
    (media_type.starts_with("image/") && media_type.chars().all(sound)).then(|| {
        format!(
            "<img alt=\"{}\" src=\"data:{media_type};base64,{}\">",
            escape(&visible(alternative)),
            STANDARD.encode(&picture.bytes)
        )
    })
}
