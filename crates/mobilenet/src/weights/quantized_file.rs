//! Quantized nets from files, and their weights as floats.

use std::path::Path;

use sha2::{Digest, Sha256};

#[cfg(feature = "cache")]
use super::cache::Cache;
use super::file::{File, is_archive};
use super::formats::table::{self, WeightsFormat};
use super::formats::{quantized_safetensors, tflite, tflite_quantized};
use super::model_weights::Weights;
use super::one_of_folder::only_weights_of;
use super::parameters::{Array, Arrays, Layer, Parameter, Part, transpose};
use super::quantized_read::read;
use super::registry;
use crate::error::{Error, Result};
use crate::quantized::net::{LayerKind, QuantizedLayer, QuantizedNet};

impl QuantizedNet {
    /// Opens a quantized TensorFlow Lite or ONNX model (a file, an archive or a folder that holds one), what [`save`](Self::save)
    /// wrote, or a published net of integers by its name, if it is in the user's cache
    /// ([`Published::quantized`](crate::Published::quantized)).
    ///
    /// Read are models whose weights and activations are bytes, signed with a scale for each channel or unsigned with one
    /// for each tensor: whole nets and embedding extractors, with a softmax at the end or without. The pixels are bytes;
    /// where a model begins with floats, a pixel's byte is taken as what the model makes of its float. ONNX models are those
    /// of ONNX Runtime's static quantizer (`QDQ` and `QOperator`) and of this crate; pixels in floats are taken to be
    /// `(level - 127.5) / 127.5`. Layers in floats behind the net are left out.
    ///
    /// ```no_run
    /// # fn main() -> mobilenet::Result<()> {
    /// use mobilenet::{ImageBatch, QuantizedNet};
    /// let net = QuantizedNet::open("mobilenet_v1_0.25_128_quant.tflite")?;
    /// let image = vec![128; 128 * 128 * 3];
    /// let probabilities = net.levels(&ImageBatch::from_u8(&image, [1, 128, 128])?)?;
    /// assert_eq!(probabilities.len(), 1001);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] with what is wrong with the file, or that it is no quantized MobileNetV1.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if let Some(name) = path.to_str().filter(|_| !path.exists())
            && registry::find(name).is_ok()
        {
            return published(name);
        }
        read(&File::read(&only_weights_of(path)?)?)
    }

    /// As [`open`](Self::open), from memory. Errors call the bytes `file`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self> {
        read(&File::memory(file, bytes))
    }

    /// Writes this crate's own safetensors, a byte for each weight; the file appears under its name only when it is whole.
    /// [`open`](Self::open) reads it.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds, and [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(files::write_bytes(path.as_ref(), &self.to_safetensors()?)?)
    }

    /// The bytes that [`save`](Self::save) writes: the same for the same net.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        quantized_safetensors::write(self)
    }

    /// SHA-256 over all that the net is, in hexadecimal: the same for the same net.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds.
    pub fn digest(&self) -> Result<String> {
        Ok(files::hex(&Sha256::digest(self.to_safetensors()?)))
    }

    /// The weights as floats, for what trains or needs gradients. A net of these weights has ReLU6 where this one may end
    /// a little lower, and does not round its activations: its logits differ from this net's.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds.
    pub fn dequantize(&self) -> Result<Weights> {
        self.check()?;
        let mut arrays = Arrays::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let block = index.div_ceil(2);
            let place = match layer.kind {
                LayerKind::Stem => Layer::Stem,
                LayerKind::Depthwise => Layer::Depthwise(block),
                LayerKind::Pointwise => Layer::Pointwise(block),
                LayerKind::Dense => Layer::Classifier,
            };
            let input = self.input_of(index).scale;
            let (kernel, mut bias) = reals(layer, input);
            if layer.kind == LayerKind::Stem {
                // What the biases make up for: the level that stands for zero is an integer, and the mean need not be one.
                let zero = f64::from(self.input.zero_point);
                let shift = (zero - self.config.mean) / self.config.std;
                for (bias, filter) in bias.iter_mut().zip(kernel.chunks_exact(27)) {
                    let sum: f64 = filter.iter().map(|&w| f64::from(w)).sum();
                    *bias = (f64::from(*bias) - shift * sum) as f32;
                }
            }
            let mut insert = |part, shape: Vec<usize>, data| {
                arrays.insert(Parameter::name_of(place, part), Array { shape, data });
            };
            let outputs = layer.outputs();
            let inputs = layer.weights.len() / outputs.max(1);
            let channels = vec![outputs];
            if place == Layer::Classifier {
                let kernel = transpose(&kernel, outputs, inputs);
                insert(Part::Kernel, vec![inputs, outputs], kernel);
                insert(Part::Bias, channels, bias);
                continue;
            }
            let (shape, kernel) = match layer.kind {
                LayerKind::Depthwise => ([outputs, 1, 3, 3], transpose(&kernel, 9, outputs)),
                LayerKind::Stem => (
                    [outputs, 3, 3, 3],
                    kernel
                        .chunks_exact(27)
                        .flat_map(|f| transpose(f, 9, 3))
                        .collect(),
                ),
                _ => ([outputs, inputs, 1, 1], kernel),
            };
            insert(Part::Kernel, shape.to_vec(), kernel);
            // The batch normalization that only adds the bias.
            insert(Part::Gamma, channels.clone(), vec![1.0; outputs]);
            insert(Part::Beta, channels.clone(), bias);
            insert(Part::Mean, channels.clone(), vec![0.0; outputs]);
            let variance = 1.0 - self.config.epsilon as f32;
            insert(Part::Variance, channels, vec![variance; outputs]);
        }
        Ok(Weights::in_memory(self.config.clone(), arrays))
    }
}

/// Weights and biases of a layer whose input has this scale.
fn reals(layer: &QuantizedLayer, input: f32) -> (Vec<f32>, Vec<f32>) {
    let outputs = layer.outputs();
    let taps = (layer.weights.len() / outputs.max(1)).max(1);
    let weight = |(at, &w): (usize, &i8)| {
        let channel = match layer.kind {
            LayerKind::Depthwise => at % outputs,
            _ => at / taps,
        };
        let centered = i32::from(w) - layer.weight_zero_points[channel];
        layer.weight_scales[channel] * centered as f32
    };
    let bias = |(&bias, &scale): (&i32, &f32)| {
        (f64::from(bias) * f64::from(input) * f64::from(scale)) as f32
    };
    (
        layer.weights.iter().enumerate().map(weight).collect(),
        layer
            .bias
            .iter()
            .zip(&layer.weight_scales)
            .map(bias)
            .collect(),
    )
}

impl Weights {
    /// As [`Weights::open`], and reads the weights of a quantized file as floats: what its integers stand for.
    ///
    /// # Errors
    /// As [`Weights::open`] and [`QuantizedNet::open`].
    pub fn open_dequantized(name_or_path: impl AsRef<Path>) -> Result<Self> {
        let path = name_or_path.as_ref();
        match Self::open(path) {
            Err(Error::Quantized { .. }) if !path.exists() => {
                QuantizedNet::open(path)?.dequantize()
            }
            Err(Error::Quantized { .. }) => dequantized(&File::read(&only_weights_of(path)?)?),
            other => other,
        }
    }

    /// As [`open_dequantized`](Self::open_dequantized), from memory. Errors call the bytes `file`.
    ///
    /// # Errors
    /// As [`open_dequantized`](Self::open_dequantized).
    pub fn from_bytes_dequantized(file: &str, bytes: &[u8]) -> Result<Self> {
        match Self::from_bytes(file, bytes) {
            Err(Error::Quantized { .. }) => dequantized(&File::memory(file, bytes)),
            other => other,
        }
    }
}

/// A quantized file, or an archive of one, as float weights.
fn dequantized(file: &File<'_>) -> Result<Weights> {
    let format = table::format_of(&file.bytes).unwrap_or(WeightsFormat::Tflite);
    let whole = is_archive(&file.bytes)
        || format != WeightsFormat::Tflite
        || tflite_quantized::is_quantized(file);
    let weights = if whole {
        read(file)?.dequantize()?
    } else {
        let contents = tflite::read_dequantized(file)?;
        Weights::new(file.name.clone(), format, contents)
    };
    Ok(Weights {
        source: file.name.clone(),
        format,
        ..weights
    })
}

#[cfg(feature = "cache")]
fn published(name: &str) -> Result<QuantizedNet> {
    Cache::user()?.open_quantized(name)
}

#[cfg(not(feature = "cache"))]
fn published(name: &str) -> Result<QuantizedNet> {
    Err(Error::UnknownWeights {
        name: name.into(),
        message:
            "this program opens published nets by name only with the feature `cache` of mobilenet"
                .into(),
    })
}
