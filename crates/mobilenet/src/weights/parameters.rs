//! The parameters of a net: one table for import, export and compilation.

use std::collections::BTreeMap;

use crate::config::{BLOCKS, MobileNetConfig};
use crate::error::{Error, Result};

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
        Self::name_of(self.layer, self.part)
    }

    /// The name of a layer's part.
    pub fn name_of(layer: Layer, part: Part) -> String {
        let prefix = match layer {
            Layer::Stem => "stem".to_string(),
            Layer::Depthwise(i) => format!("blocks.{}.depthwise", i - 1),
            Layer::Pointwise(i) => format!("blocks.{}.pointwise", i - 1),
            Layer::Classifier => "classifier".to_string(),
        };
        match (layer, part) {
            (Layer::Classifier, Part::Kernel) => format!("{prefix}.weight"),
            (_, Part::Kernel) => format!("{prefix}.conv.weight"),
            (_, Part::Bias) => format!("{prefix}.bias"),
            (_, Part::Gamma) => format!("{prefix}.bn.gamma"),
            (_, Part::Beta) => format!("{prefix}.bn.beta"),
            (_, Part::Mean) => format!("{prefix}.bn.running_mean"),
            (_, Part::Variance) => format!("{prefix}.bn.running_var"),
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

/// Shape and values of a parameter in a file that has it as `expected`.
pub(crate) fn check_parameter(
    file: &str,
    name: &str,
    p: &Parameter,
    expected: &[usize],
    array: &Array,
) -> Result<()> {
    check(file, name, expected, array)?;
    let negative = array.data.iter().position(|v| *v < 0.0);
    match negative.filter(|_| p.part == Part::Variance) {
        Some(at) => Err(Error::Tensor {
            file: file.into(),
            tensor: name.into(),
            message: format!(
                "value {at} is {}; a variance is not negative",
                array.data[at]
            ),
            source: None,
        }),
        None => Ok(()),
    }
}

/// Shape and finiteness of one tensor.
pub(crate) fn check(file: &str, name: &str, expected: &[usize], array: &Array) -> Result<()> {
    let wrong = |message| {
        Err(Error::Tensor {
            file: file.into(),
            tensor: name.into(),
            message,
            source: None,
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
pub(crate) fn transpose<T: Copy>(data: &[T], rows: usize, columns: usize) -> Vec<T> {
    (0..columns)
        .flat_map(|c| (0..rows).map(move |r| data[r * columns + c]))
        .collect()
}
