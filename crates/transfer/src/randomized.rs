//! Copies of a classifier with random layers.

use mobilenet::{Layer, Weights};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::classifier::Classifier;
use crate::error::{BoxError, Result};
use crate::gradients::GradientFn;
use crate::head::{Dense, Head};

impl Classifier {
    /// The functions of [`gradient_of`](Self::gradient_of) for copies of this classifier with more and more random
    /// layers, for the randomization check of [Adebayo et al. 2018](https://arxiv.org/abs/1810.03292). The first copy
    /// has a random head, the second also a random layer below the head, and so on down to the stem. Each copy comes
    /// with the name of its lowest random layer.
    ///
    /// The weights are drawn from a normal distribution with the standard deviation of the filter that they replace, so
    /// that activations keep their size; biases and batch normalizations stay. The iterator makes the copies one by
    /// one; each is a separate network in memory.
    pub fn randomized_of<E: Into<BoxError>>(
        &self,
        seed: u64,
        score: impl Fn(&[f64]) -> Result<(f64, Vec<f64>), E> + Send + Sync + 'static,
    ) -> impl Iterator<Item = Result<(String, GradientFn)>> {
        let mut model = self.model(score);
        let blocks = self.backbone().weights().config().blocks;
        let classifier = (model.layer == Layer::Logits).then_some(Part::Classifier);
        let parts = std::iter::once(Part::Head)
            .chain(classifier)
            .chain((1..=blocks).rev().map(Part::Block))
            .chain([Part::Stem]);
        let mut weights = None;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        parts.map(move |part| {
            if part == Part::Head {
                model.head = randomize_head(&model.head, &mut rng)?;
            } else {
                let drawn = weights.take();
                let drawn = drawn.unwrap_or_else(|| self.backbone().weights().clone());
                let drawn = randomize(drawn, part, &mut rng)?;
                model.engine = model.engine.with_weights(&drawn)?;
                weights = Some(drawn);
            }
            Ok((part.to_string(), model.clone().gradient(false)))
        })
    }
}

/// What is randomized in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Classifier,
    Block(usize),
    Stem,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => write!(f, "head"),
            Self::Classifier => write!(f, "logits"),
            Self::Block(block) => write!(f, "block {block}"),
            Self::Stem => write!(f, "stem"),
        }
    }
}

fn randomize_head(head: &Head, rng: &mut ChaCha8Rng) -> Result<Head> {
    let layers = head.layers().iter().map(|layer| {
        let weights = random(layer.weights(), layer.inputs(), rng);
        Dense::new(layer.inputs(), weights, layer.bias().to_vec())
    });
    Head::new(layers.collect::<Result<_>>()?)
}

/// Replaces the kernels of a part of the network.
fn randomize(mut weights: Weights, part: Part, rng: &mut ChaCha8Rng) -> Result<Weights> {
    let kernels = match part {
        Part::Head => vec![],
        Part::Classifier => vec!["classifier.weight".to_string()],
        Part::Block(block) => ["depthwise", "pointwise"]
            .map(|conv| format!("blocks.{}.{conv}.conv.weight", block - 1))
            .to_vec(),
        Part::Stem => vec!["stem.conv.weight".to_string()],
    };
    for kernel in kernels {
        let found = weights.tensors().find(|(name, ..)| *name == kernel);
        let Some((_, shape, values)) = found else {
            continue;
        };
        let filters = if part == Part::Classifier {
            1
        } else {
            shape[0]
        };
        let drawn = random(values, values.len() / filters.max(1), rng);
        weights = weights.with_tensor(&kernel, drawn)?;
    }
    Ok(weights)
}

/// Normal numbers with the deviation of the filter of `length` values that they replace.
fn random(weights: &[f32], length: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut drawn = Vec::with_capacity(weights.len());
    for filter in weights.chunks(length.max(1)) {
        let n = filter.len() as f64;
        let mean = filter.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
        let squares = filter.iter().map(|&w| (f64::from(w) - mean).powi(2));
        let deviation = (squares.sum::<f64>() / n).sqrt();
        drawn.extend(filter.iter().map(|_| {
            let z: f64 = StandardNormal.sample(rng);
            (deviation * z) as f32
        }));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_filters_keep_their_deviation_and_follow_the_seed() {
        let weights: Vec<f32> = (0..2000)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) * if i < 1000 { 0.01 } else { 1.0 })
            .collect();
        let draw = |seed| random(&weights, 1000, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let deviation = |values: &[f32]| {
            (values.iter().map(|v| f64::from(v * v)).sum::<f64>() / values.len() as f64).sqrt()
        };
        for range in [0..1000, 1000..2000] {
            let ratio = deviation(&draw(1)[range.clone()]) / deviation(&weights[range]);
            assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
        }
    }
}
