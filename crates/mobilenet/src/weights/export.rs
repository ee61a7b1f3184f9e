//! Writes weights, and the layers that were trained on top of them, as files of other programs.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::dense::DenseLayer;
use super::formats::table::WeightsFormat;
use super::formats::timm;
use super::model_weights::Weights;
use super::net::{ExportedFile, Net, PixelInput, classifier, convolutions};
use super::numbers::FloatType;
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use crate::layer::Layer;
use crate::quantized::net::QuantizedNet;

/// A net, with the layers that were trained on top of it, that can be written in every [`WeightsFormat`] with a writer.
/// The written network computes the same outputs.
///
/// ```
/// # fn main() -> mobilenet::Result<()> {
/// use mobilenet::weights::{DenseLayer, Export, PixelInput, WeightsFormat};
/// use mobilenet::{Layer, MobileNetConfig, Weights};
/// # let net = MobileNetConfig::new().with_alpha(0.25).init(&burn::tensor::Device::flex())?;
/// # let weights = Weights::of(&net)?;
/// let head = vec![DenseLayer::new(256, vec![0.1; 2 * 256], vec![0.0; 2])?];
/// let files = Export::new(&weights)
///     .with_head(Layer::Embedding, head)
///     .with_classes(["boat", "cloud"])
///     .with_input(PixelInput::Byte)
///     .to_files(WeightsFormat::Onnx)?;
/// assert_eq!(files[0].name, "model.onnx");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Export<'a> {
    weights: &'a Weights,
    layer: Layer,
    head: Vec<DenseLayer>,
    classes: Vec<String>,
    size: usize,
    input: PixelInput,
    float_type: FloatType,
    preprocessing: Value,
    thresholds: Vec<f64>,
    description: String,
    license: String,
    integers: Option<&'a QuantizedNet>,
    producer: (String, String),
}

impl<'a> Export<'a> {
    /// Exports the net alone. It ends with its own classifier, if it has one, and a softmax.
    pub fn new(weights: &'a Weights) -> Self {
        let config = weights.config();
        Self {
            weights,
            layer: Layer::Logits,
            head: Vec::new(),
            classes: Vec::new(),
            size: config.input_size,
            input: PixelInput::default(),
            float_type: FloatType::default(),
            preprocessing: json!({
                "size": config.input_size,
                "mean": config.mean,
                "std": config.std,
            }),
            thresholds: Vec::new(),
            description: String::new(),
            license: String::new(),
            integers: None,
            producer: (
                env!("CARGO_PKG_NAME").into(),
                env!("CARGO_PKG_VERSION").into(),
            ),
        }
    }

    /// Sets the layers that were trained on top of the net, on its embedding or its logits. There is a ReLU between
    /// them, and a softmax at the end. Default: none.
    pub fn with_head(mut self, layer: Layer, head: Vec<DenseLayer>) -> Self {
        self.layer = layer;
        self.head = head;
        self
    }

    /// Sets the names of the outputs, for formats that can store them. Default: none.
    pub fn with_classes(mut self, classes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.classes = classes.into_iter().map(Into::into).collect();
        self
    }

    /// Side of the square images in pixels. Default: the input size of the configuration.
    pub fn with_size(mut self, size: usize) -> Self {
        self.size = size;
        self
    }

    /// Sets which input the written network takes, and so whether it includes the normalization. Default:
    /// [`PixelInput::Normalized`].
    pub fn with_input(mut self, input: PixelInput) -> Self {
        self.input = input;
        self
    }

    /// Sets the type of the numbers. Default: [`FloatType::F32`]. Only this crate's own safetensors and TensorFlow Lite models can
    /// also be written in half precision.
    pub fn with_float_type(mut self, float_type: FloatType) -> Self {
        self.float_type = float_type;
        self
    }

    /// Sets a JSON description of what happens to an image before the net sees it, for formats that can store it.
    /// Default: `size`, `mean` and `std`.
    pub fn with_preprocessing(mut self, preprocessing: Value) -> Self {
        self.preprocessing = preprocessing;
        self
    }

    /// Sets for each output the lowest probability, 0 to 1, with which it is the answer; below it an image belongs to
    /// none of the classes. Only some formats can store this. Default: none.
    pub fn with_thresholds(mut self, thresholds: Vec<f64>) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Sets what the file says of itself in words, for formats that can store it: a sentence or a few lines. Default: nothing.
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets the license of the weights, such as `Apache-2.0`, for formats that can store it. Default: nothing.
    pub fn with_license(mut self, license: impl Into<String>) -> Self {
        self.license = license.into();
        self
    }

    /// Writes the convolutions of this quantized net, which was made of the weights, in place of the floats. The layers
    /// behind it stay in floats. Only ONNX and TensorFlow Lite models have integers. Default: none.
    pub fn with_integers(mut self, net: &'a QuantizedNet) -> Self {
        self.integers = Some(net);
        self
    }

    /// Sets name and version of the program that writes the file. Default: those of this crate.
    pub fn with_producer(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.producer = (name.into(), version.into());
        self
    }

    /// Checks that the net is complete and that the layers and the names of the classes fit.
    ///
    /// # Errors
    /// [`Error::Setting`] if they do not fit, or the head was trained on the joined outputs of several blocks
    /// ([`Layer::Joined`]), which no format can express; [`Error::MissingTensor`] if the weights are not complete.
    pub fn check(&self) -> Result<()> {
        self.net().map(|_| ())
    }

    /// The Python expression that makes the timm network for the file of [`WeightsFormat::TimmSafetensors`].
    ///
    /// # Errors
    /// The errors of [`check`](Self::check).
    pub fn timm_call(&self) -> Result<String> {
        Ok(timm::call(&self.net()?))
    }

    /// The files of the export in memory, in the order in which they should be written: a file that names other files
    /// comes after them.
    ///
    /// # Errors
    /// The errors of [`check`](Self::check); [`Error::Setting`] if the format can only be read or cannot express this
    /// net; [`Error::Tensor`] if a number is too large for half precision.
    pub fn to_files(&self, format: WeightsFormat) -> Result<Vec<ExportedFile>> {
        format.write(&self.net()?)
    }

    /// Writes `output`, a folder or a file ([`WeightsFormat::is_folder`]). Each file appears under its name only when
    /// it is complete, and missing parent folders are created. The same net gives the same bytes. Beside an ONNX or a
    /// TensorFlow Lite model with class names, `labels.txt` is written. Returns the paths of the files.
    ///
    /// # Errors
    /// The errors of [`to_files`](Self::to_files); [`Error::Io`] if another `labels.txt` is there already, or a
    /// file cannot be written.
    pub fn write(&self, format: WeightsFormat, output: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        let output = output.as_ref();
        let files = self.to_files(format)?.into_iter().enumerate();
        let placed = files.map(|(at, file)| (format.place(output, at, file.name), file.bytes));
        let placed: Vec<(PathBuf, Vec<u8>)> = placed.collect();
        for (path, bytes) in &placed {
            // The caller has named the output, but not what is written beside it.
            if !format.is_folder() && path != output {
                check_beside(path, bytes)?;
            }
        }
        let write = |(path, bytes): (PathBuf, Vec<u8>)| {
            files::create_parent_folder(&path)?;
            files::write_bytes(&path, &bytes)?;
            Ok(path)
        };
        placed.into_iter().map(write).collect()
    }

    /// The paths that [`write`](Self::write) writes to, in its order.
    ///
    /// # Errors
    /// The errors of [`to_files`](Self::to_files).
    pub fn paths(&self, format: WeightsFormat, output: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        let files = self.to_files(format)?.into_iter().enumerate();
        let place =
            |(at, file): (usize, ExportedFile)| format.place(output.as_ref(), at, file.name);
        Ok(files.map(place).collect())
    }

    /// What the writers see; checks that the parts fit together.
    fn net(&self) -> Result<Net<'_>> {
        let (config, arrays) = (&self.weights.config, &self.weights.arrays);
        self.weights.complete()?;
        let inputs = match self.layer {
            Layer::Embedding => config.feature_dim(),
            Layer::Logits => config.classes,
            Layer::Joined(_) => {
                let expected = "embedding or logits: only these are exported";
                return Err(Error::setting("layer under the head", self.layer, expected));
            }
        };
        if let Some(integers) = self.integers {
            integers.check()?;
            let parts = |config: &MobileNetConfig| {
                (config.alpha, config.blocks, config.padding, config.classes)
            };
            if parts(&integers.config) != parts(config) {
                let found = format!("{:?}", integers.config);
                let expected =
                    format!("one of the same alpha, blocks, padding and classes: {config:?}");
                return Err(Error::setting("quantized net", found, expected));
            }
        }
        let mut width = inputs;
        for layer in &self.head {
            if layer.inputs() != width {
                let expected = format!("{width}, which the layer before has");
                return Err(Error::setting(
                    "inputs of a dense layer",
                    layer.inputs(),
                    expected,
                ));
            }
            width = layer.outputs();
        }
        let net = Net {
            config,
            arrays,
            convs: convolutions(config, arrays),
            classifier: classifier(config, arrays).filter(|_| self.layer == Layer::Logits),
            head: &self.head,
            classes: &self.classes,
            side: self.size,
            input: self.input,
            float_type: self.float_type,
            integers: self.integers,
            preprocessing: self.preprocessing.clone(),
            thresholds: &self.thresholds,
            description: &self.description,
            license: &self.license,
            crop: self.weights.crop,
            filter: self.weights.filter,
            producer: (&self.producer.0, &self.producer.1),
        };
        if !net.classes.is_empty() && net.classes.len() != net.outputs() {
            let expected = format!("{}, one for each output", net.outputs());
            return Err(Error::setting(
                "number of class names",
                net.classes.len(),
                expected,
            ));
        }
        if !net.thresholds.is_empty() && net.thresholds.len() != net.outputs() {
            let (expected, found) = (net.outputs(), net.thresholds.len());
            let expected = format!("{expected}, one for each output");
            return Err(Error::setting("number of thresholds", found, expected));
        }
        Ok(net)
    }
}

impl WeightsFormat {
    /// Where the file of this number and name is written: in the folder `output`, or as the file `output` and beside it.
    fn place(self, output: &Path, at: usize, name: &str) -> PathBuf {
        match at {
            _ if self.is_folder() => output.join(name),
            0 => output.to_path_buf(),
            _ => output.with_file_name(name),
        }
    }
}

/// Refuses to replace a file that has other contents.
fn check_beside(path: &Path, bytes: &[u8]) -> Result<()> {
    let there = match files::read_at_most(path, bytes.len() as u64) {
        Ok(there) => there == bytes,
        Err(error) => error.source.kind() == ErrorKind::NotFound,
    };
    if there {
        return Ok(());
    }
    let message = "written beside the model, but it is there already with other contents: remove it, or export into another folder";
    Err(Error::Io {
        path: path.into(),
        source: io::Error::new(ErrorKind::AlreadyExists, message),
    })
}

impl Weights {
    /// Writes this crate's own safetensors. The file appears under its name only when it is complete. The same weights
    /// give the same bytes. A retrained last layer, [`head`](Self::head), is not included.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] if the weights are not complete, [`Error::Tensor`] if a number is too large for half
    /// precision, [`Error::Io`] if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, float_type: FloatType) -> Result<()> {
        Ok(files::write_bytes(path, &self.to_safetensors(float_type)?)?)
    }

    /// The bytes that [`Weights::save`] writes.
    ///
    /// # Errors
    /// The errors of [`Weights::save`], without [`Error::Io`].
    pub fn to_safetensors(&self, float_type: FloatType) -> Result<Vec<u8>> {
        let export = Export::new(self).with_float_type(float_type);
        let files = export.to_files(WeightsFormat::Safetensors)?;
        Ok(files
            .into_iter()
            .next()
            .map_or_else(Vec::new, |file| file.bytes))
    }
}
