use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A dense layer: `outputs = weights · inputs + bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    inputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Dense {
    /// Makes a layer. `weights` is `[outputs, inputs]`, row after row, and `bias` has one value per output.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the lengths do not fit together or a value is not finite.
    pub fn new(inputs: usize, weights: Vec<f32>, bias: Vec<f32>) -> Result<Self> {
        if inputs == 0 || bias.is_empty() || inputs.checked_mul(bias.len()) != Some(weights.len()) {
            return Err(Error::mismatch(
                "weights of a dense layer",
                format!("{} outputs of {inputs} inputs", bias.len()),
                weights.len(),
            ));
        }
        if weights.iter().chain(&bias).any(|v| !v.is_finite()) {
            return Err(Error::mismatch("a dense layer", "finite numbers", "others"));
        }
        Ok(Self {
            inputs,
            weights,
            bias,
        })
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// The weights `[outputs, inputs]`, row after row.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The bias: one value per output.
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }

    pub(crate) fn parts_mut(&mut self) -> (&mut [f32], &mut [f32]) {
        (&mut self.weights, &mut self.bias)
    }

    /// Sums in `f64` in a fixed order, so one image gives the same bits alone and among others.
    fn forward(&self, x: &[f64]) -> Vec<f64> {
        self.weights
            .chunks_exact(self.inputs)
            .zip(&self.bias)
            .map(|(w, &b)| {
                f64::from(b) + w.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum::<f64>()
            })
            .collect()
    }
}

/// A trained head. It maps an embedding to one logit per class, by one dense layer, or by two with a ReLU between them.
///
/// [`HeadTraining::fit`](crate::head::HeadTraining::fit) makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    layers: Vec<Dense>,
}

/// The shape of a head, as files hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadShape {
    pub(crate) inputs: usize,
    pub(crate) hidden: Option<usize>,
    pub(crate) classes: usize,
}

impl Head {
    /// Makes a head from one layer or two.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there are no layers or more than two, or the outputs of the first layer are not the inputs of
    /// the second.
    pub fn new(layers: Vec<Dense>) -> Result<Self> {
        match layers.as_slice() {
            [_] => {}
            [a, b] if a.outputs() == b.inputs() => {}
            [a, b] => {
                return Err(Error::mismatch(
                    "inputs of the second layer",
                    a.outputs(),
                    b.inputs(),
                ));
            }
            _ => return Err(Error::mismatch("layers of a head", "1 or 2", layers.len())),
        }
        Ok(Self { layers })
    }

    /// The layers: the last one alone, or the hidden layer and the last one.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// The length of an embedding.
    pub fn dim(&self) -> usize {
        self.layers[0].inputs()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs()
    }

    /// The head whose logits are `factor` times this one's.
    pub(crate) fn scaled(&self, factor: f64) -> Result<Self> {
        let mut layers = self.layers.clone();
        if let Some(last) = layers.pop() {
            let scale = |values: &[f32]| -> Vec<f32> {
                let scaled = values.iter().map(|&v| (f64::from(v) * factor) as f32);
                scaled.collect()
            };
            layers.push(Dense::new(
                last.inputs(),
                scale(last.weights()),
                scale(last.bias()),
            )?);
        }
        Self::new(layers)
    }

    /// The head whose classes are these of this one, in this order; `None` is a class without weights, which gets the
    /// lowest of the biases.
    pub(crate) fn reordered(&self, classes: &[Option<usize>]) -> Result<Self> {
        let mut layers = self.layers.clone();
        if let Some(last) = layers.pop() {
            let (inputs, lowest) = (last.inputs(), last.bias().iter().copied());
            let lowest = lowest.fold(f32::INFINITY, f32::min);
            let (mut weights, mut bias) = (Vec::new(), Vec::new());
            for class in classes {
                let row = class.and_then(|class| last.weights().chunks_exact(inputs).nth(class));
                match row {
                    Some(row) => weights.extend(row),
                    None => weights.extend(std::iter::repeat_n(0.0, inputs)),
                }
                let known = class.and_then(|class| last.bias().get(class));
                bias.push(known.copied().unwrap_or(lowest));
            }
            layers.push(Dense::new(inputs, weights, bias)?);
        }
        Self::new(layers)
    }

    pub(crate) fn shape(&self) -> HeadShape {
        HeadShape {
            inputs: self.dim(),
            hidden: (self.layers.len() == 2).then(|| self.layers[0].outputs()),
            classes: self.classes(),
        }
    }

    /// Logits `[n, classes]` of embeddings `[n, dim]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the length is not a multiple of [`dim`](Self::dim).
    pub fn logits(&self, embeddings: &[f32]) -> Result<Vec<f64>> {
        self.check(embeddings)?;
        Ok(embeddings
            .chunks_exact(self.dim())
            .flat_map(|row| self.logits_of(row).1)
            .collect())
    }

    /// Probabilities `[n, classes]` of embeddings `[n, dim]`: the softmax of the logits.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the length is not a multiple of [`dim`](Self::dim).
    pub fn probabilities(&self, embeddings: &[f32]) -> Result<Vec<f64>> {
        let mut values = self.logits(embeddings)?;
        values
            .chunks_exact_mut(self.classes())
            .for_each(|row| softmax(row, 1.0));
        Ok(values)
    }

    /// The logits of one embedding, and the gradient of `Σ_k upstream[k] * logit[k]` with respect to the embedding.
    /// `upstream` receives the logits and returns one number per logit.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if `embedding` has another length than [`dim`](Self::dim).
    pub fn gradient(
        &self,
        embedding: &[f32],
        upstream: impl FnOnce(&[f64]) -> Vec<f64>,
    ) -> Result<(Vec<f64>, Vec<f32>)> {
        self.check(embedding)?;
        if embedding.len() != self.dim() {
            return Err(Error::mismatch(
                "length of one embedding",
                self.dim(),
                embedding.len(),
            ));
        }
        let (hidden, logits) = self.logits_of(embedding);
        let mut flow = upstream(&logits);
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let mut below = vec![0.0; layer.inputs()];
            for (w, flow) in layer.weights().chunks_exact(layer.inputs()).zip(&flow) {
                for (below, &w) in below.iter_mut().zip(w) {
                    *below += flow * f64::from(w);
                }
            }
            if let (1, Some(hidden)) = (index, &hidden) {
                let closed = hidden.iter().map(|h| *h <= 0.0);
                below
                    .iter_mut()
                    .zip(closed)
                    .filter(|(_, closed)| *closed)
                    .for_each(|(b, _)| *b = 0.0);
            }
            flow = below;
        }
        Ok((logits, flow.into_iter().map(|v| v as f32).collect()))
    }

    /// What the hidden layer gave after its ReLU, if there is one, and the logits.
    fn logits_of(&self, row: &[f32]) -> (Option<Vec<f64>>, Vec<f64>) {
        let wide: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
        match self.layers.as_slice() {
            [hidden, last] => {
                let mut h = hidden.forward(&wide);
                for v in &mut h {
                    *v = v.max(0.0);
                }
                let logits = last.forward(&h);
                (Some(h), logits)
            }
            layers => (
                None,
                layers
                    .first()
                    .map(|last| last.forward(&wide))
                    .unwrap_or_default(),
            ),
        }
    }

    fn check(&self, embeddings: &[f32]) -> Result<()> {
        if embeddings.len().is_multiple_of(self.dim()) {
            Ok(())
        } else {
            Err(Error::mismatch(
                "values of the embeddings",
                format!("a multiple of {}", self.dim()),
                embeddings.len(),
            ))
        }
    }
}

/// Replaces logits by the softmax of `logits / temperature`.
///
/// ```
/// let mut values = [0.0, 3.0_f64.ln()];
/// transfer::head::softmax(&mut values, 1.0);
/// assert!((values[1] - 0.75).abs() < 1e-12);
/// ```
pub fn softmax(logits: &mut [f64], temperature: f64) {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for z in logits.iter_mut() {
        *z = ((*z - top) / temperature).exp();
        sum += *z;
    }
    for z in logits.iter_mut() {
        *z /= sum;
    }
}

/// The index of the largest value; among equal values the first.
pub(crate) fn argmax<T: PartialOrd>(values: &[T]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// Whether the target is the most probable class of a row of probabilities, and the cross-entropy of the row, which is
/// always finite (clipped as in scikit-learn).
pub(crate) fn score(probabilities: &[f64], target: usize) -> (bool, f64) {
    let own = probabilities.get(target).copied().unwrap_or(0.0);
    (argmax(probabilities) == target, -own.max(f64::EPSILON).ln())
}

#[cfg(test)]
mod tests {
    use super::{argmax, score};

    #[test]
    fn of_classes_that_tie_the_first_is_named() {
        assert_eq!(argmax(&[0.2f32, 0.4, 0.4]), 1);
        assert!(score(&[0.2, 0.4, 0.4], 1).0);
        assert!(!score(&[0.2, 0.4, 0.4], 2).0);
        assert_eq!(score(&[1.0, 0.0], 1), (false, -f64::EPSILON.ln()));
    }
}
