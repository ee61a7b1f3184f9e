//! What a classifier says of images, as lines of text, JSON or a table.

use std::path::Path;

use serde_json::json;
use transfer::Classifier;
use transfer::classifier::Answer;

/// How the lines look.
pub struct Layout<'a> {
    classifier: &'a Classifier,
    top: usize,
    kind: Kind,
}

#[derive(PartialEq)]
enum Kind {
    Text,
    Json,
    Csv,
}

/// What became of an image.
pub enum Line {
    /// What the classifier says.
    Answer(Answer),
    /// Why it cannot be used.
    Failed(String),
}

impl<'a> Layout<'a> {
    /// Lines that name `top` classes; as text where neither JSON nor a table is asked for.
    pub fn new(classifier: &'a Classifier, top: usize, json: bool, csv: bool) -> Self {
        let kind = match (json, csv) {
            (true, _) => Kind::Json,
            (_, true) => Kind::Csv,
            _ => Kind::Text,
        };
        let top = top.min(classifier.classes().len());
        Self {
            classifier,
            top,
            kind,
        }
    }

    /// Whether images that cannot be used have a line, too.
    pub fn has_errors(&self) -> bool {
        self.kind != Kind::Text
    }

    /// The line before all others, if there is one.
    pub fn header(&self) -> Option<String> {
        (self.kind == Kind::Csv).then(|| {
            let mut cells = vec!["image".to_string()];
            for rank in 1..=self.top {
                let rank = if rank == 1 {
                    String::new()
                } else {
                    format!("_{rank}")
                };
                cells.extend([format!("class{rank}"), format!("probability{rank}")]);
            }
            cells.extend(["none_of_these".to_string(), "error".to_string()]);
            csv(&cells)
        })
    }

    /// The line of an image.
    pub fn line(&self, image: &Path, line: &Line) -> Option<String> {
        match self.kind {
            Kind::Text => self.text(image, line),
            Kind::Json => Some(self.json(image, line)),
            Kind::Csv => Some(self.row(image, line)),
        }
    }

    fn text(&self, image: &Path, line: &Line) -> Option<String> {
        let Line::Answer(answer) = line else {
            return None;
        };
        let mut text = files::shown_path(image).to_string();
        if let Some(rejection) = &answer.rejection {
            text += &format!("\n  {rejection}");
        }
        for top in &answer.ranked[..self.top] {
            text += &format!("\n  {:.4}  {}", top.probability, files::shown(&top.class));
        }
        Some(text)
    }

    fn json(&self, image: &Path, line: &Line) -> String {
        let image = image.display().to_string();
        let answer = match line {
            Line::Failed(why) => {
                return crate::visible_json(&json!({ "image": image, "error": why }).to_string());
            }
            Line::Answer(answer) => answer,
        };
        let top = answer.ranked[..self.top].iter();
        let top: Vec<_> = top
            .map(|top| json!({ "index": top.index, "class": top.class, "probability": top.probability }))
            .collect();
        let mut line = json!({ "image": image, "top": top });
        if self.classifier.can_reject() {
            line["none_of_these"] = json!(answer.rejection);
        }
        crate::visible_json(&line.to_string())
    }

    fn row(&self, image: &Path, line: &Line) -> String {
        let mut cells = vec![image.display().to_string()];
        match line {
            Line::Failed(why) => {
                cells.resize(2 + 2 * self.top, String::new());
                cells.push(why.clone());
            }
            Line::Answer(answer) => {
                for top in &answer.ranked[..self.top] {
                    cells.extend([top.class.clone(), top.probability.to_string()]);
                }
                let rejection = answer.rejection.as_ref().map(ToString::to_string);
                cells.extend([rejection.unwrap_or_default(), String::new()]);
            }
        }
        csv(&cells)
    }
}

/// A row of a table, quoted where that is needed.
fn csv(cells: &[String]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Memory takes every row.
    let _ = writer.write_record(cells);
    let row = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&row).trim_end_matches('\n').into()
}
