//! Naming schemes: what each publication of MobileNetV1 calls its tensors and how it lays them out. Readers and writers
//! of a format use the same scheme.

use super::parameters::{
    Array, Arrays, Layer, Parameter, Part, check_parameter, missing, parameters, transpose,
};
use super::preprocessing::Filter;
use crate::config::{MobileNetConfig, Padding, STEM};
use crate::error::{Error, Result};

/// Order of a kernel's axes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Ours and Burn's.
    Burn,
    /// TensorFlow: `[k, k, in, out]`, depthwise `[k, k, channels, 1]`, classifier `[1, 1, in, classes]`.
    TensorFlow,
    /// PyTorch: as Burn's, but the classifier is `[classes, in]`.
    PyTorch,
}

/// How a publication names and lays out the tensors, and what its files do not say: epsilon, padding and preprocessing
/// are facts of the publication's code. Wrong ones give no error when a file is read, only worse answers.
#[derive(Debug)]
pub(crate) struct Scheme {
    pub title: &'static str,
    pub layout: Layout,
    pub name: fn(&Parameter) -> String,
    pub epsilon: f64,
    pub padding: Padding,
    pub crop: f64,
    pub filter: Filter,
}

/// Our own safetensors files, which say all that a scheme would.
pub(crate) const OURS: Scheme = Scheme {
    title: "our own",
    layout: Layout::Burn,
    name: Parameter::name,
    epsilon: 1e-3,
    padding: Padding::Same,
    crop: 0.875,
    filter: Filter::Bilinear,
};

/// Nets read from the topology of a graph, whatever its names are (`formats::topology`): our names, TensorFlow's layout.
pub(crate) const TOPOLOGY: Scheme = Scheme {
    title: "graph",
    layout: Layout::TensorFlow,
    ..OURS
};

/// TensorFlow's `slim/nets/mobilenet_v1.py`; `preprocess_for_eval` keeps the middle 0.875.
pub(crate) const TF_SLIM: Scheme = Scheme {
    title: "TF-Slim",
    layout: Layout::TensorFlow,
    name: slim_name,
    ..OURS
};

/// `keras.applications.MobileNet` (3.x and the later 2.x: `ZeroPadding2D(((0, 1), (0, 1)))` before stride 2), in
/// `.h5` files before Keras 3 and, with the padding that the topology states, as TensorFlow.js publishes it.
pub(crate) const KERAS: Scheme = Scheme {
    title: "Keras",
    layout: Layout::TensorFlow,
    name: keras_name,
    padding: Padding::End,
    ..OURS
};

/// `keras.applications.MobileNet` in the `.weights.h5` files of Keras 3, which number layers by their kind.
#[cfg(feature = "hdf5")]
pub(crate) const KERAS_3: Scheme = Scheme {
    title: "Keras 3",
    name: keras_3_name,
    padding: Padding::EndButStem,
    ..KERAS
};

/// timm's `mobilenetv1_*` (`timm/models/efficientnet.py` 1.0.31): PyTorch's epsilon and padding.
pub(crate) const TIMM: Scheme = Scheme {
    title: "timm",
    layout: Layout::PyTorch,
    name: timm_name,
    epsilon: 1e-5,
    padding: Padding::Both,
    crop: 0.875,
    filter: Filter::Bicubic,
};

/// Hugging Face transformers' `MobileNetV1ForImageClassification`; `google/mobilenet_v1_*` set `tf_padding`, and
/// their image processor resizes the short side to 256 and keeps the middle 224.
pub(crate) const HUGGING_FACE: Scheme = Scheme {
    title: "Hugging Face",
    layout: Layout::PyTorch,
    name: hugging_face_name,
    ..OURS
};

fn keras_name(p: &Parameter) -> String {
    let (layer, kernel) = match p.layer {
        Layer::Stem => ("conv1".to_string(), "kernel"),
        Layer::Depthwise(i) => (format!("conv_dw_{i}"), "depthwise_kernel"),
        Layer::Pointwise(i) => (format!("conv_pw_{i}"), "kernel"),
        Layer::Classifier => ("conv_preds".to_string(), "kernel"),
    };
    match p.part {
        Part::Kernel => format!("{layer}/{kernel}"),
        Part::Bias => format!("{layer}/bias"),
        Part::Gamma => format!("{layer}_bn/gamma"),
        Part::Beta => format!("{layer}_bn/beta"),
        Part::Mean => format!("{layer}_bn/moving_mean"),
        Part::Variance => format!("{layer}_bn/moving_variance"),
    }
}

fn slim_name(p: &Parameter) -> String {
    let (layer, kernel) = match p.layer {
        Layer::Stem => ("Conv2d_0".to_string(), "weights"),
        Layer::Depthwise(i) => (format!("Conv2d_{i}_depthwise"), "depthwise_weights"),
        Layer::Pointwise(i) => (format!("Conv2d_{i}_pointwise"), "weights"),
        Layer::Classifier => ("Logits/Conv2d_1c_1x1".to_string(), "weights"),
    };
    match p.part {
        Part::Kernel => format!("MobilenetV1/{layer}/{kernel}"),
        Part::Bias => format!("MobilenetV1/{layer}/biases"),
        Part::Gamma => format!("MobilenetV1/{layer}/BatchNorm/gamma"),
        Part::Beta => format!("MobilenetV1/{layer}/BatchNorm/beta"),
        Part::Mean => format!("MobilenetV1/{layer}/BatchNorm/moving_mean"),
        Part::Variance => format!("MobilenetV1/{layer}/BatchNorm/moving_variance"),
    }
}

#[cfg(feature = "hdf5")]
fn keras_3_name(p: &Parameter) -> String {
    let numbered = |kind: &str, i: usize| match i {
        0 => kind.to_string(),
        _ => format!("{kind}_{i}"),
    };
    // Batch norms stand in the order of the forward pass: stem, then depthwise and pointwise of each block.
    let (kind, order, norm) = match p.layer {
        Layer::Stem => ("conv2d", 0, 0),
        Layer::Depthwise(i) => ("depthwise_conv2d", i - 1, 2 * i - 1),
        Layer::Pointwise(i) => ("conv2d", i, 2 * i),
        Layer::Classifier => ("conv2d", crate::config::BLOCKS.len() + 1, 0),
    };
    let (layer, variable) = match p.part {
        Part::Kernel => (numbered(kind, order), 0),
        Part::Bias => (numbered(kind, order), 1),
        Part::Gamma => (numbered("batch_normalization", norm), 0),
        Part::Beta => (numbered("batch_normalization", norm), 1),
        Part::Mean => (numbered("batch_normalization", norm), 2),
        Part::Variance => (numbered("batch_normalization", norm), 3),
    };
    format!("layers/{layer}/vars/{variable}")
}

/// PyTorch's name of a part of a convolution or linear layer, or of a batch norm.
fn torch_part(part: Part) -> &'static str {
    match part {
        Part::Kernel | Part::Gamma => "weight",
        Part::Bias | Part::Beta => "bias",
        Part::Mean => "running_mean",
        Part::Variance => "running_var",
    }
}

fn timm_name(p: &Parameter) -> String {
    let norm = !matches!(p.part, Part::Kernel | Part::Bias);
    // timm groups the blocks by the size of their maps: 1, 2, 2, 6 and 2 of them.
    let stage = |block: usize| {
        let (mut stage, mut rest) = (0, block - 1);
        for length in [1, 2, 2, 6] {
            if rest < length {
                break;
            }
            (stage, rest) = (stage + 1, rest - length);
        }
        format!("blocks.{stage}.{rest}")
    };
    let layer = match (p.layer, norm) {
        (Layer::Stem, false) => "conv_stem".to_string(),
        (Layer::Stem, true) => "bn1".to_string(),
        (Layer::Depthwise(i), false) => format!("{}.conv_dw", stage(i)),
        (Layer::Depthwise(i), true) => format!("{}.bn1", stage(i)),
        (Layer::Pointwise(i), false) => format!("{}.conv_pw", stage(i)),
        (Layer::Pointwise(i), true) => format!("{}.bn2", stage(i)),
        (Layer::Classifier, _) => "classifier".to_string(),
    };
    format!("{layer}.{}", torch_part(p.part))
}

fn hugging_face_name(p: &Parameter) -> String {
    let layer = match p.layer {
        Layer::Stem => "mobilenet_v1.conv_stem".to_string(),
        Layer::Depthwise(i) => format!("mobilenet_v1.layer.{}", 2 * i - 2),
        Layer::Pointwise(i) => format!("mobilenet_v1.layer.{}", 2 * i - 1),
        Layer::Classifier => return format!("classifier.{}", torch_part(p.part)),
    };
    let operation = if p.part == Part::Kernel {
        "convolution"
    } else {
        "normalization"
    };
    format!("{layer}.{operation}.{}", torch_part(p.part))
}

impl Scheme {
    /// The scheme of `candidates` that knows most of a file's names.
    pub fn of(
        file: &str,
        arrays: &Arrays,
        candidates: &[&'static Scheme],
    ) -> Result<&'static Scheme> {
        let known = |scheme: &Scheme| {
            parameters(&MobileNetConfig::new())
                .iter()
                .filter(|p| arrays.contains_key(&(scheme.name)(p)))
                .count()
        };
        match candidates.iter().max_by_key(|s| known(s)) {
            Some(best) if known(best) > 0 => Ok(best),
            _ => Err(Error::UnknownNames {
                file: file.into(),
                count: arrays.len(),
                names: arrays.keys().take(3).cloned().collect(),
                expected: candidates.iter().map(|s| s.title).collect(),
            }),
        }
    }

    /// A configuration with what the publication's code fixes.
    pub fn config(&self) -> MobileNetConfig {
        MobileNetConfig::new()
            .with_epsilon(self.epsilon)
            .with_padding(self.padding)
    }

    /// The shape that a parameter has in a file of this scheme.
    pub fn shape(&self, p: &Parameter) -> Vec<usize> {
        match (self.layout, p.layer, &p.shape[..]) {
            (Layout::TensorFlow, Layer::Classifier, &[input, classes]) => {
                vec![1, 1, input, classes]
            }
            (Layout::TensorFlow, Layer::Depthwise(_), &[c, 1, h, w]) => vec![h, w, c, 1],
            (Layout::TensorFlow, _, &[o, i, h, w]) => vec![h, w, i, o],
            (Layout::PyTorch, Layer::Classifier, &[input, classes]) => vec![classes, input],
            (_, _, shape) => shape.to_vec(),
        }
    }

    /// A tensor in the layout of this scheme: its values in the order of axes of [`Scheme::shape`].
    pub fn layout_values(&self, p: &Parameter, data: &[f32]) -> Vec<f32> {
        match (self.layout, p.layer, &p.shape[..]) {
            (Layout::TensorFlow, Layer::Depthwise(_), &[c, _, h, w]) => transpose(data, c, h * w),
            (Layout::TensorFlow, _, &[o, i, h, w]) => {
                // [o, i, h*w] to [o, h*w, i], kernel by kernel, then to [h*w, i, o].
                let kernels = data.chunks_exact(i * h * w);
                let kernels: Vec<f32> = kernels
                    .flat_map(|kernel| transpose(kernel, i, h * w))
                    .collect();
                transpose(&kernels, o, h * w * i)
            }
            (Layout::PyTorch, Layer::Classifier, &[input, classes]) => {
                transpose(data, input, classes)
            }
            _ => data.to_vec(),
        }
    }

    /// A tensor of a file in Burn's order of axes, the inverse of [`Scheme::layout_values`]. `array` has the shape that
    /// [`Scheme::shape`] says.
    fn to_burn(&self, p: &Parameter, array: Array) -> Array {
        let data = match (self.layout, p.layer, &p.shape[..]) {
            (Layout::TensorFlow, Layer::Depthwise(_), &[c, _, h, w]) => {
                transpose(&array.data, h * w, c)
            }
            (Layout::TensorFlow, _, &[o, i, h, w]) => transpose(&array.data, h * w * i, o)
                // [o, h*w, i] to [o, i, h*w], kernel by kernel.
                .chunks_exact(h * w * i)
                .flat_map(|kernel| transpose(kernel, h * w, i))
                .collect(),
            (Layout::PyTorch, Layer::Classifier, &[input, classes]) => {
                transpose(&array.data, classes, input)
            }
            _ => array.data,
        };
        Array {
            shape: p.shape.clone(),
            data,
        }
    }

    /// Takes the tensors of a net out of a file's, renamed and laid out as Burn has them.
    ///
    /// The import is strict: every tensor that is there must have the shape that the configuration demands and finite
    /// values, and none may be left over. [`Scheme::complete`] finds what is missing, since a net may be cut first.
    pub fn import(
        &self,
        file: &str,
        config: &MobileNetConfig,
        mut arrays: Arrays,
    ) -> Result<Arrays> {
        let mut taken = Arrays::new();
        for p in parameters(config) {
            let name = (self.name)(&p);
            let Some(array) = arrays.remove(&name) else {
                continue;
            };
            let mut expected = self.shape(&p);
            if self.layout == Layout::TensorFlow
                && (p.layer, p.part) == (Layer::Classifier, Part::Kernel)
                && array.shape == p.shape
            {
                expected.clone_from(&p.shape); // Dense instead of a 1x1 convolution: same numbers.
            }
            check_parameter(file, &name, &p, &expected, &array)?;
            taken.insert(p.name(), self.to_burn(&p, array));
        }
        if arrays.is_empty() {
            Ok(taken)
        } else {
            let names = arrays.into_keys().collect();
            Err(Error::LeftOver {
                file: file.into(),
                names,
                scheme: self.title,
            })
        }
    }

    /// Refuses a net (our names) that lacks a tensor.
    pub fn complete(&self, file: &str, config: &MobileNetConfig, arrays: &Arrays) -> Result<()> {
        match missing(config, arrays) {
            None => Ok(()),
            Some(p) => Err(Error::MissingTensor {
                file: file.into(),
                tensor: (self.name)(&p),
                found: format!(
                    "{} of the net's tensors, complete up to block {}",
                    arrays.len(),
                    p.block().saturating_sub(1).min(config.blocks)
                ),
                shape: p.shape,
            }),
        }
    }

    /// Reads alpha and the number of classes from the shapes of the stem and of the classifier's bias.
    pub fn detect(
        &self,
        file: &str,
        arrays: &Arrays,
        config: MobileNetConfig,
    ) -> Result<MobileNetConfig> {
        let probe = parameters(&config.clone().with_classes(1));
        let lookup = |layer, part| {
            let p = probe.iter().find(|p| p.layer == layer && p.part == part);
            p.and_then(|p| Some((p, arrays.get(&(self.name)(p))?)))
        };
        let Some((_, stem)) =
            lookup(Layer::Stem, Part::Gamma).filter(|(_, stem)| !stem.shape.is_empty())
        else {
            let p = Parameter {
                layer: Layer::Stem,
                part: Part::Gamma,
                shape: vec![32],
            };
            return Err(Error::MissingTensor {
                file: file.into(),
                tensor: (self.name)(&p),
                shape: p.shape,
                found: format!(
                    "{} other tensors, which do not tell the width of the net",
                    arrays.len()
                ),
            });
        };
        let classes =
            lookup(Layer::Classifier, Part::Bias).and_then(|(_, bias)| bias.shape.first().copied());
        let config = MobileNetConfig {
            alpha: stem.shape[0] as f64 / STEM.0 as f64,
            classes: classes.unwrap_or(0),
            ..config
        };
        config.check().map_err(|e| Error::Mismatch {
            file: file.into(),
            message: e.to_string(),
        })?;
        Ok(config)
    }
}
