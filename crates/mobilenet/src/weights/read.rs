//! From bytes of any format to weights.

use std::borrow::Cow;

#[cfg(feature = "archives")]
use super::archive;
use super::file::{File, Place, is_archive};
use super::foreign;
use super::formats::safetensors;
use super::formats::table::{self, WeightsFormat};
use super::model_weights::Weights;
use crate::error::{Error, Result};

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
    if let Some(foreign) = foreign::kind(&file.bytes) {
        return Err(not_weights(file.name, foreign.what, foreign.remedy));
    }
    let Some(format) = table::format_of(&file.bytes) else {
        let message = format!(
            "it begins with {:02x?}; expected a {}, or a .tgz with one of these",
            &file.bytes[..file.bytes.len().min(8)],
            table::titles()
        );
        return Err(file.wrong("weights file", message));
    };
    let (name, place) = (file.name.clone(), file.place);
    let in_memory = match &file.bytes {
        Cow::Borrowed(bytes) => Some(*bytes),
        Cow::Owned(_) => None,
    };
    read_as(format, file).map_err(|error| {
        // Looked for only where the file is refused: that goes through all of it many times.
        let other = match (in_memory, place) {
            (Some(bytes), _) => foreign::architecture(bytes),
            (None, Place::Disk(path)) => {
                let again = File::read(path).ok();
                again.and_then(|file| foreign::architecture(&file.bytes))
            }
            _ => None,
        };
        match other {
            Some(other) => not_weights(name, other, "this program reads only MobileNetV1"),
            None => error,
        }
    })
}

fn read_as(format: WeightsFormat, file: File<'_>) -> Result<Weights> {
    let name = file.name.clone();
    Ok(Weights::new(name, format, format.read(file)?))
}

fn not_weights(file: String, what: &'static str, remedy: &'static str) -> Error {
    Error::NotWeights { file, what, remedy }
}

impl Weights {
    /// Reads any format from memory. `file` is the name of the bytes in errors. Files that lie beside a file, such as
    /// the shards of a `model.json`, cannot be read in this way.
    ///
    /// # Errors
    /// The errors of [`Weights::open`].
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self> {
        read(File::memory(file, bytes))
    }

    /// Reads safetensors from memory. `file` is the name of the bytes in errors.
    ///
    /// # Errors
    /// The errors of [`Weights::open`].
    pub fn from_safetensors(file: &str, bytes: &[u8]) -> Result<Self> {
        // Not by the table, which would bring all formats into a program that reads this one alone.
        let contents = safetensors::read(File::memory(file, bytes))?;
        Ok(Self::new(file.into(), WeightsFormat::Safetensors, contents))
    }
}
