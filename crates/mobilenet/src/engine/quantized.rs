//! The engine for CPUs, of integers.

use std::sync::Arc;

use super::interface::Engine;
use crate::compiled::{CompiledQuantizedNet, InstructionSet};
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use crate::gradients::{BlockGradients, Features, GradientOptions, OutputGradient, PixelGradients};
use crate::image_batch::ImageBatch;
use crate::layer::Layer;
use crate::precision::Precision;
use crate::weights::Weights;

impl Engine for CompiledQuantizedNet {
    fn config(&self) -> &MobileNetConfig {
        CompiledQuantizedNet::config(self)
    }

    /// All instruction sets give the same integers.
    fn name(&self) -> String {
        "compiled int8".into()
    }

    fn precision(&self) -> Precision {
        CompiledQuantizedNet::precision(self)
    }

    fn instruction_set(&self) -> Option<InstructionSet> {
        Some(CompiledQuantizedNet::instruction_set(self))
    }

    fn forward(&self, images: &ImageBatch<'_>, layer: Layer) -> Result<Vec<f32>> {
        match layer {
            Layer::Embedding => self.embed(images),
            Layer::Logits => self.logits(images),
            Layer::Joined(blocks) => self.embed_blocks(images, blocks),
        }
    }

    fn features(&self, images: &ImageBatch<'_>, block: usize) -> Result<Features> {
        CompiledQuantizedNet::features(self, images, block)
    }

    fn pixel_gradients(
        &self,
        _: &ImageBatch<'_>,
        _: GradientOptions,
        _: &OutputGradient<'_>,
    ) -> Result<PixelGradients> {
        Err(no_gradients())
    }

    fn block_gradients(
        &self,
        _: &ImageBatch<'_>,
        _: usize,
        _: GradientOptions,
        _: &OutputGradient<'_>,
    ) -> Result<BlockGradients> {
        Err(no_gradients())
    }

    fn with_weights(&self, _: &Weights) -> Result<Arc<dyn Engine>> {
        Err(Error::Input(
            "weights are floats, and this engine computes with integers: quantize them and compile the quantized net".into(),
        ))
    }
}

fn no_gradients() -> Error {
    Error::Input(
        "an int8 net has no gradients; compute them with the f32 weights from which it was made"
            .into(),
    )
}
