use std::path::Path;

use super::EventWriter;
use crate::Result;

/// The head and what it gives at a step, as [`RetrainSummaries`] takes it.
#[derive(Debug, Clone, Copy)]
pub struct HeadState<'a> {
    /// Share of the step's images that are classified rightly.
    pub accuracy: f64,
    /// Mean cross entropy in nats.
    pub cross_entropy: f64,
    /// Weights of the last layer, in any order.
    pub weights: &'a [f32],
    /// Its biases.
    pub biases: &'a [f32],
    /// Logits of the step's images; empty leaves their histogram out.
    pub logits: &'a [f32],
    /// Probabilities of the step's images; empty leaves their histogram out.
    pub probabilities: &'a [f32],
}

/// The two runs that `retrain.py` writes, `train` and `validation`, under its tags: `accuracy_1`, `cross_entropy_1`,
/// `final_training_ops/{weights,biases}/summaries/{mean,stddev_1,max,min,histogram}`,
/// `final_training_ops/Wx_plus_b/pre_activations` and `activations`.
///
/// The endings `_1` are no mistake: TensorFlow 1 appended them because the scope of the same name existed already, and
/// dashboards made for the original ask for them.
#[derive(Debug)]
pub struct RetrainSummaries {
    train: EventWriter,
    validation: EventWriter,
}

impl RetrainSummaries {
    /// Creates `folder/train` and `folder/validation`. Earlier runs there stay, other than with the original, which
    /// deleted the folder.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) where a folder or file cannot be made.
    pub fn create(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        Ok(Self {
            train: EventWriter::create(folder.join("train"))?,
            validation: EventWriter::create(folder.join("validation"))?,
        })
    }

    /// A step on the training images.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) where the file cannot be written.
    pub fn train(&mut self, step: u64, state: &HeadState<'_>) -> Result<()> {
        write(&mut self.train, step, state)
    }

    /// The same step on validation images.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn validation(&mut self, step: u64, state: &HeadState<'_>) -> Result<()> {
        write(&mut self.validation, step, state)
    }

    /// The writers of the two runs, for what the original did not write: learning rate, images, PR curves, text.
    pub fn writers(&mut self) -> (&mut EventWriter, &mut EventWriter) {
        (&mut self.train, &mut self.validation)
    }
}

fn write(log: &mut EventWriter, step: u64, state: &HeadState<'_>) -> Result<()> {
    let layer = "final_training_ops";
    variable(log, step, &format!("{layer}/weights"), state.weights)?;
    variable(log, step, &format!("{layer}/biases"), state.biases)?;
    if !state.logits.is_empty() {
        log.histogram(
            step,
            &format!("{layer}/Wx_plus_b/pre_activations"),
            state.logits,
        )?;
    }
    if !state.probabilities.is_empty() {
        log.histogram(step, "activations", state.probabilities)?;
    }
    log.scalar(step, "cross_entropy_1", state.cross_entropy)?;
    log.scalar(step, "accuracy_1", state.accuracy)?;
    log.flush()
}

/// `variable_summaries` of the original: mean, population standard deviation, extremes, histogram.
fn variable(log: &mut EventWriter, step: u64, scope: &str, values: &[f32]) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let wide = || values.iter().map(|&v| f64::from(v));
    let n = values.len() as f64;
    let mean = wide().sum::<f64>() / n;
    let deviation = (wide().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    let scope = format!("{scope}/summaries");
    log.scalar(step, &format!("{scope}/mean"), mean)?;
    log.scalar(step, &format!("{scope}/stddev_1"), deviation)?;
    log.scalar(
        step,
        &format!("{scope}/max"),
        wide().fold(f64::MIN, f64::max),
    )?;
    log.scalar(
        step,
        &format!("{scope}/min"),
        wide().fold(f64::MAX, f64::min),
    )?;
    log.histogram(step, &format!("{scope}/histogram"), values)
}
