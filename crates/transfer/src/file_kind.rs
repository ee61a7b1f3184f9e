//! Recognizes the files of this project by their content.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// So much of a file is looked at, in bytes: more than any header.
const LOOKED_AT: u64 = 1 << 24;
/// How a file of embeddings begins.
const EMBEDDINGS: &[u8] = b"embedding cache";
/// The file of embeddings in the folder of a cache.
const EMBEDDINGS_FILE: &str = "embeddings.bin";

/// A kind of file that this project writes. `Display` prints its name.
///
/// ```
/// use transfer::FileKind;
/// let kind = FileKind::of_bytes(b"{\"target\": 0, \"probabilities\": [0.9, 0.1]}\n");
/// assert_eq!(kind, Some(FileKind::Predictions));
/// assert_eq!(kind.unwrap().to_string(), "a file of predictions");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A [`Classifier`](crate::Classifier).
    Classifier,
    /// The state of a head that is being trained by gradient descent.
    HeadCheckpoint,
    /// The state of a fine-tuning.
    FineTuningCheckpoint,
    /// Weights of a network alone, in the safetensors format of the crate `mobilenet`.
    Weights,
    /// A cache of embeddings: its file, or its folder.
    Embeddings,
    /// Predictions as JSON lines or CSV, as the crate `metrics` reads and writes them.
    Predictions,
    /// Numbers in JSON, from a training, an evaluation or a comparison.
    Metrics,
}

/// All that is to be said of a kind.
struct Row {
    kind: FileKind,
    name: &'static str,
    taken_by: &'static str,
    /// The metadata key of the description, where the file is one of tensors.
    key: Option<&'static str>,
}

const ROWS: [Row; 7] = [
    Row {
        kind: FileKind::Classifier,
        name: "a classifier file",
        taken_by: "give it to `label_image`, `evaluate`, `explain` and `export` as --classifier, to `inspect` and `compare` as a \
                   path, and to `retrain` as --from",
        key: Some("classifier"),
    },
    Row {
        kind: FileKind::HeadCheckpoint,
        name: "the state of a training",
        taken_by: "to continue that training, run `retrain` with the same options",
        key: Some("training"),
    },
    Row {
        kind: FileKind::FineTuningCheckpoint,
        name: "the state of a fine-tuning",
        taken_by: "to continue that fine-tuning, run `finetune` with the same options",
        key: Some("fine-tuning"),
    },
    Row {
        kind: FileKind::Weights,
        name: "a file of weights",
        taken_by: "give it to `weights`, `inspect`, `retrain`, `label_image` and `explain` as --weights",
        key: Some("mobilenet"),
    },
    Row {
        kind: FileKind::Embeddings,
        name: "a cache of embeddings",
        taken_by: "give its folder to `embed`, `retrain`, `evaluate` and `similar` as --cache",
        key: None,
    },
    Row {
        kind: FileKind::Predictions,
        name: "a file of predictions",
        taken_by: "give it to `evaluate` as --predictions, or to `compare` as a path",
        key: None,
    },
    Row {
        kind: FileKind::Metrics,
        name: "a file of numbers",
        taken_by: "`retrain`, `evaluate` and `compare` write it as --metrics, and no command reads it",
        key: None,
    },
];

impl FileKind {
    /// The kind of a file or folder; `None` if it is of no known kind or cannot be read.
    pub fn of(path: impl AsRef<Path>) -> Option<Self> {
        let path = path.as_ref();
        if path.join(EMBEDDINGS_FILE).is_file() {
            return Some(Self::Embeddings);
        }
        // A pipe would be emptied.
        let file = path.is_file().then(|| File::open(path))?.ok()?;
        let mut bytes = Vec::new();
        file.take(LOOKED_AT).read_to_end(&mut bytes).ok()?;
        Self::of_bytes(&bytes)
    }

    /// The kind of a file with these bytes; its first bytes are enough.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(EMBEDDINGS) {
            return Some(Self::Embeddings);
        }
        if let Some(keys) = metadata(bytes) {
            let row = ROWS
                .iter()
                .find(|row| row.key.is_some_and(|key| keys.contains_key(key)));
            return row.map(|row| row.kind);
        }
        let line = bytes.split(|byte| *byte == b'\n').next()?;
        let keys: Option<HashMap<String, Value>> = [bytes, line]
            .into_iter()
            .find_map(|json| serde_json::from_slice(json).ok());
        let has = |names: &[&str]| {
            let has =
                |keys: &HashMap<String, Value>| names.iter().all(|name| keys.contains_key(*name));
            keys.as_ref().is_some_and(has)
        };
        // A table in CSV has its names in the first line.
        let column = || {
            line.split(|byte| *byte == b',')
                .any(|name| name.trim_ascii() == b"target")
        };
        if has(&["target", "probabilities"]) || has(&["target", "predicted"]) {
            return Some(Self::Predictions);
        }
        if has(&["classes", "confusion", "intervals"])
            || has(&["classes", "train", "test"])
            || has(&["both_right", "both_wrong", "scores"])
        {
            return Some(Self::Metrics);
        }
        column().then_some(Self::Predictions)
    }

    /// What can be done with such a file, as a sentence without its capital and its final period.
    pub fn taken_by(self) -> &'static str {
        self.row().taken_by
    }

    /// The metadata key of the description in a file of tensors; empty for other files.
    pub(crate) fn key(self) -> &'static str {
        self.row().key.unwrap_or_default()
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }

    fn row(self) -> &'static Row {
        // The rows are in the order of the kinds.
        &ROWS[self as usize]
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The metadata of safetensors: the length of the header in eight bytes, then the header as JSON.
fn metadata(bytes: &[u8]) -> Option<HashMap<String, Value>> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__", default)]
        metadata: HashMap<String, Value>,
    }
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let header: Header = serde_json::from_slice(rest.get(..length)?).ok()?;
    Some(header.metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_row() {
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.kind as usize, at);
            assert_eq!(row.kind.to_string(), row.name);
        }
    }

    #[test]
    fn kinds_are_told_from_the_content() {
        let tensors = |key: &str| {
            let header = format!("{{\"__metadata__\":{{\"{key}\":\"{{}}\"}}}}");
            let length = (header.len() as u64).to_le_bytes();
            [&length, header.as_bytes(), b"and more"].concat()
        };
        let texts: [(&[u8], Option<FileKind>); 9] = [
            (b"embedding cache\x01", Some(FileKind::Embeddings)),
            (
                b"{\"target\":0,\"predicted\":1}",
                Some(FileKind::Predictions),
            ),
            (
                b"{\"target\":0,\"probabilities\":[1,0]}\n{\"tar",
                Some(FileKind::Predictions),
            ),
            (
                b"file, target ,boat,cloud\r\nx,0,1,0",
                Some(FileKind::Predictions),
            ),
            (
                b"{\n\"n\":1,\"classes\":[],\"confusion\":[],\"intervals\":{}}",
                Some(FileKind::Metrics),
            ),
            (
                b"{\"classes\":[],\"train\":{},\"test\":null}",
                Some(FileKind::Metrics),
            ),
            (
                b"{\"both_right\":1,\"both_wrong\":1,\"scores\":[]}",
                Some(FileKind::Metrics),
            ),
            (b"", None),
            (b"\x89PNG\r\n\x1a\n and so on", None),
        ];
        for (bytes, kind) in texts {
            assert_eq!(
                FileKind::of_bytes(bytes),
                kind,
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
        for row in ROWS.iter().filter(|row| row.key.is_some()) {
            assert_eq!(FileKind::of_bytes(&tensors(row.kind.key())), Some(row.kind));
        }
        // Somebody else's safetensors.
        assert_eq!(FileKind::of_bytes(&tensors("format")), None);
    }
}
