//! The options of a download.

use std::collections::HashSet;
use std::time::Duration;

use files::Pace;

use super::manifest::URL_FILTER;
use crate::decode::DecodeOptions;

/// The name of an option in records; a digest follows.
pub(super) const PLACEHOLDER: &str = "placeholder ";
/// The name of an option in records.
pub(super) const PUBLIC_ONLY: &str = "private_addresses false";

/// The settings of a download; each has a default. [`run`](Self::run) starts it.
#[derive(Debug, Clone)]
pub struct Download {
    pub(super) url_filter: Vec<String>,
    pub(super) min_bytes: u64,
    pub(super) max_bytes: u64,
    pub(super) jobs: usize,
    pub(super) per_host: usize,
    pub(super) attempts: u32,
    pub(super) timeout: Duration,
    pub(super) pace: Pace,
    pub(super) allow_private: bool,
    pub(super) placeholders: HashSet<String>,
    pub(super) decode: DecodeOptions,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            url_filter: vec!["flickr".into()],
            min_bytes: 10_000,
            max_bytes: DecodeOptions::default().max_bytes,
            jobs: 8,
            per_host: 4,
            attempts: 3,
            timeout: Duration::from_mins(1),
            pace: Pace::new(),
            allow_private: false,
            placeholders: HashSet::new(),
            decode: DecodeOptions::default(),
        }
    }
}

impl Download {
    /// The rules of the download script of `retrain.py`, with 8 parallel downloads.
    pub fn new() -> Self {
        Self::default()
    }

    /// Downloads only URLs that contain one of these texts; defaults to `flickr`. Empty texts are ignored; if no text
    /// remains, all URLs are downloaded.
    pub fn with_url_filter(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        self.url_filter = texts.into_iter().filter(|text| !text.is_empty()).collect();
        self
    }

    /// Refuses files of this many bytes or fewer; defaults to 10,000.
    pub fn with_min_bytes(mut self, bytes: u64) -> Self {
        self.min_bytes = bytes;
        self
    }

    /// Refuses files with more bytes than this, as soon as more have arrived; defaults to 256 MiB, as for
    /// [`DecodeOptions`]. At most one file at a time is in memory.
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The number of parallel downloads, 1 to 64 (other numbers count as the nearest of these); defaults to 8. See also
    /// [`with_jobs_per_host`](Self::with_jobs_per_host).
    pub fn with_jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.clamp(1, 64);
        self
    }

    /// The number of parallel downloads from one host; 0 counts as 1; defaults to 4.
    pub fn with_jobs_per_host(mut self, jobs: usize) -> Self {
        self.per_host = jobs.max(1);
        self
    }

    /// How often a URL is tried if its failure may be temporary (connection, timeout, too low a rate, status 429 and
    /// 5xx); 0 counts as 1; defaults to 3. The pause between two tries is a quarter of a second at first and doubles
    /// each time, or is the time in the `Retry-After` header. It is at most 30 seconds.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long a server may be silent before it answers, and between two parts of a file; defaults to 60 seconds.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The longest time that one file may take, with all redirects and tries; defaults to 10 minutes. After the
    /// deadline the file is given up as soon as more bytes arrive, or at the end of the silence that
    /// [`with_timeout`](Self::with_timeout) allows.
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.pace = self.pace.with_deadline(deadline);
        self
    }

    /// The lowest rate of a file in bytes per second, as the mean over each `window`; defaults to 1,000 over 30
    /// seconds. With a rate of 0 there is no such limit. A file that is slower may be tried again, as after a timeout.
    pub fn with_lowest_rate(mut self, bytes_per_second: u64, window: Duration) -> Self {
        self.pace = self.pace.with_lowest_rate(bytes_per_second, window);
        self
    }

    /// Whether loopback, private and link-local addresses are allowed; defaults to false, so that a list of URLs from an
    /// unknown source cannot reach into the local network.
    pub fn with_private_addresses(mut self, allow: bool) -> Self {
        self.allow_private = allow;
        self
    }

    /// Refuses files with these SHA-256 digests (hexadecimal): placeholder images, which only say that the photo is not
    /// available. If three or more URLs of a list give the same bytes, these files are refused in any case.
    pub fn with_placeholders(mut self, digests: impl IntoIterator<Item = String>) -> Self {
        self.placeholders = digests
            .into_iter()
            .map(|digest| digest.to_lowercase())
            .collect();
        self
    }

    /// How each downloaded image is decoded to check it, and within which limits; defaults to the limits of the loader.
    /// JPEGs are decoded at a reduced size, and images one at a time.
    pub fn with_decode_options(mut self, options: DecodeOptions) -> Self {
        self.decode = options;
        self
    }

    /// Whether the options still refuse what they refused when [`Record::refused_by`](super::Record::refused_by) was
    /// `option`.
    pub(super) fn refuses(&self, option: &str) -> bool {
        match option.strip_prefix(PLACEHOLDER) {
            Some(digest) => self.placeholders.contains(digest),
            None if option == PUBLIC_ONLY => !self.allow_private,
            None => [
                self.url_filter_text(),
                self.min_bytes_text(),
                self.max_bytes_text(),
                self.decode_text(),
            ]
            .iter()
            .any(|own| own == option),
        }
    }

    /// The options that can refuse an image, as they are written into records.
    pub(super) fn url_filter_text(&self) -> String {
        format!("{URL_FILTER}{:?}", self.url_filter)
    }

    pub(super) fn min_bytes_text(&self) -> String {
        format!("min_bytes {}", self.min_bytes)
    }

    pub(super) fn max_bytes_text(&self) -> String {
        format!("max_bytes {}", self.max_bytes)
    }

    pub(super) fn decode_text(&self) -> String {
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
}
