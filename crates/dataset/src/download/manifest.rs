//! The manifest: one JSON object per line and URL, appended as the download goes.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;

use files::{hex, read_at_most};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::queue::lock;
use crate::decode::ImageFormat;
use crate::error::{Error, Result};

/// Width and height of an image, in pixels. In JSON it is a pair, `[width, height]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "(u32, u32)", from = "(u32, u32)")]
pub struct Dimensions {
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
}

impl From<(u32, u32)> for Dimensions {
    fn from((width, height): (u32, u32)) -> Self {
        Self { width, height }
    }
}

impl From<Dimensions> for (u32, u32) {
    fn from(dimensions: Dimensions) -> Self {
        (dimensions.width, dimensions.height)
    }
}

/// How the option begins that refuses a URL for its text ([`Record::refused_by`]).
pub(super) const URL_FILTER: &str = "keep ";

/// The result for one URL: either there is a file at `path`, or `reason` says why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The URL, as it is in the list.
    pub url: String,
    /// The class for which it was downloaded.
    pub class: String,
    /// The URL after all redirects.
    pub final_url: Option<String>,
    /// The HTTP status of the last response.
    pub status: Option<u16>,
    /// The number of bytes that arrived.
    pub bytes: Option<u64>,
    /// The SHA-256 digest of the bytes, hexadecimal.
    pub sha256: Option<String>,
    /// The format of the image.
    pub format: Option<ImageFormat>,
    /// The size of the image as it is stored, before it is turned upright.
    pub size: Option<Dimensions>,
    /// The path of the file, relative to the folder of the manifest.
    pub path: Option<String>,
    /// Why there is no file.
    pub reason: Option<String>,
    /// Whether the failure may be temporary. The next run then tries again.
    pub retry: bool,
    /// The option that refused the image, with its value. A run with another value tries again.
    pub refused_by: Option<String>,
    /// The number of requests.
    pub attempts: u32,
    /// The license, from the list.
    #[serde(alias = "licence")]
    pub license: Option<String>,
    /// The author, from the list.
    pub author: Option<String>,
}

impl Record {
    /// Whether the URL was not asked, because the filter of URLs refuses it.
    pub(super) fn is_filtered_out(&self) -> bool {
        let by = self.refused_by.as_deref();
        by.is_some_and(|option| option.starts_with(URL_FILTER))
    }

    /// Whether another run has nothing to do for this URL: its file is complete, or it failed for good, or it was refused
    /// by an option that still `refuses` it.
    pub(super) fn is_settled(&self, output: &Path, refuses: impl Fn(&str) -> bool) -> bool {
        match (&self.path, self.bytes) {
            (Some(path), Some(bytes)) => read_at_most(output.join(path), bytes)
                .is_ok_and(|found| Some(hex(&Sha256::digest(&found))) == self.sha256),
            _ if self.retry => false,
            _ => self.reason.is_some() && self.refused_by.as_deref().is_none_or(refuses),
        }
    }
}

/// Reads the records of a manifest; without such a file there are none. A line that is cut short, for example by a
/// power failure, is ignored. If a URL has several records, the last one counts.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, or has more than 1 GiB.
pub fn read_manifest(path: impl AsRef<Path>) -> Result<Vec<Record>> {
    let path = path.as_ref();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = read_at_most(path, 1 << 30)?;
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
        let mut line = serde_json::to_vec(record).map_err(Error::encode(self.path))?;
        line.push(b'\n');
        // One write for each line: if the machine fails, at most the end of the last line is missing.
        lock(&self.file)
            .write_all(&line)
            .map_err(Error::io(self.path))
    }
}
