//! A classifier for other programs: ONNX, TensorFlow.js, timm (PyTorch), TensorFlow's frozen graph.
//!
//! Every format is one file here and one line in [`Format`]. What is written computes the same probabilities.

mod frozen_graph;
mod net;
mod onnx;
mod tfjs;
mod timm;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::{Classifier, Error, Result};
use net::Net;

/// A format to export to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// One ONNX file, opset 17, batch norms folded into the convolutions. Input `[n, 3, side, side]`, normalised (or
    /// pixels, see [`PixelInput`]); outputs `logits` and `probabilities`, `[n, classes]`; the classes and the
    /// preprocessing are in the metadata as JSON.
    Onnx,
    /// A folder with a TensorFlow.js layers model: `model.json`, `group1-shard1of1.bin` and `labels.txt`.
    Tfjs,
    /// A safetensors file with the names of timm's `mobilenetv1_*`; its metadata hold the arguments of `create_model`.
    Timm,
    /// A folder with `retrained_graph.pb` and `retrained_labels.txt`, as `retrain.py` writes them: input `input`,
    /// output `final_result`.
    FrozenGraph,
}

/// Name on the command line, and the function that makes the files.
type Writer = fn(&Net<'_>, PixelInput) -> Result<Files>;

const FORMATS: [(&str, Format, Writer); 4] = [
    ("onnx", Format::Onnx, onnx::files),
    ("tfjs", Format::Tfjs, tfjs::files),
    ("timm-safetensors", Format::Timm, timm::files),
    ("frozen-graph", Format::FrozenGraph, frozen_graph::files),
];

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FORMATS.iter().find(|(_, format, _)| format == self);
        f.write_str(name.map_or("", |(name, ..)| name))
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match FORMATS.iter().find(|(known, ..)| *known == name) {
            Some((_, format, _)) => Ok(*format),
            None => Err(Error::mismatch(
                "export format",
                FORMATS.map(|f| f.0).join(", "),
                name,
            )),
        }
    }
}

/// What the exported network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PixelInput {
    /// Normalised values, as the network was trained on: normalisation is left to the caller.
    #[default]
    Normalized,
    /// Pixel levels 0 to 255 as float32, `[n, side, side, 3]`: normalisation is part of the export.
    Float,
    /// Pixel levels as bytes, `[n, side, side, 3]`. ONNX only.
    Byte,
}

/// What a format consists of: one file, or several in a folder.
enum Files {
    One(Vec<u8>),
    Folder(Vec<(&'static str, Vec<u8>)>),
}

/// A classifier, to be written in any [`Format`].
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use transfer::export::{Export, Format, PixelInput};
/// let classifier = transfer::Classifier::load("boats.safetensors")?;
/// Export::new(&classifier)?
///     .with_input(PixelInput::Byte)
///     .write(Format::Onnx, "boats.onnx")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Export<'a> {
    net: Net<'a>,
    input: PixelInput,
}

impl<'a> Export<'a> {
    /// The head may sit on the embedding or, as `retrain.py`'s, on the backbone's own logits.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where a weight of the backbone is missing, or the head sees the joined outputs of several
    /// blocks ([`Layer::Joined`](crate::Layer::Joined)), which no format here has a place for.
    pub fn new(classifier: &'a Classifier) -> Result<Self> {
        Ok(Self {
            net: Net::new(classifier)?,
            input: PixelInput::default(),
        })
    }

    /// Whether normalisation is part of what is written. Default: [`PixelInput::Normalized`].
    pub fn with_input(mut self, input: PixelInput) -> Self {
        self.input = input;
        self
    }

    /// The call of timm's that makes the network which [`Format::Timm`]'s file fits, as Python.
    pub fn timm_call(&self) -> String {
        timm::call(&self.net)
    }

    /// Writes `output`, a file or a folder as the format demands; each file appears only when whole. Same classifier,
    /// same bytes. Gives the files' paths.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where the format cannot hold this classifier, [`Error::Io`] where a file cannot be written.
    pub fn write(&self, format: Format, output: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        let output = output.as_ref();
        let writer = FORMATS.iter().find(|(_, known, _)| *known == format);
        let Some((_, _, writer)) = writer else {
            return Ok(Vec::new());
        };
        match writer(&self.net, self.input)? {
            Files::One(bytes) => {
                files::create_parent_folder(output)?;
                files::write_bytes(output, &bytes)?;
                Ok(vec![output.into()])
            }
            Files::Folder(members) => {
                std::fs::create_dir_all(output).map_err(Error::io(output))?;
                members
                    .into_iter()
                    .map(|(name, bytes)| {
                        let path = output.join(name);
                        files::write_bytes(&path, &bytes)?;
                        Ok(path)
                    })
                    .collect()
            }
        }
    }
}

/// One class a line, as TensorFlow's scripts read them.
fn labels(net: &Net<'_>) -> Result<Vec<u8>> {
    if let Some(class) = net.classes().iter().find(|c| c.contains(['\n', '\r'])) {
        return Err(Error::mismatch(
            "class name",
            "one line",
            format!("{class:?}"),
        ));
    }
    Ok(net
        .classes()
        .iter()
        .flat_map(|c| [c.as_bytes(), b"\n"].concat())
        .collect())
}

/// Refuses what a format cannot take.
fn only(format: &str, allowed: &[PixelInput], input: PixelInput) -> Result<()> {
    if allowed.contains(&input) {
        return Ok(());
    }
    Err(Error::mismatch(
        format!("input of a {format} export"),
        format!("one of {allowed:?}"),
        format!("{input:?}; export to ONNX for that"),
    ))
}
