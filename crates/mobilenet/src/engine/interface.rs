use std::fmt::Debug;
use std::sync::Arc;

use crate::compiled::InstructionSet;
use crate::config::MobileNetConfig;
use crate::error::Result;
use crate::gradients::{BlockGradients, Features, GradientOptions, OutputGradient, PixelGradients};
use crate::image_batch::ImageBatch;
use crate::layer::Layer;
use crate::precision::Precision;
use crate::weights::Weights;

/// Runs a network: forward, and backward from an output to the pixels or to a block.
///
/// [`CompiledMobileNet`](crate::CompiledMobileNet) is the engine for CPUs, [`BurnEngine`](crate::BurnEngine) (with the
/// feature `burn`) the one for Burn's devices. Programs that accept any engine hold an `Arc<dyn Engine>`. The result for
/// an image does not depend on the other images of its batch.
///
/// ```
/// # #[cfg(feature = "bundled")]
/// # fn main() -> mobilenet::Result<()> {
/// use std::sync::Arc;
/// use mobilenet::{Engine, ImageBatch, Layer, Weights};
/// let engine: Arc<dyn Engine> = Arc::new(Weights::open("bundled")?.compile()?);
/// let image = vec![128; 64 * 64 * 3];
/// let logits = engine.forward(&ImageBatch::from_u8(&image, [1, 64, 64])?, Layer::Logits)?;
/// assert_eq!(logits.len(), engine.config().classes);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "bundled"))]
/// # fn main() {}
/// ```
pub trait Engine: Debug + Send + Sync {
    /// The configuration of the network.
    fn config(&self) -> &MobileNetConfig;

    /// The engine, and everything else that the last bits of its results depend on, for example `compiled avx2`.
    /// Results of engines with different names must not be mixed in one cache.
    fn name(&self) -> String;

    /// The numbers that the engine computes with. Default: f32.
    fn precision(&self) -> Precision {
        Precision::F32
    }

    /// The instruction set of the engine's kernels, where it has such kernels: for information. Default: none.
    fn instruction_set(&self) -> Option<InstructionSet> {
        None
    }

    /// Outputs of the network, one row for each image.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the network lacks the layer or the images are too small for it.
    fn forward(&self, images: &ImageBatch<'_>, layer: Layer) -> Result<Vec<f32>>;

    /// The maps after `block` (0: the stem, 1 to 13: the separable blocks), after ReLU6.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the network has fewer blocks or the images are too small for it.
    fn features(&self, images: &ImageBatch<'_>, block: usize) -> Result<Features>;

    /// Gradients with respect to the pixels, of a function of the network's output whose own gradient `gradient` gives.
    /// `gradient` may be called from several threads, once for each image.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn pixel_gradients(
        &self,
        images: &ImageBatch<'_>,
        options: GradientOptions,
        gradient: &OutputGradient<'_>,
    ) -> Result<PixelGradients>;

    /// The maps after `block` and gradients with respect to them; otherwise as
    /// [`pixel_gradients`](Self::pixel_gradients).
    ///
    /// # Errors
    /// As [`forward`](Self::forward) and [`features`](Self::features).
    fn block_gradients(
        &self,
        images: &ImageBatch<'_>,
        block: usize,
        options: GradientOptions,
        gradient: &OutputGradient<'_>,
    ) -> Result<BlockGradients>;

    /// The same kind of engine, on the same device, for other weights.
    ///
    /// # Errors
    /// As the constructor of the engine.
    fn with_weights(&self, weights: &Weights) -> Result<Arc<dyn Engine>>;
}
