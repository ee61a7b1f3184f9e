//! What a classifier says of images, as lines of text, JSON or a table.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use serde_json::json;
use transfer::Classifier;
use transfer::classifier::Answer;

use crate::Bar;
use crate::signed::misplaced;
use crate::tips::did_you_mean;

/// Asks a classifier about images, and writes a line for each of them.
pub struct Labeling<'a> {
    layout: Layout<'a>,
    batch: usize,
    output: Option<&'a Path>,
}

impl<'a> Labeling<'a> {
    /// Lines of this layout, in a file or, without one, on standard output. `batch`: images per call of the network.
    pub fn new(layout: Layout<'a>, batch: usize, output: Option<&'a Path>) -> Self {
        Self {
            layout,
            batch,
            output,
        }
    }

    /// Labels all images, in their order; gives how many of them cannot be used.
    ///
    /// # Errors
    /// What the network finds, and where the file cannot be written; it is then as it was before.
    pub fn label(&self, images: &[PathBuf]) -> Result<usize, Box<dyn Error>> {
        let Some(path) = self.output else {
            return self.print(images, |text| {
                crate::say!("{text}");
                Ok(())
            });
        };
        let mut outcome = Ok(0);
        files::write_whole(path, |file| {
            outcome = self.print(images, |text| writeln!(file, "{text}"));
            // Nothing is written where the classifier failed.
            let failed = outcome.as_ref().err();
            failed.map_or(Ok(()), |error| Err(io::Error::other(error.to_string())))
        })?;
        outcome
    }

    /// Gives each line to `print`.
    fn print(
        &self,
        images: &[PathBuf],
        mut print: impl FnMut(&str) -> io::Result<()>,
    ) -> Result<usize, Box<dyn Error>> {
        let layout = &self.layout;
        let loader = layout.classifier.backbone().loader();
        let loader = loader.with_batch_size(self.batch);
        let (mut bar, mut done, mut failures) = (Bar::default(), 0, 0);
        if let Some(header) = layout.header() {
            print(&header)?;
        }
        loader.for_each_batch(images, |batch| -> Result<(), Box<dyn Error>> {
            let answers = layout
                .classifier
                .answers(&batch.pixels, batch.indices.len())?;
            let answered = batch.indices.iter().zip(answers);
            let mut lines: Vec<(usize, Line)> = answered
                .map(|(&index, answer)| (index, Line::Answer(answer)))
                .collect();
            for failed in batch.failed {
                let path: &Path = &images[failed.index];
                let why = misplaced(path, "an image", failed.error).to_string();
                if !layout.has_errors() || self.output.is_some() {
                    crate::warn!("error: {why}{}", did_you_mean(path));
                }
                lines.push((failed.index, Line::Failed(why)));
                failures += 1;
            }
            lines.sort_by_key(|(index, _)| *index);
            done += lines.len();
            for (index, line) in lines {
                if let Some(text) = layout.line(&images[index], &line) {
                    print(&text)?;
                }
            }
            // On a terminal the lines themselves show how far it is.
            if self.output.is_some() || !io::stdout().is_terminal() {
                bar.count("labeling", done, images.len());
            }
            Ok(())
        })?;
        bar.clear();
        Ok(failures)
    }
}

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
