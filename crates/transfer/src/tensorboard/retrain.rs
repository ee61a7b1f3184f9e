use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;

use super::writer::EventWriter;
use crate::embeddings::Embeddings;
use crate::error::Result;
use crate::head::{FitEvent, Head, score};

/// Images whose logits and probabilities go into each histogram: the batch size of `retrain.py`.
const SAMPLE: usize = 100;

/// Writes what `retrain.py` wrote for TensorBoard, while a head is trained: the runs `train` and `validation` with the tags
/// `accuracy_1`, `cross_entropy_1`, `final_training_ops/{weights,biases}/summaries/{mean,stddev_1,max,min,histogram}`,
/// `final_training_ops/Wx_plus_b/pre_activations` and `activations`. In addition it writes `learning_rate`, the text
/// `configuration` and one precision-recall curve per class; for logistic regression also the `gradient` of each pass and
/// `cross_validation/{log_loss,accuracy}` of each candidate.
///
/// The endings `_1` are intended: TensorFlow 1 appended them because a scope of the same name existed already, and
/// dashboards that were made for `retrain.py` look for them.
///
/// ```no_run
/// # fn fit(training: &transfer::Embeddings, validation: &transfer::Embeddings, classes: &[String]) -> transfer::Result<()> {
/// use transfer::{HeadConfig, tensorboard::RetrainSummaries};
/// use transfer::head::GradientDescent;
/// let config = HeadConfig::new().with_recipe(GradientDescent::parity());
/// let mut summaries = RetrainSummaries::create("retrain_logs", training, validation)?;
/// summaries.configuration(&config)?;
/// let training = config.training(training).validation(validation);
/// let head = training.on_event(|event| summaries.watch(event)).fit()?.head;
/// summaries.finish(&head, classes)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RetrainSummaries {
    train: Run,
    validation: Run,
    step: u64,
    failed: Result<()>,
}

/// The writers of the runs of [`RetrainSummaries`].
#[derive(Debug)]
pub struct Writers<'a> {
    /// Of the run `train`.
    pub train: &'a mut EventWriter,
    /// Of the run `validation`.
    pub validation: &'a mut EventWriter,
}

/// A run, and the images of its histograms.
#[derive(Debug)]
struct Run {
    log: EventWriter,
    images: Embeddings,
}

impl RetrainSummaries {
    /// Creates `folder/train` and `folder/validation`. Earlier runs in the folder stay; `retrain.py` deleted them.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) where a folder or file cannot be made.
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
            train: run("train", training)?,
            validation: run("validation", validation)?,
            step: 0,
            failed: Ok(()),
        })
    }

    /// Writes the settings of the run as a text with JSON in it.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) where the file cannot be written.
    pub fn configuration(&mut self, settings: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string_pretty(settings)
            .map_err(|e| crate::error::Error::mismatch("settings", "what JSON can hold", e))?;
        let text = format!("```json\n{json}\n```");
        self.train.log.text(0, "configuration", &text)?;
        self.train.log.flush()
    }

    /// Writes an event of a [training](crate::head::HeadTraining::on_event), and always lets the training continue. After a file
    /// could not be written, nothing more is written, and [`finish`](Self::finish) returns the error.
    pub fn watch(&mut self, event: FitEvent<'_>) -> ControlFlow<()> {
        if self.failed.is_ok() {
            self.failed = self.write(event);
        }
        ControlFlow::Continue(())
    }

    /// The writers of the two runs, to add more, for example images.
    pub fn writers(&mut self) -> Writers<'_> {
        Writers {
            train: &mut self.train.log,
            validation: &mut self.validation.log,
        }
    }

    /// Writes the state of the trained head on all images, one step after the last: accuracy, cross-entropy, weights, and a
    /// precision-recall curve for each class.
    ///
    /// # Errors
    /// The first error that [`watch`](Self::watch) met, or [`Error::Io`](crate::error::Error::Io) where a file cannot be written.
    pub fn finish(&mut self, head: &Head, classes: &[String]) -> Result<()> {
        std::mem::replace(&mut self.failed, Ok(()))?;
        let step = self.step + 1;
        for run in [&mut self.train, &mut self.validation] {
            if run.images.is_empty() {
                continue;
            }
            let probabilities = head.probabilities(run.images.values())?;
            let (accuracy, cross_entropy) =
                measures(&probabilities, run.images.targets(), head.classes());
            run.state(step, head, accuracy, cross_entropy)?;
            for (index, class) in classes.iter().enumerate().take(head.classes()) {
                let targets: Vec<bool> = run.images.targets().iter().map(|&t| t == index).collect();
                let scores = probabilities.iter().skip(index).step_by(head.classes());
                let scores: Vec<f64> = scores.copied().collect();
                run.log
                    .pr_curve(step, &format!("pr_curves/{class}"), &targets, &scores)?;
            }
            run.log.flush()?;
        }
        Ok(())
    }

    fn write(&mut self, event: FitEvent<'_>) -> Result<()> {
        let log = &mut self.train.log;
        match event {
            FitEvent::Candidate(candidate) => {
                self.step += 1;
                let (loss, accuracy) = (candidate.log_loss, candidate.accuracy);
                log.scalar(self.step, "cross_validation/log_loss", loss)?;
                log.scalar(self.step, "cross_validation/accuracy", accuracy)?;
                log.flush()
            }
            FitEvent::Pass { pass, gradient } => log.scalar(pass as u64, "gradient", gradient),
            FitEvent::Step { record, layers, .. } => {
                self.step = record.step as u64;
                let rate = f64::from(record.learning_rate);
                log.scalar(self.step, "learning_rate", rate)?;
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
}

impl Run {
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
