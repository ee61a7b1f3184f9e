//! Gradients of a batch, split over threads, and the optimiser's step with a learning rate a block.

use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};

use super::tail::{Tail, cross_entropy, floats};
use super::{FineTuneConfig, Norms};
use crate::{Error, Result};

/// Maps `[n, c, h, w]` that go into the first block that learns, and the images' targets.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) maps: Vec<f32>,
    /// `[height, width, channels]`: the maps are NHWC.
    pub(super) shape: [usize; 3],
    pub(super) targets: Vec<usize>,
}

impl Batch {
    /// Images `from` up to `to` on `device`, NCHW.
    pub(super) fn tensor(&self, from: usize, to: usize, device: &Device) -> Tensor<4> {
        let [height, width, channels] = self.shape;
        let image = height * width * channels;
        let values = self.maps[from * image..to * image].to_vec();
        let data = TensorData::new(values, [to - from, height, width, channels]);
        Tensor::<4>::from_data(data, device).permute([0, 3, 1, 2])
    }
}

/// What a step makes smaller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Objective {
    /// How many of the units that shall learn are still frozen.
    pub(super) frozen: usize,
    pub(super) smoothing: f64,
    /// Factor to half the sum of the squares of the head's weights.
    pub(super) penalty: f64,
}

impl Objective {
    /// What images `from` up to `to` contribute to the mean loss of a batch, and the value of that.
    pub(super) fn part(
        &self,
        tail: &Tail,
        batch: &Batch,
        (from, to): (usize, usize),
        device: &Device,
    ) -> Result<(Tensor<1>, f64)> {
        let n = batch.targets.len() as f64;
        let logits = tail.forward(batch.tensor(from, to, device), self.frozen, true);
        let loss = cross_entropy(logits, &batch.targets[from..to], self.smoothing).div_scalar(n);
        let share = self.penalty * (to - from) as f64 / n;
        let loss = match tail.squares() {
            Some(squares) if share > 0.0 => loss + squares.mul_scalar(0.5 * share),
            _ => loss,
        };
        let value = floats(loss.clone().inner())?;
        Ok((loss, value.first().map_or(f64::NAN, |&v| f64::from(v))))
    }
}

/// Mean loss over a batch, and its gradients.
pub(super) fn gradients(
    tail: &Tail,
    batch: &Batch,
    objective: Objective,
    config: &FineTuneConfig,
    device: &Device,
) -> Result<(f64, GradientsParams)> {
    let n = batch.targets.len();
    let part = n.div_ceil(config.threads.min(n).max(1)).max(1);
    let work = |tail: &Tail, from: usize| -> Result<(f64, GradientsParams)> {
        let range = (from, n.min(from + part));
        let (loss, value) = objective.part(tail, batch, range, device)?;
        Ok((value, GradientsParams::from_grads(loss.backward(), tail)))
    };
    let parts = (0..n).step_by(part);
    // Batch statistics are written in the order of the calls: one after the other, there.
    let results: Vec<_> = if config.threads == 1 || config.norms == Norms::Train {
        parts.map(|from| work(tail, from)).collect()
    } else {
        // Each with leaves of its own: where graphs share theirs, Burn 0.22 can lock one thread's registration and
        // another one's backward pass into each other for ever.
        let autodiff = device.clone().autodiff();
        let work = &work;
        std::thread::scope(|scope| {
            let threads: Vec<_> = parts
                .map(|from| {
                    let tail = tail.clone().fork(&autodiff);
                    scope.spawn(move || work(&tail, from))
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread.join().unwrap_or_else(|_| {
                        let what = "a thread of the fine-tuning";
                        Err(Error::mismatch(what, "gradients", "a panic"))
                    })
                })
                .collect()
        })
    };
    let (mut loss, mut sum) = (0.0, GradientsAccumulator::new());
    for result in results {
        let (value, gradients) = result?;
        loss += value;
        sum.accumulate(tail, gradients);
    }
    Ok((loss, sum.grads()))
}

/// AdamW whose decay leaves biases and norms alone.
pub(super) fn optimiser(tail: &Tail, config: &FineTuneConfig) -> ModuleOptimizer {
    let adam = AdamWConfig::new().with_epsilon(1e-8);
    let mut vectors = Vectors(Vec::new());
    tail.visit(&mut vectors);
    let plain = adam.clone().with_weight_decay(0.0).build();
    let decayed = adam.with_weight_decay(config.weight_decay).init();
    decayed.with_group(ParamGroup::from_ids(vectors.0), plain, None)
}

/// One step: `rate` for the head, less for each block further away from it.
pub(super) fn step(
    optimiser: &mut ModuleOptimizer,
    mut tail: Tail,
    mut gradients: GradientsParams,
    rate: f64,
    block_decay: f64,
) -> Tail {
    let mut group = |tail: Tail, unit: &dyn Fn(&Tail, &mut Taken<'_>), distance: i32| {
        let mut taken = Taken {
            from: &mut gradients,
            taken: GradientsParams::new(),
        };
        unit(&tail, &mut taken);
        let taken = taken.taken;
        if taken.is_empty() {
            return tail;
        }
        optimiser.step(rate * block_decay.powi(distance), tail, taken)
    };
    let blocks = tail.blocks.len();
    tail = group(tail, &|tail, taken| tail.head.visit(taken), 0);
    for block in (0..blocks).rev() {
        let distance = (blocks - block) as i32;
        tail = group(
            tail,
            &|tail, taken| tail.blocks[block].visit(taken),
            distance,
        );
    }
    group(
        tail,
        &|tail, taken| tail.stem.visit(taken),
        blocks as i32 + 1,
    )
}

/// Parameters that are vectors: biases, scales, offsets.
struct Vectors(Vec<ParamId>);

impl ModuleVisitor for Vectors {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if D == 1 {
            self.0.push(param.id);
        }
    }
}

/// Takes the gradients of one part of the net.
struct Taken<'a> {
    from: &'a mut GradientsParams,
    taken: GradientsParams,
}

impl ModuleVisitor for Taken<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.from.remove::<D>(param.id) {
            self.taken.register(param.id, gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::LinearConfig;
    use mobilenet::MobileNetConfig;

    use super::*;

    /// Relative distance of two sets of gradients, and how many there are.
    struct Compare<'a>(&'a GradientsParams, &'a GradientsParams, f64, usize);

    impl ModuleVisitor for Compare<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let (a, b) = (self.0.get::<D>(param.id), self.1.get::<D>(param.id));
            assert_eq!(a.is_some(), b.is_some());
            if let (Some(a), Some(b)) = (a, b) {
                let a = super::super::tail::floats(a).unwrap();
                let b = super::super::tail::floats(b).unwrap();
                let norm = |v: &mut dyn Iterator<Item = f32>| {
                    v.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt()
                };
                let off = norm(&mut a.iter().zip(&b).map(|(a, b)| a - b));
                self.2 = self.2.max(off / norm(&mut a.iter().copied()).max(1e-12));
                self.3 += 1;
            }
        }
    }

    #[test]
    fn parts_on_threads_add_up_to_the_whole_batch() {
        let device = Device::flex();
        let autodiff = device.clone().autodiff();
        let net = MobileNetConfig::new().with_alpha(0.125).with_classes(0);
        let net = net.init(&autodiff).unwrap().freeze().unfreeze();
        let mut blocks = net.blocks.into_iter().skip(11).collect::<Vec<_>>();
        for conv in blocks
            .iter_mut()
            .flat_map(|b| [&mut b.depthwise, &mut b.pointwise])
        {
            conv.bn = conv.bn.clone().freeze();
            conv.bn.gamma = conv.bn.gamma.clone().set_require_grad(true);
            conv.bn.beta = conv.bn.beta.clone().set_require_grad(true);
        }
        let tail = Tail {
            stem: None,
            blocks,
            head: vec![LinearConfig::new(128, 3).init(&autodiff)],
        };
        let (n, shape) = (23, [4, 4, 64]);
        let batch = Batch {
            maps: (0..n * 4 * 4 * 64)
                .map(|i| ((i * 7919) % 601) as f32 / 100.0)
                .collect(),
            shape,
            targets: (0..n).map(|i| i % 3).collect(),
        };
        let of = |threads| {
            let config = FineTuneConfig::new().with_threads(threads);
            let objective = Objective {
                frozen: 0,
                smoothing: 0.0,
                penalty: 0.1,
            };
            gradients(&tail, &batch, objective, &config, &device).unwrap()
        };
        let (loss, whole) = of(1);
        for threads in [2, 3, 8] {
            let (sum, parts) = of(threads);
            assert!((sum - loss).abs() < 1e-5 * loss.abs(), "{sum} {loss}");
            let mut compare = Compare(&whole, &parts, 0.0, 0);
            tail.visit(&mut compare);
            // Two blocks of two convolutions with kernel, scale and offset; weight and bias of the head.
            assert_eq!(compare.3, 14);
            assert!(compare.2 < 1e-4, "{threads} threads: {:e}", compare.2);
        }
    }
}
