//! A fine-tuning as event files for TensorBoard.

use std::path::Path;

use super::config::FineTuneConfig;
use super::event::FineTuneEvent;
use crate::error::{Error, Result};
use crate::tensorboard::EventWriter;

/// Writes a fine-tuning for TensorBoard while it runs, under the tags of
/// [`RetrainSummaries`](crate::tensorboard::RetrainSummaries). The run `train` has `cross_entropy_1` and
/// `learning_rate` for each step, and the text `configuration`; the run `validation` has `cross_entropy_1` and
/// `accuracy_1` for each epoch.
///
/// ```no_run
/// # fn tune(classifier: &transfer::Classifier, split: &dataset::Split, device: &burn::tensor::Device) -> transfer::Result<()> {
/// use std::ops::ControlFlow;
/// use transfer::finetune::{FineTuneConfig, FineTuneSummaries};
/// let config = FineTuneConfig::new();
/// let mut summaries = FineTuneSummaries::create("logs", &config)?;
/// let watch = |event: transfer::finetune::FineTuneEvent<'_>| {
///     summaries.watch(event);
///     ControlFlow::Continue(())
/// };
/// let tuned = config.training(&split.training).on_event(watch).fit(classifier, device)?;
/// summaries.finish()
/// # }
/// ```
#[derive(Debug)]
pub struct FineTuneSummaries {
    train: EventWriter,
    validation: EventWriter,
    step: u64,
    failed: Result<()>,
}

impl FineTuneSummaries {
    /// Creates `folder/train` and `folder/validation`. Event files that are already there stay.
    ///
    /// # Errors
    /// [`Error::Io`] if a folder or file cannot be made.
    pub fn create(folder: impl AsRef<Path>, config: &FineTuneConfig) -> Result<Self> {
        let folder = folder.as_ref();
        let mut train = EventWriter::create(folder.join("train"))?;
        let json = serde_json::to_string_pretty(config)
            .map_err(|error| Error::io(folder)(std::io::Error::other(error)))?;
        train.text(0, "configuration", &format!("```json\n{json}\n```"))?;
        Ok(Self {
            train,
            validation: EventWriter::create(folder.join("validation"))?,
            step: 0,
            failed: Ok(()),
        })
    }

    /// Writes an event. After the first error nothing more is written; the error does not end the training, and
    /// [`finish`](Self::finish) returns it.
    pub fn watch(&mut self, event: FineTuneEvent<'_>) {
        if self.failed.is_ok() {
            self.failed = self.write(event);
        }
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// The first error that occurred.
    pub fn finish(mut self) -> Result<()> {
        self.failed?;
        self.train.flush()?;
        self.validation.flush()
    }

    fn write(&mut self, event: FineTuneEvent<'_>) -> Result<()> {
        match event {
            FineTuneEvent::Step {
                step,
                loss,
                learning_rate,
                ..
            } => {
                self.step = step as u64;
                self.train.scalar(self.step, "cross_entropy_1", loss)?;
                self.train.scalar(self.step, "learning_rate", learning_rate)
            }
            FineTuneEvent::Epoch(record) => {
                if let Some(found) = record.validation {
                    let loss = found.cross_entropy;
                    self.validation.scalar(self.step, "cross_entropy_1", loss)?;
                    self.validation
                        .scalar(self.step, "accuracy_1", found.accuracy)?;
                }
                self.train.flush()?;
                self.validation.flush()
            }
            FineTuneEvent::Prepared { .. } => Ok(()),
        }
    }
}
