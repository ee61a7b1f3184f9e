//! A moving average of the weights.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use super::tail::Tail;

/// The average, flat, by parameter.
#[derive(Debug, Default)]
pub(super) struct Average {
    values: HashMap<ParamId, Tensor<1>>,
    steps: u32,
}

impl Average {
    /// Takes the weights after a step. In the first steps newer weights count more, as in TensorFlow's
    /// `ExponentialMovingAverage` with `num_updates`.
    pub(super) fn update(&mut self, tail: &Tail, decay: f64) {
        let steps = f64::from(self.steps);
        let decay = decay.min((1.0 + steps) / (10.0 + steps));
        self.steps += 1;
        let values = &mut self.values;
        tail.visit(&mut Blend { values, decay });
    }

    /// The tail with the average in place of its weights.
    pub(super) fn of(&self, tail: &Tail) -> Tail {
        tail.clone().map(&mut Replace(&self.values))
    }
}

struct Blend<'a> {
    values: &'a mut HashMap<ParamId, Tensor<1>>,
    decay: f64,
}

impl ModuleVisitor for Blend<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Statistics of batch normalisations do not learn: they are not averaged.
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
