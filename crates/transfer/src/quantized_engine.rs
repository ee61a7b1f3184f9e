//! An engine that computes with integers, and with floats where gradients are asked for.

use std::sync::Arc;

use mobilenet::{BlockGradients, Features, GradientOptions, OutputGradient, PixelGradients};
use mobilenet::{
    CompiledMobileNet, CompiledQuantizedNet, Engine, ImageBatch, InstructionSet, Layer,
    MobileNetConfig, Precision, QuantizedNet, Weights,
};

/// A quantized net, and the floats that its weights stand for. Outputs and maps are the integers' own; gradients are those
/// of the floats, whose outputs differ a little.
#[derive(Debug)]
pub(crate) struct QuantizedEngine {
    integers: CompiledQuantizedNet,
    floats: CompiledMobileNet,
}

impl QuantizedEngine {
    /// `floats` are the net's own weights, dequantized.
    pub(crate) fn new(integers: &QuantizedNet, floats: &Weights) -> mobilenet::Result<Self> {
        Ok(Self {
            integers: integers.compile()?,
            floats: floats.compile()?,
        })
    }
}

impl Engine for QuantizedEngine {
    fn config(&self) -> &MobileNetConfig {
        self.integers.config()
    }

    /// Integers are the same on every machine.
    fn name(&self) -> String {
        "int8".into()
    }

    fn precision(&self) -> Precision {
        Precision::Int8
    }

    fn instruction_set(&self) -> Option<InstructionSet> {
        Some(self.integers.instruction_set())
    }

    fn forward(&self, images: &ImageBatch<'_>, layer: Layer) -> mobilenet::Result<Vec<f32>> {
        Engine::forward(&self.integers, images, layer)
    }

    fn features(&self, images: &ImageBatch<'_>, block: usize) -> mobilenet::Result<Features> {
        self.integers.features(images, block)
    }

    fn pixel_gradients(
        &self,
        images: &ImageBatch<'_>,
        options: GradientOptions,
        gradient: &OutputGradient<'_>,
    ) -> mobilenet::Result<PixelGradients> {
        self.floats.pixel_gradients(images, options, gradient)
    }

    fn block_gradients(
        &self,
        images: &ImageBatch<'_>,
        block: usize,
        options: GradientOptions,
        gradient: &OutputGradient<'_>,
    ) -> mobilenet::Result<BlockGradients> {
        self.floats
            .block_gradients(images, block, options, gradient)
    }

    fn with_weights(&self, weights: &Weights) -> mobilenet::Result<Arc<dyn Engine>> {
        self.floats.with_weights(weights)
    }
}
