use std::path::Path;

use dataset::ResizePolicy;
use mobilenet::weights::DenseLayer;
use mobilenet::{Layer, Weights};

use super::classify::Classifier;
use super::network::read_labels;
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::head::{Dense, Head};

impl Classifier {
    /// Reads the two files of TensorFlow's `retrain.py`, `retrained_graph.pb` and `retrained_labels.txt`, as a
    /// classifier. Its answers agree with TensorFlow's to 1e-4. Images are resized as `label_image.py` does
    /// ([`ResizePolicy::Tf1Squash`]).
    ///
    /// ```no_run
    /// # fn main() -> transfer::Result<()> {
    /// use transfer::Classifier;
    /// let old = Classifier::from_retrained_graph("retrained_graph.pb", "retrained_labels.txt")?;
    /// old.save("flowers.safetensors")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The errors of [`Weights::open`] and [`Classifier::from_retrained_weights`], and if the labels (one per line)
    /// cannot be read.
    pub fn from_retrained_graph(graph: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        let (weights, labels) = (Weights::open(graph)?, labels.as_ref());
        let classes = read_labels(labels)?;
        let (found, expected) = (classes.len(), weights.head().map(DenseLayer::outputs));
        match expected {
            Some(expected) if expected != found => {
                let graph = weights.source();
                let message = format!("{found} labels; {graph} has {expected} classes");
                Err(Error::file(labels, message))
            }
            _ => Self::from_retrained_weights(weights, classes),
        }
    }

    /// Does the same as [`Classifier::from_retrained_graph`] with a graph that has been read ([`Weights::from_bytes`]
    /// reads one from memory) and the names of its classes.
    ///
    /// # Errors
    /// If the graph has no retrained layer, or has another number of classes.
    pub fn from_retrained_weights(weights: Weights, classes: Vec<String>) -> Result<Self> {
        let backbone = Backbone::new(weights)?.with_resize(ResizePolicy::Tf1Squash);
        Self::from_retrained_backbone(backbone, classes)
    }

    /// As [`Classifier::from_retrained_weights`], with a backbone that resizes images as it is set to.
    ///
    /// # Errors
    /// As [`Classifier::from_retrained_weights`].
    pub fn from_retrained_backbone(backbone: Backbone, classes: Vec<String>) -> Result<Self> {
        let weights = backbone.weights();
        let wrong = |message: String| Error::file(weights.source(), message);
        let Some(layer) = weights.head() else {
            return Err(wrong(
                "this is a MobileNetV1 without the layer that retrain.py adds (`final_training_ops`); use it as the \
                 weights of a training"
                    .into(),
            ));
        };
        let config = weights.config();
        let input = match layer.inputs() {
            n if n == config.classes => Layer::Logits,
            n if n == config.feature_dim() => Layer::Embedding,
            n => {
                return Err(wrong(format!(
                    "its last layer has {n} inputs; expected the {} logits of the net or the {} values of its embedding",
                    config.classes,
                    config.feature_dim()
                )));
            }
        };
        if classes.len() != layer.outputs() {
            let (labels, outputs) = (classes.len(), layer.outputs());
            return Err(wrong(format!(
                "it has {outputs} classes; there are {labels} labels"
            )));
        }
        let (weight, bias) = (layer.weight().to_vec(), layer.bias().to_vec());
        let head = Head::new(vec![Dense::new(layer.inputs(), weight, bias)?])?;
        Self::new(backbone.with_layer(input)?, head, classes)
    }
}
