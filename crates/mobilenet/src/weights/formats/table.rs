//! The table of formats. Everything that depends on the format of a file is in its row.

use std::fmt;
use std::str::FromStr;

use super::contents::Contents;
#[cfg(feature = "hdf5")]
use super::keras_hdf5;
#[cfg(feature = "pytorch")]
use super::pytorch;
#[cfg(feature = "protobuf")]
use super::{frozen_graph, onnx};
use super::{safetensors, tfjs_graph, tfjs_layers, tflite, tflite_write, timm};
use crate::error::{Error, Result};
use crate::weights::file::File;
use crate::weights::net::{ExportedFile, Net};
use crate::weights::numbers::FloatType;

/// Stands in for a reader and a writer that need a feature.
macro_rules! missing {
    ($feature:literal, $module:ident, $title:literal) => {
        #[cfg(not(feature = $feature))]
        mod $module {
            use super::{Contents, Error, ExportedFile, File, Net, Result};

            pub(super) fn read(file: File<'_>) -> Result<Contents> {
                let message = concat!(
                    "it is ",
                    $title,
                    ", which this program reads only with the feature `",
                    $feature,
                    "` of mobilenet"
                );
                Err(file.wrong("weights file", message))
            }

            #[allow(dead_code)] // Not every format is written.
            pub(super) fn write(_: &Net<'_>) -> Result<Vec<ExportedFile>> {
                let expected = concat!("one that needs no feature `", $feature, "` of mobilenet");
                Err(Error::setting("format", $title, expected))
            }
        }
    };
}

missing!("hdf5", keras_hdf5, "HDF5");
missing!("protobuf", frozen_graph, "a TensorFlow frozen graph");
missing!("protobuf", onnx, "an ONNX model");
missing!("pytorch", pytorch, "a PyTorch state dict");

/// The function that makes the files of a format.
type Write = fn(&Net<'_>) -> Result<Vec<ExportedFile>>;

struct Row {
    format: WeightsFormat,
    name: &'static str,
    title: &'static str,
    /// How the names of its files end, in lower case.
    endings: &'static [&'static str],
    /// Whether what it writes is a folder.
    folder: bool,
    /// Whether a file that has this content is of the format.
    knows: fn(&[u8]) -> bool,
    read: fn(File<'_>) -> Result<Contents>,
    write: Option<Write>,
}

/// Makes the type [`WeightsFormat`], its documentation and [`ROWS`] from one list. Of several files in a folder or an
/// archive the one whose format comes first is read.
macro_rules! formats {
    ($(
        $(#[$doc:meta])*
        $format:ident = $name:literal {
            title: $title:literal,
            endings: [$($ending:literal),+],
            folder: $folder:literal,
            writes: $writes:literal,
            knows: $knows:expr,
            read: $read:expr,
            write: $write:expr,
        }
    )+) => {
        /// A format of files with weights. Its name is what [`Display`](fmt::Display) and [`FromStr`] use.
        ///
        /// | Name | Format | Ends in | Written |
        /// |---|---|---|---|
        $(#[doc = concat!("| [`", $name, "`](Self::", stringify!($format), ") | ", $title, " |" $(, " `", $ending, "`")+, " | ", $writes, " |")])+
        ///
        /// All of them are read. The content tells the format, not the name of the file; the ending is looked at in
        /// folders and archives (`.tgz`, `.tar`), where the first format of the table is taken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum WeightsFormat {
            $($(#[$doc])* $format,)+
        }

        const ROWS: &[Row] = &[$(Row {
            format: WeightsFormat::$format,
            name: $name,
            title: $title,
            endings: &[$($ending),+],
            folder: $folder,
            knows: $knows,
            read: $read,
            write: $write,
        }),+];
    };
}

formats! {
    /// `model.json` with the layers of a Keras model, and the shards that it names: `tf.loadLayersModel`. Floats, or
    /// quantized by TensorFlow.js' converter. Written with `group1-shard1of1.bin` and, if there are class names,
    /// `labels.txt`.
    TfjsLayers = "tfjs" {
        title: "TensorFlow.js layers model",
        endings: ["model.json"],
        folder: true,
        writes: "a folder",
        knows: |bytes| is_json(bytes) && !tfjs_graph::is_graph(bytes),
        read: tfjs_layers::read,
        write: Some(tfjs_layers::write),
    }
    /// `model.json` with a TensorFlow graph, and the shards that it names: `tf.loadGraphModel`.
    TfjsGraph = "tfjs-graph" {
        title: "TensorFlow.js graph model",
        endings: ["model.json"],
        folder: true,
        writes: "no: the layers model serves the same programs",
        knows: |bytes| is_json(bytes) && tfjs_graph::is_graph(bytes),
        read: tfjs_graph::read,
        write: None,
    }
    /// Safetensors with the names of timm's `mobilenetv1_*`. Written with the arguments of `create_model` as metadata.
    TimmSafetensors = "timm-safetensors" {
        title: "safetensors for timm",
        endings: [".safetensors"],
        folder: false,
        writes: "a file",
        knows: |bytes| is_safetensors(bytes) && timm::is_timm(bytes),
        read: safetensors::read,
        write: Some(timm::write),
    }
    /// Safetensors with this crate's own names and the configuration as metadata (what `Weights::save` writes), or with
    /// the names of Hugging Face or Keras.
    Safetensors = "safetensors" {
        title: "safetensors",
        endings: [".safetensors"],
        folder: false,
        writes: "a file, without what was trained behind the net",
        knows: is_safetensors,
        read: safetensors::read,
        write: Some(safetensors::write),
    }
    /// A TensorFlow `GraphDef` whose variables have become constants: of TF-Slim, with or without the layer that
    /// `retrain.py` adds, or any other that computes a MobileNetV1. Written as `retrain.py` does, as
    /// `retrained_graph.pb` and `retrained_labels.txt`.
    FrozenGraph = "frozen-graph" {
        title: "TensorFlow frozen graph",
        endings: [".pb"],
        folder: true,
        writes: "a folder",
        knows: |bytes| bytes.first() == Some(&0x0a) && !is_markup(bytes),
        read: frozen_graph::read,
        write: Some(frozen_graph::write),
    }
    /// A TensorFlow Lite model whose weights are f32 or half precision. Batch norms are folded into the convolutions. Those
    /// of bytes are read by `QuantizedNet::open`, or as floats by `Weights::open_dequantized`, and written from a quantized net
    /// ([`Export::with_integers`](crate::weights::Export::with_integers)). Written with a signature, the metadata that LiteRT,
    /// MediaPipe and Android's Task Library read, and the names of the classes inside and, as `labels.txt`, beside it: input
    /// `[1, side, side, 3]`, normalized, or for integers also bytes; output `probabilities`, or `embedding` if nothing is
    /// behind the net.
    Tflite = "tflite" {
        title: "TensorFlow Lite model",
        endings: [".tflite"],
        folder: false,
        writes: "a file",
        knows: |bytes| bytes.get(4..8) == Some(b"TFL3"),
        read: tflite::read,
        write: Some(tflite_write::write),
    }
    /// Keras HDF5: a whole model or only its weights, of Keras 1 to 3. Needs the feature `hdf5`.
    KerasHdf5 = "keras-hdf5" {
        title: "Keras .h5",
        endings: [".h5"],
        folder: false,
        writes: "no: Keras reads safetensors and TensorFlow.js' layers",
        knows: |bytes| bytes.starts_with(b"\x89HDF\r\n\x1a\n"),
        read: keras_hdf5::read,
        write: None,
    }
    /// A PyTorch state dict with the names of timm or Hugging Face. Needs the feature `pytorch`. The reader
    /// interprets the pickle and calls nothing that it names.
    PyTorch = "pytorch" {
        title: "PyTorch state dict",
        endings: [".pth", ".pt", "pytorch_model.bin"],
        folder: false,
        writes: "no: PyTorch reads safetensors, without a pickle",
        knows: |bytes| bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0x80, 0x02]),
        read: pytorch::read,
        write: None,
    }
    /// An ONNX model in f32. Those of integers are read by `QuantizedNet::open`, and written from a quantized net
    /// ([`Export::with_integers`](crate::weights::Export::with_integers)). Written for opset 17 with batch norms folded
    /// into the convolutions: input `[n, 3, side, side]`, normalized, or pixels (see
    /// [`PixelInput`](crate::weights::PixelInput)); outputs `probabilities` and `logits`, or `embedding` if nothing is
    /// behind the net; classes and preprocessing are metadata in JSON. Written with `labels.txt` beside it if there are
    /// class names.
    Onnx = "onnx" {
        title: "ONNX model",
        endings: [".onnx"],
        folder: false,
        writes: "a file",
        knows: |bytes| bytes.first() == Some(&0x08),
        read: onnx::read,
        write: Some(onnx::write),
    }
}

fn is_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
        && bytes.iter().take(8).all(|b| matches!(b, 9..=13 | 32..=126))
}

fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{') && !is_json(bytes)
}

/// A page of the web may begin with the end of a line, as a graph does, but a graph never continues with `<`.
fn is_markup(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"<")
}

/// The format of a file with this content.
pub(in crate::weights) fn format_of(bytes: &[u8]) -> Option<WeightsFormat> {
    let row = ROWS.iter().find(|row| (row.knows)(bytes))?;
    Some(row.format)
}

/// Whether a file is a set of weights, by its name. Of several, the one with the lowest number is taken.
pub(in crate::weights) fn rank(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    ROWS.iter()
        .position(|row| row.endings.iter().any(|ending| name.ends_with(ending)))
}

/// The formats in words, for messages.
pub(in crate::weights) fn titles() -> String {
    ROWS.iter()
        .map(|row| row.title)
        .collect::<Vec<_>>()
        .join(", ")
}

impl WeightsFormat {
    /// All formats, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.format)
    }

    fn row(self) -> &'static Row {
        // Rows and variants are made from one list.
        &ROWS[self as usize]
    }

    /// The name by which programs know the format, as `onnx`: what [`Display`](fmt::Display) writes and [`FromStr`] reads.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The format in words, as `TensorFlow.js layers model`.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// Whether this crate writes it.
    pub fn is_written(self) -> bool {
        self.row().write.is_some()
    }

    /// Whether it is written as several files in a folder.
    pub fn is_folder(self) -> bool {
        self.row().folder
    }

    pub(in crate::weights) fn read(self, file: File<'_>) -> Result<Contents> {
        (self.row().read)(file)
    }

    pub(in crate::weights) fn write(self, net: &Net<'_>) -> Result<Vec<ExportedFile>> {
        if net.float_type != FloatType::F32 && !matches!(self, Self::Safetensors | Self::Tflite) {
            let expected = format!(
                "F32 for {self}; only safetensors and tflite are written in half precision"
            );
            let found = format!("{:?}", net.float_type);
            return Err(Error::setting("type of the numbers", found, expected));
        }
        if net.integers.is_some() && !matches!(self, Self::Onnx | Self::Tflite) {
            let expected = "onnx or tflite: no other format is written with integers";
            return Err(Error::setting(
                "format of a net of integers",
                self,
                expected,
            ));
        }
        match self.row().write {
            Some(write) => write(net),
            None => Err(Error::setting("format to write", self, written())),
        }
    }
}

fn written() -> String {
    let written = ROWS.iter().filter(|row| row.write.is_some());
    written.map(|row| row.name).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for WeightsFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for WeightsFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let row = ROWS.iter().find(|row| row.name == name);
        row.map(|row| row.format).ok_or_else(|| {
            let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
            Error::setting("format of weights", name, names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_row() {
        for (row, format) in ROWS.iter().zip(WeightsFormat::all()) {
            assert_eq!(format.row().name, row.name);
            assert_eq!(row.name.parse::<WeightsFormat>().unwrap(), format);
            assert_eq!(format.to_string(), row.name);
        }
        assert!("no-such-format".parse::<WeightsFormat>().is_err());
    }
}
