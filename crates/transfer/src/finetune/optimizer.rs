//! AdamW with a learning rate for each block, and with moments that can be stored in a checkpoint.
//!
//! The arithmetic is Burn's. Its `ModuleOptimizer` gives its moments only to its own record, and that record is loaded
//! on Burn's default device, which may not exist.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::{
    AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, GradientsParams, Optimizer as _,
};
use burn::tensor::Tensor;

use super::trainable::TrainableLayers;

/// AdamW and its state.
pub(super) struct Optimizer {
    kernels: AdamW,
    /// Biases, scales and offsets do not decay.
    vectors: AdamW,
    pub(super) moments: HashMap<ParamId, Moments>,
}

/// The running moments of the gradients of one parameter, flattened.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    /// Steps of this parameter so far.
    pub(super) time: usize,
    pub(super) first: Tensor<1>,
    pub(super) second: Tensor<1>,
}

impl Optimizer {
    pub(super) fn new(weight_decay: f32) -> Self {
        let adam = AdamWConfig::new().with_epsilon(1e-8);
        Self {
            vectors: adam.clone().with_weight_decay(0.0).build(),
            kernels: adam.with_weight_decay(weight_decay).build(),
            moments: HashMap::new(),
        }
    }

    /// Makes a step: the learning rate is `rate` for the head and is multiplied by `block_decay` for each block further
    /// from it. Parameters without a gradient stay as they are.
    pub(super) fn step(
        &mut self,
        mut layers: TrainableLayers,
        mut gradients: GradientsParams,
        rate: f64,
        block_decay: f64,
    ) -> TrainableLayers {
        let mut step = Step {
            optimizer: self,
            gradients: &mut gradients,
            rate,
        };
        let blocks = layers.blocks.len();
        layers.head = Module::map(layers.head, &mut step);
        let numbered = layers.blocks.into_iter().enumerate();
        layers.blocks = numbered
            .map(|(at, block)| {
                step.rate = rate * block_decay.powi((blocks - at) as i32);
                block.map(&mut step)
            })
            .collect();
        step.rate = rate * block_decay.powi(blocks as i32 + 1);
        layers.stem = Module::map(layers.stem, &mut step);
        layers
    }
}

/// A step of some parameters.
struct Step<'a> {
    optimizer: &'a mut Optimizer,
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
        let moments = self.optimizer.moments.remove(&id).map(|known| {
            let [first, second] =
                [known.first, known.second].map(|moment| moment.reshape(shape.clone()));
            AdamWState::new(AdaptiveMomentumState::new(known.time, first, second))
        });
        let adam = if D == 1 {
            &self.optimizer.vectors
        } else {
            &self.optimizer.kernels
        };
        let (value, moments) = adam.step(self.rate, value.inner(), gradient, moments);
        if let Some(AdamWState { momentum }) = moments {
            let moments = Moments {
                time: momentum.time,
                first: momentum.moment_1.flatten(0, D - 1),
                second: momentum.moment_2.flatten(0, D - 1),
            };
            self.optimizer.moments.insert(id, moments);
        }
        // The new value must be tracked by autodiff again.
        Param::from_mapped_value(id, Tensor::from_inner(value).require_grad(), mapper)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::ModuleVisitor;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;
    use mobilenet::MobileNetConfig;

    use super::super::trainable::floats;
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
        let layers = TrainableLayers {
            stem: None,
            blocks: net.blocks.into_iter().skip(11).collect(),
            head: vec![LinearConfig::new(128, 3).init(&autodiff)],
        };
        let mut before = Zeros::default();
        layers.visit(&mut before);
        let Zeros(gradients, before) = before;
        let (rate, decay) = (0.1, 0.5f32);
        let layers = Optimizer::new(decay).step(layers, gradients, rate, 0.5);
        let mut after = Zeros::default();
        layers.visit(&mut after);
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
