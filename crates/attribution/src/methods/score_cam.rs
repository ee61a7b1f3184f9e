//! Score-CAM.

use crate::attribution::{Attribution, Completeness};
use crate::baseline::Baseline;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::model::{Checked, GradientFn};
use crate::pixels::Pixels;
use crate::resample::bilinear;

/// The activations of a block, each channel weighed by how much the score rises when the image is seen through it
/// (Wang et al. 2020): no gradient at all.
///
/// One evaluation of the block function ([`Model::with_block`](crate::Model::with_block)), one score of the baseline
/// and one of each channel that is used. The map has one channel and the image's size. A channel's weight is the score
/// of the image seen through it minus the baseline's (the paper's increase of confidence), not a softmax over channels, which is flat
/// for probabilities.
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
    /// All channels, grey where a channel is silent, 8 images at a time.
    pub fn new() -> Self {
        Self {
            baseline: Baseline::Grey,
            channels: usize::MAX,
            batch: 8,
        }
    }

    /// What is seen where a channel is silent; defaults to grey. One image only.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Use only so many channels, those that vary most over the image; defaults to all.
    #[must_use]
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    /// Images a call of the model; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }
}

impl Method for ScoreCam {
    fn name(&self) -> &'static str {
        "score-cam"
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let batch = crate::methods::check_batch(self.batch)?;
        if self.channels == 0 {
            return Err(Error::setting("channels", "at least 1", &self.channels));
        }
        let model = Checked::new(model, pixels)?;
        let baseline = crate::methods::one_baseline(&self.baseline, pixels)?;
        let block = model.block(pixels, self.name())?;
        let [h, w, c] = block.shape;
        let [height, width, image_channels] = pixels.shape();
        let baseline_score = model.score(&baseline)?;

        // Channels as maps from 0 to 1; a channel that is the same everywhere says nothing.
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
        // Stable: of two that vary alike the first stays first.
        channels.sort_by(|a, b| b.0.total_cmp(&a.0));
        channels.truncate(self.channels);

        let mut map = vec![0.0_f64; h * w];
        for channels in channels.chunks(batch) {
            let mut images = Vec::with_capacity(channels.len() * pixels.len());
            for (_, mask, _) in channels {
                let mask = bilinear(mask, [h, w], [height, width]);
                crate::methods::through_mask(&mut images, &baseline, pixels, &mask, image_channels);
            }
            let scores = model.scores(&images, channels.len())?;
            for ((_, _, values), score) in channels.iter().zip(scores) {
                for (value, v) in map.iter_mut().zip(values) {
                    *value += (score - baseline_score) * v;
                }
            }
        }
        for value in &mut map {
            *value = value.max(0.0);
        }
        let mut warnings = Vec::new();
        if map.iter().all(|&v| v == 0.0) {
            warnings.push(
                "the map is zero everywhere: no channel of this block raises the score".to_owned(),
            );
        }
        Ok(Attribution {
            map: bilinear(&map, [h, w], [height, width]),
            shape: [height, width, 1],
            score: block.score,
            baseline_score: None,
            completeness: Completeness::NotPromised(
                "class activation maps rank regions; they are not shares of the score",
            ),
            method: self.name().to_owned(),
            steps: channels.len(),
            evaluations: model.evaluations(),
            seed: None,
            map_error: None,
            warnings,
        })
    }
}
