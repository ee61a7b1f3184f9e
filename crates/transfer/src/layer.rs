use std::fmt;
use std::str::FromStr;

use mobilenet::Blocks;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which output of the backbone the head is trained on. As text `embedding`, `logits`, or `blocks-11-13`.
///
/// ```
/// use transfer::Layer;
/// let layer: Layer = "blocks-11-13".parse().unwrap();
/// assert_eq!(layer, Layer::joined([11, 13]).unwrap());
/// assert_eq!(layer.to_string(), "blocks-11-13");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Layer {
    /// The global average pool. The default, and the better choice: see the README's table.
    #[default]
    Embedding,
    /// The logits of the net's own classes, which `retrain.py` calls bottleneck for MobileNet.
    Logits,
    /// The means over the maps after several blocks, one behind the other.
    Joined(Blocks),
}

impl Layer {
    /// The pools of these blocks, 0 (the stem) to 13.
    ///
    /// # Errors
    /// Where there is none, or one that no net has.
    pub fn joined(blocks: impl IntoIterator<Item = usize>) -> Result<Self> {
        Ok(Self::Joined(Blocks::new(blocks)?))
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
        let wrong = || Error::mismatch("layer", "embedding, logits or, say, blocks-11-13", text);
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
