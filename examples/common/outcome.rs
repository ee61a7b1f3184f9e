//! What came of a training, in plain words.

use std::path::Path;

use metrics::Predictions;
use metrics::uncertainty::wilson_interval;
use transfer::retrain::Retrained;

use crate::calls::{Word, command};

/// Fewer test images than these say little.
const FEW: usize = 30;

/// At most so many confused pairs of classes are named.
const PAIRS: usize = 5;

/// Says how good a classifier is, and what it confuses. `parity`: in the words of `retrain.py`, too. `mistakes`: with the names
/// of the test images that are classified wrongly. `verbose`: with precision and recall of each class.
pub fn say_outcome(job: &Retrained, parity: bool, mistakes: bool, verbose: bool) {
    let test = job.test.as_ref();
    match test {
        Some(test) => say_answers("the test images", test, verbose),
        None => crate::say!("\nThere are no test images."),
    }
    let few = test.is_none_or(|test| test.len() < FEW);
    match &job.out_of_fold {
        Some(answers) if few => {
            if test.is_some() {
                crate::say!("So few test images say little about other images.");
            }
            say_answers(
                "the images of the training, each answered by a head that had not seen it (cross-validation)",
                answers,
                verbose,
            );
        }
        None if test.is_none() => crate::say!("Nothing says how good the classifier is."),
        None if few => crate::say!(
            "So few test images say little about other images: --testing-percentage or --test-dir gives more of them."
        ),
        _ => {}
    }
    if let Some(curve) = &job.learning_curve {
        crate::say!("\nWould more images help?\n{curve}");
    }
    let Some(test) = test else {
        return;
    };
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

/// Says how many of some images are classified rightly, and which classes are confused most often.
fn say_answers(what: &str, answers: &Predictions, verbose: bool) {
    let n = answers.len();
    let right = n - answers.mistakes().count();
    let interval = wilson_interval(right as u64, n as u64, 0.95);
    let accuracy = interval.map_or_else(String::new, |found| {
        let (value, low, high) = (found.value, found.low, found.high);
        format!(": accuracy {value:.3}, 95 % interval {low:.3} to {high:.3}")
    });
    crate::say!("\nOf {what}, {right} of {n} are classified rightly{accuracy}.");
    let pairs = answers
        .confusion()
        .confused_pairs(answers.classes(), PAIRS, 0.95);
    if !pairs.is_empty() {
        crate::say!("Most confused:");
    }
    for pair in pairs {
        crate::say!("  {pair}");
    }
    if verbose {
        crate::say!("\n{}", answers.summary());
    }
}

/// Says where the results are, and what can be done next, by which commands.
pub fn say_next(classifier: &Path, images: &Path, report: Option<&Path>, measured_sizes: bool) {
    crate::say!("\nThe classifier is in {}.", files::shown_path(classifier));
    if let Some(report) = report {
        crate::say!("The report is in {}.", files::shown_path(report));
    }
    let next = |what: &str, words: &[Word<'_>]| {
        crate::say!("  {what}:\n    {}", command(words));
    };
    crate::say!("What can be done next:");
    next(
        "ask it about another image",
        &[&"label_image", &"--classifier", &classifier, &"photo.jpg"],
    );
    if report.is_none() {
        next(
            "write a page with all numbers and the mistakes",
            &[
                &"retrain",
                &"--image-dir",
                &images,
                &"--report",
                &"report.html",
            ],
        );
    }
    if !measured_sizes {
        next(
            "find out whether more images would help",
            &[&"retrain", &"--image-dir", &images, &"--learning-curve"],
        );
    }
    next(
        "find copies, broken files and odd images in the folder",
        &[&"audit", &"--image-dir", &images],
    );
}
