//! One file over HTTP: streamed to disk, tried again, and gone on with where it broke off.

use std::fs::{self, File as Disk, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use files::Watch;
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use reqwest::redirect::Policy;

use super::{Event, Fetch, io, remove, with_ending};
use crate::error::{Error, Result};
use crate::weights::budget::LARGEST;
use crate::weights::file::PART;

impl Fetch {
    /// Brings `url` into `path` with `.part` behind its name, from where it broke off.
    pub(super) fn transfer(
        &self,
        client: &Client,
        url: &str,
        path: &Path,
        size: Option<u64>,
    ) -> Result<PathBuf> {
        let part = with_ending(path, PART);
        let (mut attempt, mut watch) = (1, self.pace.start());
        loop {
            match self.attempt(client, url, &part, size, &mut watch) {
                Ok(()) => return Ok(part),
                Err(Failure::Passing(message))
                    if attempt < self.attempts && watch.check_deadline().is_ok() =>
                {
                    (self.on_event)(&Event::Retrying(message));
                    std::thread::sleep(Duration::from_millis(100 << attempt.min(6)));
                    attempt += 1;
                }
                Err(Failure::Passing(message)) => {
                    let kept = if part.is_file() {
                        let part = part.display();
                        format!(
                            "; {part} keeps what has arrived, and the next fetch continues from there"
                        )
                    } else {
                        String::new()
                    };
                    return Err(Error::Fetch {
                        url: url.into(),
                        message: format!("{message} (tried {attempt} times{kept})"),
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
        watch: &mut Watch,
    ) -> std::result::Result<(), Failure> {
        // Only the same version of a file can be continued, and only its ETag tells that it is the same.
        let tag_path = with_ending(part, ".etag");
        let Answer {
            response,
            start,
            tag,
        } = ask(client, url, part, &tag_path)?;
        let final_error = |message| final_error(url, message);
        let total = response.content_length().map(|n| n + start);
        if let (Some(total), Some(size)) = (total, size)
            && total != size
        {
            return Err(final_error(format!(
                "the file has {total} bytes, and the publisher's file has {size}"
            )));
        }
        let limit = total.or(size).unwrap_or(LARGEST).min(LARGEST);
        if total.is_some_and(|total| total > limit) {
            return Err(final_error(format!(
                "the file has more than {limit} bytes, the limit"
            )));
        }
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .append(start > 0)
            .truncate(start == 0)
            .open(part)
            .map_err(io(part))?;
        // After the old content is gone: a tag must never stand beside another version's bytes.
        match tag {
            Some(tag) => fs::write(&tag_path, tag).map_err(io(&tag_path))?,
            None => remove(&tag_path)?,
        }
        let done = start;
        (self.on_event)(&Event::Started {
            url: url.into(),
            done,
            total,
        });
        let done = self.stream(response, &mut file, part, (start, limit, total), watch)?;
        if total.or(size).is_some_and(|total| done < total) {
            return Err(Failure::Passing(format!(
                "the download ended after {done} bytes"
            )));
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
        watch: &mut Watch,
    ) -> std::result::Result<u64, Failure> {
        let mut buffer = vec![0; 1 << 16];
        watch.rest();
        loop {
            let n = match response.read(&mut buffer) {
                Ok(0) => return Ok(done),
                Ok(n) => n,
                Err(e) => return Err(Failure::Passing(format!("the download broke off: {e}"))),
            };
            done += n as u64;
            if done > limit {
                remove(part)?;
                return Err(Failure::Final(Error::Fetch {
                    url: response.url().to_string(),
                    message: format!(
                        "the file has more than the {limit} bytes that were announced"
                    ),
                }));
            }
            file.write_all(&buffer[..n]).map_err(io(part))?;
            (self.on_event)(&Event::Progress { done, total });
            watch
                .arrived(n as u64)
                .map_err(|reason| Failure::Passing(format!("given up: {reason}")))?;
        }
    }
}

/// An answer that goes on where a part of the file ends, or begins anew.
struct Answer {
    response: Response,
    /// The position in the file at which its bytes begin.
    start: u64,
    /// The version of the file.
    tag: Option<String>,
}

/// Asks for the bytes that `part` lacks, if the server still has the version in `tag_path`; otherwise for the whole file.
fn ask(
    client: &Client,
    url: &str,
    part: &Path,
    tag_path: &Path,
) -> std::result::Result<Answer, Failure> {
    let known = fs::read_to_string(tag_path).ok();
    let have = fs::metadata(part).map_or(0, |m| m.len());
    let mut request = client.get(url).header(ACCEPT_ENCODING, "identity");
    if let (Some(known), true) = (&known, have > 0) {
        request = request
            .header(RANGE, format!("bytes={have}-"))
            .header(IF_RANGE, known.clone());
    }
    let response = request.send().map_err(|e| {
        if e.is_redirect() {
            final_error(url, why(&e))
        } else {
            Failure::Passing(why(&e))
        }
    })?;
    let header = |name| response.headers().get(name)?.to_str().ok();
    let tag = header(ETAG).map(String::from);
    let start = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(have) && tag == known => have,
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            remove(part)?;
            return Err(Failure::Passing(
                "the server continued with another file".into(),
            ));
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Err(Failure::Passing(format!("the server answered {status}")));
        }
        status => return Err(final_error(url, format!("the server answered {status}"))),
    };
    Ok(Answer {
        response,
        start,
        tag,
    })
}

/// A failure that another attempt would meet again.
fn final_error(url: &str, message: String) -> Failure {
    Failure::Final(Error::Fetch {
        url: url.into(),
        message,
    })
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

pub(super) fn client(timeout: Duration) -> reqwest::Result<Client> {
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
    // reqwest takes the provider of cryptography that the program has chosen: here ring, where it has chosen none.
    let _ = rustls::crypto::ring::default_provider().install_default();
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

pub(super) fn failed(url: &str, error: &reqwest::Error) -> Error {
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
