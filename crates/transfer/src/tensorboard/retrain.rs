use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;

use super::EventWriter;
use crate::{Embeddings, FitEvent, Head, Result};

/// Images whose logits and probabilities go into the histograms of a look; the original's batch.
const SAMPLE: usize = 100;

/// Writes what `retrain.py` wrote for TensorBoard, as a fit goes on: the runs `train` and `validation` with its tags
/// `accuracy_1`, `cross_entropy_1`, `final_training_ops/{weights,biases}/summaries/{mean,stddev_1,max,min,histogram}`,
/// `final_training_ops/Wx_plus_b/pre_activations` and `activations`. Beyond those: `learning_rate`, the text
/// `configuration`, a PR curve a class; for the converged recipe the `gradient` of each pass and the
/// `cross_validation/{log_loss,accuracy}` of each candidate.
///
/// The endings `_1` are no mistake: TensorFlow 1 appended them because the scope of the same name existed already, and
/// dashboards made for the original ask for them.
///
/// ```no_run
/// # fn fit(training: &transfer::Embeddings, validation: &transfer::Embeddings, classes: &[String]) -> transfer::Result<()> {
/// use transfer::{HeadConfig, GradientDescent, tensorboard::RetrainSummaries};
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

/// A run, and the images that its histograms are made of.
#[derive(Debug)]
struct Run {
    log: EventWriter,
    images: Embeddings,
}

impl RetrainSummaries {
    /// Creates `folder/train` and `folder/validation`. Earlier runs there stay, other than with the original, which
    /// deleted the folder.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) where a folder or file cannot be made.
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

    /// The settings of the run as text, JSON in a block.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) where the file cannot be written.
    pub fn configuration(&mut self, settings: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string_pretty(settings)
            .map_err(|e| crate::Error::mismatch("settings", "what JSON can hold", e))?;
        let text = format!("```json\n{json}\n```");
        self.train.log.text(0, "configuration", &text)?;
        self.train.log.flush()
    }

    /// Writes an event of a [training](crate::HeadTraining::on_event); always lets the fit go on. A file
    /// that cannot be written ends the writing, not the training: [`finish`](Self::finish) says so.
    pub fn watch(&mut self, event: FitEvent<'_>) -> ControlFlow<()> {
        if self.failed.is_ok() {
            self.failed = self.write(event);
        }
        ControlFlow::Continue(())
    }

    /// The writers of the two runs, for what else there is to show: images, say.
    pub fn writers(&mut self) -> (&mut EventWriter, &mut EventWriter) {
        (&mut self.train.log, &mut self.validation.log)
    }

    /// The head that came out, on all images: accuracy, cross-entropy, weights, and a PR curve for each class, one
    /// step after the last.
    ///
    /// # Errors
    /// What went wrong while [`watch`](Self::watch) wrote, or goes wrong now.
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

    /// `variable_summaries` of the original: mean, population standard deviation, extremes, histogram.
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
        let (named, own) = crate::head::score(row, target);
        right += usize::from(named);
        loss += own;
    }
    let n = targets.len().max(1) as f64;
    (right as f64 / n, loss / n)
}
