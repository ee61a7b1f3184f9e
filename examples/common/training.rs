//! How a training goes on, in words and numbers.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use transfer::Classifier;
use transfer::familiarity::{FamiliarityCounts, Measured};
use transfer::head::{Candidate, FitEvent, Search};
use transfer::job::{JobEvent, LabelConflict};

use crate::images::{say_counts, say_images};
use crate::{Bar, counted, say_not_kept};

/// Shows the events of a job: bars for embeddings, lines for the rest.
pub struct Progress {
    bar: Bar,
    /// Where embeddings are kept, if they are.
    cache: Option<PathBuf>,
    verbose: bool,
    choice: Choice,
}

/// What cross-validation has tried so far, and the best of it.
#[derive(Default)]
struct Choice {
    tried: usize,
    best: Option<Candidate>,
}

impl Progress {
    /// Shows embeddings that are kept in that folder. `verbose`: every setting that cross-validation tries has a line.
    pub fn new(cache: &Path, verbose: bool) -> Self {
        let mut bar = Bar::default();
        bar.work("listing images");
        Self {
            bar,
            cache: Some(cache.into()),
            verbose,
            choice: Choice::default(),
        }
    }

    /// Shows one event.
    pub fn show(&mut self, event: JobEvent<'_>) {
        match event {
            JobEvent::Embedding { part, done, total } => {
                self.bar.count(&part.to_string(), done, total);
            }
            JobEvent::Variants { done, total } => {
                self.bar.count("variants", done, total);
            }
            JobEvent::LearningCurve { done, total } => {
                self.bar.count_of("learning curve", "subsets", done, total);
                if done == total {
                    self.bar.clear();
                }
            }
            JobEvent::Fit(event) => self.fit(&event),
            event => {
                self.bar.clear();
                self.say(event);
            }
        }
    }

    fn say(&mut self, event: JobEvent<'_>) {
        match event {
            JobEvent::Images { folder, split } => say_images(folder, split),
            JobEvent::Quantized(record) => crate::say!("{record}"),
            JobEvent::StartsFrom {
                classifier,
                classes,
            } => say_new_classes(classifier, classes),
            JobEvent::LeftOut { error, .. } => crate::warn!("left out {error}"),
            JobEvent::NotKept(error) => {
                self.cache = None;
                say_not_kept(error);
            }
            JobEvent::NoSummaries(error) => say_no_summaries(error),
            JobEvent::Embedded { computed: 0, .. } => crate::say!(
                "embedded 0 images: the embeddings of all of them were there already{}",
                self.kept("; they")
            ),
            JobEvent::Embedded { computed, seconds } => crate::say!(
                "embedded {} in {seconds:.1} s ({:.0} images/s){}",
                counted(computed, "image", "images"),
                computed as f64 / seconds,
                self.kept("; embeddings")
            ),
            JobEvent::Usable {
                training,
                validation,
                test,
            } => say_counts([training, validation, test]),
            JobEvent::LabelConflicts(conflicts) => say_conflicts(conflicts, self.verbose),
            JobEvent::TestSeen { counts, included } => say_seen(*counts, included),
            JobEvent::VariationCost { images, estimate } => crate::say!(
                "distortions: at most {} to embed, about {:.1} minutes",
                counted(images, "image", "images"),
                estimate.as_secs_f64() / 60.0
            ),
            JobEvent::Varied { computed } => crate::say!(
                "embedded {}{}",
                counted(computed, "variant", "variants"),
                self.kept("; their embeddings")
            ),
            JobEvent::Stopped => crate::say!(
                "stopped before its end; this is the best head so far, and the same command continues a training by steps"
            ),
            JobEvent::Calibrated(found) => crate::say!("calibration of the probabilities: {found}"),
            _ => {}
        }
    }

    /// Where these are kept, in words.
    fn kept(&self, what: &str) -> String {
        self.cache.as_ref().map_or_else(String::new, |cache| {
            format!("{what} are kept in {}", files::shown_path(cache))
        })
    }

    fn fit(&mut self, event: &FitEvent<'_>) {
        match event {
            FitEvent::Pass {
                search: Search::CrossValidation { tried, most, .. },
                ..
            } => {
                // It may end before all of them are tried.
                self.bar
                    .count_of("cross-validation", "settings", *tried, *most);
            }
            FitEvent::Estimate(estimate) => crate::say!(
                "choosing the regularization and fitting the head take about {:.0} s",
                estimate.as_secs_f64()
            ),
            FitEvent::Candidate(found) => {
                if self.verbose {
                    crate::say!("{found}");
                }
                self.choice.add(found);
            }
            FitEvent::Dropped(found) => {
                if self.verbose {
                    crate::say!(
                        "{}: log loss {:.4} on the first fold, worse than the best by more than chance; the other folds do not \
                         try it",
                        found.setting(),
                        found.log_loss
                    );
                }
                self.choice.tried += 1;
            }
            // Nothing more is chosen once the head itself is fitted.
            FitEvent::Pass {
                search: Search::Final,
                ..
            } => {
                self.choice.say();
                self.bar.work("fitting the head");
            }
            FitEvent::Step { record, steps, .. } => {
                self.bar.count_of("training", "steps", record.step, *steps);
                let now = timestamp(SystemTime::now());
                for line in record.to_string().lines() {
                    crate::say!("{now}: {line}");
                }
            }
            _ => {}
        }
    }
}

impl Choice {
    fn add(&mut self, found: &Candidate) {
        self.tried += 1;
        let least = self
            .best
            .as_ref()
            .map_or(f64::INFINITY, |best| best.log_loss);
        if found.log_loss < least {
            self.best = Some(found.clone());
        }
    }

    /// Says once what was chosen.
    fn say(&mut self) {
        if let Some(best) = self.best.take() {
            crate::say!(
                "regularization of the head: {} tried; the best: {best}",
                counted(self.tried, "setting", "settings")
            );
        }
    }
}

/// Says which pictures have several labels: how many there are and one of them, or all.
fn say_conflicts(conflicts: &[LabelConflict], all: bool) {
    let shown = if all { conflicts.len() } else { 1 };
    let pictures = counted(conflicts.len(), "picture is", "pictures are");
    crate::say!(
        "{pictures} in several classes: one of the labels is wrong; audit --page helps to decide{}",
        if shown == conflicts.len() {
            ""
        } else {
            ", and --verbose names all"
        }
    );
    for conflict in &conflicts[..shown] {
        let names: Vec<String> = conflict
            .names
            .iter()
            .map(|name| files::shown(name).to_string())
            .collect();
        crate::say!("  the same picture: {}", names.join(", "));
    }
}

/// Says which of the test images are not new to the training.
pub fn say_seen(counts: FamiliarityCounts, included: bool) {
    let measured = Measured { counts, included };
    crate::say!("test images: {measured}");
}

/// Says that there is nothing for TensorBoard, or not all.
pub fn say_no_summaries(error: &transfer::Error) {
    crate::warn!("the training goes on without --summaries-dir, which cannot be written: {error}");
}

/// Date and time in UTC, as `retrain.py` has it in its lines: `2017-06-30 12:00:00.123456`.
fn timestamp(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_micros(time).to_string();
    text.replace('T', " ").trim_end_matches('Z').to_string()
}

/// Says which classes of the folder the classifier does not know yet.
fn say_new_classes(from: &Classifier, classes: &[String]) {
    let known = from.classes();
    let new = classes.iter().filter(|class| !known.contains(class));
    let new: Vec<&str> = new.map(String::as_str).collect();
    match &new[..] {
        [] => crate::say!(
            "the training continues with the {} of the classifier",
            counted(known.len(), "class", "classes")
        ),
        new => crate::say!(
            "the training continues with the {} of the classifier and {}: {}",
            counted(known.len(), "class", "classes"),
            counted(new.len(), "new one", "new ones"),
            new.join(", ")
        ),
    }
}
