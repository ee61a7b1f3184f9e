//! The kinds of files, and how each is known from its first bytes.

use std::fmt;

use super::source::File;
use super::{Weights, archive, frozen_graph, keras, pytorch, safetensors, tfjs, tflite};
use crate::{Error, Result};

/// The kind of file that weights came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// TensorFlow.js layers model (Keras): `model.json` and its shards.
    TfjsLayers,
    /// TensorFlow.js graph model: `model.json` and its shards.
    TfjsGraph,
    /// TensorFlow frozen `GraphDef` (`.pb`).
    FrozenGraph,
    /// TensorFlow Lite flatbuffer, float.
    Tflite,
    /// Safetensors: this crate's own, or with timm's, Hugging Face's or Keras' names.
    Safetensors,
    /// PyTorch state dict (`.pth`, `.pt`).
    PyTorch,
    /// Keras HDF5 (`.h5`, feature `hdf5`).
    KerasHdf5,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TfjsLayers => "TensorFlow.js layers model",
            Self::TfjsGraph => "TensorFlow.js graph model",
            Self::FrozenGraph => "TensorFlow frozen graph",
            Self::Tflite => "TensorFlow Lite model",
            Self::Safetensors => "safetensors",
            Self::PyTorch => "PyTorch state dict",
            Self::KerasHdf5 => "Keras HDF5",
        })
    }
}

struct Reader {
    /// Whether a file that begins with these bytes is of the kind.
    knows: fn(&[u8]) -> bool,
    open: fn(File<'_>) -> Result<Weights>,
}

/// Every kind of file; the first that knows the bytes reads them.
const READERS: [Reader; 8] = [
    Reader {
        knows: |bytes| bytes.starts_with(&[0x1f, 0x8b]) || is_tar(bytes),
        open: archive::open,
    },
    Reader {
        knows: |bytes| bytes.starts_with(b"\x89HDF\r\n\x1a\n"),
        open: keras::open_hdf5,
    },
    Reader {
        knows: |bytes| bytes.get(4..8) == Some(b"TFL3"),
        open: tflite::open,
    },
    Reader {
        knows: |bytes| bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0x80, 0x02]),
        open: pytorch::open,
    },
    Reader {
        knows: |bytes| bytes.get(8) == Some(&b'{') && !is_json(bytes),
        open: safetensors::open,
    },
    Reader {
        knows: is_json,
        open: tfjs::open,
    },
    // Before the graph, which may begin with a line's end as well, but never goes on with a letter.
    Reader {
        knows: is_web_page,
        open: |file| Err(file.wrong("weights file", "it is a web page; was it downloaded?")),
    },
    Reader {
        knows: |bytes| bytes.first() == Some(&0x0a),
        open: frozen_graph::open,
    },
];

fn is_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
        && bytes.iter().take(8).all(|b| matches!(b, 9..=13 | 32..=126))
}

fn is_web_page(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.first() == Some(&b'<')
        && text
            .get(1)
            .is_some_and(|next| matches!(next, b'!' | b'?') || next.is_ascii_alphabetic())
}

fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// Whether an archive's member is a set of weights, told by its name (its content is then read as any file's), and
/// which is taken where there are several: the lowest.
pub(super) fn rank(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    let ends = |ending: &str| name.ends_with(ending);
    [
        ends("model.json"),
        ends(".safetensors"),
        ends(".pb"),
        ends(".tflite"),
        ends(".h5"),
        ends(".pth") || ends(".pt") || ends("pytorch_model.bin"),
    ]
    .iter()
    .position(|&found| found)
}

/// Reads a file of any kind.
pub(super) fn open(file: File<'_>) -> Result<Weights> {
    match READERS.iter().find(|reader| (reader.knows)(&file.bytes)) {
        Some(reader) => (reader.open)(file),
        None => Err(Error::Format {
            message: format!(
                "it begins with {:02x?}; expected a TensorFlow.js model.json, a frozen graph, a TensorFlow Lite \
                 model, safetensors, a PyTorch state dict, a Keras .h5, or a .tgz with one of these",
                &file.bytes[..file.bytes.len().min(8)]
            ),
            file: file.name,
            format: "weights file",
        }),
    }
}
