//! Event files for [TensorBoard](https://www.tensorflow.org/tensorboard), written without TensorFlow: scalars, histograms,
//! images, precision-recall curves and texts.
//!
//! ```
//! # fn main() -> transfer::Result<()> {
//! # let folder = tempfile::tempdir().expect("a folder");
//! use transfer::tensorboard::EventWriter;
//! let mut log = EventWriter::create(folder.path().join("train"))?;
//! log.scalar(10, "accuracy_1", 0.93)?;
//! log.histogram(10, "final_training_ops/biases/summaries/histogram", &[-0.1, 0.1])?;
//! log.text(0, "configuration", "| setting | value |\n|---|---|\n| steps | 4000 |")?;
//! log.flush()?;
//! # Ok(())
//! # }
//! ```
//!
//! To look at them, run `tensorboard --logdir FOLDER`. [`RetrainSummaries`] writes what `retrain.py` wrote, under the same
//! tags.

mod histogram;
mod messages;
mod pr_curve;
mod record;
mod retrain;
mod writer;

pub use record::{MAX_RECORD, read_records};
pub use retrain::{RetrainSummaries, Writers};
pub use writer::EventWriter;
