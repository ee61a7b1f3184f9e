//! An exponential moving average of the weights.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use super::trainable::TrainableLayers;

/// The average of each parameter, flattened.
#[derive(Debug, Default)]
pub(super) struct MovingAverage {
    pub(super) values: HashMap<ParamId, Tensor<1>>,
    /// How many steps were averaged.
    pub(super) steps: u32,
}

impl MovingAverage {
    /// Adds the weights after a step. In the first steps new weights count more, as in TensorFlow's
    /// `ExponentialMovingAverage` with `num_updates`.
    pub(super) fn update(&mut self, layers: &TrainableLayers, decay: f64) {
        let steps = f64::from(self.steps);
        let decay = decay.min((1.0 + steps) / (10.0 + steps));
        self.steps += 1;
        let values = &mut self.values;
        layers.visit(&mut Blend { values, decay });
    }

    /// The layers with the average in place of their weights.
    pub(super) fn of(&self, layers: &TrainableLayers) -> TrainableLayers {
        layers.clone().map(&mut Replace(&self.values))
    }
}

struct Blend<'a> {
    values: &'a mut HashMap<ParamId, Tensor<1>>,
    decay: f64,
}

impl ModuleVisitor for Blend<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Statistics of batch normalizations are not trained, so they are not averaged.
        if !param.val().is_require_grad() {
            return;
        }
        let new: Tensor<1> = param.val().inner().flatten(0, D - 1);
        let value = match self.values.remove(&param.id) {
            Some(old) => old.mul_scalar(self.decay) + new.mul_scalar(1.0 - self.decay),
            None => new,
        };
        self.values.insert(param.id, value);
    }
}

struct Replace<'a>(&'a HashMap<ParamId, Tensor<1>>);

impl ModuleMapper for Replace<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.0.get(&param.id) {
            Some(value) => param.map(|old| {
                let value = value.clone().reshape(old.shape());
                Tensor::from_inner(value)
            }),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::LinearConfig;
    use burn::tensor::{Device, TensorData};

    use super::super::trainable::floats;
    use super::*;

    #[test]
    fn the_average_is_that_of_the_recursion() {
        let device = Device::flex().autodiff();
        let layers = |weights: [f32; 4]| {
            let mut linear = LinearConfig::new(2, 2).init(&device);
            let id = ParamId::from(7);
            let weights =
                Tensor::<2>::from_data(TensorData::new(weights.to_vec(), [2, 2]), &device);
            linear.weight = Param::initialized(id, weights.require_grad());
            linear.bias = None;
            TrainableLayers {
                stem: None,
                blocks: vec![],
                head: vec![linear],
            }
        };
        let weights =
            (0..12).map(|t| [0.0, 1.0, 2.0, 3.0].map(|k| (k * 1.7 + t as f32 * 0.9).sin()));
        let (mut average, mut expected) = (MovingAverage::default(), [0f64; 4]);
        for (t, weights) in weights.enumerate() {
            average.update(&layers(weights), 0.6);
            // The first weights are taken whole; 1 / 10 is the least decay, the one asked for the most.
            let decay = if t == 0 {
                0.0
            } else {
                (1.0 + t as f64) / (10.0 + t as f64)
            };
            let decay = decay.min(0.6);
            for (expected, weight) in expected.iter_mut().zip(weights) {
                *expected = decay * *expected + (1.0 - decay) * f64::from(weight);
            }
        }
        let of = average.of(&layers([9.0; 4]));
        let found = floats(of.head[0].weight.val()).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-6,
                "{found} {expected}"
            );
        }
        // Long after the start the decay is the one asked for.
        for _ in 0..200 {
            average.update(&layers([1.0; 4]), 0.6);
        }
        average.update(&layers([2.0; 4]), 0.6);
        let of = average.of(&layers([9.0; 4]));
        let found = floats(of.head[0].weight.val()).unwrap();
        assert!(found.iter().all(|f| (f - 1.4).abs() < 1e-5), "{found:?}");
    }
}
