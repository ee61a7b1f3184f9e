//! The CAM family on the activations of a block: Grad-CAM, Grad-CAM++, Layer-CAM.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::error::Result;
use crate::methods::method::{Method, MethodInfo};
use crate::model::checked::{Block, Checked};
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;
use crate::resample::bilinear;

/// Why no method of the CAM family promises completeness.
pub(crate) const NOT_COMPLETE: &str =
    "class activation maps rank regions; they are not shares of the score";

/// How the channels of a block are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weighting {
    GradCam,
    GradCamPlusPlus,
    LayerCam,
}

macro_rules! cam {
    ($(#[$doc:meta])* $name:ident, $info:ident, $kebab:literal, $description:literal) => {
        pub(crate) const $info: MethodInfo = MethodInfo {
            name: $kebab,
            description: $description,
            asks: "once",
            needs: Ability::Block,
            complete: false,
            build: |_| Box::new($name::new()),
        };

        $(#[$doc])*
        ///
        /// Cost: one evaluation of the function of [`Model::with_block`], which also chooses the block. The map has one
        /// channel. It is enlarged to the size of the image by bilinear interpolation. It promises no completeness.
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
            /// Keeps only positive values, and enlarges the map to the size of the image.
            pub fn new() -> Self {
                Self { signed: false, native: false }
            }

            /// Whether to keep negative values, which speak against the score; by default they become 0. Grad-CAM++ and
            /// Layer-CAM use positive gradients alone and have negative values only where activations are negative.
            #[must_use]
            pub fn with_sign(mut self, signed: bool) -> Self {
                self.signed = signed;
                self
            }

            /// Whether to keep the resolution of the block; by default the map is enlarged to the size of the image.
            #[must_use]
            pub fn with_native_resolution(mut self, native: bool) -> Self {
                self.native = native;
                self
            }
        }

        impl Method for $name {
            fn name(&self) -> &'static str {
                $info.name
            }

            fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
                let options = (self.signed, self.native);
                attribute(self.name(), Weighting::$name, options, model, pixels)
            }
        }
    };
}

cam!(
    /// Activations, each channel weighted by its mean gradient (Selvaraju et al. 2017, <https://arxiv.org/abs/1610.02391>).
    GradCam, GRAD_CAM, "grad-cam", "activations of a block, each channel weighted by its mean gradient"
);
cam!(
    /// Activations, each channel weighted by its positive gradients, so that small areas count as much as large ones
    /// (Chattopadhay et al. 2018, <https://arxiv.org/abs/1710.11063>; as `pytorch-grad-cam` computes it).
    GradCamPlusPlus, GRAD_CAM_PLUS_PLUS, "grad-cam-plus-plus",
    "as grad-cam, but weighted by positive gradients, so that small areas count as much as large ones"
);
cam!(
    /// Activations, each weighted by its own positive gradient (Jiang et al. 2021,
    /// <https://doi.org/10.1109/TIP.2021.3089943>). It is sharper than Grad-CAM at early blocks.
    LayerCam, LAYER_CAM, "layer-cam", "activations of a block, each weighted by its own positive gradient"
);

fn attribute(
    name: &'static str,
    weighting: Weighting,
    (signed, native): (bool, bool),
    model: &dyn GradientFn,
    pixels: &Pixels,
) -> Result<Attribution> {
    let model = Checked::new(model, pixels)?;
    model.expect_steps(1);
    let block = model.block(pixels, name)?;
    model.step(1);
    let mut map = weigh(&block, weighting);
    if !signed {
        for value in &mut map {
            *value = value.max(0.0);
        }
    }
    let is_zero = map.iter().all(|&v| v == 0.0);
    let warning = is_zero.then(|| {
        "the map is zero everywhere: no activation of this block raises the score; try another block".to_owned()
    });
    let ([h, w, _], [height, width, _]) = (block.shape, pixels.shape());
    let mut shape = [h, w, 1];
    if !native {
        map = bilinear(&map, [h, w], [height, width]);
        shape = [height, width, 1];
    }
    Ok(Attribution::new(name, map, shape, block.score)?
        .without_completeness(NOT_COMPLETE)
        .with_steps(1)
        .with_evaluations(model.evaluations())
        .with_warnings(warning))
}

/// The weighted sum over channels, at the resolution of the block.
fn weigh(block: &Block, weighting: Weighting) -> Vec<f64> {
    let [h, w, c] = block.shape;
    let cells = (h * w) as f64;
    let pairs = || {
        block
            .activations
            .chunks_exact(c)
            .zip(block.gradient.chunks_exact(c))
    };
    let mut weights = vec![0.0_f64; c];
    match weighting {
        Weighting::GradCam => {
            for (_, gradient) in pairs() {
                for (weight, &g) in weights.iter_mut().zip(gradient) {
                    *weight += f64::from(g) / cells;
                }
            }
        }
        Weighting::GradCamPlusPlus => {
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
        Weighting::LayerCam => {
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
