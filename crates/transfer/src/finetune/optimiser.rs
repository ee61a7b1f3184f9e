//! AdamW, parameter by parameter, with moments that can be written down.
//!
//! The arithmetic is Burn's. Its `ModuleOptimizer` shows the moments to nobody but its own record, and that loads on
//! the default device, which may be one that is not there.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::{
    AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, GradientsParams, Optimizer,
};
use burn::tensor::Tensor;

use super::tail::Tail;

/// The optimiser and its state.
pub(super) struct Optimiser {
    kernels: AdamW,
    /// Biases, scales and offsets do not decay.
    vectors: AdamW,
    pub(super) moments: HashMap<ParamId, Moments>,
}

/// What is known of a parameter's gradients so far, flat.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    /// Steps.
    pub(super) time: usize,
    pub(super) first: Tensor<1>,
    pub(super) second: Tensor<1>,
}

impl Optimiser {
    pub(super) fn new(weight_decay: f32) -> Self {
        let adam = AdamWConfig::new().with_epsilon(1e-8);
        Self {
            vectors: adam.clone().with_weight_decay(0.0).build(),
            kernels: adam.with_weight_decay(weight_decay).build(),
            moments: HashMap::new(),
        }
    }

    /// One step: `rate` for the head, `block_decay` times that for each block further away from it. What has no
    /// gradient stays as it is.
    pub(super) fn step(
        &mut self,
        mut tail: Tail,
        mut gradients: GradientsParams,
        rate: f64,
        block_decay: f64,
    ) -> Tail {
        let mut step = Step {
            optimiser: self,
            gradients: &mut gradients,
            rate,
        };
        let blocks = tail.blocks.len();
        tail.head = Module::map(tail.head, &mut step);
        let blocks_of_tail = tail.blocks.into_iter().enumerate();
        tail.blocks = blocks_of_tail
            .map(|(at, block)| {
                step.rate = rate * block_decay.powi((blocks - at) as i32);
                block.map(&mut step)
            })
            .collect();
        step.rate = rate * block_decay.powi(blocks as i32 + 1);
        tail.stem = Module::map(tail.stem, &mut step);
        tail
    }
}

/// A step of some parameters.
struct Step<'a> {
    optimiser: &'a mut Optimiser,
    gradients: &'a mut GradientsParams,
    rate: f64,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return param;
        };
        let (id, value, mapper) = param.consume();
        let shape = value.shape();
        let moments = self.optimiser.moments.remove(&id).map(|known| {
            let [first, second] =
                [known.first, known.second].map(|moment| moment.reshape(shape.clone()));
            AdamWState::new(AdaptiveMomentumState::new(known.time, first, second))
        });
        let adam = if D == 1 {
            &self.optimiser.vectors
        } else {
            &self.optimiser.kernels
        };
        let (value, moments) = adam.step(self.rate, value.inner(), gradient, moments);
        if let Some(AdamWState { momentum }) = moments {
            let moments = Moments {
                time: momentum.time,
                first: momentum.moment_1.flatten(0, D - 1),
                second: momentum.moment_2.flatten(0, D - 1),
            };
            self.optimiser.moments.insert(id, moments);
        }
        // What had a gradient needs one again.
        Param::from_mapped_value(id, Tensor::from_inner(value).require_grad(), mapper)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::ModuleVisitor;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;
    use mobilenet::MobileNetConfig;

    use super::super::tail::floats;
    use super::*;

    /// Gradients of 0 for everything, and the values at that moment.
    #[derive(Default)]
    struct Zeros(GradientsParams, Vec<(usize, Vec<f32>)>);

    impl ModuleVisitor for Zeros {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val().inner();
            self.0.register(param.id, value.zeros_like());
            self.1.push((D, floats(value).unwrap()));
        }
    }

    #[test]
    fn decay_shrinks_kernels_by_the_rate_times_it_and_nothing_else() {
        let autodiff = Device::flex().autodiff();
        let net = MobileNetConfig::new().with_alpha(0.125).with_classes(0);
        let net = net.init(&autodiff).unwrap();
        let tail = Tail {
            stem: None,
            blocks: net.blocks.into_iter().skip(11).collect(),
            head: vec![LinearConfig::new(128, 3).init(&autodiff)],
        };
        let mut before = Zeros::default();
        tail.visit(&mut before);
        let Zeros(gradients, before) = before;
        let (rate, decay) = (0.1, 0.5f32);
        let tail = Optimiser::new(decay).step(tail, gradients, rate, 0.5);
        let mut after = Zeros::default();
        tail.visit(&mut after);
        // Blocks come first, the earlier one before the later one; each has 10 tensors, statistics included.
        assert_eq!(before.len(), 22);
        for (at, ((rank, before), (_, after))) in before.iter().zip(&after.1).enumerate() {
            let distance = 2 - (at / 10).min(2) as i32;
            let shrunk = match rank {
                1 => 1.0,
                _ => 1.0 - rate * 0.5f64.powi(distance) * f64::from(decay),
            };
            for (&before, &after) in before.iter().zip(after) {
                let expected = f64::from(before) * shrunk;
                let off = (f64::from(after) - expected).abs();
                assert!(
                    off <= 1e-6 * expected.abs(),
                    "tensor {at}: {before} {after}"
                );
            }
        }
    }
}
