use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::evaluation::{Evaluation, Score};
use crate::report::html::{escape, interval_or_reason, number, table, untrusted};
use crate::visible::visible;

/// What people must know before they use a classifier (model card; Mitchell et al. 2019). Empty parts are left out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ModelCard {
    /// Name of the classifier.
    pub name: String,
    /// What the classifier is for, and what it is not for.
    pub intended_use: String,
    /// What the classifier was trained and evaluated on.
    pub data: String,
    /// Where the classifier fails, and what was not examined.
    pub limits: String,
    /// License as an SPDX identifier in lower case, such as `apache-2.0`.
    pub license: String,
    /// Name of the network on a model hub from which the classifier was made, such as `google/mobilenet_v1_1.0_224`.
    pub base_model: String,
    /// Name of the data set.
    pub dataset: String,
    /// Additional tags for a model hub.
    pub tags: Vec<String>,
}

impl ModelCard {
    fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("Intended use", &self.intended_use),
            ("Data", &self.data),
            ("Limits", &self.limits),
        ]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(title, text)| (title, text.as_str()))
    }

    pub(super) fn html(&self, evaluation: &Evaluation) -> String {
        let mut html = format!("<h2>Model card: {}</h2>\n", untrusted(&self.name));
        for (title, text) in self.parts() {
            let _ = write!(
                html,
                "<h3>{title}</h3>\n<p><bdi>{}</bdi></p>\n",
                escape(text)
            );
        }
        let mut facts = String::new();
        for (name, value) in [
            ("Base model", &self.base_model),
            ("Data set", &self.dataset),
            ("License", &self.license),
        ] {
            if !value.is_empty() {
                let _ = write!(facts, "<dt>{name}</dt><dd>{}</dd>", untrusted(value));
            }
        }
        if !facts.is_empty() {
            let _ = writeln!(html, "<dl>{facts}</dl>");
        }
        let rows: Vec<Vec<String>> = headline(evaluation)
            .map(|score| {
                vec![
                    escape(score.title),
                    number(score.value),
                    interval_or_reason(score),
                ]
            })
            .collect();
        let head = ["Score", "Value", "Interval, or why there is none"];
        html + &format!("<div class=\"narrow\">{}</div>\n", table(&head, &rows))
    }

    /// The card as Markdown, with the front matter that Hugging Face reads. The texts of the card are plain text: what
    /// Markdown or HTML would take for markup is escaped.
    pub fn markdown(&self, evaluation: &Evaluation) -> String {
        // Every JSON string is also a YAML string.
        let quoted = |text: &str| serde_json::Value::from(&*visible(text)).to_string();
        let mut text = String::from("---\n");
        for (key, value) in [("license", &self.license), ("base_model", &self.base_model)] {
            if !value.is_empty() {
                let _ = writeln!(text, "{key}: {}", quoted(value));
            }
        }
        text += "pipeline_tag: image-classification\ntags:\n- image-classification\n";
        for tag in &self.tags {
            let _ = writeln!(text, "- {}", quoted(tag));
        }
        let dataset = if self.dataset.is_empty() {
            "unnamed"
        } else {
            &self.dataset
        };
        let _ = write!(
            text,
            "metrics:\n- accuracy\n- f1\nmodel-index:\n- name: {}\n  results:\n  - task:\n      type: \
             image-classification\n      name: Image Classification\n    dataset:\n      name: {}\n      type: \
             imagefolder\n    metrics:\n",
            quoted(&self.name),
            quoted(dataset)
        );
        for score in headline(evaluation) {
            if let Some(value) = score.value {
                let kind = match score.name {
                    "roc_auc_ovr_macro" => "roc_auc",
                    name => name.strip_suffix("_macro").unwrap_or(name),
                };
                let _ = writeln!(
                    text,
                    "    - type: {kind}\n      value: {value:.6}\n      name: {}",
                    quoted(score.title)
                );
            }
        }
        let _ = write!(text, "---\n\n# {}\n", one_line(&self.name));
        for (title, part) in self.parts() {
            let _ = write!(text, "\n## {title}\n\n{}\n", plain(part));
        }
        let _ = write!(
            text,
            "\n## Scores\n\nOn {} samples of {} classes ({}).\n\n| | value | interval, or why there is none |\n|---|---|---|\n",
            evaluation.samples,
            evaluation.classes.len(),
            one_line(&evaluation.classes.join(", "))
        );
        for score in headline(evaluation) {
            let interval = match (score.value, score.interval) {
                (Some(_), Some(interval)) => format!("{:.4} to {:.4}", interval.low, interval.high),
                (Some(_), None) => score.no_interval.clone(),
                (None, _) => one_line(&score.reason),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {interval} |",
                score.title,
                number(score.value)
            );
        }
        text
    }
}

/// The scores that a card shows.
fn headline(evaluation: &Evaluation) -> impl Iterator<Item = &Score> {
    [
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "roc_auc_ovr_macro",
        "log_loss",
        "ece_15",
    ]
    .into_iter()
    .filter_map(|name| evaluation.score(name))
}

/// Text as Markdown that is shown as it is, in lines of its own.
fn plain(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(one_line).collect();
    lines.join("\n")
}

/// Text as Markdown that is shown as it is, in one line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '<' => line += "&lt;",
            '&' => line += "&amp;",
            '\\' | '`' | '*' | '[' | ']' | '|' | '#' | '>' => line.extend(['\\', c]),
            c => line.push(c),
        }
    }
    line
}
