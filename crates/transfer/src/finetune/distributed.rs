//! A batch over several devices, with Burn's collectives (DDP): every device has the same weights and a share of the
//! batch, and the gradients are summed over all of them.
//!
//! In Burn 0.22 CUDA devices alone have these collectives; on others Burn panics. On a CPU,
//! [`FineTuneConfig::with_threads`](super::FineTuneConfig::with_threads) gives the same sums.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::distributed::{
    DistributedConfig, DistributedContext, ReduceOperation, all_reduce,
};
use burn::tensor::{Device, Tensor};

use super::gradients::{Batch, Objective};
use super::tail::Tail;
use crate::{Error, Result};

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

    /// As [`gradients`](super::gradients::gradients), each device with its share of the batch.
    pub(super) fn gradients(
        &self,
        tail: &Tail,
        batch: &Batch,
        objective: Objective,
    ) -> Result<(f64, GradientsParams)> {
        let n = batch.targets.len();
        let share = n.div_ceil(self.devices.len().max(1));
        // Every device takes part in every reduction: one without images would leave the others waiting.
        let ranges: Vec<_> = (0..self.devices.len())
            .map(|rank| (n.min(rank * share), n.min((rank + 1) * share)))
            .collect();
        if ranges.iter().any(|(from, to)| from == to) {
            let found = format!("{n} for {} devices", self.devices.len());
            return Err(Error::mismatch(
                "images of a batch",
                "some for each device",
                found,
            ));
        }
        let work = |rank: usize| -> Result<(f64, GradientsParams)> {
            let device = self.devices[rank].clone();
            let copy = tail.clone().fork(&device.clone().autodiff());
            let (loss, value) = objective.part(&copy, batch, ranges[rank], &device)?;
            let mut gradients = GradientsParams::from_grads(loss.backward(), &copy);
            copy.visit(&mut Reduce {
                gradients: &mut gradients,
                devices: &self.devices,
            });
            Ok((value, gradients))
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.devices.len())
                .map(|rank| scope.spawn(move || work(rank)))
                .collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                let panic =
                    |_| Error::mismatch("a device of the fine-tuning", "gradients", "a panic");
                thread.join().map_err(panic)?
            };
            threads.into_iter().map(join).collect::<Result<_>>()
        })?;
        let loss = results.iter().map(|(loss, _)| loss).sum();
        let first = results.into_iter().next().map(|(_, gradients)| gradients);
        let first = first.ok_or_else(|| Error::mismatch("devices", "at least 1", 0))?;
        Ok((loss, first))
    }
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
