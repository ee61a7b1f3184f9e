//! One URL to one file or one reason.

use std::error::Error as _;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url, redirect};
use sha2::{Digest, Sha256};

use super::address::{PublicOnly, is_public};
use super::manifest::hex;
use super::queue::Turn;
use super::{Download, Entry, Record, lock};
use crate::files::part_in;
use crate::{Error, Format, Result, decode};

const MAX_REDIRECTS: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Fetcher<'a> {
    options: &'a Download,
    class: &'a str,
    output: &'a Path,
    client: Client,
    /// One picture is decoded at a time, so that memory does not grow with the jobs.
    decoding: &'a Mutex<()>,
}

/// Why an attempt gave no picture, and whether another one may.
struct Failure {
    reason: String,
    retry: bool,
    pause: Option<Duration>,
}

impl Failure {
    fn for_good(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retry: false,
            pause: None,
        }
    }

    fn passing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retry: true,
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
        if error.is_builder() || reason.contains("not public") {
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
        decoding: &'a Mutex<()>,
    ) -> Result<Self> {
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
            return Ok(record);
        }
        let mut pause = FIRST_PAUSE;
        loop {
            record.attempts += 1;
            match self.attempt(&entry.url, &mut record) {
                Ok((bytes, format)) => {
                    record.path = Some(self.store(stem, format, &bytes)?);
                    (record.reason, record.retry) = (None, false);
                    return Ok(record);
                }
                Err(failure) => {
                    (record.reason, record.retry) = (Some(failure.reason), failure.retry);
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

    fn attempt(&self, url: &str, record: &mut Record) -> Result<(Vec<u8>, Format), Failure> {
        let response = self.follow(url, record)?;
        let status = response.status();
        record.status = Some(status.as_u16());
        if status != StatusCode::OK {
            let reason = format!("expected status 200, found {status}");
            let retry = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            return Err(Failure {
                reason,
                retry,
                pause: retry_after(&response),
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
        let bytes = self.body(response)?;
        let length = bytes.len() as u64;
        let digest = hex(&Sha256::digest(&bytes));
        record.bytes = Some(length);
        record.sha256 = Some(digest.clone());
        let unavailable = record
            .final_url
            .as_deref()
            .is_some_and(|u| u.contains("photo_unavailable"));
        if unavailable || self.options.placeholders.contains(&digest) {
            return Err(Failure::for_good(
                "a placeholder: the photo is not available",
            ));
        }
        if length <= self.options.min_bytes {
            let least = self.options.min_bytes;
            return Err(Failure::for_good(format!(
                "expected more than {least} bytes, found {length}"
            )));
        }
        let format = Format::sniff(&bytes).ok_or_else(|| {
            let start = crate::decode::escaped_start(&bytes);
            Failure::for_good(format!(
                "{content_type} promised, but it is no image: {start}"
            ))
        })?;
        let image = {
            let _one_at_a_time = lock(self.decoding);
            decode(&bytes, &self.options.decode)
        };
        let image = image.map_err(|error| match error {
            Error::Picture { problem, .. } => Failure::for_good(problem.to_string()),
            error => Failure::for_good(error.to_string()),
        })?;
        (record.format, record.size) = (Some(format), Some(image.dimensions()));
        Ok((bytes, format))
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
                Err(Failure::for_good(format!("{address} is not public")))
            }
            _ => Ok(()),
        }
    }

    fn body(&self, response: Response) -> Result<Vec<u8>, Failure> {
        let limit = self.options.max_bytes;
        let mut bytes = Vec::new();
        let read = response
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes);
        if bytes.len() as u64 > limit {
            return Err(Failure::for_good(format!("more than {limit} bytes")));
        }
        read.map_err(|e| {
            let cause = e
                .get_ref()
                .and_then(|e| e.source())
                .map(|s| format!(": {s}"));
            let cause = cause.unwrap_or_default();
            Failure::passing(format!(
                "broken off after {} bytes: {e}{cause}",
                bytes.len()
            ))
        })?;
        Ok(bytes)
    }

    /// Puts the picture into the folder, whole and under a name that is free.
    fn store(&self, stem: &str, format: Format, bytes: &[u8]) -> Result<String> {
        let ending = format.endings()[0];
        let folder = self.output.join(self.class);
        let mut file = part_in(&folder)?;
        file.write_all(bytes)
            .and_then(|()| file.as_file().sync_data())
            .map_err(Error::io(file.path()))?;
        for number in 0_u32.. {
            let name = match number {
                0 => format!("{stem}.{ending}"),
                number => format!("{stem}~~{number}.{ending}"),
            };
            let path = folder.join(&name);
            // The same bytes: written before an interruption, but not yet in the manifest.
            if fs::read(&path).is_ok_and(|found| found == bytes) {
                return Ok(format!("{}/{name}", self.class));
            }
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(format!("{}/{name}", self.class)),
                Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => file = e.file,
                Err(e) => return Err(Error::io(&path)(e.error)),
            }
        }
        Err(Error::Format {
            path: folder,
            message: "no free name".into(),
        })
    }
}

/// `Retry-After` in seconds; a date counts as not said.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
