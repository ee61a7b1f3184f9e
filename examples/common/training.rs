//! How a training goes on, and what came of it, in words and numbers.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use metrics::Predictions;
use transfer::Classifier;
use transfer::familiarity::{FamiliarityCounts, Measured};
use transfer::head::FitEvent;
use transfer::retrain::RetrainEvent;

use crate::Bar;
use crate::images::say_images;

/// Shows the events of a job: bars for embeddings, lines for the rest.
pub struct Progress {
    bar: Bar,
    cache: PathBuf,
}

impl Progress {
    /// Shows embeddings that are kept in that folder.
    pub fn new(cache: &Path) -> Self {
        Self {
            bar: Bar::default(),
            cache: cache.into(),
        }
    }

    /// Shows one event.
    pub fn show(&mut self, event: RetrainEvent<'_>) {
        match event {
            RetrainEvent::Embedding { part, done, total } => {
                self.bar.count(&part.to_string(), done, total);
            }
            RetrainEvent::Variants { done, total } => {
                self.bar.count("variants", done, total);
            }
            event => {
                self.bar.clear();
                self.say(event);
            }
        }
    }

    fn say(&self, event: RetrainEvent<'_>) {
        match event {
            RetrainEvent::Images { folder, split } => say_images(folder, split),
            RetrainEvent::StartsFrom {
                classifier,
                classes,
            } => say_new_classes(classifier, classes),
            RetrainEvent::LeftOut { error, .. } => crate::warn!("left out {error}"),
            RetrainEvent::Embedded { computed, seconds } => crate::say!(
                "embedded {computed} images in {seconds:.1} s ({:.0} images/s); embeddings are kept in {}",
                computed as f64 / seconds,
                files::shown_path(&self.cache)
            ),
            RetrainEvent::TestSeen { counts, included } => say_seen(*counts, included),
            RetrainEvent::VariationCost { images, estimate } => crate::say!(
                "distortions: {images} images to embed at most, about {:.1} minutes",
                estimate.as_secs_f64() / 60.0
            ),
            RetrainEvent::Varied { computed } => {
                crate::say!("{computed} variants computed; the others were in the cache");
            }
            RetrainEvent::Fit(event) => say_fit(&event),
            RetrainEvent::Stopped => crate::say!(
                "stopped before its end; this is the best head so far, and the same command continues a training by steps"
            ),
            RetrainEvent::Calibrated(calibration) => crate::say!("{calibration}"),
            _ => {}
        }
    }
}

/// Says which of the test images are not new to the training.
pub fn say_seen(counts: FamiliarityCounts, included: bool) {
    let measured = Measured { counts, included };
    crate::say!("test images: {measured}");
}

fn say_fit(event: &FitEvent<'_>) {
    match event {
        FitEvent::Candidate(found) => crate::say!("{found}"),
        FitEvent::Step { record, .. } => {
            let now = timestamp(SystemTime::now());
            for line in record.to_string().lines() {
                crate::say!("{now}: {line}");
            }
        }
        _ => {}
    }
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
            "the training continues with the {} classes of the classifier",
            known.len()
        ),
        new => crate::say!(
            "the training continues with the {} classes of the classifier and {} new: {}",
            known.len(),
            new.len(),
            new.join(", ")
        ),
    }
}

/// Says how good a classifier is on the test images, where there are any: in the words of `retrain.py` too, and with the
/// names of the images that are classified wrongly, where that is asked for.
pub fn say_test(test: Option<&Predictions>, parity: bool, mistakes: bool) {
    let Some(test) = test else {
        crate::say!("\nNo test images: nothing says how good it is.");
        return;
    };
    crate::say!("\nOn the {} test images:\n{}", test.len(), test.summary());
    if parity {
        let accuracy = 100.0 * test.confusion().accuracy().unwrap_or(f64::NAN);
        crate::say!("Final test accuracy = {accuracy:.1}% (N={})", test.len());
    }
    let files = test.files().unwrap_or_default();
    for at in test.mistakes().take_while(|_| mistakes) {
        let predicted = &test.classes()[test.predicted()[at]];
        crate::say!("{} is called {predicted}", files[at]);
    }
}
