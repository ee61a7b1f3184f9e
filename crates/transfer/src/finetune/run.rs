use std::ops::ControlFlow;

use burn::tensor::Device;
use dataset::ImageItem;

use super::checkpoint::File;
use super::course::Course;
use super::state::State;
use super::tail::Tail;
use super::{FineTuneConfig, FineTuneEvent, FineTuneReport};
use crate::{Checkpoint, Classifier, Error, Result};

impl FineTuneConfig {
    /// Fine-tunes a classifier whose head sits on the embedding. `validation` may be empty: then the last epoch is
    /// kept. [`ControlFlow::Break`] ends the training after that step; the best epoch so far is kept, without
    /// validation images the weights of that moment. Same inputs, same seed: same bytes, whatever the number of threads.
    ///
    /// What was found out about the classifier that came in does not hold for the one that comes out, which has neither
    /// its [report](Classifier::report) nor its [provenance](Classifier::provenance), its thresholds nor its
    /// calibration: the temperature is taken out of the head before it learns, also where nothing better was found and
    /// the net is the one that came in. [Calibrate](Classifier::calibrate) anew, choose thresholds anew, and write down
    /// where it comes from ([`FineTuneReport::record`]).
    ///
    /// # Errors
    /// Where a setting has no meaning, the head sits on logits, no training image can be used, or the loss is no longer
    /// a number (the learning rate is too large).
    pub fn run(
        &self,
        classifier: &Classifier,
        training: &[ImageItem],
        validation: &[ImageItem],
        device: &Device,
        watch: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Classifier, FineTuneReport)> {
        let devices = std::slice::from_ref(device);
        self.start(classifier, [training, validation], devices, None, watch)
    }

    /// [`run`](Self::run), going on where an earlier call with the same classifier, images, settings, seed and device
    /// was stopped, and ending in the same bytes. The state is written after each epoch, every
    /// [so many](Checkpoint::with_every) steps, and at a [`ControlFlow::Break`]; it takes about five times the memory
    /// of what learns. A training that is done leaves its last state, from which the same call ends at once; remove the
    /// file once the result is saved.
    ///
    /// ```no_run
    /// # fn tune(classifier: &transfer::Classifier, split: &dataset::Split, device: &burn::tensor::Device) -> transfer::Result<()> {
    /// use std::ops::ControlFlow;
    /// use transfer::{Checkpoint, finetune::FineTuneConfig};
    /// let state = Checkpoint::new("tuned.training").with_every(20);
    /// let (training, validation) = (&split.training, &split.validation);
    /// let go_on = |_: transfer::finetune::FineTuneEvent<'_>| ControlFlow::Continue(());
    /// let (tuned, _) = FineTuneConfig::new().run_resumable(classifier, training, validation, device, &state, go_on)?;
    /// tuned.save("tuned.safetensors")?;
    /// state.remove()
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run), and where the file cannot be written, is damaged or belongs to another training.
    pub fn run_resumable(
        &self,
        classifier: &Classifier,
        training: &[ImageItem],
        validation: &[ImageItem],
        device: &Device,
        checkpoint: &Checkpoint,
        watch: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Classifier, FineTuneReport)> {
        let (sets, devices) = ([training, validation], std::slice::from_ref(device));
        self.start(classifier, sets, devices, Some(checkpoint), watch)
    }

    /// As [`run`](Self::run), with each batch over several devices of a kind that Burn has collectives for (in 0.22:
    /// CUDA; others panic). The first device does the rest; with [`Norms::Train`](super::Norms::Train) the statistics
    /// are those of its share. With a checkpoint it [goes on](Self::run_resumable) where it was stopped; the same bytes
    /// are not promised here.
    ///
    /// # Errors
    /// As [`run_resumable`](Self::run_resumable), and where there is no device.
    #[cfg(feature = "distributed")]
    pub fn run_distributed(
        &self,
        classifier: &Classifier,
        training: &[ImageItem],
        validation: &[ImageItem],
        devices: &[Device],
        checkpoint: Option<&Checkpoint>,
        watch: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Classifier, FineTuneReport)> {
        self.start(
            classifier,
            [training, validation],
            devices,
            checkpoint,
            watch,
        )
    }

    fn start(
        &self,
        classifier: &Classifier,
        sets: [&[ImageItem]; 2],
        devices: &[Device],
        checkpoint: Option<&Checkpoint>,
        mut watch: impl FnMut(FineTuneEvent<'_>) -> ControlFlow<()>,
    ) -> Result<(Classifier, FineTuneReport)> {
        let Some(device) = devices.first() else {
            return Err(Error::mismatch("devices", "at least 1", 0));
        };
        self.check(classifier, &sets)?;
        let tail = Tail::new(classifier, self.blocks, self.norms, device)?;
        let mut state = State::new(tail, self.weight_decay);
        let penalty = self.penalty_of(classifier);
        let file = checkpoint.map(|c| File::new(c, self, classifier, penalty, sets, devices));
        if let Some(file) = &file {
            // Before the frozen blocks run on all images: another training's file is refused at once.
            state = file.load(state, &device.clone().without_autodiff())?;
        }
        let mut course = Course::new(self, classifier, sets, device, &mut watch)?;
        #[cfg(feature = "distributed")]
        if devices.len() > 1 {
            course.group = Some(super::distributed::Group::new(devices));
        }
        let stopped = course.run(&mut state, file.as_ref(), &mut watch)?;
        let report = FineTuneReport {
            config: self.clone(),
            images: course.images(),
            before: state.before,
            history: state.history,
            stopped,
            kept: state.kept,
            failed: course.failed,
        };
        Ok((state.best.into_classifier(classifier, device)?, report))
    }
}
