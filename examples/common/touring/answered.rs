//! What a classifier answered to the pictures that it was measured with.

use std::error::Error;
use std::path::Path;

use metrics::Predictions;
use metrics::uncertainty::wilson_interval;

/// The answers of a classifier to pictures that it has not seen.
pub struct Answered {
    predictions: Predictions,
    /// The name of the picture that it is most sure of and wrong about, or least sure of where it is never wrong.
    pub worst: String,
    /// What is said of that picture.
    pub about_worst: String,
}

impl Answered {
    /// Reads them from a file that `evaluate` wrote. `classes`: the names of the classes.
    ///
    /// # Errors
    /// Where the file cannot be read, or has no names of pictures.
    pub fn read(path: &Path, classes: &[String]) -> Result<Self, Box<dyn Error>> {
        let predictions = Predictions::open(path, Some(classes))?;
        let sure = |sample: &usize| {
            let row = predictions.row(*sample).unwrap_or_default();
            row.iter().copied().fold(0.0, f64::max)
        };
        let by_sureness = |a: &usize, b: &usize| sure(a).total_cmp(&sure(b));
        let wrong = predictions.mistakes().max_by(by_sureness);
        let worst = wrong.or_else(|| (0..predictions.len()).min_by(by_sureness));
        let worst = worst.ok_or("no picture was measured")?;
        let percent = 100.0 * sure(&worst);
        let class = |index: usize| &predictions.classes()[index];
        let (predicted, target) = (
            class(predictions.predicted()[worst]),
            class(predictions.targets()[worst]),
        );
        let about_worst = if wrong.is_some() {
            format!(
                "Of its mistakes it is most sure of this one: it takes a {target} for a {predicted}, with {percent:.1} %."
            )
        } else {
            format!(
                "It made no mistake; of this picture, a {target}, it is least sure: {percent:.1} %."
            )
        };
        let names = predictions.files().ok_or("the answers name no pictures")?;
        Ok(Self {
            worst: names[worst].clone(),
            about_worst,
            predictions,
        })
    }

    /// The numbers at the top of the page: each with what it is, and a note. `learned`: pictures to learn from; `seconds`: how
    /// long all of it took.
    pub fn numbers(&self, learned: usize, seconds: f64) -> [[String; 3]; 4] {
        let (n, wrong) = (self.predictions.len(), self.predictions.mistakes().count());
        let accuracy = wilson_interval((n - wrong) as u64, n as u64, 0.95);
        let [value, interval] = accuracy.map_or_else(Default::default, |found| {
            let [value, low, high] = [found.value, found.low, found.high].map(|part| 100.0 * part);
            [
                format!("{value:.1} %"),
                format!("95 % interval {low:.1} to {high:.1} %"),
            ]
        });
        [
            ["Accuracy on other pictures".into(), value, interval],
            [
                "Mistakes".into(),
                wrong.to_string(),
                format!("of {n} pictures"),
            ],
            [
                "Learned from".into(),
                learned.to_string(),
                "pictures".into(),
            ],
            [
                "All of it took".into(),
                format!("{seconds:.0} s"),
                "on this machine".into(),
            ],
        ]
    }
}
