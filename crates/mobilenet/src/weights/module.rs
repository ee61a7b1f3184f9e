//! Converts between named tensors and the Burn module.

use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Tensor, TensorData};

use super::model_weights::Weights;
use super::parameters::{Array, Arrays, Layer, Parameter, Part, check_parameter, parameters};
use crate::compiled::{CompileOptions, CompiledMobileNet};
use crate::config::{BLOCKS, STEM};
use crate::error::{Error, Result};
use crate::model::{ConvBlock, MobileNet, to_burn};

/// What errors call a net that came from no file.
const IN_MEMORY: &str = "a net in memory";

impl Weights {
    /// Copies the weights of a net.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if a part of the net was replaced by one that does not fit the configuration,
    /// [`Error::Tensor`] if a value is not finite or a variance is negative, [`Error::Input`] if the device cannot be
    /// read.
    pub fn of(net: &MobileNet) -> Result<Self> {
        let arrays = read(net)?;
        for p in parameters(net.config()) {
            if let Some(array) = arrays.get(&p.name()) {
                check_parameter(IN_MEMORY, &p.name(), &p, &p.shape, array)?;
            }
        }
        Ok(Self::in_memory(net.config().clone(), arrays))
    }

    /// Puts the weights on `device`, as a frozen net: its batch statistics do not change, and its weights have no
    /// gradients until `unfreeze` is called.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] if the file lacks something that the net needs.
    pub fn load(mut self, device: &Device) -> Result<MobileNet> {
        self.complete()?;
        let mut net = self.config.init(device)?;
        write(&mut net, &mut self.arrays, device);
        Ok(net.freeze())
    }
}

impl MobileNet {
    /// Copies the weights of this net and prepares them for this processor, as [`Weights::compile`] does.
    ///
    /// # Errors
    /// The errors of [`compile_with`](Self::compile_with).
    pub fn compile(&self) -> Result<CompiledMobileNet> {
        self.compile_with(&CompileOptions::new())
    }

    /// Does the same as [`compile`](Self::compile), with options.
    ///
    /// # Errors
    /// [`Error::Setting`] if this processor does not have the instruction set, [`Error::Mismatch`] if a part of the net
    /// was replaced by one that does not fit its configuration, or values leave the range of f32 when batch
    /// normalizations are folded into the convolutions.
    pub fn compile_with(&self, options: &CompileOptions) -> Result<CompiledMobileNet> {
        CompiledMobileNet::of(self.config(), &read(self)?, options)
    }
}

fn conv_block_mut(net: &mut MobileNet, layer: Layer) -> Option<&mut ConvBlock> {
    match layer {
        Layer::Stem => Some(&mut net.stem),
        Layer::Depthwise(i) => net.blocks.get_mut(i - 1).map(|b| &mut b.depthwise),
        Layer::Pointwise(i) => net.blocks.get_mut(i - 1).map(|b| &mut b.pointwise),
        Layer::Classifier => None,
    }
}

fn conv_block(net: &MobileNet, layer: Layer) -> Option<&ConvBlock> {
    match layer {
        Layer::Stem => Some(&net.stem),
        Layer::Depthwise(i) => net.blocks.get(i - 1).map(|b| &b.depthwise),
        Layer::Pointwise(i) => net.blocks.get(i - 1).map(|b| &b.pointwise),
        Layer::Classifier => None,
    }
}

/// Moves checked arrays (our names, all there) into a net of the same configuration.
fn write(net: &mut MobileNet, arrays: &mut Arrays, device: &Device) {
    for p in parameters(&net.config().clone()) {
        let Some(array) = arrays.remove(&p.name()) else {
            continue;
        };
        write_one(net, &p, array, device);
    }
}

fn write_one(net: &mut MobileNet, p: &Parameter, array: Array, device: &Device) {
    fn param<const D: usize>(array: Array, device: &Device) -> Param<Tensor<D>> {
        Param::from_tensor(tensor(array, device))
    }
    fn tensor<const D: usize>(array: Array, device: &Device) -> Tensor<D> {
        Tensor::from_data(TensorData::new(array.data, array.shape), device)
    }
    if let Some(block) = conv_block_mut(net, p.layer) {
        match p.part {
            Part::Kernel => block.conv.weight = param(array, device),
            Part::Gamma => block.bn.gamma = param(array, device),
            Part::Beta => block.bn.beta = param(array, device),
            Part::Mean => block.bn.running_mean = RunningState::new(tensor(array, device)),
            Part::Variance => block.bn.running_var = RunningState::new(tensor(array, device)),
            Part::Bias => {}
        }
    } else if let Some(classifier) = &mut net.classifier {
        match p.part {
            Part::Kernel => classifier.weight = param(array, device),
            _ => classifier.bias = Some(param(array, device)),
        }
    }
}

/// Reads every parameter of a net.
fn read(net: &MobileNet) -> Result<Arrays> {
    check_parts(net)?;
    parameters(net.config())
        .into_iter()
        .map(|p| Ok((p.name(), read_one(net, &p)?)))
        .collect()
}

fn read_one(net: &MobileNet, p: &Parameter) -> Result<Array> {
    let data = match (conv_block(net, p.layer), &net.classifier, p.part) {
        (Some(block), _, Part::Kernel) => Some(block.conv.weight.val().into_data()),
        (Some(block), _, Part::Gamma) => Some(block.bn.gamma.val().into_data()),
        (Some(block), _, Part::Beta) => Some(block.bn.beta.val().into_data()),
        (Some(block), _, Part::Mean) => Some(block.bn.running_mean.value_sync().into_data()),
        (Some(block), _, Part::Variance) => Some(block.bn.running_var.value_sync().into_data()),
        (None, Some(classifier), Part::Kernel) => Some(classifier.weight.val().into_data()),
        // A linear layer without a bias adds nothing.
        (None, Some(classifier), Part::Bias) => match &classifier.bias {
            Some(bias) => Some(bias.val().into_data()),
            None => Some(TensorData::zeros::<f32, _>(p.shape.clone())),
        },
        _ => None,
    };
    let wrong = |what: String| Error::Input(format!("parameter `{}` of the net: {what}", p.name()));
    let data = data.ok_or_else(|| wrong("is not there".into()))?;
    let shape = data.shape().to_vec();
    let data = data
        .try_to_vec_as::<f32>()
        .map_err(|e| wrong(format!("cannot be read: {e:?}")))?;
    Ok(Array { shape, data })
}

/// What a net's parts, which anybody may replace, must have in common with its configuration: else it is another net
/// than the one that is compiled or written.
fn check_parts(net: &MobileNet) -> Result<()> {
    let config = net.config();
    let wrong = |message: String| {
        Err(Error::Mismatch {
            file: IN_MEMORY.into(),
            message: format!("{message}; make the net from the configuration that it is to have"),
        })
    };
    if net.blocks.len() != config.blocks || net.classifier.is_some() != (config.classes > 0) {
        return wrong(format!(
            "it has {} blocks and {} classifier, its configuration {} blocks and {} classes",
            net.blocks.len(),
            if net.classifier.is_some() { "a" } else { "no" },
            config.blocks,
            config.classes
        ));
    }
    for p in parameters(config) {
        let found = match (conv_block(net, p.layer), &net.classifier, p.part) {
            (Some(block), _, Part::Kernel) => block.conv.weight.dims().to_vec(),
            (Some(block), _, Part::Gamma) => block.bn.gamma.dims().to_vec(),
            (Some(block), _, Part::Beta) => block.bn.beta.dims().to_vec(),
            (Some(block), _, Part::Mean) => block.bn.running_mean.value_sync().dims().to_vec(),
            (Some(block), _, Part::Variance) => block.bn.running_var.value_sync().dims().to_vec(),
            (None, Some(classifier), Part::Kernel) => classifier.weight.dims().to_vec(),
            (None, Some(classifier), _) => match &classifier.bias {
                Some(bias) => bias.dims().to_vec(),
                None => p.shape.clone(),
            },
            (None, None, _) | (Some(_), _, Part::Bias) => Vec::new(),
        };
        if found != p.shape {
            return wrong(format!(
                "`{}` has the shape {found:?}, by its configuration {:?}",
                p.name(),
                p.shape
            ));
        }
        let Some(block) = conv_block(net, p.layer).filter(|_| p.part == Part::Kernel) else {
            continue;
        };
        let (i, kernel, stride, groups) = match p.layer {
            Layer::Stem => (0, 3, STEM.1, 1),
            Layer::Depthwise(i) => (i, 3, BLOCKS[i - 1].1, p.shape[0]),
            Layer::Pointwise(i) => (i, 1, 1, 1),
            Layer::Classifier => (0, 1, 1, 1),
        };
        let conv = &block.conv;
        let same = (conv.stride, conv.dilation, conv.groups) == ([stride; 2], [1; 2], groups);
        let padding = config.padding.of_block(i);
        let padding = to_burn(padding, kernel, stride);
        if !same
            || conv.padding != padding
            || conv.bias.is_some()
            || block.bn.epsilon != config.epsilon
        {
            return wrong(format!(
                "the convolution of `{}` has padding {:?}, stride {:?}, dilation {:?}, {} groups, {} bias and epsilon {}, \
                 by its configuration {padding:?}, {stride}, 1, {groups}, no bias and {}",
                p.name(),
                conv.padding,
                conv.stride,
                conv.dilation,
                conv.groups,
                if conv.bias.is_some() { "a" } else { "no" },
                block.bn.epsilon,
                config.epsilon
            ));
        }
    }
    Ok(())
}
