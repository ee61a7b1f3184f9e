//! The loss of a batch and its gradients, computed by several threads.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};

use super::config::{BatchNormMode, FineTuneConfig};
use super::trainable::{TrainableLayers, cross_entropy, floats};
use crate::classifier::Classifier;
use crate::error::{Error, Result};
use crate::head::Recipe;

/// The inputs of the first trained block for some images, and the images' targets.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) maps: Vec<f32>,
    /// `[height, width, channels]`: the maps are NHWC.
    pub(super) shape: [usize; 3],
    pub(super) targets: Vec<usize>,
}

impl Batch {
    /// Images `from` up to, but not including, `to` on `device`, as NCHW.
    pub(super) fn tensor(&self, from: usize, to: usize, device: &Device) -> Tensor<4> {
        let [height, width, channels] = self.shape;
        let image = height * width * channels;
        let values = self.maps[from * image..to * image].to_vec();
        let data = TensorData::new(values, [to - from, height, width, channels]);
        Tensor::<4>::from_data(data, device).permute([0, 3, 1, 2])
    }
}

/// The loss that a step lowers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Objective {
    /// How many of the trained units (stem and blocks) are still frozen.
    pub(super) frozen: usize,
    pub(super) smoothing: f64,
    /// Factor of half the sum of the squares of the head's weights.
    pub(super) penalty: f64,
}

impl Objective {
    /// What images `from` up to, but not including, `to` contribute to the mean loss of a batch, as a tensor and as a
    /// number.
    pub(super) fn part(
        &self,
        layers: &TrainableLayers,
        batch: &Batch,
        (from, to): (usize, usize),
        device: &Device,
    ) -> Result<(Tensor<1>, f64)> {
        let n = batch.targets.len() as f64;
        let logits = layers.forward(batch.tensor(from, to, device), self.frozen, true);
        let loss = cross_entropy(logits, &batch.targets[from..to], self.smoothing).div_scalar(n);
        let share = self.penalty * (to - from) as f64 / n;
        let loss = match layers.squares() {
            Some(squares) if share > 0.0 => loss + squares.mul_scalar(0.5 * share),
            _ => loss,
        };
        let value = floats(loss.clone().inner())?;
        Ok((loss, value.first().map_or(f64::NAN, |&v| f64::from(v))))
    }
}

/// The penalty on the weights of a classifier's head: the one of the settings, or the one that the head was fitted with
/// ([`FineTuneConfig::with_head_penalty`]).
pub(super) fn head_penalty(config: &FineTuneConfig, classifier: &Classifier) -> f64 {
    let fitted = || {
        let report = classifier.report()?;
        let Recipe::LogisticRegression(recipe) = report.config.recipe() else {
            return None;
        };
        // Where there was only one value, nothing was chosen.
        let c = match report.chosen() {
            Some(chosen) => chosen.c,
            None => *recipe.regularization.first()?,
        };
        // Two classes were fitted as one vector, and each class has half of it.
        let share = match classifier.classes().len() {
            2 => 2.0,
            _ => 1.0,
        };
        Some(share / (c * report.images as f64))
    };
    config.head_penalty.or_else(fitted).unwrap_or(0.0)
}

/// How many images' gradients are computed together. It does not depend on the number of threads, so that the sums,
/// and their bytes, do not either.
const PART: usize = 8;

/// Mean loss over a batch, and its gradients.
pub(super) fn gradients(
    layers: &TrainableLayers,
    batch: &Batch,
    objective: Objective,
    config: &FineTuneConfig,
    device: &Device,
) -> Result<(f64, GradientsParams)> {
    let n = batch.targets.len();
    let part = match config.batch_norm {
        BatchNormMode::Frozen => PART,
        // The images of a part are normalized together.
        BatchNormMode::Train => n.max(1),
    };
    let ranges: Vec<_> = (0..n)
        .step_by(part)
        .map(|from| (from, n.min(from + part)))
        .collect();
    let work = |layers: &TrainableLayers, range| -> Result<(f64, GradientsParams)> {
        let (loss, value) = objective.part(layers, batch, range, device)?;
        Ok((value, GradientsParams::from_grads(loss.backward(), layers)))
    };
    let (mut loss, mut sum) = (0.0, GradientsAccumulator::new());
    // One part per thread at a time, then their sum: memory holds no more gradients than that.
    for round in ranges.chunks(config.threads) {
        let results = match round {
            [range] => vec![work(layers, *range)],
            _ => on_threads(layers, round, device, &work),
        };
        for result in results {
            let (value, gradients) = result?;
            loss += value;
            sum.accumulate(layers, gradients);
        }
    }
    Ok((loss, sum.grads()))
}

/// The results of `work` for each range, in their order, each from a thread of its own.
fn on_threads<T: Send>(
    layers: &TrainableLayers,
    ranges: &[(usize, usize)],
    device: &Device,
    work: &(impl Fn(&TrainableLayers, (usize, usize)) -> Result<T> + Sync),
) -> Vec<Result<T>> {
    // Each thread has its own copy of the leaves: where graphs share leaves, one thread's registration and another
    // thread's backward pass can deadlock in Burn 0.22.
    let autodiff = device.clone().autodiff();
    std::thread::scope(|scope| {
        let threads: Vec<_> = ranges
            .iter()
            .map(|&range| {
                let layers = layers.clone().fork(&autodiff);
                scope.spawn(move || work(&layers, range))
            })
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<T>>| {
            thread.join().unwrap_or_else(|_| {
                let what = "a thread of the fine-tuning";
                Err(Error::mismatch(what, "gradients", "a panic"))
            })
        };
        threads.into_iter().map(join).collect()
    })
}

#[cfg(test)]
mod tests {
    use burn::module::{ModuleVisitor, Param};
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
                let a = super::super::trainable::floats(a).unwrap();
                let b = super::super::trainable::floats(b).unwrap();
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
    fn parts_add_up_to_the_whole_batch_and_threads_change_no_byte() {
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
        let layers = TrainableLayers {
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
        let objective = Objective {
            frozen: 0,
            smoothing: 0.0,
            penalty: 0.1,
        };
        let of = |threads| {
            let config = FineTuneConfig::new().with_threads(threads);
            gradients(&layers, &batch, objective, &config, &device).unwrap()
        };
        let (whole, loss) = objective.part(&layers, &batch, (0, n), &device).unwrap();
        let whole = GradientsParams::from_grads(whole.backward(), &layers);
        let (sum, alone) = of(1);
        assert!((sum - loss).abs() < 1e-5 * loss.abs(), "{sum} {loss}");
        let mut compare = Compare(&whole, &alone, 0.0, 0);
        layers.visit(&mut compare);
        // Two blocks of two convolutions with kernel, scale and offset; weight and bias of the head.
        assert_eq!(compare.3, 14);
        assert!(compare.2 < 1e-4, "{:e}", compare.2);
        for threads in [2, 3, 8] {
            let (value, parts) = of(threads);
            assert_eq!(value.to_bits(), sum.to_bits());
            let mut compare = Compare(&alone, &parts, 0.0, 0);
            layers.visit(&mut compare);
            assert_eq!((compare.2, compare.3), (0.0, 14), "{threads} threads");
        }
    }

    #[test]
    fn a_converged_head_is_where_the_penalty_holds_it_calibrated_or_not() {
        use crate::backbone::Backbone;
        use crate::classifier::{CalibrationData, Classifier};
        use crate::embeddings::Embeddings;
        use crate::head::{ClassWeights, Fitted, HeadConfig, LogisticRegression};
        use mobilenet::Weights;

        let device = Device::flex();
        let net = MobileNetConfig::new().with_alpha(0.125).with_classes(0);
        let weights = Weights::of(&net.init(&device).unwrap()).unwrap();
        let (n, area, channels) = (60, 4, 128);
        for classes in [2, 3] {
            let targets: Vec<usize> = (0..n).map(|i| i % classes).collect();
            let number = |i: usize| ((i * 7919 + i / 601 * 31) % 601) as f32 / 200.0;
            let maps: Vec<f32> = (0..n * area * channels)
                .map(|i| {
                    let (image, channel) = (i / (area * channels), i % channels);
                    // An image in eight is called what it does not look like.
                    let looks = targets[image] + usize::from(image % 8 == 0);
                    number(i) + f32::from(u8::from(channel % classes == looks % classes))
                })
                .collect();
            let pooled = maps.chunks(area * channels).flat_map(|map| {
                let sum = move |c| (0..area).map(|at| map[at * channels + c]).sum::<f32>();
                (0..channels).map(move |c| sum(c) / area as f32)
            });
            let set = Embeddings::new(pooled.collect(), channels, targets.clone()).unwrap();
            let batch = Batch {
                maps,
                shape: [2, 2, channels],
                targets,
            };
            // One value: nothing is chosen.
            let recipe = LogisticRegression::new().with_regularization([0.03]);
            let head = HeadConfig::new().with_class_weights(ClassWeights::None);
            let fitted = head.with_recipe(recipe).training(&set).fit().unwrap();
            let Fitted { head, report } = fitted;
            assert!(report.chosen().is_none());
            let names: Vec<String> = (0..classes).map(|c| c.to_string()).collect();
            let predictions = head.predictions(&set, &names).unwrap();
            let classifier = || {
                let backbone = Backbone::new(weights.clone()).unwrap();
                let classifier = Classifier::new(backbone, head.clone(), names.clone()).unwrap();
                classifier.with_report(report.clone())
            };
            let calibrated = classifier()
                .calibrate(&predictions, CalibrationData::Validation)
                .unwrap();
            let temperature = calibrated.calibration().unwrap().temperature;
            assert!((temperature - 1.0).abs() > 0.1, "{temperature}");
            let config = FineTuneConfig::new().with_blocks(0);
            for classifier in [classifier(), calibrated] {
                let layers =
                    TrainableLayers::new(&classifier, 0, BatchNormMode::Frozen, &device).unwrap();
                let largest = |penalty: f64| {
                    let objective = Objective {
                        frozen: 0,
                        smoothing: 0.0,
                        penalty,
                    };
                    let (_, found) =
                        gradients(&layers, &batch, objective, &config, &device).unwrap();
                    let found = found.get::<2>(layers.head[0].weight.id).unwrap();
                    let found = floats(found).unwrap();
                    found.iter().fold(0f32, |largest, g| largest.max(g.abs()))
                };
                let (held, free) = (largest(head_penalty(&config, &classifier)), largest(0.0));
                assert!(
                    held < 1e-3 * free,
                    "{classes} classes: {held:e} of {free:e}"
                );
            }
        }
    }
}
