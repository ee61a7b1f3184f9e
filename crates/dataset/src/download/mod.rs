//! Lists of URLs to a folder of images, with a manifest that accounts for every URL.
//!
//! The four rules of the original script are options with its values as defaults: URLs that
//! contain `flickr`, status 200, a content type of images, more than 10,000 bytes. What arrives is
//! counted, sniffed and decoded before it is a picture. Addresses that are not public are refused,
//! at the first request and after every redirect, and TLS is always verified. Proxies are not
//! used: behind one, the address that is reached could not be checked.

mod address;
mod fetch;
mod list;
mod manifest;
mod queue;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use files::remove_unfinished;

pub use list::{Entry, read_list};
pub use manifest::{Record, read_manifest};

use crate::{DecodeOptions, Error, Result};
use fetch::Fetcher;
use manifest::Manifest;
use queue::Queue;

/// So many URLs with the same bytes are a placeholder ("photo unavailable"), not a picture.
const PLACEHOLDER_REPEATS: usize = 3;

/// Names of options in [`Record::refused_by`]; the first is followed by a digest.
const PLACEHOLDER: &str = "placeholder ";
const PUBLIC_ONLY: &str = "private_addresses false";

/// How to download; every option has a default.
#[derive(Debug, Clone)]
pub struct Download {
    keep: Vec<String>,
    min_bytes: u64,
    max_bytes: u64,
    jobs: usize,
    per_host: usize,
    attempts: u32,
    timeout: Duration,
    allow_private: bool,
    placeholders: HashSet<String>,
    decode: DecodeOptions,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            keep: vec!["flickr".into()],
            min_bytes: 10_000,
            max_bytes: 16 << 20,
            jobs: 8,
            per_host: 4,
            attempts: 3,
            timeout: Duration::from_mins(1),
            allow_private: false,
            placeholders: HashSet::new(),
            // One picture is decoded at a time.
            decode: DecodeOptions::default()
                .with_max_pixels(32_000_000)
                .with_max_memory(144 << 20),
        }
    }
}

impl Download {
    /// The original's rules, 8 downloads at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keep URLs that contain one of these texts; defaults to `flickr`. None: keep all.
    pub fn with_keep(mut self, patterns: impl IntoIterator<Item = String>) -> Self {
        self.keep = patterns
            .into_iter()
            .filter(|pattern| !pattern.is_empty())
            .collect();
        self
    }

    /// A picture has more bytes than this; defaults to 10,000.
    pub fn with_min_bytes(mut self, bytes: u64) -> Self {
        self.min_bytes = bytes;
        self
    }

    /// A body is given up once it has more bytes than this; defaults to 16 MiB. At most
    /// one body is in memory at a time.
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Downloads at once; defaults to 8, of which at most 4 from one host.
    pub fn with_jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.clamp(1, 64);
        self
    }

    /// Downloads at once from one host; defaults to 4.
    pub fn with_jobs_per_host(mut self, jobs: usize) -> Self {
        self.per_host = jobs.max(1);
        self
    }

    /// Tries of a URL whose failure may pass (connection, timeout, status 429 and 5xx), with
    /// pauses that double from a quarter of a second or that `Retry-After` asks for (at most 30
    /// seconds); defaults to 3.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Time for one request from start to end; defaults to 60 seconds.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether loopback, private and link-local addresses may be asked; defaults to false, so that
    /// a list from elsewhere cannot reach into the network at home.
    pub fn with_private_addresses(mut self, allow: bool) -> Self {
        self.allow_private = allow;
        self
    }

    /// SHA-256 (hexadecimal) of files that are no pictures but say that there is none. Those that
    /// three or more URLs of a list share are found without this.
    pub fn with_placeholders(mut self, digests: impl IntoIterator<Item = String>) -> Self {
        self.placeholders = digests
            .into_iter()
            .map(|digest| digest.to_lowercase())
            .collect();
        self
    }

    /// Whether an option of a [`Record::refused_by`] is as it was.
    fn refuses(&self, option: &str) -> bool {
        match option.strip_prefix(PLACEHOLDER) {
            Some(digest) => self.placeholders.contains(digest),
            None if option == PUBLIC_ONLY => !self.allow_private,
            None => [self.kept(), self.least(), self.most(), self.decoded()]
                .iter()
                .any(|own| own == option),
        }
    }

    /// The options that refuse pictures, as records name them.
    fn kept(&self) -> String {
        format!("keep {:?}", self.keep)
    }

    fn least(&self) -> String {
        format!("min_bytes {}", self.min_bytes)
    }

    fn most(&self) -> String {
        format!("max_bytes {}", self.max_bytes)
    }

    fn decoded(&self) -> String {
        let DecodeOptions {
            max_pixels,
            max_side,
            max_bytes,
            max_memory,
            ..
        } = self.decode;
        format!(
            "decoding {max_pixels} pixels, side {max_side}, {max_bytes} bytes, memory {max_memory}"
        )
    }

    /// Downloads `entries` to `output/class/` and accounts for each in `output/manifest.jsonl`,
    /// which is written as it goes. `progress` is called, from several threads, with each new
    /// record.
    ///
    /// Run again after an interruption it continues: what is whole is not asked for again, nor
    /// what failed for good; what failed in passing, and what an option refused that has another
    /// value now, is tried anew. Nothing is overwritten. Returns the record of every URL, in the
    /// order of the list.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder or the manifest cannot be written. What goes wrong with a URL
    /// is in its record.
    pub fn run(
        &self,
        entries: &[Entry],
        class: &str,
        output: impl AsRef<Path>,
        progress: impl Fn(&Record) + Sync,
    ) -> Result<Vec<Record>> {
        let output = output.as_ref();
        if class.is_empty() || class.starts_with('.') || class.contains(['/', '\\', '\0']) {
            return Err(Error::Option {
                option: "class",
                expected: "the name of a folder",
                found: format!("'{class}'"),
            });
        }
        let folder = output.join(class);
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        // Another run's half-written files would be taken for an interrupted one's. Where a folder cannot be locked, as on
        // some network drives and on Windows, it is not.
        let own = fs::File::open(&folder);
        if let Ok(Err(fs::TryLockError::WouldBlock)) = own.as_ref().map(fs::File::try_lock) {
            let running = "another download into this folder is running; wait for its end, or choose another --output";
            return Err(Error::io(&folder)(std::io::Error::other(running)));
        }
        remove_unfinished(&folder)?;
        let path = output.join("manifest.jsonl");
        let mut known: HashMap<String, Record> = HashMap::new();
        for record in read_manifest(&path)?
            .into_iter()
            .filter(|record| record.class == class)
        {
            known.insert(record.url.clone(), record);
        }
        known.retain(|_, record| record.is_settled(output, |option| self.refuses(option)));
        let manifest = Manifest::append(&path)?;
        let mut seen = HashSet::new();
        let unique: Vec<&Entry> = entries
            .iter()
            .filter(|e| seen.insert(e.url.as_str()))
            .collect();
        let stems = list::stems(&unique);
        let todo: Vec<_> = unique
            .iter()
            .zip(&stems)
            .filter(|(entry, _)| !known.contains_key(&entry.url))
            .map(|(entry, stem)| (*entry, stem.as_str()))
            .collect();
        let queue = Queue::new(&todo, self.per_host);
        let (new, failure) = (Mutex::new(Vec::new()), Mutex::new(None));
        let decoding = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(todo.len()) {
                scope.spawn(|| {
                    let work = || -> Result<()> {
                        let fetcher = Fetcher::new(self, class, output, &decoding)?;
                        while let Some(turn) = queue.next() {
                            let (entry, stem) = turn.item;
                            let record = fetcher.fetch(entry, stem, &turn)?;
                            manifest.write(&record)?;
                            progress(&record);
                            lock(&new).push(record);
                        }
                        Ok(())
                    };
                    if let Err(error) = work() {
                        queue.stop();
                        lock(&failure).get_or_insert(error);
                    }
                });
            }
        });
        if let Some(error) = failure.into_inner().unwrap_or_default() {
            return Err(error);
        }
        for record in new.into_inner().unwrap_or_default() {
            known.insert(record.url.clone(), record);
        }
        remove_placeholders(&mut known, output, &manifest)?;
        Ok(entries
            .iter()
            .filter_map(|entry| known.get(&entry.url).cloned())
            .collect())
    }
}

/// Files that several URLs gave with the same bytes are taken back.
fn remove_placeholders(
    known: &mut HashMap<String, Record>,
    output: &Path,
    manifest: &Manifest,
) -> Result<()> {
    let mut of_digest: HashMap<String, usize> = HashMap::new();
    for record in known.values() {
        if let Some(digest) = &record.sha256 {
            *of_digest.entry(digest.clone()).or_default() += 1;
        }
    }
    for record in known.values_mut() {
        let Some(digest) = &record.sha256 else {
            continue;
        };
        let repeats = of_digest.get(digest).copied().unwrap_or(0);
        if repeats < PLACEHOLDER_REPEATS {
            continue;
        }
        if let Some(path) = record.path.take() {
            // The file first: a manifest that names a file which is gone is put right by a rerun.
            let path = output.join(path);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io(&path)(error));
                }
                _ => {}
            }
            record.reason = Some(format!("a placeholder: {repeats} URLs give the same bytes"));
            manifest.write(record)?;
        }
    }
    Ok(())
}

/// A lock whose holder panicked still guards whole values here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
