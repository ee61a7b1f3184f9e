//! Fetching published files into the cache: streamed, resumed where it broke off, checked, and visible under the final
//! name only when whole.

use std::collections::BTreeMap;
use std::fs::{self, File as Disk, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use reqwest::redirect::Policy;
use serde_json::Value;

use super::cache::{Cache, Seen, find, look};
use super::registry::Published;
use super::source::{File, PART};
use super::{Format, format};
use crate::{Error, Result};

/// No published MobileNetV1, with its training checkpoint, is larger.
const LARGEST: u64 = 1 << 30;
const LOCK: &str = ".lock";

/// What happens while a file is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Another process fetches the same weights: its end is waited for.
    Waiting,
    /// The file is here already, and was checked.
    Present(PathBuf),
    /// A transfer begins, or goes on behind the first `done` bytes; `total` is the file's length, where it is known.
    Started {
        /// Where the file comes from.
        url: String,
        /// Bytes that are here.
        done: u64,
        /// Bytes in all.
        total: Option<u64>,
    },
    /// Some more has come.
    Progress {
        /// Bytes that are here.
        done: u64,
        /// Bytes in all.
        total: Option<u64>,
    },
    /// A transfer broke off, for this reason, and is tried again.
    Retrying(String),
    /// The file is whole, checked and in its place.
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
            on_event: Box::new(|_| {}),
        }
    }

    /// Opens no socket: what is not in the cache is an error that says where it can be put by hand. Default: false.
    pub fn with_offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Another server, as `https://host` or `https://host/folder`, that has the files under the same paths as their
    /// publisher. Default: none.
    pub fn with_mirror(mut self, mirror: impl Into<String>) -> Self {
        self.mirror = Some(mirror.into());
        self
    }

    /// How often a transfer that breaks off is tried in all. Default: 5.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long the server may be silent, each time. Default: 30 seconds.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Is told what happens. Default: nobody.
    pub fn on_event(mut self, on_event: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Box::new(on_event);
        self
    }

    /// Fetches the weights called `name` unless they are in the cache; either way they are checked. Returns their path.
    ///
    /// # Errors
    /// [`Error::UnknownWeights`] where there is no such name, [`Error::Fetch`] where they cannot be had,
    /// [`Error::Changed`] where they are not what the publisher has or what was seen before, and as
    /// [`Weights::open`](crate::Weights::open) where they are no weights.
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
                    "offline, and not in the cache: the file can be put by hand at {}",
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
        let client = client(self.timeout).map_err(|e| failed(published.url, &e))?;
        let url = self.address(published.url);
        let part = self.transfer(&client, &url, &path, published.size)?;
        let seen = look(&part)?;
        if let Some(expected) = published.sha256.filter(|hash| *hash != seen.sha256) {
            remove(&part)?;
            return Err(Error::Changed {
                file: url,
                message: format!(
                    "SHA-256 is {}, the publisher's file has {expected}; it was thrown away",
                    seen.sha256
                ),
            });
        }
        let mut record = self.cache.record(published)?;
        note(&mut record, published.file(), seen, &url, &part)?;
        // What came, and where it belongs.
        let mut parts = Vec::new();
        if published.format == Format::TfjsLayers {
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
        let opened = format::open(File::fetched(&part)?).and_then(|weights| {
            weights
                .require_alpha(published.alpha)?
                .require_classes(published.classes)
        });
        if let Err(error) = opened {
            for (part, _) in &parts {
                remove(part)?;
            }
            return Err(Error::Fetch {
                url,
                message: format!("what came is not {name}, and was thrown away: {error}"),
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

    /// Brings `url` into `path` with `.part` behind its name, from where it broke off.
    fn transfer(
        &self,
        client: &Client,
        url: &str,
        path: &Path,
        size: Option<u64>,
    ) -> Result<PathBuf> {
        let part = with_ending(path, PART);
        let mut attempt = 1;
        loop {
            match self.attempt(client, url, &part, size) {
                Ok(()) => return Ok(part),
                Err(Failure::Passing(message)) if attempt < self.attempts => {
                    (self.on_event)(&Event::Retrying(message));
                    std::thread::sleep(Duration::from_millis(100 << attempt.min(6)));
                    attempt += 1;
                }
                Err(Failure::Passing(message)) => {
                    return Err(Error::Fetch {
                        url: url.into(),
                        message: format!(
                            "{message} (tried {attempt} times; {} keeps what came, and the next fetch goes on from there)",
                            part.display()
                        ),
                    });
                }
                Err(Failure::Final(error)) => return Err(error),
            }
        }
    }

    fn attempt(
        &self,
        client: &Client,
        url: &str,
        part: &Path,
        size: Option<u64>,
    ) -> std::result::Result<(), Failure> {
        let final_error = |message: String| {
            Failure::Final(Error::Fetch {
                url: url.into(),
                message,
            })
        };
        // Only the same version of a file can be continued, and only its ETag tells that it is the same.
        let tag_path = with_ending(part, ".etag");
        let tag = fs::read_to_string(&tag_path).ok();
        let have = fs::metadata(part).map_or(0, |m| m.len());
        let mut request = client.get(url).header(ACCEPT_ENCODING, "identity");
        if let (Some(tag), true) = (&tag, have > 0) {
            request = request
                .header(RANGE, format!("bytes={have}-"))
                .header(IF_RANGE, tag.clone());
        }
        let response = request.send().map_err(|e| {
            if e.is_redirect() {
                final_error(why(&e))
            } else {
                Failure::Passing(why(&e))
            }
        })?;
        let header = |name| response.headers().get(name)?.to_str().ok();
        let new_tag = header(ETAG).map(String::from);
        let start = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(have) && new_tag == tag => {
                have
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                remove(part)?;
                return Err(Failure::Passing(
                    "the server continued something else".into(),
                ));
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(Failure::Passing(format!("the server answered {status}")));
            }
            status => return Err(final_error(format!("the server answered {status}"))),
        };
        let total = response.content_length().map(|n| n + start);
        if let (Some(total), Some(size)) = (total, size)
            && total != size
        {
            return Err(final_error(format!(
                "{total} bytes; the publisher's file has {size}"
            )));
        }
        let limit = total.or(size).unwrap_or(LARGEST).min(LARGEST);
        if total.is_some_and(|total| total > limit) {
            return Err(final_error(format!("more than {limit} bytes")));
        }
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .append(start > 0)
            .truncate(start == 0)
            .open(part)
            .map_err(io(part))?;
        // After the old content is gone: a tag must never stand beside another version's bytes.
        match new_tag {
            Some(tag) => fs::write(&tag_path, tag).map_err(io(&tag_path))?,
            None => remove(&tag_path)?,
        }
        let done = start;
        (self.on_event)(&Event::Started {
            url: url.into(),
            done,
            total,
        });
        let done = self.stream(response, &mut file, part, (start, limit, total))?;
        if total.or(size).is_some_and(|total| done < total) {
            return Err(Failure::Passing(format!("it ended after {done} bytes")));
        }
        file.sync_all().map_err(io(part))?;
        remove(&tag_path)?;
        Ok(())
    }

    fn stream(
        &self,
        mut response: Response,
        file: &mut Disk,
        part: &Path,
        (mut done, limit, total): (u64, u64, Option<u64>),
    ) -> std::result::Result<u64, Failure> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = match response.read(&mut buffer) {
                Ok(0) => return Ok(done),
                Ok(n) => n,
                Err(e) => return Err(Failure::Passing(format!("it broke off: {e}"))),
            };
            done += n as u64;
            if done > limit {
                remove(part)?;
                return Err(Failure::Final(Error::Fetch {
                    url: response.url().to_string(),
                    message: format!("more than the {limit} bytes that it should have"),
                }));
            }
            file.write_all(&buffer[..n]).map_err(io(part))?;
            (self.on_event)(&Event::Progress { done, total });
        }
    }
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
                "SHA-256 is {}, {} was noted when it was first fetched; it was thrown away. If the publisher \
                 means the change, delete {}",
                seen.sha256,
                noted.sha256,
                folder.display()
            ),
        });
    }
    record.insert(file.into(), seen);
    Ok(())
}

/// Whether trying again can help.
enum Failure {
    Passing(String),
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

fn client(timeout: Duration) -> reqwest::Result<Client> {
    // A publisher's address may move, but what was asked for in private is not fetched in the open.
    let policy = Policy::custom(|attempt| {
        let secure = attempt
            .previous()
            .first()
            .is_some_and(|url| url.scheme() == "https");
        if attempt.previous().len() > 5 {
            attempt.error("more than five redirections")
        } else if secure && attempt.url().scheme() != "https" {
            attempt.error("a redirection from https to http")
        } else {
            attempt.follow()
        }
    });
    Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(policy)
        .user_agent(concat!("mobilenet/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Where the bytes of a partial answer begin.
fn begins_at(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split_once('-')?
        .0
        .parse()
        .ok()
}

/// The shards that a `model.json` names: plain file names.
fn shards(manifest: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(manifest).map_err(io(manifest))?;
    let wrong = |message: String| Error::Format {
        file: manifest.display().to_string(),
        format: "TensorFlow.js model",
        message,
    };
    let model: Value = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
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
        let name = name.ok_or_else(|| wrong(format!("shard {path} is no plain file name")))?;
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

fn failed(url: &str, error: &reqwest::Error) -> Error {
    Error::Fetch {
        url: url.into(),
        message: why(error),
    }
}

/// An error with its causes: "error sending request" alone helps nobody.
fn why(error: &reqwest::Error) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}
