//! The CAM family on the activations of a block: Grad-CAM, Grad-CAM++, Layer-CAM.

use crate::attribution::{Attribution, Completeness};
use crate::error::Result;
use crate::method::Method;
use crate::model::{Block, Checked, GradientFn};
use crate::pixels::Pixels;
use crate::resample::bilinear;

/// How the channels of a block are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weighing {
    GradCam,
    GradCamPlusPlus,
    LayerCam,
}

macro_rules! cam {
    ($(#[$doc:meta])* $name:ident, $kebab:literal, $weighing:expr) => {
        $(#[$doc])*
        ///
        /// One evaluation of the block function, which says what block it is ([`Model::with_block`]). The map has one
        /// channel and the image's size (bilinear); completeness is not promised.
        ///
        /// [`Model::with_block`]: crate::Model::with_block
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            signed: bool,
            native: bool,
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl $name {
            /// Only what speaks for the score, at the image's size.
            pub fn new() -> Self {
                Self { signed: false, native: false }
            }

            /// Keep what speaks against the score as negative values; by default it is cut off at 0. Grad-CAM++ and
            /// Layer-CAM, which weigh by positive gradients alone, find none where activations are not negative.
            #[must_use]
            pub fn with_sign(mut self, signed: bool) -> Self {
                self.signed = signed;
                self
            }

            /// Keep the block's own resolution; by default the map is brought to the image's.
            #[must_use]
            pub fn with_native_resolution(mut self, native: bool) -> Self {
                self.native = native;
                self
            }
        }

        impl Method for $name {
            fn name(&self) -> &'static str {
                $kebab
            }

            fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
                attribute(self.name(), $weighing, self.signed, self.native, model, pixels)
            }
        }
    };
}

cam!(
    /// Activations, each channel weighed by its mean gradient (Selvaraju et al. 2017).
    GradCam, "grad-cam", Weighing::GradCam
);
cam!(
    /// Activations, each channel weighed by its positive gradients, those of small areas not drowned by large ones
    /// (Chattopadhay et al. 2018; as `pytorch-grad-cam` computes it).
    GradCamPlusPlus, "grad-cam-plus-plus", Weighing::GradCamPlusPlus
);
cam!(
    /// Activations, each weighed by its own positive gradient (Jiang et al. 2021): sharper at early blocks.
    LayerCam, "layer-cam", Weighing::LayerCam
);

fn attribute(
    name: &'static str,
    weighing: Weighing,
    signed: bool,
    native: bool,
    model: &dyn GradientFn,
    pixels: &Pixels,
) -> Result<Attribution> {
    let model = Checked::new(model, pixels)?;
    let block = model.block(pixels, name)?;
    let mut map = weigh(&block, weighing);
    if !signed {
        for value in &mut map {
            *value = value.max(0.0);
        }
    }
    let mut warnings = Vec::new();
    if map.iter().all(|&v| v == 0.0) {
        warnings.push(
            "the map is zero everywhere: nothing at this block speaks for the score".to_owned(),
        );
    }
    let [h, w, _] = block.shape;
    let [height, width, _] = pixels.shape();
    let shape = if native {
        [h, w, 1]
    } else {
        [height, width, 1]
    };
    if !native {
        map = bilinear(&map, [h, w], [height, width]);
    }
    Ok(Attribution {
        map,
        shape,
        score: block.score,
        baseline_score: None,
        completeness: Completeness::NotPromised(
            "class activation maps rank regions; they are not shares of the score",
        ),
        method: name.to_owned(),
        steps: 1,
        evaluations: model.evaluations(),
        seed: None,
        map_error: None,
        warnings,
    })
}

/// The weighed sum over channels, at the block's resolution.
fn weigh(block: &Block, weighing: Weighing) -> Vec<f64> {
    let [h, w, c] = block.shape;
    let cells = (h * w) as f64;
    let pairs = || {
        block
            .activations
            .chunks_exact(c)
            .zip(block.gradient.chunks_exact(c))
    };
    let mut weights = vec![0.0_f64; c];
    match weighing {
        Weighing::GradCam => {
            for (_, gradient) in pairs() {
                for (weight, &g) in weights.iter_mut().zip(gradient) {
                    *weight += f64::from(g) / cells;
                }
            }
        }
        Weighing::GradCamPlusPlus => {
            let mut sums = vec![0.0_f64; c];
            for (activations, _) in pairs() {
                for (sum, &a) in sums.iter_mut().zip(activations) {
                    *sum += f64::from(a);
                }
            }
            for (_, gradient) in pairs() {
                for ((weight, &g), sum) in weights.iter_mut().zip(gradient).zip(&sums) {
                    let g = f64::from(g);
                    if g > 0.0 {
                        *weight += g * g * g / (2.0 * g * g + sum * g * g * g + 1e-6);
                    }
                }
            }
        }
        Weighing::LayerCam => {
            return pairs()
                .map(|(activations, gradient)| {
                    (activations.iter().zip(gradient))
                        .map(|(&a, &g)| f64::from(a) * f64::from(g.max(0.0)))
                        .sum()
                })
                .collect();
        }
    }
    block
        .activations
        .chunks_exact(c)
        .map(|activations| {
            activations
                .iter()
                .zip(&weights)
                .map(|(&a, w)| f64::from(a) * w)
                .sum()
        })
        .collect()
}
