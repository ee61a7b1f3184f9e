use std::path::Path;

use dataset::ResizePolicy;
use files::read_at_most;
use mobilenet::Weights;

use crate::{Backbone, Classifier, Dense, Error, Head, Layer, Result};

/// Longest file of labels that is read, in bytes.
const LONGEST: u64 = 1 << 20;

impl Classifier {
    /// The two files of TensorFlow's `retrain.py`, `retrained_graph.pb` and `retrained_labels.txt`, as a classifier:
    /// its answers are TensorFlow's to 1e-4. Images are resized as `label_image.py` does
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
    /// As [`Weights::open`]; where the graph has no retrained layer, or there are not as many labels (one a line) as
    /// it has classes.
    pub fn from_retrained_graph(graph: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        let (graph, labels) = (graph.as_ref(), labels.as_ref());
        let weights = Weights::open(graph)?;
        let wrong = |message: String| Error::file(graph, message);
        let Some(tensors) = weights.head().cloned() else {
            return Err(wrong(
                "a MobileNetV1 without the layer that retrain.py adds (`final_training_ops`); to train one, make a \
                 backbone of it"
                    .into(),
            ));
        };
        let (inputs, classes) = (tensors.inputs, tensors.bias.len());
        let config = weights.config();
        let layer = match inputs {
            n if n == config.classes => Layer::Logits,
            n if n == config.feature_dim() => Layer::Embedding,
            n => {
                return Err(wrong(format!(
                    "its last layer has {n} inputs; expected the net's {} logits or {} embedding values",
                    config.classes,
                    config.feature_dim()
                )));
            }
        };
        let names = read_labels(labels)?;
        if names.len() != classes {
            return Err(Error::file(
                labels,
                format!(
                    "{} labels; {} has {classes} classes",
                    names.len(),
                    graph.display()
                ),
            ));
        }
        // TensorFlow has a column a class, this crate a row.
        let rows = (0..classes).flat_map(|c| (0..inputs).map(move |i| i * classes + c));
        let weight = rows.map(|at| tensors.weight[at]).collect();
        let head = Head::new(vec![Dense::new(inputs, weight, tensors.bias)?])?;
        let backbone = Backbone::new(weights)?
            .with_resize(ResizePolicy::Tf1Squash)
            .with_layer(layer)?;
        Self::new(backbone, head, names)
    }
}

/// One label a line; empty lines at the end are none.
fn read_labels(path: &Path) -> Result<Vec<String>> {
    let text = read_at_most(path, LONGEST)?;
    let text = String::from_utf8(text).map_err(|error| {
        let message = format!("labels must be UTF-8: {error}");
        Error::file_caused(path, message, error)
    })?;
    let lines = text.trim_end().lines();
    Ok(lines.map(|line| line.trim_end().to_string()).collect())
}
