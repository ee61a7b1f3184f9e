//! The parameters of a net, one table for all of import, export and compilation; and what each publication calls them.

use std::collections::BTreeMap;

use crate::config::{BLOCKS, MobileNetConfig};
use crate::{Error, Result};

/// A tensor in memory: row-major f32.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// Tensors by name.
pub(crate) type Arrays = BTreeMap<String, Array>;

/// One of the convolutions, or the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    Stem,
    /// Block 1 to 13.
    Depthwise(usize),
    /// Block 1 to 13.
    Pointwise(usize),
    Classifier,
}

/// What a tensor is to its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Kernel,
    Gamma,
    Beta,
    Mean,
    Variance,
    Bias,
}

const NORM: [Part; 4] = [Part::Gamma, Part::Beta, Part::Mean, Part::Variance];

/// One tensor of the net, in Burn's layout: kernels `[out, in / groups, k, k]`, the classifier `[in, classes]`.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub layer: Layer,
    pub part: Part,
    pub shape: Vec<usize>,
}

impl Parameter {
    /// The name in our own files, which is the path in the Burn module.
    pub fn name(&self) -> String {
        let layer = match self.layer {
            Layer::Stem => "stem".to_string(),
            Layer::Depthwise(i) => format!("blocks.{}.depthwise", i - 1),
            Layer::Pointwise(i) => format!("blocks.{}.pointwise", i - 1),
            Layer::Classifier => "classifier".to_string(),
        };
        match (self.layer, self.part) {
            (Layer::Classifier, Part::Kernel) => format!("{layer}.weight"),
            (_, Part::Kernel) => format!("{layer}.conv.weight"),
            (_, Part::Bias) => format!("{layer}.bias"),
            (_, Part::Gamma) => format!("{layer}.bn.gamma"),
            (_, Part::Beta) => format!("{layer}.bn.beta"),
            (_, Part::Mean) => format!("{layer}.bn.running_mean"),
            (_, Part::Variance) => format!("{layer}.bn.running_var"),
        }
    }

    /// The block that the tensor belongs to: 0 for the stem, 14 for the classifier.
    pub fn block(&self) -> usize {
        match self.layer {
            Layer::Stem => 0,
            Layer::Depthwise(i) | Layer::Pointwise(i) => i,
            Layer::Classifier => BLOCKS.len() + 1,
        }
    }
}

/// Every parameter of a net of this configuration, in the order of the forward pass.
pub(crate) fn parameters(config: &MobileNetConfig) -> Vec<Parameter> {
    let mut all = Vec::new();
    let mut push = |layer, parts: &[Part], kernel: [usize; 4]| {
        for &part in parts {
            let shape = if part == Part::Kernel {
                kernel.to_vec()
            } else {
                vec![kernel[0]]
            };
            all.push(Parameter { layer, part, shape });
        }
    };
    let conv: Vec<Part> = std::iter::once(Part::Kernel).chain(NORM).collect();
    let mut channels = config.channels_after(0);
    push(Layer::Stem, &conv, [channels, 3, 3, 3]);
    for block in 1..=config.blocks {
        let output = config.channels_after(block);
        push(Layer::Depthwise(block), &conv, [channels, 1, 3, 3]);
        push(Layer::Pointwise(block), &conv, [output, channels, 1, 1]);
        channels = output;
    }
    if config.classes > 0 {
        let (layer, classes) = (Layer::Classifier, config.classes);
        all.push(Parameter {
            layer,
            part: Part::Kernel,
            shape: vec![channels, classes],
        });
        all.push(Parameter {
            layer,
            part: Part::Bias,
            shape: vec![classes],
        });
    }
    all
}

/// Order of a kernel's axes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Ours and Burn's.
    Burn,
    /// TensorFlow: `[k, k, in, out]`, depthwise `[k, k, channels, 1]`, classifier `[1, 1, in, classes]`.
    TensorFlow,
}

/// How a publication names and lays out the tensors.
pub(crate) struct Scheme {
    pub title: &'static str,
    pub layout: Layout,
    pub name: fn(&Parameter) -> String,
}

/// Our own safetensors files.
pub(crate) const OURS: Scheme = Scheme {
    title: "our own",
    layout: Layout::Burn,
    name: Parameter::name,
};

/// `keras.applications.MobileNet`, also as TensorFlow.js publishes it.
pub(crate) const KERAS: Scheme = Scheme {
    title: "Keras",
    layout: Layout::TensorFlow,
    name: keras_name,
};

/// TensorFlow's `slim/nets/mobilenet_v1.py`.
pub(crate) const TF_SLIM: Scheme = Scheme {
    title: "TF-Slim",
    layout: Layout::TensorFlow,
    name: slim_name,
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

impl Scheme {
    /// The shape that a parameter has in a file of this scheme.
    pub fn shape(&self, p: &Parameter) -> Vec<usize> {
        match (self.layout, p.layer, &p.shape[..]) {
            (Layout::TensorFlow, Layer::Classifier, &[input, classes]) => {
                vec![1, 1, input, classes]
            }
            (Layout::TensorFlow, Layer::Depthwise(_), &[c, 1, h, w]) => vec![h, w, c, 1],
            (Layout::TensorFlow, _, &[o, i, h, w]) => vec![h, w, i, o],
            (_, _, shape) => shape.to_vec(),
        }
    }

    /// A tensor of the file in Burn's order of axes. `array` has the shape that [`Scheme::shape`] says.
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
            _ => array.data,
        };
        Array {
            shape: p.shape.clone(),
            data,
        }
    }

    /// Takes the tensors of a net out of a file's, renamed and laid out as Burn has them.
    ///
    /// Strict: every tensor that is there has the shape that the configuration demands and is finite, and none is
    /// left over. What is missing is found out by [`missing`], since a net may be cut.
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
            if p.layer == Layer::Classifier && p.part == Part::Kernel && array.shape == p.shape {
                expected.clone_from(&p.shape); // Dense instead of a 1x1 convolution: same numbers.
            }
            check(file, &name, &expected, &array)?;
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
                found: format!("{} others, so no width can be told", arrays.len()),
            });
        };
        let classes =
            lookup(Layer::Classifier, Part::Bias).and_then(|(_, bias)| bias.shape.first().copied());
        let config = MobileNetConfig {
            alpha: stem.shape[0] as f64 / crate::config::STEM.0 as f64,
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

/// Shape and finiteness of one tensor.
pub(crate) fn check(file: &str, name: &str, expected: &[usize], array: &Array) -> Result<()> {
    let wrong = |message| {
        Err(Error::Tensor {
            file: file.into(),
            tensor: name.into(),
            message,
        })
    };
    if array.shape != expected {
        return wrong(format!("shape {:?}, expected {expected:?}", array.shape));
    }
    if array.data.len() != expected.iter().product::<usize>() {
        return wrong(format!(
            "{} values for shape {expected:?}",
            array.data.len()
        ));
    }
    match array.data.iter().position(|v| !v.is_finite()) {
        Some(at) => wrong(format!(
            "value {at} is {}; every value must be finite",
            array.data[at]
        )),
        None => Ok(()),
    }
}

/// The first parameter that `config` demands and `arrays` (our names) lacks.
pub(crate) fn missing(config: &MobileNetConfig, arrays: &Arrays) -> Option<Parameter> {
    parameters(config)
        .into_iter()
        .find(|p| !arrays.contains_key(&p.name()))
}

/// Row-major `[rows, columns]` to `[columns, rows]`.
pub(crate) fn transpose(data: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|c| (0..rows).map(move |r| data[r * columns + c]))
        .collect()
}
