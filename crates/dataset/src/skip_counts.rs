//! Why files are left out, counted: one sentence in place of a thousand.

use std::fmt;

use crate::problem::{ImageProblem, SkipReason, Skipped};

/// How many files are left out for which reason, the most frequent first.
///
/// What nobody misses ([`SkipReason::is_passed_over`]) is counted apart, and does not hide a reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkipCounts {
    reasons: Vec<ReasonCount>,
    /// Files that nobody misses.
    passed_over: usize,
}

/// A reason, and how many files it has. `Display` is a sentence without its end, such as
/// `25 of 25 files are HEIC; convert them to JPEG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    /// What the files are, in a few words.
    pub what: String,
    /// What can be done.
    pub remedy: String,
    /// How many files.
    pub count: usize,
    /// How many there are for any reason.
    pub of: usize,
}

impl SkipCounts {
    /// Counts the files that a folder leaves out.
    pub fn of<'a>(skipped: impl IntoIterator<Item = &'a Skipped>) -> Self {
        let mut counts = Self::default();
        for skipped in skipped {
            if skipped.reason.is_passed_over() {
                counts.passed_over += 1;
            } else {
                counts.add(of_reason(&skipped.reason));
            }
        }
        counts.in_order()
    }

    pub(crate) fn add(&mut self, (what, remedy): (String, String)) {
        match self.reasons.iter_mut().find(|reason| reason.what == what) {
            Some(known) => known.count += 1,
            None => self.reasons.push(ReasonCount {
                what,
                remedy,
                count: 1,
                of: 0,
            }),
        }
    }

    pub(crate) fn in_order(mut self) -> Self {
        let of = self.reasons.iter().map(|reason| reason.count).sum();
        self.reasons.iter_mut().for_each(|reason| reason.of = of);
        self.reasons.sort_by_key(|reason| usize::MAX - reason.count);
        self
    }

    /// The reasons, the most frequent first; of two that are as frequent, the one that was found first.
    pub fn reasons(&self) -> &[ReasonCount] {
        &self.reasons
    }

    /// The most frequent reason.
    pub fn most_frequent(&self) -> Option<&ReasonCount> {
        self.reasons.first()
    }

    /// The number of files and folders that nobody misses.
    pub fn passed_over(&self) -> usize {
        self.passed_over
    }
}

impl fmt::Display for ReasonCount {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            what, count, of, ..
        } = self;
        let files = if *of == 1 { "file" } else { "files" };
        write!(f, "{count} of {of} {files}: {what}")?;
        if self.remedy.is_empty() {
            return Ok(());
        }
        write!(f, "; {}", self.remedy)
    }
}

/// What a reason is in a few words that are the same for all files of the kind, and what can be done.
fn of_reason(reason: &SkipReason) -> (String, String) {
    match reason {
        SkipReason::Image(problem) => of_problem(problem),
        SkipReason::Unreadable(error) => (
            format!("cannot be read ({error})"),
            "make it readable, or remove it".to_owned(),
        ),
        other => (other.to_string(), String::new()),
    }
}

pub(crate) fn of_problem(problem: &ImageProblem) -> (String, String) {
    let own = |text: &str| text.to_owned();
    match problem {
        ImageProblem::NotDecoded { name, remedy } => {
            (format!("{name}, which is not decoded"), own(remedy))
        }
        ImageProblem::Empty => (own("empty"), own("get the image again")),
        ImageProblem::UnknownFormat { .. } => (
            own("not an image of a known format"),
            own("replace it by an image"),
        ),
        ImageProblem::OverLimit { limit, .. } => (
            format!("{limit} is over the limit"),
            format!(
                "make it smaller, or raise the limit (`DecodeOptions::{}`)",
                limit.option()
            ),
        ),
        ImageProblem::Truncated { format } => {
            (format!("{format}, cut short"), own("get the image again"))
        }
        ImageProblem::Damaged { format, .. } => {
            (format!("{format}, damaged"), own("get the image again"))
        }
        ImageProblem::Broken {
            format, message, ..
        } => (
            format!("{format}, broken or unsupported: {message}"),
            own("convert it, or get the image again"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(name: &str, reason: SkipReason) -> Skipped {
        Skipped {
            path: name.into(),
            bytes: 1,
            reason,
        }
    }

    #[test]
    fn the_most_frequent_reason_comes_first_and_hidden_files_hide_none() {
        let heic = || {
            let name = "HEIC";
            SkipReason::Image(ImageProblem::NotDecoded {
                name,
                remedy: "convert it to JPEG",
            })
        };
        let counts = SkipCounts::of(&[
            skipped(".a", SkipReason::Hidden),
            skipped("Thumbs.db", SkipReason::LeftBehind),
            skipped(".b", SkipReason::Hidden),
            skipped("a.jpg", ImageProblem::Empty.into()),
            skipped("b.jpg", heic()),
            skipped("c.jpg", heic()),
        ]);
        assert_eq!(counts.passed_over(), 3);
        assert_eq!(
            counts.most_frequent().unwrap().to_string(),
            "2 of 3 files: HEIC, which is not decoded; convert it to JPEG"
        );
        assert_eq!(counts.reasons()[1].count, 1);
        assert_eq!(SkipCounts::of(&[]).most_frequent(), None);
    }
}
