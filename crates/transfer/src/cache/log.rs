use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::{self, Key};
use crate::error::{Error, Result};

/// First bytes of the file; the last one is the version of its format.
const MAGIC: &[u8; 16] = b"embedding cache\x01";

/// The file of records in the folder.
pub(super) const FILE: &str = "embeddings.bin";

/// The file that is locked while records are appended.
const LOCK: &str = "lock";

/// Bytes that are looked through at once for the record after a damaged one.
const SCAN: u64 = 1 << 20;

/// Embeddings on disk: an append-only file of checksummed records in a folder.
///
/// Only complete records are used. What a killed process left half written is cut off by the next process that opens
/// the cache or appends to it. A record that does not match its checksums counts as missing and is computed again; the
/// records after it stay. Several processes can share a folder: appending takes an exclusive lock (`lock` in the
/// folder) and first reads what others have added. Memory grows by a few dozen bytes per record, not by its values.
///
/// Where nothing can be written (the folder is read-only, or the disk is full), the records that are there still serve,
/// and new ones are kept in a temporary folder until the value is dropped; [`unwritten`](Self::unwritten) says so.
///
/// The file `embeddings.bin` is `embedding cache\x01` followed by records: key (32 bytes), number of values (4),
/// CRC-32C of both (4), values (`f32`), CRC-32C of them (4), little-endian.
#[derive(Debug)]
pub struct EmbeddingCache {
    path: PathBuf,
    state: Mutex<State>,
    /// Keeps the folder of a temporary cache.
    #[allow(dead_code)] // held for its destructor
    folder_guard: Option<Arc<tempfile::TempDir>>,
}

#[derive(Debug)]
struct State {
    file: File,
    lock: File,
    /// Why nothing can be written to the file, once that is known.
    refusal: Option<(ErrorKind, String)>,
    /// Whether a record could not be written.
    unwritten: bool,
    /// Where records are kept that cannot be written.
    beside: Option<Arc<EmbeddingCache>>,
    /// Where each record starts.
    index: HashMap<Key, u64>,
    /// End of the last whole record.
    end: u64,
}

/// What a merge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Merged {
    /// Number of records that were copied.
    pub added: usize,
    /// Number of records that were there already.
    pub known: usize,
    /// Number of records that were left out because their values did not match their checksum.
    pub broken: usize,
}

impl EmbeddingCache {
    /// Opens the cache in a folder, which is created if it is missing. If it cannot be written to, what is in it is read.
    ///
    /// # Errors
    /// If the folder cannot be read, or its `embeddings.bin` is something else.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        match Self::open_writable(folder) {
            Err(Error::Io { source, .. }) if cannot_be_written(&source) => {
                Self::open_unwritable(folder, &source)
            }
            opened => opened,
        }
    }

    fn open_writable(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let open = |path: &Path| {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path);
            file.map_err(Error::io(path))
        };
        let path = folder.join(FILE);
        let lock = open(&folder.join(LOCK))?;
        Self::of(open(&path)?, lock, path, None)
    }

    /// The cache in a folder that cannot be written to: its records, or none.
    fn open_unwritable(folder: &Path, why: &io::Error) -> Result<Self> {
        let refusal = Some((why.kind(), why.to_string()));
        let path = folder.join(FILE);
        let length = fs::metadata(&path).map_or(0, |found| found.len());
        if length < MAGIC.len() as u64 {
            let mut cache = Self::temporary()?;
            cache.state().refusal = refusal;
            cache.path = path;
            return Ok(cache);
        }
        let file = File::open(&path).map_err(Error::io(&path))?;
        let lock = match File::open(folder.join(LOCK)) {
            Ok(lock) => lock,
            // Whoever could write to the file would have made it.
            Err(_) => file.try_clone().map_err(Error::io(&path))?,
        };
        Self::of(file, lock, path, refusal)
    }

    fn of(
        file: File,
        lock: File,
        path: PathBuf,
        refusal: Option<(ErrorKind, String)>,
    ) -> Result<Self> {
        let state = State {
            lock,
            file,
            refusal,
            unwritten: false,
            beside: None,
            index: HashMap::new(),
            end: 0,
        };
        let cache = Self {
            path,
            state: Mutex::new(state),
            folder_guard: None,
        };
        cache.locked(|_, _| Ok(()))?;
        Ok(cache)
    }

    /// A cache in a temporary folder, which is removed when the cache is dropped.
    ///
    /// # Errors
    /// If the temporary folder cannot be created.
    pub fn temporary() -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::io(std::env::temp_dir()))?;
        let mut cache = Self::open_writable(folder.path())?;
        cache.folder_guard = Some(Arc::new(folder));
        Ok(cache)
    }

    /// The file of records.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why some of the records that were appended are not in the file and will be gone when this value is dropped; `None`
    /// if all were written.
    pub fn unwritten(&self) -> Option<Error> {
        let state = self.state();
        let (kind, why) = state.refusal.as_ref().filter(|_| state.unwritten)?;
        Some(Error::io(&self.path)(io::Error::new(*kind, why.clone())))
    }

    /// Number of records known.
    pub fn len(&self) -> usize {
        let state = self.state();
        let beside = state.beside.as_ref().map_or(0, |beside| beside.len());
        state.index.len() + beside
    }

    /// Whether no record is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a record is known. Its values are checked only when they are read.
    pub fn contains(&self, key: &Key) -> bool {
        let state = self.state();
        let beside = || {
            state
                .beside
                .as_ref()
                .is_some_and(|beside| beside.contains(key))
        };
        state.index.contains_key(key) || beside()
    }

    /// The values of a record; `None` if there is none, or if it is damaged. A damaged record no longer counts as
    /// known.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn get(&self, key: &Key) -> Result<Option<Vec<f32>>> {
        let mut state = self.state();
        let Some(&at) = state.index.get(key) else {
            return match state.beside.clone() {
                Some(beside) => beside.get(key),
                None => Ok(None),
            };
        };
        let values = state.read(at).map_err(Error::io(&self.path))?;
        let values = values
            .filter(|(found, _)| found == key)
            .map(|(_, values)| values);
        if values.is_none() {
            state.index.remove(key);
        }
        Ok(values)
    }

    /// Appends records in order. Records that are known by then are left out. What cannot be written is kept until this
    /// value is dropped; see [`unwritten`](Self::unwritten).
    ///
    /// # Errors
    /// If neither the file nor a temporary one can be written.
    pub fn append<'a>(&self, records: impl IntoIterator<Item = (Key, &'a [f32])>) -> Result<()> {
        let records: Vec<_> = records.into_iter().collect();
        let is_temporary = self.folder_guard.is_some();
        if is_temporary || self.state().refusal.is_none() {
            match self.append_here(&records) {
                Err(Error::Io { source, .. }) if !is_temporary && cannot_be_written(&source) => {
                    self.state().refusal = Some((source.kind(), source.to_string()));
                }
                appended => return appended,
            }
        }
        let unknown = records.into_iter().filter(|(key, _)| !self.contains(key));
        let unknown: Vec<_> = unknown.collect();
        if unknown.is_empty() {
            return Ok(());
        }
        self.beside()?.append(unknown)
    }

    /// Where records are kept that cannot be written.
    fn beside(&self) -> Result<Arc<Self>> {
        let mut state = self.state();
        state.unwritten = true;
        if let Some(beside) = &state.beside {
            return Ok(Arc::clone(beside));
        }
        let beside = Arc::new(Self::temporary()?);
        state.beside = Some(Arc::clone(&beside));
        Ok(beside)
    }

    fn append_here(&self, records: &[(Key, &[f32])]) -> Result<()> {
        self.locked(|state, path| {
            let (mut bytes, mut places) = (Vec::new(), HashMap::new());
            for (key, values) in records {
                // Two files may hold the same image.
                if !state.index.contains_key(key) && !places.contains_key(key) {
                    places.insert(*key, state.end + bytes.len() as u64);
                    record::write(key, values, &mut bytes);
                }
            }
            state.unwritten |= state.refusal.is_some();
            state
                .file
                .seek(SeekFrom::Start(state.end))
                .map_err(Error::io(path))?;
            if let Err(error) = state.file.write_all(&bytes) {
                // Half a record is of no use. Where this fails, too, the next one to open the cache does it.
                let _ = state.file.set_len(state.end);
                return Err(Error::io(path)(error));
            }
            state.end += bytes.len() as u64;
            state.index.extend(places);
            Ok(())
        })
    }

    /// Waits until everything that was appended is on the disk.
    ///
    /// # Errors
    /// If the operating system reports an error, except one that [`unwritten`](Self::unwritten) gives.
    pub fn sync(&self) -> Result<()> {
        let mut state = self.state();
        match state.file.sync_data() {
            // Some systems find out only now that the disk is full.
            Err(error) if cannot_be_written(&error) => {
                state.unwritten |= state.refusal.is_none();
                state.refusal = Some((error.kind(), error.to_string()));
                Ok(())
            }
            synced => synced.map_err(Error::io(&self.path)),
        }
    }

    /// Copies the records of another cache, in its order. Merging the shards 1 to n of a list of images in that order
    /// gives the bytes of the cache that one process would have written.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn merge(&self, other: &Self) -> Result<Merged> {
        let mut merged = Merged::default();
        let mut places: Vec<(u64, Key)> = other
            .state()
            .index
            .iter()
            .map(|(k, at)| (*at, *k))
            .collect();
        places.sort_unstable();
        for places in places.chunks(256) {
            let mut records = Vec::with_capacity(places.len());
            for (_, key) in places {
                match other.get(key)? {
                    _ if self.contains(key) => merged.known += 1,
                    Some(values) => records.push((*key, values)),
                    None => merged.broken += 1,
                }
            }
            merged.added += records.len();
            self.append(records.iter().map(|(key, values)| (*key, &values[..])))?;
        }
        self.sync()?;
        self.unwritten().map_or(Ok(merged), Err)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the state as it was before or after a whole change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` alone among all processes, with the index up to date and nothing after the last whole record.
    fn locked<T>(&self, work: impl FnOnce(&mut State, &Path) -> Result<T>) -> Result<T> {
        let mut state = self.state();
        state.lock.lock().map_err(Error::io(&self.path))?;
        let done = state
            .catch_up(&self.path)
            .and_then(|()| work(&mut state, &self.path));
        state.lock.unlock().map_err(Error::io(&self.path))?;
        done
    }
}

impl State {
    /// Takes in records that others appended, passes over what is damaged, and cuts off half a record at the end.
    fn catch_up(&mut self, path: &Path) -> Result<()> {
        if self.end == 0 {
            self.start(path)?;
        }
        let length = self.file.metadata().map_err(Error::io(path))?.len();
        if length < self.end {
            return Err(Error::file(
                path,
                "another program has shortened the cache; delete its folder, and everything is computed again",
            ));
        }
        while self.end < length {
            self.file
                .seek(SeekFrom::Start(self.end))
                .map_err(Error::io(path))?;
            let head = record::read_head(&mut self.file).map_err(Error::io(path))?;
            match head {
                Some((key, count)) if self.end + record::size(count) <= length => {
                    self.index.insert(key, self.end);
                    self.end += record::size(count);
                }
                _ => {
                    let next = self.next_record(length).map_err(Error::io(path))?;
                    let Some(next) = next else {
                        // What cannot be written cannot be cut either.
                        return match self.refusal {
                            Some(_) => Ok(()),
                            None => self.file.set_len(self.end).map_err(Error::io(path)),
                        };
                    };
                    self.end = next;
                }
            }
        }
        Ok(())
    }

    /// Where the next whole record after `end` starts, if there is one before `length`.
    fn next_record(&mut self, length: u64) -> std::io::Result<Option<u64>> {
        let mut start = self.end + 1;
        while start < length {
            self.file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            (&self.file).take(SCAN).read_to_end(&mut bytes)?;
            for (at, window) in bytes.windows(record::HEAD).enumerate() {
                let at = start + at as u64;
                if let Some((_, count)) = record::head(window)
                    && at + record::size(count) <= length
                {
                    return Ok(Some(at));
                }
            }
            if bytes.len() < SCAN as usize {
                break;
            }
            start += SCAN - record::HEAD as u64 + 1;
        }
        Ok(None)
    }

    /// Checks the first bytes, or writes them where a process was killed before it had.
    fn start(&mut self, path: &Path) -> Result<()> {
        let mut found = Vec::new();
        self.file
            .seek(SeekFrom::Start(0))
            .map_err(Error::io(path))?;
        (&self.file)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut found)
            .map_err(Error::io(path))?;
        if !MAGIC.starts_with(&found) {
            return Err(Error::file(
                path,
                "this is not an embedding cache of version 1; choose another folder, or delete the file",
            ));
        }
        if found.len() < MAGIC.len() {
            self.file
                .seek(SeekFrom::Start(0))
                .map_err(Error::io(path))?;
            self.file.write_all(MAGIC).map_err(Error::io(path))?;
        }
        self.end = MAGIC.len() as u64;
        Ok(())
    }

    fn read(&mut self, at: u64) -> std::io::Result<Option<(Key, Vec<f32>)>> {
        self.file.seek(SeekFrom::Start(at))?;
        let Some((key, count)) = record::read_head(&mut self.file)? else {
            return Ok(None);
        };
        Ok(record::read_values(&mut self.file, count)?.map(|values| (key, values)))
    }
}

/// Whether an error says that nothing can be written in that place.
fn cannot_be_written(error: &io::Error) -> bool {
    use ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(
        error.kind(),
        PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
    )
}
