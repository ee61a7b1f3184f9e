//! A batch over several devices, with Burn's collectives (DDP): every device has the same weights and a share of the
//! batch, and the gradients are summed over all of them.
//!
//! In Burn 0.22 only CUDA devices have these collectives; on other devices Burn panics. On a CPU,
//! [`FineTuneConfig::with_threads`](super::FineTuneConfig::with_threads) gives the same sums.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::distributed::{
    DistributedConfig, DistributedContext, ReduceOperation, all_reduce,
};
use burn::tensor::{Device, Tensor};

use super::gradients::{Batch, Objective};
use super::trainable::TrainableLayers;
use crate::error::{Error, Result};

/// Devices that train together, and their connection.
#[derive(Debug)]
pub(super) struct Group {
    devices: Vec<Device>,
    _connection: DistributedContext,
}

impl Group {
    pub(super) fn new(devices: &[Device]) -> Self {
        let devices = devices.to_vec();
        let config = DistributedConfig {
            all_reduce_op: ReduceOperation::Sum,
        };
        Self {
            _connection: DistributedContext::init(devices.clone(), config),
            devices,
        }
    }

    /// The same as [`gradients`](super::gradients::gradients), but each device computes its share of the batch.
    pub(super) fn gradients(
        &self,
        layers: &TrainableLayers,
        batch: &Batch,
        objective: Objective,
    ) -> Result<(f64, GradientsParams)> {
        let (n, devices) = (batch.targets.len(), self.devices.len());
        let work = |rank: usize, layers: &TrainableLayers| -> Result<(f64, GradientsParams)> {
            let (range, factor) = share(n, rank, devices);
            let (loss, value) = objective.part(layers, batch, range, &self.devices[rank])?;
            let loss = loss.mul_scalar(factor).backward();
            let mut gradients = GradientsParams::from_grads(loss, layers);
            layers.visit(&mut Reduce {
                gradients: &mut gradients,
                devices: &self.devices,
            });
            Ok((factor * value, gradients))
        };
        let panic = |_| Error::mismatch("a device of the fine-tuning", "gradients", "a panic");
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..devices)
                .map(|rank| {
                    let copy = copy(layers, &self.devices[rank]);
                    scope.spawn(move || work(rank, &copy).map(|(loss, _)| loss))
                })
                .collect();
            // The first device trains the layers themselves, not a copy, so that moving statistics are kept.
            let (mut loss, gradients) = work(0, layers)?;
            for thread in others {
                loss += thread.join().map_err(panic)??;
            }
            Ok((loss, gradients))
        })
    }
}

/// The range of images of a device, and the factor of their loss. Every device must take part in every reduction: a
/// device without images, in a small batch, takes the first image with factor 0.
fn share(n: usize, rank: usize, devices: usize) -> ((usize, usize), f64) {
    let (from, to) = (rank * n / devices, (rank + 1) * n / devices);
    if from < to {
        ((from, to), 1.0)
    } else {
        ((0, 1), 0.0)
    }
}

/// The layers on another device, sharing nothing. Clones share the statistics of batch normalizations, so that training
/// one clone would change them for all.
fn copy(layers: &TrainableLayers, device: &Device) -> TrainableLayers {
    layers.valid().fork(device).train()
}

/// Replaces each gradient by its sum over all devices, in the order of the parameters.
struct Reduce<'a> {
    gradients: &'a mut GradientsParams,
    devices: &'a [Device],
}

impl ModuleVisitor for Reduce<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let sum = all_reduce(gradient, ReduceOperation::Sum, self.devices.to_vec());
            self.gradients.register(param.id, sum.resolve());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trainable::floats;
    use super::*;
    use burn::nn::LinearConfig;
    use mobilenet::MobileNetConfig;

    #[test]
    fn every_image_is_one_devices_and_every_device_has_one() {
        for (n, devices) in [(9, 8), (32, 3), (8, 8), (7, 8), (1, 4)] {
            let shares: Vec<_> = (0..devices).map(|rank| share(n, rank, devices)).collect();
            assert!(shares.iter().all(|((from, to), _)| from < to && *to <= n));
            let counted = shares.iter().filter(|(_, factor)| *factor == 1.0);
            let images: Vec<usize> = counted.flat_map(|&((from, to), _)| from..to).collect();
            assert_eq!(images, (0..n).collect::<Vec<_>>(), "{n} on {devices}");
        }
    }

    #[test]
    fn a_copy_gives_the_same_gradients_and_leaves_the_statistics_of_the_original() {
        let device = Device::flex();
        let autodiff = device.clone().autodiff();
        let net = MobileNetConfig::new().with_alpha(0.125).with_classes(0);
        let net = net.init(&autodiff).unwrap().freeze().unfreeze();
        let layers = TrainableLayers {
            stem: None,
            blocks: net.blocks.into_iter().skip(12).collect(),
            head: vec![LinearConfig::new(128, 3).init(&autodiff)],
        };
        let statistics = |layers: &TrainableLayers| {
            let state = &layers.blocks[0].pointwise.bn.running_mean;
            floats(state.value_sync()).unwrap()
        };
        let batch = Batch {
            maps: (0..4 * 4 * 4 * 128)
                .map(|i| ((i * 7919) % 601) as f32 / 100.0)
                .collect(),
            shape: [4, 4, 128],
            targets: vec![0, 1, 2, 0],
        };
        let objective = Objective {
            frozen: 0,
            smoothing: 0.0,
            penalty: 0.1,
        };
        let of = |layers: &TrainableLayers| {
            let (loss, _) = objective.part(layers, &batch, (0, 4), &device).unwrap();
            let gradients = GradientsParams::from_grads(loss.backward(), layers);
            let weight = layers.blocks[0].depthwise.conv.weight.id;
            floats(gradients.get::<4>(weight).unwrap()).unwrap()
        };
        let before = statistics(&layers);
        let copied = copy(&layers, &device);
        let gradients = of(&copied);
        assert_ne!(statistics(&copied), before);
        assert_eq!(statistics(&layers), before);
        assert_eq!(of(&layers), gradients);
        assert_ne!(statistics(&layers), before);
    }
}
