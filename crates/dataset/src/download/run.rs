//! A whole download: many URLs at a time, every one of them accounted for.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use files::remove_unfinished;

use super::fetch::Fetcher;
use super::list::Entry;
use super::manifest::{Manifest, Record, read_manifest};
use super::options::Download;
use super::queue::{Queue, lock};
use super::stems::stems;
use crate::error::{Error, Result};

/// The number of URLs that must give the same bytes for these to count as a placeholder ("photo not available").
const PLACEHOLDER_REPEATS: usize = 3;

impl Download {
    /// Downloads the images of `entries` to the folder `output/class/`, and writes a record for each URL to
    /// `output/manifest.jsonl` during the download. `progress` is called with each new record, from several threads.
    ///
    /// If a download was interrupted, call it again to continue: files that are complete are not downloaded again, and
    /// URLs that failed permanently are not tried again. URLs with a temporary failure, and those that were refused by
    /// an option that has changed since, are tried again. No file is overwritten. Returns the record of every URL, in
    /// the order of the list.
    ///
    /// # Errors
    /// [`Error::Setting`] if `class` is not the name of a folder; [`Error::Busy`] if another download into this folder is
    /// running; [`Error::Io`] if the folder or the manifest cannot be written. What goes wrong with a URL is in its record.
    pub fn run(
        &self,
        entries: &[Entry],
        class: &str,
        output: impl AsRef<Path>,
        progress: impl Fn(&Record) + Sync,
    ) -> Result<Vec<Record>> {
        let output = output.as_ref();
        if class.is_empty() || class.starts_with('.') || class.contains(['/', '\\', '\0']) {
            let value = format!("'{class}'");
            return Err(Error::setting("class", value, "the name of a folder"));
        }
        let folder = output.join(class);
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let _lock = lock_folder(&folder)?;
        remove_unfinished(&folder)?;
        let path = output.join("manifest.jsonl");
        let mut known = self.settled(&path, class, output)?;
        let manifest = Manifest::append(&path)?;
        let mut seen = HashSet::new();
        let unique: Vec<&Entry> = entries
            .iter()
            .filter(|e| seen.insert(e.url.as_str()))
            .collect();
        let stems = stems(&unique);
        let todo: Vec<_> = unique
            .iter()
            .zip(&stems)
            .filter(|(entry, _)| !known.contains_key(&entry.url))
            .map(|(entry, stem)| (*entry, stem.as_str()))
            .collect();
        for record in self.fetch_all(&todo, class, output, &manifest, &progress)? {
            known.insert(record.url.clone(), record);
        }
        remove_placeholders(&mut known, output, &manifest)?;
        Ok(entries
            .iter()
            .filter_map(|entry| known.get(&entry.url).cloned())
            .collect())
    }

    /// The records of a class, by URL, that need not be downloaded again.
    fn settled(
        &self,
        manifest: &Path,
        class: &str,
        output: &Path,
    ) -> Result<HashMap<String, Record>> {
        let mut known = HashMap::new();
        for record in read_manifest(manifest)? {
            if record.class == class {
                known.insert(record.url.clone(), record);
            }
        }
        known.retain(|_, record| record.is_settled(output, |option| self.refuses(option)));
        Ok(known)
    }

    /// Downloads each entry to a file with the given stem, several at a time.
    fn fetch_all(
        &self,
        todo: &[(&Entry, &str)],
        class: &str,
        output: &Path,
        manifest: &Manifest,
        progress: &(impl Fn(&Record) + Sync),
    ) -> Result<Vec<Record>> {
        let queue = Queue::new(todo, self.per_host);
        let (new, failure) = (Mutex::new(Vec::new()), Mutex::new(None));
        let decoding = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(todo.len()) {
                scope.spawn(|| {
                    let work = || -> Result<()> {
                        let fetcher = Fetcher::new(self, class, output, &decoding)?;
                        while let Some(permit) = queue.next() {
                            let (entry, stem) = permit.item;
                            let record = fetcher.fetch(entry, stem, &permit)?;
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
        match failure.into_inner().unwrap_or_default() {
            Some(error) => Err(error),
            None => Ok(new.into_inner().unwrap_or_default()),
        }
    }
}

/// Locks a folder for this download: half-written files of another one would be taken for those of an interrupted one.
/// Where a folder cannot be locked, as on some network drives and on Windows, it is not.
fn lock_folder(folder: &Path) -> Result<Option<fs::File>> {
    let Ok(file) = fs::File::open(folder) else {
        return Ok(None);
    };
    if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        return Err(Error::Busy {
            path: folder.to_path_buf(),
        });
    }
    Ok(Some(file))
}

/// Removes files that several URLs gave with the same bytes.
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
            // The file goes first: a manifest that names a file that is gone is corrected by the next run.
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
