//! The gradients that engines compute: their options and results.

use crate::layer::Layer;

/// Computes the gradient of the caller's function with respect to an output of the network. It is called with the index
/// of an image, its output, and the slice for the gradient, which has the length of the output and is filled with
/// zeros.
pub type OutputGradient<'a> = dyn Fn(usize, &[f32], &mut [f32]) + Sync + 'a;

/// Which gradient is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GradientOptions {
    pub(crate) layer: Layer,
    pub(crate) guided: bool,
}

impl GradientOptions {
    /// Options for the gradient of a function of the network's output `layer`, without guided backpropagation.
    pub fn new(layer: Layer) -> Self {
        Self {
            layer,
            guided: false,
        }
    }

    /// Sets guided backpropagation ([Springenberg et al. 2014](https://arxiv.org/abs/1412.6806)): every ReLU6 passes
    /// only positive gradients back. Default: false.
    pub fn with_guided(mut self, guided: bool) -> Self {
        self.guided = guided;
        self
    }

    /// The output whose function is differentiated.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// Whether guided backpropagation is used.
    pub fn guided(&self) -> bool {
        self.guided
    }
}

/// Maps after a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// `[n, height, width, channels]`.
    pub shape: [usize; 4],
    /// The values, in the order of the shape.
    pub values: Vec<f32>,
}

/// Outputs of a batch, and gradients with respect to its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelGradients {
    /// The network's outputs, one row for each image.
    pub outputs: Vec<f32>,
    /// The gradients per pixel level (0 to 255), `[n, height, width, 3]`, in the layout of the images.
    pub gradients: Vec<f32>,
}

/// Outputs of a batch, the maps after a block, and gradients with respect to these maps.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockGradients {
    /// The network's outputs, one row for each image.
    pub outputs: Vec<f32>,
    /// The maps after the block's ReLU6.
    pub activations: Features,
    /// The gradients with respect to the maps, in the layout of the maps.
    pub gradients: Vec<f32>,
}
