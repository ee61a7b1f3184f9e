//! A page that leads through the steps of a tour and links what they wrote.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use metrics::report::{escape, shell};

use super::steps::Step;

/// The page so far.
pub struct Page {
    title: String,
    steps: String,
    count: usize,
}

impl Page {
    /// A page without steps.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.into(),
            steps: String::new(),
            count: 0,
        }
    }

    /// Adds a step, and the command that does it.
    pub fn add(&mut self, step: &Step<'_>, command: Option<&str>) {
        self.count += 1;
        let (html, count) = (&mut self.steps, self.count);
        let (title, text) = (escape(step.title), escape(step.text));
        let _ = write!(html, "<h2>{count}. {title}</h2>\n<p>{text}</p>\n");
        if let Some(command) = command.map(escape) {
            let _ = writeln!(html, "<pre><code>{command}</code></pre>");
        }
        if let Some(picture) = step.picture {
            let (picture, name) = (escape(picture), escape(step.title));
            let _ = writeln!(
                html,
                "<p class=\"shown\"><img src=\"{picture}\" alt=\"{name}\"></p>"
            );
        }
        if !step.files.is_empty() {
            *html += "<ul>\n";
            for (file, what) in step.files {
                let (file, what) = (escape(file), escape(what));
                let _ = writeln!(html, "<li><a href=\"{file}\">{file}</a>: {what}</li>");
            }
            *html += "</ul>\n";
        }
    }

    /// Writes the page, with these numbers at its top, each with what it is and a note.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(
        &self,
        path: &Path,
        intro: &str,
        numbers: &[[String; 3]],
    ) -> Result<(), Box<dyn Error>> {
        let mut body = format!(
            "<style>{STYLE}</style>\n<header>\n<h1>{}</h1>\n<p>{}</p>\n<div class=\"tiles\">\n",
            escape(&self.title),
            escape(intro)
        );
        for (i, number) in numbers.iter().enumerate() {
            let [what, value, note] = number.each_ref().map(|text| escape(text));
            let class = if i == 0 { "tile lead" } else { "tile" };
            let _ = writeln!(
                body,
                "<div class=\"{class}\"><span>{what}</span><b>{value}</b><span>{note}</span></div>"
            );
        }
        let _ = write!(body, "</div>\n</header>\n{}", self.steps);
        crate::answers::write(path, shell(&self.title, &body))
    }
}

/// What the look of a report lacks.
const STYLE: &str = "\
pre { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem .9rem; font-size: .8125rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.shown img { display: block; max-width: 100%; border-radius: .6rem; }
ul { padding-left: 1.2rem; margin: .6rem 0; }
a { color: var(--s0); }
";
