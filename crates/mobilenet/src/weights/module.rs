//! Between tensors by name and the Burn module.

use burn::module::{Param, RunningState};
use burn::tensor::{Device, Tensor, TensorData};

use super::parameters::{Array, Arrays, Layer, Parameter, Part, parameters};
use crate::model::ConvBlock;
use crate::{Error, MobileNet, Result};

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
pub(super) fn write(net: &mut MobileNet, arrays: &mut Arrays, device: &Device) {
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
pub(super) fn read(net: &MobileNet) -> Result<Arrays> {
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
        (None, Some(classifier), Part::Bias) => {
            classifier.bias.as_ref().map(|b| b.val().into_data())
        }
        _ => None,
    };
    let wrong = |what: String| Error::Input(format!("parameter `{}` of the net: {what}", p.name()));
    let data = data.ok_or_else(|| wrong("is not there".into()))?;
    let data = data
        .try_to_vec_as::<f32>()
        .map_err(|e| wrong(format!("cannot be read: {e:?}")))?;
    let array = Array {
        shape: p.shape.clone(),
        data,
    };
    super::parameters::check("a net in memory", &p.name(), &p.shape, &array)?;
    Ok(array)
}
