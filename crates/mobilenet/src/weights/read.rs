//! From bytes of any format to weights.

#[cfg(feature = "archives")]
use super::archive;
use super::file::{File, is_archive};
use super::formats::table::{self, WeightsFormat};
use super::model_weights::Weights;
use crate::error::Result;

/// Reads a file of any format, or an archive that holds one.
pub(super) fn read(file: File<'_>) -> Result<Weights> {
    if is_archive(&file.bytes) {
        read_archive(file)
    } else {
        read_plain(file)
    }
}

#[cfg(feature = "archives")]
fn read_archive(file: File<'_>) -> Result<Weights> {
    let members = archive::unpack(&file)?;
    let name = archive::choose(&file, &members)?;
    let bytes = members.get(&name).map(Vec::as_slice).unwrap_or_default();
    let mut weights = read_plain(File {
        name: format!("{}: {name}", file.name),
        bytes: bytes.into(),
        place: super::file::Place::Archive(&members),
    })?;
    weights.source = file.name;
    Ok(weights)
}

#[cfg(not(feature = "archives"))]
fn read_archive(file: File<'_>) -> Result<Weights> {
    let message =
        "it is an archive, which this program reads only with the feature `archives` of mobilenet";
    Err(file.wrong("weights file", message))
}

fn read_plain(file: File<'_>) -> Result<Weights> {
    match table::format_of(&file.bytes) {
        Some(format) => read_as(format, file),
        None if is_web_page(&file.bytes) => {
            Err(file.wrong("weights file", "it is a web page; was it downloaded?"))
        }
        None => {
            let message = format!(
                "it begins with {:02x?}; expected a {}, or a .tgz with one of these",
                &file.bytes[..file.bytes.len().min(8)],
                table::titles()
            );
            Err(file.wrong("weights file", message))
        }
    }
}

fn read_as(format: WeightsFormat, file: File<'_>) -> Result<Weights> {
    let name = file.name.clone();
    Ok(Weights::new(name, format, format.read(file)?))
}

fn is_web_page(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.first() == Some(&b'<')
        && text
            .get(1)
            .is_some_and(|next| matches!(next, b'!' | b'?') || next.is_ascii_alphabetic())
}

impl Weights {
    /// Reads any format from memory. Errors call the bytes `file`. What lies beside a file, as the shards of a
    /// `model.json`, cannot be reached from there.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self> {
        read(File::memory(file, bytes))
    }

    /// Reads safetensors from memory. Errors call the bytes `file`.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn from_safetensors(file: &str, bytes: &[u8]) -> Result<Self> {
        read_as(WeightsFormat::Safetensors, File::memory(file, bytes))
    }
}
