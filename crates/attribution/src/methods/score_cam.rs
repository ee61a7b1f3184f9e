//! Score-CAM.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::check;
use crate::error::Result;
use crate::methods::grad_cam::NOT_COMPLETE;
use crate::methods::method::{Method, MethodInfo};
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::{Pixels, push_between};
use crate::resample::bilinear;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "score-cam",
    description: "activations of a block, each channel weighted by the score of the image seen through it",
    asks: "once for each channel",
    needs: Ability::Block,
    complete: false,
    build: |_| Box::new(ScoreCam::new()),
};

/// Score-CAM: the activations of a block, each channel weighted by how much the score rises when the image is seen
/// through it (Wang et al. 2020, <https://arxiv.org/abs/1910.01279>). The weights need no gradient.
///
/// Cost: one evaluation of the function of [`Model::with_block`](crate::Model::with_block), one score of the baseline
/// and one for each channel that is used. The map has one channel and the size of the image. The weight of a channel is
/// the score of the image seen through it minus the score of the baseline (the "increase of confidence" of the paper).
/// It is not a softmax over channels, which is flat for probabilities. Only the differences between the pixels of the
/// map matter, because channels that are active everywhere raise the whole map ([`Attribution::has_zero`]).
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreCam {
    baseline: Baseline,
    channels: usize,
    batch: usize,
}

impl Default for ScoreCam {
    fn default() -> Self {
        Self::new()
    }
}

impl ScoreCam {
    /// Defaults: all channels, gray where a channel has its smallest activation, batches of 8 images.
    pub fn new() -> Self {
        Self {
            baseline: Baseline::Gray,
            channels: usize::MAX,
            batch: 8,
        }
    }

    /// The image that is seen where a channel has its smallest activation; defaults to gray. It must be a single image.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Uses only this many channels (at least 1), those that vary most over the image; defaults to all.
    #[must_use]
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    /// Batch size: images per model call, 1 to 4096; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }
}

impl Method for ScoreCam {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        check::batch(self.batch)?;
        check::require(self.channels > 0, "channels", self.channels, "at least 1")?;
        let model = Checked::new(model, pixels)?;
        let baseline = self.baseline.image(pixels)?;
        let block = model.block(pixels, self.name())?;
        let [h, w, c] = block.shape;
        let [height, width, image_channels] = pixels.shape();
        let baseline_score = model.score(&baseline)?;

        // Channels as maps from 0 to 1; a channel that is the same everywhere shows nothing.
        let mut channels: Vec<(f64, Vec<f64>, Vec<f64>)> = (0..c)
            .filter_map(|k| {
                let values = block.activations.iter().skip(k).step_by(c);
                let values: Vec<f64> = values.map(|&v| f64::from(v)).collect();
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let mask = values.iter().map(|v| (v - low) / (high - low)).collect();
                (high > low).then_some((high - low, mask, values))
            })
            .collect();
        // A stable sort: of two that vary alike the first stays first.
        channels.sort_by(|a, b| b.0.total_cmp(&a.0));
        channels.truncate(self.channels);
        model.expect_steps(channels.len());

        let scores = model.scores_of(&channels, self.batch, |images, (_, mask, _)| {
            let mask = bilinear(mask, [h, w], [height, width]);
            push_between(images, &baseline, pixels, |i| mask[i / image_channels]);
        })?;
        let mut map = vec![0.0_f64; h * w];
        for ((_, _, values), score) in channels.iter().zip(scores) {
            for (value, v) in map.iter_mut().zip(values) {
                *value += (score - baseline_score) * v;
            }
        }
        for value in &mut map {
            *value = value.max(0.0);
        }
        let is_zero = map.iter().all(|&v| v == 0.0);
        let warning = is_zero.then(|| {
            "the map is zero everywhere: no channel of this block raises the score; try another block".to_owned()
        });
        let map = bilinear(&map, [h, w], [height, width]);
        Ok(
            Attribution::new(self.name(), map, [height, width, 1], block.score)?
                .without_zero()
                .without_completeness(NOT_COMPLETE)
                .with_steps(channels.len())
                .with_evaluations(model.evaluations())
                .with_warnings(warning),
        )
    }
}
