use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::blocks::{Blocks, check_block};
use crate::error::{Error, Result};

/// An output of the network: an engine computes it, a head is trained on it, and a gradient starts from it.
///
/// As text, also in files, it is `embedding`, `logits`, or for example `blocks-11-13`.
///
/// ```
/// use mobilenet::Layer;
/// let layer: Layer = "blocks-11-13".parse().unwrap();
/// assert_eq!(layer, Layer::joined([11, 13]).unwrap());
/// assert_eq!(layer.to_string(), "blocks-11-13");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Layer {
    /// The global average pool: [`feature_dim`](crate::MobileNetConfig::feature_dim) values for each image. It is the
    /// default, and the better choice for a new head; the README of the repository has numbers.
    #[default]
    Embedding,
    /// The logits of the classes that the network was trained on: `classes` values for each image. TensorFlow's
    /// `retrain.py` uses them as the bottleneck of a MobileNet.
    Logits,
    /// The spatial means of the maps after several blocks, concatenated to one vector:
    /// [`joined_dim`](crate::MobileNetConfig::joined_dim) values for each image.
    Joined(Blocks),
}

impl Layer {
    /// The concatenated means of the maps after these blocks. Block 0 is the stem; blocks 1 to 13 are the separable
    /// blocks.
    ///
    /// # Errors
    /// [`Error::Setting`] if no block is given, or a block above 13.
    pub fn joined(blocks: impl IntoIterator<Item = usize>) -> Result<Self> {
        Ok(Self::Joined(Blocks::new(blocks)?))
    }

    /// The blocks whose pooled maps this output is computed from, in a net of `blocks` separable blocks.
    pub(crate) fn blocks(self, blocks: usize) -> Result<Blocks> {
        match self {
            Self::Embedding | Self::Logits => Ok(Blocks::only(blocks)),
            Self::Joined(joined) => {
                check_block(joined.last(), blocks)?;
                Ok(joined)
            }
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedding => f.pad("embedding"),
            Self::Logits => f.pad("logits"),
            Self::Joined(blocks) => {
                let names: String = blocks.iter().map(|block| format!("-{block}")).collect();
                f.pad(&format!("blocks{names}"))
            }
        }
    }
}

impl FromStr for Layer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::setting(
                "layer",
                text,
                "embedding, logits or, for example, blocks-11-13",
            )
        };
        match text {
            "embedding" => Ok(Self::Embedding),
            "logits" => Ok(Self::Logits),
            _ => {
                let blocks = text.strip_prefix("blocks-").ok_or_else(wrong)?.split('-');
                let blocks: Result<Vec<usize>, _> = blocks.map(str::parse).collect();
                Self::joined(blocks.map_err(|_| wrong())?)
            }
        }
    }
}

impl From<Layer> for String {
    fn from(layer: Layer) -> Self {
        layer.to_string()
    }
}

impl TryFrom<String> for Layer {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}
