//! The account of every URL: one JSON object a line, appended as the download goes.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;

use files::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lock;
use crate::{Error, Format, Result, read_bounded};

/// What became of one URL: either `path` or `reason` is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// As the list has it.
    pub url: String,
    /// The class that it was asked for.
    pub class: String,
    /// Where redirects led.
    pub final_url: Option<String>,
    /// The last HTTP status.
    pub status: Option<u16>,
    /// Bytes that arrived.
    pub bytes: Option<u64>,
    /// SHA-256 of the bytes, hexadecimal.
    pub sha256: Option<String>,
    /// The picture's format.
    pub format: Option<Format>,
    /// Its width and height as they are stored, before any orientation.
    pub size: Option<(u32, u32)>,
    /// The file, relative to the manifest.
    pub path: Option<String>,
    /// Why there is no file.
    pub reason: Option<String>,
    /// Whether the failure may pass: the next run tries again.
    pub retry: bool,
    /// The option, with its value, that refused the picture: a run with another value tries again.
    pub refused_by: Option<String>,
    /// How often it was asked for.
    pub attempts: u32,
    /// From the list.
    pub licence: Option<String>,
    /// From the list.
    pub author: Option<String>,
}

impl Record {
    /// Whether a rerun has nothing to do: there and whole, or failed for good, or refused by an option that `refuses`
    /// it still.
    pub(super) fn is_settled(&self, output: &Path, refuses: impl Fn(&str) -> bool) -> bool {
        match (&self.path, self.bytes) {
            (Some(path), Some(bytes)) => read_bounded(output.join(path), bytes)
                .is_ok_and(|found| Some(hex(&Sha256::digest(&found))) == self.sha256),
            _ if self.retry => false,
            _ => self.reason.is_some() && self.refused_by.as_deref().is_none_or(refuses),
        }
    }
}

/// Reads a manifest; none where there is no file. A line that is cut short, as after a power
/// failure, does not count. Later lines of a URL replace earlier ones.
///
/// # Errors
/// [`Error::Io`]; [`Error::Picture`] where it has more than 1 GiB.
pub fn read_manifest(path: impl AsRef<Path>) -> Result<Vec<Record>> {
    let path = path.as_ref();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = read_bounded(path, 1 << 30)?;
    let lines = bytes.split(|byte| *byte == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

pub(super) struct Manifest<'a> {
    path: &'a Path,
    file: Mutex<File>,
}

impl<'a> Manifest<'a> {
    pub(super) fn append(path: &'a Path) -> Result<Self> {
        let open = || -> std::io::Result<File> {
            let mut file = OpenOptions::new()
                .create(true)
                .read(true)
                .append(true)
                .open(path)?;
            if file.metadata()?.len() > 0 {
                let mut last = [0];
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
                if last != *b"\n" {
                    file.write_all(b"\n")?;
                }
            }
            Ok(file)
        };
        Ok(Self {
            path,
            file: Mutex::new(open().map_err(Error::io(path))?),
        })
    }

    pub(super) fn write(&self, record: &Record) -> Result<()> {
        let mut line =
            serde_json::to_vec(record).map_err(|e| Error::format(self.path, e.to_string()))?;
        line.push(b'\n');
        // One write of one line: whole or, if the machine dies, without its end.
        lock(&self.file)
            .write_all(&line)
            .map_err(Error::io(self.path))
    }
}
