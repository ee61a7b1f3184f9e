//! Quantized nets from the bytes of files.

use super::file::{File, is_archive};
#[cfg(feature = "protobuf")]
use super::formats::onnx_quantized;
use super::formats::table::{self, WeightsFormat};
use super::formats::{quantized_safetensors, tflite_quantized};
use crate::error::Result;
use crate::quantized::net::QuantizedNet;

pub(super) fn read(file: &File<'_>) -> Result<QuantizedNet> {
    if is_archive(&file.bytes) {
        return read_archive(file);
    }
    if quantized_safetensors::knows(&file.bytes) {
        let net = quantized_safetensors::read(file)?;
        net.check()
            .map_err(|error| file.failed("quantized net", error))?;
        return Ok(net);
    }
    match table::format_of(&file.bytes) {
        Some(WeightsFormat::Tflite) => tflite_quantized::read(file),
        #[cfg(feature = "protobuf")]
        Some(WeightsFormat::Onnx) => Ok(onnx_quantized::read(file)?.0),
        found => {
            let found = found.map_or("no set of weights", WeightsFormat::title);
            let message = format!("it is {found}; expected a TensorFlow Lite or an ONNX model");
            Err(file.wrong("quantized net", message))
        }
    }
}

#[cfg(feature = "archives")]
fn read_archive(file: &File<'_>) -> Result<QuantizedNet> {
    let members = super::archive::unpack(file)?;
    let mut models = members.iter().filter(|(name, _)| name.ends_with(".tflite"));
    match (models.next(), models.next()) {
        (Some((name, bytes)), None) => {
            tflite_quantized::read(&File::memory(&format!("{}: {name}", file.name), bytes))
        }
        (None, _) => Err(file.wrong("quantized net", "no TensorFlow Lite model is in it")),
        (Some((one, _)), Some((other, _))) => {
            let message =
                format!("both `{one}` and `{other}` may be meant; unpack it and open one");
            Err(file.wrong("quantized net", message))
        }
    }
}

#[cfg(not(feature = "archives"))]
fn read_archive(file: &File<'_>) -> Result<QuantizedNet> {
    let message =
        "it is an archive, which this program reads only with the feature `archives` of mobilenet";
    Err(file.wrong("quantized net", message))
}
