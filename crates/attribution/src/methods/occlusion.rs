//! Occlusion.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::check;
use crate::error::Result;
use crate::methods::method::{Method, MethodInfo};
use crate::model::checked::Checked;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;
use crate::square::{lines, push_replaced};

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "occlusion",
    description: "how much the score falls when a window of the image is replaced",
    asks: "once for each window",
    needs: Ability::Scores,
    complete: false,
    build: |_| Box::new(Occlusion::new()),
};

/// Occlusion: how much the score falls when a window of the image is replaced by the baseline (Zeiler and Fergus 2014,
/// <https://arxiv.org/abs/1311.2901>).
///
/// Cost: one score for each window and one for the image, no gradient. Neighboring windows are one stride apart; the
/// last ones are cut off at the edge of the image. The value of a pixel is the mean over the windows that cover it, as
/// in captum. The map has one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Occlusion {
    window: usize,
    stride: usize,
    baseline: Baseline,
    batch: usize,
}

impl Default for Occlusion {
    fn default() -> Self {
        Self::new()
    }
}

impl Occlusion {
    /// Defaults: gray windows of 32 x 32 pixels, 16 pixels apart; batches of 8 images.
    pub fn new() -> Self {
        Self {
            window: 32,
            stride: 16,
            baseline: Baseline::Gray,
            batch: 8,
        }
    }

    /// Side of the square window in pixels, 1 to the shorter side of the image; defaults to 32.
    #[must_use]
    pub fn with_window(mut self, side: usize) -> Self {
        self.window = side;
        self
    }

    /// Distance from one window to the next in pixels, 1 to the side of a window; defaults to 16.
    #[must_use]
    pub fn with_stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// The image that replaces the window; defaults to gray. It must be a single image.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Batch size: images per model call, 1 to 4096; defaults to 8.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }
}

impl Method for Occlusion {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        check::batch(self.batch)?;
        let [h, w, _] = pixels.shape();
        check::within("window", self.window, 1..=h.min(w))?;
        // Up to the window, so that no pixel is left out.
        check::within("stride", self.stride, 1..=self.window)?;
        let model = Checked::new(model, pixels)?;
        let baseline = self.baseline.image(pixels)?;
        let starts = |side: usize| {
            let n = (side - self.window).div_ceil(self.stride) + 1;
            (0..n).map(|i| i * self.stride)
        };
        let corners: Vec<[usize; 2]> = starts(h)
            .flat_map(|y| starts(w).map(move |x| [y, x]))
            .collect();
        let window = |&corner: &[usize; 2]| lines(corner, self.window, [h, w]);
        let score = model.score(pixels)?;
        model.expect_steps(corners.len());
        let scores = model.scores_of(&corners, self.batch, |images, corner| {
            push_replaced(images, pixels, &baseline, window(corner));
        })?;
        let mut sums = vec![0.0_f64; h * w];
        let mut counts = vec![0.0_f64; h * w];
        for (corner, occluded) in corners.iter().zip(scores) {
            for i in window(corner).flatten() {
                sums[i] += score - occluded;
                counts[i] += 1.0;
            }
        }
        let map = sums.iter().zip(&counts).map(|(s, n)| s / n).collect();
        Ok(Attribution::new(self.name(), map, [h, w, 1], score)?
            .without_completeness("windows overlap and influence each other, so that the falls of the score do not add up")
            .with_steps(corners.len())
            .with_evaluations(model.evaluations()))
    }
}
