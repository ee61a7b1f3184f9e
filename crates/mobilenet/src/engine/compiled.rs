//! The engine for CPUs.

use std::sync::Arc;

use super::interface::Engine;
use crate::compiled::{CompileOptions, CompiledMobileNet, InstructionSet};
use crate::config::MobileNetConfig;
use crate::error::Result;
use crate::gradients::{BlockGradients, Features, GradientOptions, OutputGradient, PixelGradients};
use crate::image_batch::ImageBatch;
use crate::layer::Layer;
use crate::precision::Precision;
use crate::weights::Weights;

impl Engine for CompiledMobileNet {
    fn config(&self) -> &MobileNetConfig {
        CompiledMobileNet::config(self)
    }

    fn name(&self) -> String {
        format!("compiled {}", CompiledMobileNet::instruction_set(self))
    }

    fn precision(&self) -> Precision {
        CompiledMobileNet::precision(self)
    }

    fn instruction_set(&self) -> Option<InstructionSet> {
        Some(CompiledMobileNet::instruction_set(self))
    }

    fn forward(&self, images: &ImageBatch<'_>, layer: Layer) -> Result<Vec<f32>> {
        self.outputs(images, layer)
    }

    fn features(&self, images: &ImageBatch<'_>, block: usize) -> Result<Features> {
        CompiledMobileNet::features(self, images, block)
    }

    fn pixel_gradients(
        &self,
        images: &ImageBatch<'_>,
        options: GradientOptions,
        gradient: &OutputGradient<'_>,
    ) -> Result<PixelGradients> {
        CompiledMobileNet::pixel_gradients(self, images, options, gradient)
    }

    fn block_gradients(
        &self,
        images: &ImageBatch<'_>,
        block: usize,
        options: GradientOptions,
        gradient: &OutputGradient<'_>,
    ) -> Result<BlockGradients> {
        CompiledMobileNet::block_gradients(self, images, block, options, gradient)
    }

    fn with_weights(&self, weights: &Weights) -> Result<Arc<dyn Engine>> {
        let options = CompileOptions::new()
            .with_precision(CompiledMobileNet::precision(self))
            .with_instruction_set(CompiledMobileNet::instruction_set(self));
        Ok(Arc::new(weights.compile_with(&options)?))
    }
}
