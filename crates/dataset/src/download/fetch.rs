//! Downloads one URL: the result is a file or a reason why there is none.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use files::{UNFINISHED_PREFIX, Watch, hex};
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url, redirect};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::address::{NotPublic, PublicOnly, is_public};
use super::digest::Expected;
use super::failure::Failure;
use super::list::Entry;
use super::manifest::{Dimensions, Record};
use super::options::{Download, PLACEHOLDER, PUBLIC_ONLY};
use super::queue::{Permit, lock};
use crate::decode::foreign;
use crate::decode::{ImageFormat, decode, jpeg_size};
use crate::error::{Error, Result};
use crate::problem::ImageProblem;

const MAX_REDIRECTS: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Fetcher<'a> {
    options: &'a Download,
    class: &'a str,
    output: &'a Path,
    client: Client,
    /// The bytes of the file that is being decoded: one buffer for all files.
    decoding: &'a Mutex<Vec<u8>>,
}

/// What arrived, in a file that is deleted unless it is stored.
struct Body {
    file: NamedTempFile,
    length: u64,
    digest: String,
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(
        options: &'a Download,
        class: &'a str,
        output: &'a Path,
        decoding: &'a Mutex<Vec<u8>>,
    ) -> Result<Self> {
        // reqwest takes the provider of cryptography that the program has chosen; if it has chosen none, it is ring.
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
        let client = client.build().map_err(|error| Error::HttpClient {
            source: error.into(),
        })?;
        Ok(Self {
            options,
            class,
            output,
            client,
            decoding,
        })
    }

    /// Downloads one URL to a file with this stem. What goes wrong with the URL is in the record; an error is one of the
    /// folder.
    pub(super) fn fetch(&self, entry: &Entry, stem: &str, permit: &Permit) -> Result<Record> {
        let mut record = Record {
            url: entry.url.clone(),
            class: self.class.to_owned(),
            license: entry.license.clone(),
            author: entry.author.clone(),
            ..Record::default()
        };
        let texts = &self.options.url_filter;
        if !texts.is_empty() && !texts.iter().any(|text| entry.url.contains(text)) {
            record.reason = Some(format!("not requested: the URL contains none of {texts:?}"));
            record.refused_by = Some(self.options.url_filter_text());
            return Ok(record);
        }
        let (mut pause, mut watch) = (FIRST_PAUSE, self.options.pace.start());
        loop {
            record.attempts += 1;
            match self.attempt(entry, &mut record, &mut watch) {
                Ok((file, format)) => {
                    let digest = record.sha256.as_deref().unwrap_or_default();
                    record.path = Some(self.store(stem, format, file, digest)?);
                    (record.reason, record.retry, record.refused_by) = (None, false, None);
                    return Ok(record);
                }
                Err(failure) => {
                    (record.reason, record.retry) = (Some(failure.reason), failure.retry);
                    record.refused_by = failure.refused_by;
                    let over = watch.check_deadline().is_err();
                    if !failure.retry || over || record.attempts >= self.options.attempts {
                        return Ok(record);
                    }
                    let asked = failure.pause.unwrap_or_default().min(LONGEST_PAUSE);
                    if failure.pause.is_some() {
                        permit.pause_host(asked);
                    }
                    std::thread::sleep(asked.max(pause));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn attempt(
        &self,
        entry: &Entry,
        record: &mut Record,
        watch: &mut Watch,
    ) -> Result<(NamedTempFile, ImageFormat), Failure> {
        let response = self.follow(&entry.url, record, watch)?;
        let status = response.status();
        record.status = Some(status.as_u16());
        if status != StatusCode::OK {
            let reason = format!("expected status 200, found {status}");
            let retry = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            return Err(Failure {
                retry,
                pause: retry_after(&response),
                ..Failure::permanent(reason)
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
            return Err(Failure::permanent(reason));
        }
        let Body {
            file,
            length,
            digest,
        } = self.body(response, watch)?;
        record.bytes = Some(length);
        record.sha256 = Some(digest.clone());
        let unavailable = record
            .final_url
            .as_deref()
            .is_some_and(|u| u.contains("photo_unavailable"));
        let placeholder = "a placeholder: the photo is not available";
        if unavailable {
            return Err(Failure::permanent(placeholder));
        }
        if self.options.placeholders.contains(&digest) {
            let option = format!("{PLACEHOLDER}{digest}");
            return Err(Failure::refused(option, placeholder));
        }
        if length <= self.options.min_bytes {
            let least = self.options.min_bytes;
            let reason = format!("expected more than {least} bytes, found {length}");
            return Err(Failure::refused(self.options.min_bytes_text(), reason));
        }
        let (format, size) = self.examine(&file, &content_type, entry.digest.as_ref())?;
        (record.format, record.size) = (Some(format), Some(size));
        Ok((file, format))
    }

    /// The format and the size of the image that arrived, if it can be decoded.
    fn examine(
        &self,
        file: &NamedTempFile,
        content_type: &str,
        expected: Option<&Expected>,
    ) -> Result<(ImageFormat, Dimensions), Failure> {
        let unreadable =
            |error: std::io::Error| Failure::temporary(format!("cannot be read: {error}"));
        // One file at a time is in memory, so that the memory does not grow with the number of jobs.
        let mut bytes = lock(self.decoding);
        bytes.clear();
        let mut file = file.reopen().map_err(unreadable)?;
        // Reserved once, or the buffer would double as it grows.
        bytes.reserve_exact(file.metadata().map_err(unreadable)?.len() as usize);
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        if let Some(expected) = expected.filter(|expected| !expected.fits(&bytes)) {
            let (name, digest) = (expected.name(), expected.to_hex());
            let reason = format!("this is not the file of the list, whose {name} is {digest}");
            return Err(Failure::permanent(reason));
        }
        let format = ImageFormat::sniff(&bytes).ok_or_else(|| {
            let problem = foreign::problem(&bytes);
            Failure::permanent(format!(
                "the server announced {content_type}, but sent no image: {problem}"
            ))
        })?;
        // A small size is enough to see whether it can be decoded.
        let options = self.options.decode.clone().with_reduce_to(Some(64));
        let image = decode(&bytes, &options.with_upright(false));
        let image = image.map_err(|error| match error {
            Error::Image { problem, .. } => match problem {
                ImageProblem::OverLimit { .. } => {
                    Failure::refused(self.options.decode_text(), problem.to_string())
                }
                problem => Failure::permanent(problem.to_string()),
            },
            error => Failure::permanent(error.to_string()),
        })?;
        let (width, height) = match format {
            ImageFormat::Jpeg => jpeg_size(&bytes).unwrap_or(image.dimensions()),
            _ => image.dimensions(),
        };
        Ok((format, Dimensions { width, height }))
    }

    /// Sends the request and follows redirects, checking each address.
    fn follow(&self, url: &str, record: &mut Record, watch: &Watch) -> Result<Response, Failure> {
        let mut url =
            Url::parse(url).map_err(|e| Failure::permanent(format!("this is not a URL: {e}")))?;
        for _ in 0..=MAX_REDIRECTS {
            self.check(&url)?;
            watch.check_deadline().map_err(Failure::temporary)?;
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
            url = url.join(location).map_err(|e| {
                Failure::permanent(format!("redirected to something that is not a URL: {e}"))
            })?;
        }
        Err(Failure::permanent(format!(
            "more than {MAX_REDIRECTS} redirects"
        )))
    }

    /// Checks a URL whose host is an address. A host that is a name is checked when it is resolved.
    fn check(&self, url: &Url) -> Result<(), Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme();
            return Err(Failure::permanent(format!(
                "expected http or https, found {scheme}"
            )));
        }
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        match address {
            Ok(address) if !self.options.allow_private && !is_public(address) => {
                let refused = NotPublic {
                    name: None,
                    address,
                };
                Err(Failure::refused(PUBLIC_ONLY, refused.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Writes the body of the response to a temporary file.
    fn body(&self, mut response: Response, watch: &mut Watch) -> Result<Body, Failure> {
        let unwritable = |error: Error| Failure::temporary(format!("cannot be stored: {error}"));
        let mut file = unfinished_in(&self.output.join(self.class)).map_err(unwritable)?;
        let (mut length, mut digest) = (0_u64, Sha256::new());
        let (limit, mut buffer) = (self.options.max_bytes, vec![0; 1 << 16]);
        watch.rest();
        loop {
            let count = match response.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::broken_off(length, &error)),
            };
            length += count as u64;
            if length > limit {
                let reason = format!("more than {limit} bytes");
                return Err(Failure::refused(self.options.max_bytes_text(), reason));
            }
            let slow =
                |reason| Failure::temporary(format!("given up after {length} bytes: {reason}"));
            watch.arrived(count as u64).map_err(slow)?;
            digest.update(&buffer[..count]);
            file.write_all(&buffer[..count])
                .map_err(|error| unwritable(Error::io(file.path())(error)))?;
        }
        Ok(Body {
            file,
            length,
            digest: hex(&digest.finalize()),
        })
    }

    /// Puts the image into the folder, complete and under a name that is free.
    fn store(
        &self,
        stem: &str,
        format: ImageFormat,
        mut file: NamedTempFile,
        digest: &str,
    ) -> Result<String> {
        let extension = format.extensions()[0];
        let folder = self.output.join(self.class);
        file.as_file().sync_data().map_err(Error::io(file.path()))?;
        for number in 0_u32.. {
            let name = match number {
                0 => format!("{stem}.{extension}"),
                number => format!("{stem}~~{number}.{extension}"),
            };
            let path = folder.join(&name);
            // A file with the same bytes was written before an interruption and is not yet in the manifest.
            if fs::read(&path).is_ok_and(|found| hex(&Sha256::digest(found)) == digest) {
                return Ok(format!("{}/{name}", self.class));
            }
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(format!("{}/{name}", self.class)),
                Err(e) if e.error.kind() == ErrorKind::AlreadyExists => file = e.file,
                Err(e) => return Err(Error::io(&path)(e.error)),
            }
        }
        Err(Error::io(folder)(ErrorKind::AlreadyExists.into()))
    }
}

/// A file under a temporary name, with the permissions that the umask allows: temporary files are otherwise for
/// their owner alone, and stay so when they are renamed.
fn unfinished_in(folder: &Path) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED_PREFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(Error::io(folder))
}

/// The `Retry-After` header, if it is a number of seconds and not a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
