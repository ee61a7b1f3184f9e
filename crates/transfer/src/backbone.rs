//! The frozen network, and how it prepares images.

use std::sync::{Arc, OnceLock};

use dataset::decode::Bands;
use dataset::{DecodeOptions, PixelLoader, ResizeFilter, ResizePolicy, RgbImage};
use mobilenet::weights::Filter;
use mobilenet::{Engine, ImageBatch, Layer, QuantizedNet, Weights};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::quantized_engine::QuantizedEngine;

/// A frozen network and the preprocessing of its input: everything before the head. Clones share the engine.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use transfer::Backbone;
/// let backbone = Backbone::new(mobilenet::Weights::open("bundled")?)?;
/// let pixels = vec![128; 224 * 224 * 3]; // one gray image
/// assert_eq!(backbone.forward(&pixels, 1)?.len(), backbone.dim());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Backbone {
    engine: Arc<dyn Engine>,
    weights: Weights,
    /// The integers that run, where they do; the weights are then the floats that they stand for.
    integers: Option<Arc<QuantizedNet>>,
    digest: OnceLock<String>,
    layer: Layer,
    resize: ResizePolicy,
    filter: ResizeFilter,
    size: u32,
    bands: Option<Bands>,
    max_pixels: Option<u64>,
}

impl Backbone {
    /// A backbone with these weights, compiled for this machine's CPU ([`Weights::compile`]). It squashes images to the
    /// size that the weights were trained on, with the filter that the weights were evaluated with (bicubic for timm's
    /// weights, otherwise bilinear).
    ///
    /// # Errors
    /// The errors of [`Weights::compile`].
    pub fn new(weights: Weights) -> Result<Self> {
        let engine = weights.compile()?;
        Ok(Self::of(weights, Arc::new(engine)))
    }

    /// Does the same as [`new`](Self::new), but Burn runs the network on `device`. On a CPU the compiled network of
    /// `new` is faster. The results of the two agree to 1e-4 of the largest value, not to the last bit.
    ///
    /// # Errors
    /// The errors of [`Weights::load`].
    #[cfg(feature = "burn")]
    pub fn on(weights: Weights, device: &burn::tensor::Device) -> Result<Self> {
        let engine = mobilenet::BurnEngine::new(weights.clone(), device)?;
        Ok(Self::of(weights, Arc::new(engine)))
    }

    /// Does the same as [`new`](Self::new) with any engine, which must have been made from these weights.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the engine's network has another configuration than the weights.
    pub fn with_engine(weights: Weights, engine: Arc<dyn Engine>) -> Result<Self> {
        if engine.config() != weights.config() {
            return Err(Error::mismatch(
                "the engine's configuration",
                format!("that of the weights, {:?}", weights.config()),
                format!("{:?}", engine.config()),
            ));
        }
        Ok(Self::of(weights, engine))
    }

    /// A backbone of integers, run on this machine's CPU. [`weights`](Self::weights) are then the floats that its weights
    /// stand for, and gradients are those of a network of these floats.
    ///
    /// # Errors
    /// If the net does not fit together ([`QuantizedNet::check`]).
    pub fn of_integers(net: QuantizedNet) -> Result<Self> {
        let (weights, digest) = (net.dequantize()?, net.digest()?);
        let engine = QuantizedEngine::new(&net, &weights)?;
        Ok(Self {
            integers: Some(Arc::new(net)),
            digest: digest.into(),
            ..Self::of(weights, Arc::new(engine))
        })
    }

    /// This backbone with integers for its network: layer, size and how images become squares stay.
    pub(crate) fn quantized(&self, net: QuantizedNet) -> Result<Self> {
        Ok(self.prepares(Self::of_integers(net)?))
    }

    /// A backbone with these weights, compiled for the CPU, that prepares images as this one and gives the same layer.
    pub(crate) fn compiled(&self, weights: Weights) -> Result<Self> {
        Ok(self.prepares(Self::new(weights)?))
    }

    /// Another network that gets its images, and gives its layer, as this one.
    fn prepares(&self, network: Self) -> Self {
        Self {
            layer: self.layer,
            resize: self.resize,
            filter: self.filter,
            size: self.size,
            bands: self.bands,
            max_pixels: self.max_pixels,
            ..network
        }
    }

    /// The quantized network, if it is one.
    pub fn integers(&self) -> Option<&QuantizedNet> {
        self.integers.as_deref()
    }

    fn of(weights: Weights, engine: Arc<dyn Engine>) -> Self {
        let size = weights.config().input_size as u32;
        let filter = match weights.preprocessing().filter {
            Filter::Bicubic => ResizeFilter::Bicubic,
            Filter::Bilinear => ResizeFilter::Bilinear,
        };
        Self {
            engine,
            integers: None,
            digest: OnceLock::new(),
            weights,
            layer: Layer::default(),
            resize: ResizePolicy::default(),
            filter,
            size,
            bands: None,
            max_pixels: None,
        }
    }

    /// The same kind of engine, with other weights for a network of the same input; the layer is the embedding.
    #[cfg(feature = "burn")]
    pub(crate) fn with_weights(&self, weights: Weights) -> Result<Self> {
        Ok(Self {
            engine: self.engine.with_weights(&weights)?,
            weights,
            integers: None,
            digest: OnceLock::new(),
            layer: Layer::default(),
            ..self.clone()
        })
    }

    /// Sets how images become squares. Default: they are squashed.
    pub fn with_resize(mut self, resize: ResizePolicy) -> Self {
        self.resize = resize;
        self
    }

    /// Sets the interpolation filter used when resizing. Default: the filter that the weights were evaluated with.
    pub fn with_filter(mut self, filter: ResizeFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Sets which bands of a TIFF with more than four become red, green and blue. Default: none, so that such a TIFF cannot be
    /// used.
    pub fn with_bands(mut self, bands: Option<Bands>) -> Self {
        self.bands = bands;
        self
    }

    /// Which bands of a TIFF with more than four become red, green and blue.
    pub fn bands(&self) -> Option<Bands> {
        self.bands
    }

    /// Sets the largest number of pixels of an image, with sides of any length. No classifier file keeps it, since it changes
    /// no pixel. Default: the limits of [`DecodeOptions`].
    pub fn with_max_pixels(mut self, max_pixels: Option<u64>) -> Self {
        self.max_pixels = max_pixels;
        self
    }

    /// These options with the bands and the limit of this backbone.
    pub(crate) fn limited(&self, options: DecodeOptions) -> DecodeOptions {
        let options = options.with_bands(self.bands);
        match self.max_pixels {
            Some(pixels) => options.with_max_pixels(pixels).with_max_side(u32::MAX),
            None => options,
        }
    }

    /// How images are decoded for this backbone.
    pub fn decode_options(&self) -> DecodeOptions {
        self.limited(self.resize.decode_options(self.size))
    }

    /// Sets the output of the network that the head is trained on. Default: the embedding.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the weights have no classifier for the logits, or lack a block.
    pub fn with_layer(mut self, layer: Layer) -> Result<Self> {
        let config = self.weights.config();
        let expected = match layer {
            Layer::Logits if config.classes == 0 => {
                Some("embedding (these weights have no classifier)".to_string())
            }
            Layer::Joined(blocks) if blocks.last() > config.blocks => {
                Some(format!("blocks 0 to {}", config.blocks))
            }
            _ => None,
        };
        if let Some(expected) = expected {
            return Err(Error::mismatch("layer", expected, layer));
        }
        self.layer = layer;
        Ok(self)
    }

    /// The output of the network that the head is trained on.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// How images become squares of the network's input size.
    pub fn resize(&self) -> ResizePolicy {
        self.resize
    }

    /// Interpolation filter used when resizing.
    pub fn filter(&self) -> ResizeFilter {
        self.filter
    }

    /// Resizes a decoded image to the square that the network takes.
    pub fn square(&self, image: &RgbImage) -> RgbImage {
        self.resize.apply_with(image, self.size, self.filter)
    }

    /// Side of the network's input images, in pixels.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Sets another input size than that of the weights.
    pub(crate) fn with_size(mut self, size: u32) -> Result<Self> {
        if size == 0 || size > 4096 {
            return Err(Error::mismatch("input size", "1 to 4096 pixels", size));
        }
        self.size = size;
        Ok(self)
    }

    /// SHA-256 of the weights ([`Weights::digest`]), or of the integers ([`QuantizedNet::digest`]).
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| self.weights.digest())
    }

    /// SHA-256 of everything that an embedding depends on besides the bytes of the image: the weights, how images become
    /// squares, the layer, and the [name of the engine](mobilenet::Engine::name), because engines differ in the last bits.
    /// Caches of embeddings use it as a key.
    pub fn recipe(&self) -> [u8; 32] {
        let filter = self.preparation_beside();
        let text = format!(
            "1 {} {} {} {} {}{filter}",
            self.digest(),
            self.resize(),
            self.size(),
            self.layer(),
            self.engine().name()
        );
        Sha256::digest(text).into()
    }

    /// The filter and the bands; empty for the defaults, with which the first caches were written.
    pub(crate) fn preparation_beside(&self) -> String {
        let filter = match self.filter() {
            ResizeFilter::Bilinear => "",
            ResizeFilter::Bicubic => " bicubic",
        };
        let bands = self
            .bands()
            .map_or(String::new(), |bands| format!(" {bands}"));
        format!("{filter}{bands}")
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The engine that runs the network.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Length of an embedding: the number of values that the backbone computes for each image.
    pub fn dim(&self) -> usize {
        match self.layer {
            Layer::Embedding => self.weights.config().feature_dim(),
            Layer::Logits => self.weights.config().classes,
            Layer::Joined(blocks) => self.weights.config().joined_dim(blocks),
        }
    }

    /// The loader that decodes and resizes images for this backbone.
    pub fn loader(&self) -> PixelLoader {
        PixelLoader::new(self.resize, self.size)
            .with_filter(self.filter)
            .with_decode_options(self.decode_options())
    }

    /// Computes embeddings `[n, dim]` of pixels `[n, size, size, 3]`: rows of RGB, levels 0 to 255.
    ///
    /// # Errors
    /// [`Error::MobileNet`] if `pixels` has another length.
    pub fn forward(&self, pixels: &[u8], n: usize) -> Result<Vec<f32>> {
        let side = self.size as usize;
        let images = ImageBatch::from_u8(pixels, [n, side, side])?;
        Ok(self.engine.forward(&images, self.layer)?)
    }
}
