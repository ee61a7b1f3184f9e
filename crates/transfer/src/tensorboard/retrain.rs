use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::writer::EventWriter;
use crate::embeddings::Embeddings;
use crate::error::Result;
use crate::head::{Candidate, ClassWeights, FitEvent, FitReport, Head, Recipe, Search, score};

/// Images whose logits and probabilities go into each histogram: the batch size of `retrain.py`.
const SAMPLE: usize = 100;

/// Writes for TensorBoard what `retrain.py` wrote while it trained a head: the runs `train` and `validation` with the
/// tags `accuracy_1`, `cross_entropy_1`,
/// `final_training_ops/{weights,biases}/summaries/{mean,stddev_1,max,min,histogram}`,
/// `final_training_ops/Wx_plus_b/pre_activations` and `activations`. In addition it writes `learning_rate`, the text
/// `configuration` and one precision-recall curve per class.
///
/// Gradient descent is not fitted on the validation images, so its run `validation` has the predictions of the head for
/// them. Logistic regression is fitted on them, too, once it has chosen by cross-validation. So its run `validation`
/// has, for each of these images, the prediction of a head that had not seen it, or nothing if there was no
/// cross-validation. Separate runs have what else is known about logistic regression:
///
/// * `cross_validation/unweighted` (every image counts the same), `cross_validation/balanced` (every class counts the
///   same) and `cross_validation/weighted` (the class weights were given): the tags `cross_validation/log_loss`,
///   `cross_validation/accuracy` and `cross_validation/log10_c` of each candidate, from the smallest `C` up. The step
///   is the number of the candidate in its run, from 1.
/// * `gradient/c=0.01` and so on, one for each `C`, and `gradient/final`: the tag `gradient` is the largest entry of
///   the gradient after each pass. The step is the number of the pass in its search.
///
/// The suffix `_1` is intended: TensorFlow 1 appended it because a scope of the same name existed already, and
/// dashboards that were made for `retrain.py` look for it.
///
/// ```no_run
/// # fn fit(training: &transfer::Embeddings, validation: &transfer::Embeddings, classes: &[String]) -> transfer::Result<()> {
/// use transfer::{Fitted, HeadConfig, tensorboard::RetrainSummaries};
/// use transfer::head::GradientDescent;
/// let config = HeadConfig::new().with_recipe(GradientDescent::parity());
/// let mut summaries = RetrainSummaries::create("retrain_logs", training, validation)?;
/// summaries.configuration(&config)?;
/// let training = config.training(training).validation(validation);
/// let Fitted { head, report } = training.on_event(|event| summaries.watch(event)).fit()?;
/// summaries.finish(&head, &report, classes)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RetrainSummaries {
    folder: PathBuf,
    train: Run,
    validation: Run,
    /// Runs of their own, by their names, with the last step of each.
    others: BTreeMap<String, (EventWriter, u64)>,
    step: u64,
    failed: Result<()>,
}

/// The writers of the runs of [`RetrainSummaries`].
#[derive(Debug)]
pub struct Writers<'a> {
    /// The writer of the run `train`.
    pub train: &'a mut EventWriter,
    /// The writer of the run `validation`.
    pub validation: &'a mut EventWriter,
}

/// A run, and the images of its histograms.
#[derive(Debug)]
struct Run {
    log: EventWriter,
    images: Embeddings,
}

impl RetrainSummaries {
    /// Creates `folder/train` and `folder/validation`; other runs are created when there is something to write. Earlier
    /// runs in the folder stay (`retrain.py` deleted them).
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) if a folder or file cannot be made.
    pub fn create(
        folder: impl AsRef<Path>,
        training: &Embeddings,
        validation: &Embeddings,
    ) -> Result<Self> {
        let run = |name: &str, images: &Embeddings| -> Result<Run> {
            let log = EventWriter::create(folder.as_ref().join(name))?;
            let images = images.clone();
            Ok(Run { log, images })
        };
        Ok(Self {
            folder: folder.as_ref().to_path_buf(),
            train: run("train", training)?,
            validation: run("validation", validation)?,
            others: BTreeMap::new(),
            step: 0,
            failed: Ok(()),
        })
    }

    /// Writes the settings of the run as a text that contains JSON.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) if the file cannot be written.
    pub fn configuration(&mut self, settings: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string_pretty(settings)
            .map_err(|e| crate::error::Error::mismatch("settings", "what JSON can hold", e))?;
        let text = format!("```json\n{json}\n```");
        self.train.log.text(0, "configuration", &text)?;
        self.train.log.flush()
    }

    /// Writes an event of a [training](crate::head::HeadTraining::on_event), and always lets the training continue. If
    /// a file cannot be written, nothing more is written, and [`finish`](Self::finish) returns the error.
    pub fn watch(&mut self, event: FitEvent<'_>) -> ControlFlow<()> {
        if self.failed.is_ok() {
            self.failed = self.write(event);
        }
        ControlFlow::Continue(())
    }

    /// The writers of the two runs, for example to add images.
    pub fn writers(&mut self) -> Writers<'_> {
        Writers {
            train: &mut self.train.log,
            validation: &mut self.validation.log,
        }
    }

    /// Writes the state of the trained head on all images, one step after the last: accuracy, cross-entropy, weights,
    /// and a precision-recall curve for each class. `report` must be that of the training; it has the predictions for
    /// the validation images by heads that had not seen them.
    ///
    /// # Errors
    /// The first error that [`watch`](Self::watch) met, or [`Error::Io`](crate::error::Error::Io) if a file cannot be
    /// written.
    pub fn finish(&mut self, head: &Head, report: &FitReport, classes: &[String]) -> Result<()> {
        std::mem::replace(&mut self.failed, Ok(()))?;
        let step = self.step + 1;
        self.train.end(step, head, classes)?;
        match report.config.recipe() {
            Recipe::GradientDescent(_) => self.validation.end(step, head, classes)?,
            Recipe::LogisticRegression(_) => {
                let images = self.validation.images.len();
                let held_out = report.out_of_fold_of_last(images, head.classes());
                if let Some(held_out) = held_out {
                    self.validation
                        .held_out(step, held_out, head.classes(), classes)?;
                }
            }
        }
        for (log, _) in self.others.values_mut() {
            log.flush()?;
        }
        Ok(())
    }

    fn write(&mut self, event: FitEvent<'_>) -> Result<()> {
        match event {
            FitEvent::Candidate(candidate) => self.candidate(candidate),
            FitEvent::Estimate(_) | FitEvent::Dropped(_) => Ok(()),
            FitEvent::Pass {
                search,
                pass,
                gradient,
            } => {
                let run = match search {
                    Search::CrossValidation { c, .. } => format!("gradient/c={c}"),
                    Search::Final => "gradient/final".to_string(),
                };
                let (log, _) = self.other(run)?;
                log.scalar(pass as u64, "gradient", gradient)
            }
            FitEvent::Step { record, layers, .. } => {
                self.step = record.step as u64;
                let rate = f64::from(record.learning_rate);
                self.train.log.scalar(self.step, "learning_rate", rate)?;
                let head = Head::new(layers.to_vec())?;
                let (accuracy, loss) = (record.train_accuracy, record.train_cross_entropy);
                self.train.state(self.step, &head, accuracy, loss)?;
                match &record.validation {
                    Some(v) => self
                        .validation
                        .state(self.step, &head, v.accuracy, v.cross_entropy),
                    None => Ok(()),
                }
            }
        }
    }

    /// What cross-validation found of a setting, in the run of its way to weight the classes.
    fn candidate(&mut self, candidate: &Candidate) -> Result<()> {
        let weighting = match candidate.class_weights {
            ClassWeights::None => "unweighted",
            ClassWeights::Balanced => "balanced",
            _ => "weighted",
        };
        let (log, step) = self.other(format!("cross_validation/{weighting}"))?;
        *step += 1;
        for (name, value) in [
            ("log_loss", candidate.log_loss),
            ("accuracy", candidate.accuracy),
            ("log10_c", candidate.c.log10()),
        ] {
            log.scalar(*step, &format!("cross_validation/{name}"), value)?;
        }
        log.flush()
    }

    /// A run of its own, which is created when it is first asked for.
    fn other(&mut self, name: String) -> Result<&mut (EventWriter, u64)> {
        match self.others.entry(name) {
            Entry::Occupied(run) => Ok(run.into_mut()),
            Entry::Vacant(place) => {
                let log = EventWriter::create(self.folder.join(place.key()))?;
                Ok(place.insert((log, 0)))
            }
        }
    }
}

impl Run {
    /// The state of a trained head on all images of the run.
    fn end(&mut self, step: u64, head: &Head, classes: &[String]) -> Result<()> {
        if self.images.is_empty() {
            return Ok(());
        }
        let probabilities = head.probabilities(self.images.values())?;
        let (accuracy, cross_entropy) =
            measures(&probabilities, self.images.targets(), head.classes());
        self.state(step, head, accuracy, cross_entropy)?;
        self.curves(step, &probabilities, head.classes(), classes)
    }

    /// What was said of the images of the run, `[images, outputs]`, by heads that had not seen them.
    fn held_out(
        &mut self,
        step: u64,
        probabilities: &[f64],
        outputs: usize,
        classes: &[String],
    ) -> Result<()> {
        if probabilities.is_empty() {
            return Ok(());
        }
        let (accuracy, cross_entropy) = measures(probabilities, self.images.targets(), outputs);
        let every = self.images.len().div_ceil(SAMPLE).max(1);
        let sample = probabilities.chunks_exact(outputs).step_by(every);
        let sample: Vec<f32> = sample.flatten().map(|&p| p as f32).collect();
        self.log.histogram(step, "activations", &sample)?;
        self.log.scalar(step, "cross_entropy_1", cross_entropy)?;
        self.log.scalar(step, "accuracy_1", accuracy)?;
        self.curves(step, probabilities, outputs, classes)
    }

    /// A precision-recall curve for each class.
    fn curves(
        &mut self,
        step: u64,
        probabilities: &[f64],
        outputs: usize,
        classes: &[String],
    ) -> Result<()> {
        for (index, class) in classes.iter().enumerate().take(outputs) {
            let targets: Vec<bool> = self.images.targets().iter().map(|&t| t == index).collect();
            let scores = probabilities.iter().skip(index).step_by(outputs);
            let scores: Vec<f64> = scores.copied().collect();
            self.log
                .pr_curve(step, &format!("pr_curves/{class}"), &targets, &scores)?;
        }
        self.log.flush()
    }

    fn state(&mut self, step: u64, head: &Head, accuracy: f64, cross_entropy: f64) -> Result<()> {
        let ops = "final_training_ops";
        if let Some(last) = head.layers().last() {
            self.variable(step, &format!("{ops}/weights"), last.weights())?;
            self.variable(step, &format!("{ops}/biases"), last.bias())?;
        }
        let sample: Vec<usize> = (0..self.images.len())
            .step_by(self.images.len().div_ceil(SAMPLE).max(1))
            .collect();
        let sample = self.images.select(&sample);
        if !sample.is_empty() {
            let narrow = |v: Vec<f64>| v.into_iter().map(|v| v as f32).collect::<Vec<_>>();
            let logits = narrow(head.logits(sample.values())?);
            let tag = format!("{ops}/Wx_plus_b/pre_activations");
            self.log.histogram(step, &tag, &logits)?;
            let probabilities = narrow(head.probabilities(sample.values())?);
            self.log.histogram(step, "activations", &probabilities)?;
        }
        self.log.scalar(step, "cross_entropy_1", cross_entropy)?;
        self.log.scalar(step, "accuracy_1", accuracy)?;
        self.log.flush()
    }

    /// As `variable_summaries` of `retrain.py`: mean, population standard deviation, extremes, histogram.
    fn variable(&mut self, step: u64, scope: &str, values: &[f32]) -> Result<()> {
        let wide = || values.iter().map(|&v| f64::from(v));
        let n = values.len().max(1) as f64;
        let mean = wide().sum::<f64>() / n;
        let deviation = (wide().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let (low, high) = wide().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        let numbers = [
            ("mean", mean),
            ("stddev_1", deviation),
            ("max", high),
            ("min", low),
        ];
        for (name, value) in numbers {
            self.log
                .scalar(step, &format!("{scope}/summaries/{name}"), value)?;
        }
        self.log
            .histogram(step, &format!("{scope}/summaries/histogram"), values)
    }
}

/// Accuracy and mean cross-entropy of probabilities `[n, classes]`.
fn measures(probabilities: &[f64], targets: &[usize], classes: usize) -> (f64, f64) {
    let (mut right, mut loss) = (0, 0.0);
    for (row, &target) in probabilities.chunks_exact(classes).zip(targets) {
        let (named, own) = score(row, target);
        right += usize::from(named);
        loss += own;
    }
    let n = targets.len().max(1) as f64;
    (right as f64 / n, loss / n)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::messages::{Content, Event, What};
    use super::super::record::read_records;
    use super::*;
    use crate::head::{Fitted, GradientDescent, HeadConfig};

    /// The steps and values of a tag in a run.
    fn scalars(folder: &Path, run: &str, tag: &str) -> Vec<(i64, f32)> {
        let mut found = Vec::new();
        let Ok(files) = std::fs::read_dir(folder.join(run)) else {
            return found;
        };
        for path in files
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
        {
            for record in read_records(&path).unwrap() {
                let event = Event::decode(&record[..]).unwrap();
                let Some(What::Summary(summary)) = event.what else {
                    continue;
                };
                for value in summary.value.into_iter().filter(|value| value.tag == tag) {
                    if let Some(Content::Simple(number)) = value.content {
                        found.push((event.step, number));
                    }
                }
            }
        }
        found
    }

    /// Images whose classes overlap, so that what is fitted is surer than what is held out.
    fn images(n: usize, salt: u64) -> Embeddings {
        let mut state = salt;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        // Twice as many of one class, so that weights that balance the classes are tried, too.
        let targets: Vec<usize> = (0..n).map(|i| usize::from(i % 3 != 0)).collect();
        let values = targets.iter().flat_map(|&target| {
            let shift = target as f32 * 0.4;
            [next() + shift, next(), next(), next(), next(), next()]
        });
        Embeddings::new(values.collect(), 6, targets.clone()).unwrap()
    }

    fn watched(config: &HeadConfig, folder: &Path) -> Fitted {
        let (training, validation) = (images(40, 1), images(20, 2));
        let mut summaries = RetrainSummaries::create(folder, &training, &validation).unwrap();
        let fit = config.training(&training).validation(&validation);
        let fitted = fit.on_event(|event| summaries.watch(event)).fit().unwrap();
        let classes = ["a".to_string(), "b".to_string()];
        summaries
            .finish(&fitted.head, &fitted.report, &classes)
            .unwrap();
        fitted
    }

    #[test]
    fn the_validation_of_logistic_regression_is_out_of_fold_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let Fitted { head, report } = watched(&HeadConfig::new(), folder.path());
        let validation = images(20, 2);
        let held_out = &report.out_of_fold[40 * 2..];
        let (accuracy, loss) = measures(held_out, validation.targets(), 2);
        let shown = |tag| scalars(folder.path(), "validation", tag);
        assert_eq!(shown("cross_entropy_1").len(), 1);
        assert_eq!(shown("cross_entropy_1")[0].1, loss as f32);
        assert_eq!(shown("accuracy_1")[0].1, accuracy as f32);
        // What the head says of images that it was fitted on is something else.
        let fitted = head.probabilities(validation.values()).unwrap();
        assert!(measures(&fitted, validation.targets(), 2).1 < loss);

        let folder = tempfile::tempdir().unwrap();
        let one = crate::head::LogisticRegression::new().with_regularization([1.0]);
        let one = HeadConfig::new().with_recipe(one);
        let unchosen = one.with_class_weights(ClassWeights::None);
        assert!(
            watched(&unchosen, folder.path())
                .report
                .out_of_fold
                .is_empty()
        );
        assert!(scalars(folder.path(), "validation", "accuracy_1").is_empty());
        assert_eq!(scalars(folder.path(), "train", "accuracy_1").len(), 1);
    }

    #[test]
    fn gradient_descent_is_validated_by_its_head() {
        let folder = tempfile::tempdir().unwrap();
        let steps = GradientDescent::parity().with_steps(20);
        let config = HeadConfig::new().with_recipe(steps);
        let Fitted { head, .. } = watched(&config, folder.path());
        let validation = images(20, 2);
        let probabilities = head.probabilities(validation.values()).unwrap();
        let (accuracy, _) = measures(&probabilities, validation.targets(), 2);
        let shown = scalars(folder.path(), "validation", "accuracy_1");
        assert_eq!(shown.last().unwrap().1, accuracy as f32);
    }

    #[test]
    fn every_search_and_every_weighting_is_a_run_with_rising_steps() {
        let folder = tempfile::tempdir().unwrap();
        let report = watched(&HeadConfig::new(), folder.path()).report;
        let mut runs = vec!["gradient/final".to_string()];
        runs.extend(
            report
                .candidates
                .iter()
                .map(|found| format!("gradient/c={}", found.c)),
        );
        for run in runs {
            let passes = scalars(folder.path(), &run, "gradient");
            let steps: Vec<i64> = passes.iter().map(|(step, _)| *step).collect();
            let expected: Vec<i64> = (0..).take(steps.len()).collect();
            assert!(!steps.is_empty(), "{run}");
            assert_eq!(steps, expected, "{run}");
        }
        for (run, weights) in [
            ("cross_validation/unweighted", ClassWeights::None),
            ("cross_validation/balanced", ClassWeights::Balanced),
        ] {
            let of_run = report
                .candidates
                .iter()
                .filter(|found| found.class_weights == weights);
            let expected: Vec<(i64, f32)> = (1..)
                .zip(of_run.map(|found| found.log_loss as f32))
                .collect();
            assert!(expected.len() > 1, "{run}");
            assert_eq!(
                scalars(folder.path(), run, "cross_validation/log_loss"),
                expected
            );
        }
        assert!(scalars(folder.path(), "train", "gradient").is_empty());
        assert!(scalars(folder.path(), "train", "cross_validation/log_loss").is_empty());
    }
}
