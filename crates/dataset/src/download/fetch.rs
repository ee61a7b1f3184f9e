//! One URL to one file or one reason.

use std::error::Error as _;
use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use files::{UNFINISHED_PREFIX, hex};
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url, redirect};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::address::{PublicOnly, is_public};
use super::queue::Turn;
use super::{Download, Entry, PLACEHOLDER, PUBLIC_ONLY, Record, lock};
use crate::decode::jpeg_size;
use crate::{Error, Format, Problem, Result, decode};

const MAX_REDIRECTS: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Fetcher<'a> {
    options: &'a Download,
    class: &'a str,
    output: &'a Path,
    client: Client,
    /// The body that is being decoded, in memory that serves all of them.
    decoding: &'a Mutex<Vec<u8>>,
}

/// What arrived, in a file that goes away unless it is stored.
struct Body {
    file: NamedTempFile,
    length: u64,
    digest: String,
}

/// Why an attempt gave no picture, and whether another one may.
struct Failure {
    reason: String,
    retry: bool,
    /// See [`Record::refused_by`].
    refused_by: Option<String>,
    pause: Option<Duration>,
}

impl Failure {
    fn for_good(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retry: false,
            refused_by: None,
            pause: None,
        }
    }

    /// For good as long as this option is as it is.
    fn refused(by: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            refused_by: Some(by.into()),
            ..Self::for_good(reason)
        }
    }

    fn passing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retry: true,
            refused_by: None,
            pause: None,
        }
    }

    fn request(error: &reqwest::Error) -> Self {
        // The cause says more than reqwest's own words.
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        if reason.contains("not public") {
            return Self::refused(PUBLIC_ONLY, reason);
        }
        if error.is_builder() {
            return Self::for_good(reason);
        }
        Self::passing(reason)
    }
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(
        options: &'a Download,
        class: &'a str,
        output: &'a Path,
        decoding: &'a Mutex<Vec<u8>>,
    ) -> Result<Self> {
        // reqwest takes the provider of cryptography that the program has chosen: here ring, where it has chosen none.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!("dataset-download/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(options.timeout.min(Duration::from_secs(10)))
            .timeout(options.timeout);
        if !options.allow_private {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        let client = client.build().map_err(|error| Error::Option {
            option: "HTTP client",
            expected: "TLS roots of the system",
            found: error.to_string(),
        })?;
        Ok(Self {
            options,
            class,
            output,
            client,
            decoding,
        })
    }

    /// Errors are those of the folder; everything else is in the record.
    pub(super) fn fetch(&self, entry: &Entry, stem: &str, turn: &Turn) -> Result<Record> {
        let mut record = Record {
            url: entry.url.clone(),
            class: self.class.to_owned(),
            licence: entry.licence.clone(),
            author: entry.author.clone(),
            ..Record::default()
        };
        let keep = &self.options.keep;
        if !keep.is_empty() && !keep.iter().any(|pattern| entry.url.contains(pattern)) {
            record.reason = Some(format!("not asked for: the URL contains none of {keep:?}"));
            record.refused_by = Some(self.options.kept());
            return Ok(record);
        }
        let mut pause = FIRST_PAUSE;
        loop {
            record.attempts += 1;
            match self.attempt(&entry.url, &mut record) {
                Ok((file, format)) => {
                    let digest = record.sha256.as_deref().unwrap_or_default();
                    record.path = Some(self.store(stem, format, file, digest)?);
                    (record.reason, record.retry, record.refused_by) = (None, false, None);
                    return Ok(record);
                }
                Err(failure) => {
                    (record.reason, record.retry) = (Some(failure.reason), failure.retry);
                    record.refused_by = failure.refused_by;
                    if !failure.retry || record.attempts >= self.options.attempts {
                        return Ok(record);
                    }
                    let asked = failure.pause.unwrap_or_default().min(LONGEST_PAUSE);
                    if failure.pause.is_some() {
                        turn.pause_host(asked);
                    }
                    std::thread::sleep(asked.max(pause));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn attempt(&self, url: &str, record: &mut Record) -> Result<(NamedTempFile, Format), Failure> {
        let response = self.follow(url, record)?;
        let status = response.status();
        record.status = Some(status.as_u16());
        if status != StatusCode::OK {
            let reason = format!("expected status 200, found {status}");
            let retry = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            return Err(Failure {
                retry,
                pause: retry_after(&response),
                ..Failure::for_good(reason)
            });
        }
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let content_type = header(CONTENT_TYPE).unwrap_or("none").to_owned();
        if !content_type.starts_with("image/") {
            let reason = format!("expected a content type of images, found {content_type}");
            return Err(Failure::for_good(reason));
        }
        let Body {
            file,
            length,
            digest,
        } = self.body(response)?;
        record.bytes = Some(length);
        record.sha256 = Some(digest.clone());
        let unavailable = record
            .final_url
            .as_deref()
            .is_some_and(|u| u.contains("photo_unavailable"));
        let placeholder = "a placeholder: the photo is not available";
        if unavailable {
            return Err(Failure::for_good(placeholder));
        }
        if self.options.placeholders.contains(&digest) {
            let option = format!("{PLACEHOLDER}{digest}");
            return Err(Failure::refused(option, placeholder));
        }
        if length <= self.options.min_bytes {
            let least = self.options.min_bytes;
            let reason = format!("expected more than {least} bytes, found {length}");
            return Err(Failure::refused(self.options.least(), reason));
        }
        let (format, size) = self.look_at(&file, &content_type)?;
        (record.format, record.size) = (Some(format), Some(size));
        Ok((file, format))
    }

    /// Format and size of what arrived, if all of it can be decoded.
    fn look_at(
        &self,
        file: &NamedTempFile,
        content_type: &str,
    ) -> Result<(Format, (u32, u32)), Failure> {
        let passing = |error: std::io::Error| Failure::passing(format!("cannot be read: {error}"));
        // One body is in memory at a time, so that it does not grow with the jobs.
        let mut bytes = lock(self.decoding);
        bytes.clear();
        let mut file = file.reopen().map_err(passing)?;
        // Not doubled as it grows.
        bytes.reserve_exact(file.metadata().map_err(passing)?.len() as usize);
        file.read_to_end(&mut bytes).map_err(passing)?;
        let format = Format::sniff(&bytes).ok_or_else(|| {
            let start = crate::decode::escaped_start(&bytes);
            Failure::for_good(format!(
                "{content_type} promised, but it is no image: {start}"
            ))
        })?;
        // Small is enough to see that it can be decoded.
        let options = self.options.decode.clone().with_reduce_to(Some(64));
        let image = decode(&bytes, &options.with_upright(false));
        let image = image.map_err(|error| match error {
            Error::Picture { problem, .. } => match problem {
                Problem::OverLimit { .. } => {
                    Failure::refused(self.options.decoded(), problem.to_string())
                }
                problem => Failure::for_good(problem.to_string()),
            },
            error => Failure::for_good(error.to_string()),
        })?;
        let size = match format {
            Format::Jpeg => jpeg_size(&bytes).unwrap_or(image.dimensions()),
            _ => image.dimensions(),
        };
        Ok((format, size))
    }

    /// Follows redirects by hand, so that each address is checked and the last one known.
    fn follow(&self, url: &str, record: &mut Record) -> Result<Response, Failure> {
        let mut url = Url::parse(url).map_err(|e| Failure::for_good(format!("no URL: {e}")))?;
        for _ in 0..=MAX_REDIRECTS {
            self.check(&url)?;
            let request = self.client.get(url.clone());
            let response = request.send().map_err(|e| Failure::request(&e))?;
            record.final_url = Some(url.to_string());
            record.status = Some(response.status().as_u16());
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok());
            let Some(location) = location else {
                return Ok(response);
            };
            url = url
                .join(location)
                .map_err(|e| Failure::for_good(format!("redirected to no URL: {e}")))?;
        }
        Err(Failure::for_good(format!(
            "more than {MAX_REDIRECTS} redirects"
        )))
    }

    /// Names are checked when they are resolved; addresses that are written out, here.
    fn check(&self, url: &Url) -> Result<(), Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme();
            return Err(Failure::for_good(format!(
                "expected http or https, found {scheme}"
            )));
        }
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        match address {
            Ok(address) if !self.options.allow_private && !is_public(address) => {
                let reason = format!("{address} is not public");
                Err(Failure::refused(PUBLIC_ONLY, reason))
            }
            _ => Ok(()),
        }
    }

    /// What arrives goes to a file as it does.
    fn body(&self, mut response: Response) -> Result<Body, Failure> {
        let passing =
            |error: &dyn fmt::Display| Failure::passing(format!("cannot be kept: {error}"));
        let mut file = unfinished_in(&self.output.join(self.class)).map_err(|e| passing(&e))?;
        let (mut length, mut digest) = (0_u64, Sha256::new());
        let (limit, mut buffer) = (self.options.max_bytes, vec![0; 1 << 16]);
        loop {
            let count = match response.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken_off(length, &error)),
            };
            length += count as u64;
            if length > limit {
                let reason = format!("more than {limit} bytes");
                return Err(Failure::refused(self.options.most(), reason));
            }
            digest.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(|e| passing(&e))?;
        }
        Ok(Body {
            file,
            length,
            digest: hex(&digest.finalize()),
        })
    }

    /// Puts the picture into the folder, whole and under a name that is free.
    fn store(
        &self,
        stem: &str,
        format: Format,
        mut file: NamedTempFile,
        digest: &str,
    ) -> Result<String> {
        let ending = format.endings()[0];
        let folder = self.output.join(self.class);
        file.as_file().sync_data().map_err(Error::io(file.path()))?;
        for number in 0_u32.. {
            let name = match number {
                0 => format!("{stem}.{ending}"),
                number => format!("{stem}~~{number}.{ending}"),
            };
            let path = folder.join(&name);
            // The same bytes: written before an interruption, but not yet in the manifest.
            if fs::read(&path).is_ok_and(|found| hex(&Sha256::digest(found)) == digest) {
                return Ok(format!("{}/{name}", self.class));
            }
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(format!("{}/{name}", self.class)),
                Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => file = e.file,
                Err(e) => return Err(Error::io(&path)(e.error)),
            }
        }
        Err(Error::format(folder, "no free name"))
    }
}

/// A file under a temporary name, with the permissions that the umask allows: temporary files are otherwise for
/// their owner alone, and stay so when they are renamed.
fn unfinished_in(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED_PREFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn broken_off(length: u64, error: &std::io::Error) -> Failure {
    let cause = error.get_ref().and_then(|e| e.source());
    let cause = cause
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    Failure::passing(format!("broken off after {length} bytes: {error}{cause}"))
}

/// `Retry-After` in seconds; a date counts as not said.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
