//! Fetches published files into the cache. A transfer is streamed to disk and resumed where it was interrupted. The
//! file is checked, and appears under its final name only when it is complete.

mod http;

use std::collections::BTreeMap;
use std::fs::{self, File as Disk, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use files::Pace;
use serde_json::Value;

use super::cache::{Cache, Seen, look};
use super::file::{File, PART};
use super::formats::table::WeightsFormat;
use super::registry::{Published, find};
use super::{quantized_read, read};
use crate::error::{Error, Result};

const LOCK: &str = ".lock";

/// What happens while a file is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Another process is fetching the same weights; this one waits until that is done.
    Waiting,
    /// The file was in the cache already, and has been checked.
    Present(PathBuf),
    /// A transfer starts, or continues after the first `done` bytes; `total` is the length of the file, if it is known.
    Started {
        /// The URL of the file.
        url: String,
        /// Number of bytes that have arrived so far.
        done: u64,
        /// Number of bytes of the whole file.
        total: Option<u64>,
    },
    /// More bytes have arrived.
    Progress {
        /// Number of bytes that have arrived so far.
        done: u64,
        /// Number of bytes of the whole file.
        total: Option<u64>,
    },
    /// A transfer was interrupted for this reason, and is tried again.
    Retrying(String),
    /// The file is complete, checked and at its final path.
    Finished(PathBuf),
}

/// Fetches published weights by name.
///
/// ```no_run
/// # fn main() -> mobilenet::Result<()> {
/// use mobilenet::{Cache, Fetch};
/// let cache = Cache::user()?;
/// Fetch::new(cache.clone())
///     .on_event(|event| eprintln!("{event:?}"))
///     .fetch("mobilenet_v1_0.25_224")?;
/// let weights = cache.open("mobilenet_v1_0.25_224")?;
/// # Ok(())
/// # }
/// ```
pub struct Fetch {
    cache: Cache,
    offline: bool,
    mirror: Option<String>,
    attempts: u32,
    timeout: Duration,
    pace: Pace,
    on_event: Box<dyn Fn(&Event) + Send + Sync>,
}

impl std::fmt::Debug for Fetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetch")
            .field("cache", &self.cache)
            .field("offline", &self.offline)
            .field("mirror", &self.mirror)
            .field("attempts", &self.attempts)
            .field("timeout", &self.timeout)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl Fetch {
    /// Fetches into `cache` from the publishers.
    pub fn new(cache: Cache) -> Self {
        Self {
            cache,
            offline: false,
            mirror: None,
            attempts: 5,
            timeout: Duration::from_secs(30),
            pace: Pace::new().with_deadline(Duration::from_hours(1)),
            on_event: Box::new(|_| {}),
        }
    }

    /// Whether to stay offline: a file that is not in the cache is then an error that says where it can be put by hand.
    /// Default: false.
    pub fn with_offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Sets another server, as `https://host` or `https://host/folder`, that has the files under the same paths as
    /// their publisher. Default: none.
    pub fn with_mirror(mut self, mirror: impl Into<String>) -> Self {
        self.mirror = Some(mirror.into());
        self
    }

    /// Sets how often a transfer is tried in total if it is interrupted; 0 counts as 1. Default: 5.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets how long the server may be silent at a time. Default: 30 seconds.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the longest time that one file may take, with all tries. Default: 1 hour. The bytes that arrived by then
    /// are kept, and the next fetch continues from there.
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.pace = self.pace.with_deadline(deadline);
        self
    }

    /// Sets the lowest rate of a file in bytes per second, as the mean over each `window`. A slower transfer counts as
    /// interrupted. With a rate of 0 there is no such limit. Default: 1,000 over 30 seconds.
    pub fn with_lowest_rate(mut self, bytes_per_second: u64, window: Duration) -> Self {
        self.pace = self.pace.with_lowest_rate(bytes_per_second, window);
        self
    }

    /// Sets a function that is called with each event. Default: none.
    pub fn on_event(mut self, on_event: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Box::new(on_event);
        self
    }

    /// Fetches the weights called `name` unless they are in the cache. In both cases they are checked. Returns the path
    /// of the file.
    ///
    /// # Errors
    /// [`Error::UnknownWeights`] if there is no such name, [`Error::Fetch`] if the file cannot be downloaded,
    /// [`Error::Changed`] if it differs from the publisher's file or from what was seen before, and the errors of
    /// [`Weights::open`](crate::Weights::open) if it does not hold valid weights.
    pub fn fetch(&self, name: &str) -> Result<PathBuf> {
        let published = find(name)?;
        let path = self.cache.path_of(published);
        if path.is_file() {
            return self.present(published, path);
        }
        if self.offline {
            return Err(Error::Fetch {
                url: published.url.into(),
                message: format!(
                    "the file is not in the cache, and fetching is switched off (offline): put the file at {} by hand",
                    path.display()
                ),
            });
        }
        let folder = self.cache.folder(published);
        fs::create_dir_all(&folder).map_err(io(&folder))?;
        let _lock = self.lock(&folder.join(LOCK))?; // Held until this returns; a killed process lets go of it too.
        if path.is_file() {
            return self.present(published, path);
        }
        let client = http::client(self.timeout).map_err(|e| http::failed(published.url, &e))?;
        let url = self.address(published.url);
        let part = self.transfer(&client, &url, &path, published.size)?;
        let seen = look(&part)?;
        if let Some(expected) = published.sha256.filter(|hash| *hash != seen.sha256) {
            remove(&part)?;
            return Err(Error::Changed {
                file: url,
                message: format!(
                    "its SHA-256 is {}, that of the publisher's file {expected}; the download was deleted",
                    seen.sha256
                ),
            });
        }
        let mut record = self.cache.record(published)?;
        note(&mut record, published.file(), seen, &url, &part)?;
        // What came, and where it belongs.
        let mut parts = Vec::new();
        if published.format == WeightsFormat::TfjsLayers {
            for shard in shards(&part)? {
                let url = format!("{}{shard}", &url[..=url.rfind('/').unwrap_or(0)]);
                let path = folder.join(&shard);
                let noted = record.get(&shard);
                if noted.is_some() && look(&path).ok().as_ref() == noted {
                    remove(&with_ending(&path, PART))?; // Nothing but what is here is to be looked at.
                    continue;
                }
                let part = self.transfer(&client, &url, &path, None)?;
                note(&mut record, &shard, look(&part)?, &url, &part)?;
                parts.push((part, path));
            }
        }
        parts.push((part.clone(), path.clone()));
        // What carries no known hash is at least the net that it should be before any of it gets its name.
        if let Err(error) = require(published, File::fetched(&part)?) {
            for (part, _) in &parts {
                remove(part)?;
            }
            return Err(Error::Fetch {
                url,
                message: format!("the download is not {name}, and was deleted: {error}"),
            });
        }
        self.cache.note(published, &record)?;
        // The file that the others are looked for by comes last: where it is, all are.
        for (part, path) in &parts {
            place(part, path)?;
        }
        (self.on_event)(&Event::Finished(path.clone()));
        Ok(path)
    }

    fn present(&self, published: &Published, path: PathBuf) -> Result<PathBuf> {
        self.cache.verify(published)?;
        (self.on_event)(&Event::Present(path.clone()));
        Ok(path)
    }

    fn lock(&self, path: &Path) -> Result<Disk> {
        let file = Disk::create(path).map_err(io(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                (self.on_event)(&Event::Waiting);
                file.lock().map_err(io(path))?;
            }
            Err(TryLockError::Error(e)) => return Err(io(path)(e)),
        }
        Ok(file)
    }

    fn address(&self, url: &str) -> String {
        let Some(mirror) = &self.mirror else {
            return url.into();
        };
        let path = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = path.split_once('/').map_or("", |(_, path)| path);
        format!("{}/{path}", mirror.trim_end_matches('/'))
    }
}

/// Refuses a file that is not the published net.
fn require(published: &Published, file: File<'_>) -> Result<()> {
    if published.quantized {
        published.require(quantized_read::read(&file)?)?;
    } else {
        read::read(file)?
            .require_alpha(published.config.alpha)?
            .require_classes(published.config.classes)?;
    }
    Ok(())
}

/// Puts into the record what a transfer brought, unless it is not what was noted before.
fn note(
    record: &mut BTreeMap<String, Seen>,
    file: &str,
    seen: Seen,
    url: &str,
    part: &Path,
) -> Result<()> {
    if let Some(noted) = record.get(file).filter(|noted| **noted != seen) {
        remove(part)?;
        let folder = part.parent().unwrap_or(part);
        return Err(Error::Changed {
            file: url.into(),
            message: format!(
                "its SHA-256 is {}, and was {} when it was first fetched; the download was deleted. If the publisher \
                 intends the change, delete {}",
                seen.sha256,
                noted.sha256,
                folder.display()
            ),
        });
    }
    record.insert(file.into(), seen);
    Ok(())
}

/// The shards that a `model.json` names: plain file names.
fn shards(manifest: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(manifest).map_err(io(manifest))?;
    let file = File::memory(&manifest.display().to_string(), &bytes);
    let wrong = |message: String| file.wrong("TensorFlow.js model", message);
    let model: Value =
        serde_json::from_slice(&bytes).map_err(|e| file.failed("TensorFlow.js model", e))?;
    let groups = model["weightsManifest"].as_array();
    let groups = groups.ok_or_else(|| wrong("it has no `weightsManifest`".into()))?;
    let mut shards = Vec::new();
    for path in groups
        .iter()
        .filter_map(|g| g["paths"].as_array())
        .flatten()
    {
        let name = path.as_str().filter(|name| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
        });
        let name = name.ok_or_else(|| wrong(format!("shard {path} is not a plain file name")))?;
        if shards.len() >= 1000 {
            return Err(wrong("more than 1000 shards".into()));
        }
        if !shards.iter().any(|shard| shard == name) {
            shards.push(name.to_string());
        }
    }
    Ok(shards)
}

fn place(part: &Path, path: &Path) -> Result<()> {
    fs::rename(part, path).map_err(io(path))?;
    // The new name is on disk when the folder is.
    if let Some(folder) = path.parent().and_then(|folder| Disk::open(folder).ok()) {
        folder.sync_all().map_err(io(path))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io(path)(e)),
        _ => Ok(()),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    move |source| Error::Io {
        path: path.into(),
        source,
    }
}
