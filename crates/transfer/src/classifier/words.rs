//! A classifier in words, as reports, model cards and summaries have them.

use dataset::ResizePolicy;

use super::classify::Classifier;
use crate::finetune::FineTuneRecord;

impl Classifier {
    /// Such as `MobileNetV1, alpha 1.0, 224 px`.
    pub(super) fn network(&self) -> String {
        let config = self.backbone().weights().config();
        let (alpha, size) = (config.alpha, config.input_size);
        format!("MobileNetV1, alpha {alpha:?}, {size} px")
    }

    /// The fine-tuning, unless no epoch was better than the network before it.
    pub(super) fn tuned(&self) -> Option<&FineTuneRecord> {
        let tuning = self.provenance().fine_tuning.as_ref();
        tuning.filter(|tuning| tuning.kept.is_some())
    }

    /// Which part of the backbone was fine-tuned.
    pub(super) fn state(&self) -> String {
        match self.tuned().map(FineTuneRecord::changed_blocks) {
            None | Some(0) => "frozen".to_string(),
            Some(1) => "last block fine-tuned".to_string(),
            Some(blocks) => format!("last {blocks} blocks fine-tuned"),
        }
    }

    /// Such as `upright, squashed to 224 × 224 px`.
    pub(super) fn preparation(&self) -> String {
        let size = self.backbone().size();
        let resize = match self.backbone().resize() {
            ResizePolicy::Squash => "squashed",
            ResizePolicy::CenterCrop => "center-cropped",
            ResizePolicy::Letterbox => "letterboxed",
            ResizePolicy::Tf1Squash => "squashed as in TensorFlow 1",
        };
        let bands = self.backbone().bands();
        let bands = bands.map_or(String::new(), |bands| {
            format!(", of TIFFs with several bands {bands}")
        });
        format!("upright, {resize} to {size} × {size} px{bands}")
    }
}
