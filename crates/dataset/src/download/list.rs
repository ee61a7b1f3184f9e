//! Lists of URLs, and names for the files that they give.

use std::collections::HashSet;
use std::path::Path;

use crate::{Error, Result, read_bounded};

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Where the picture is.
    pub url: String,
    /// Its licence, where the list says.
    pub licence: Option<String>,
    /// Its author, where the list says.
    pub author: Option<String>,
}

/// Reads a list: plain text with one URL a line (blank lines and those that start with `#` do not
/// count), or CSV whose header has a column `url` and, if at all, `licence` (or `license`) and
/// `author`.
///
/// # Errors
/// [`Error::Io`]; [`Error::Format`] for a CSV that does not parse.
pub fn read_list(path: impl AsRef<Path>) -> Result<Vec<Entry>> {
    let path = path.as_ref();
    let bytes = read_bounded(path, 1 << 30)?;
    let text = String::from_utf8_lossy(&bytes);
    let format = |e: csv::Error| Error::Format {
        path: path.into(),
        message: e.to_string(),
    };
    let is_csv = text.lines().next().is_some_and(|line| {
        line.split(',')
            .any(|field| field.trim().trim_matches('"').eq_ignore_ascii_case("url"))
    });
    if !is_csv {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'));
        return Ok(lines
            .map(|url| Entry {
                url: url.into(),
                ..Entry::default()
            })
            .collect());
    }
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(format)?.clone();
    let column = |names: &[&str]| {
        header
            .iter()
            .position(|h| names.iter().any(|name| h.eq_ignore_ascii_case(name)))
    };
    let columns = [
        column(&["url"]),
        column(&["licence", "license"]),
        column(&["author"]),
    ];
    let mut entries = Vec::new();
    for record in reader.records() {
        let record = record.map_err(format)?;
        let [url, licence, author] = columns.map(|column| {
            let value = column.and_then(|column| record.get(column));
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        });
        if let Some(url) = url {
            entries.push(Entry {
                url,
                licence,
                author,
            });
        }
    }
    Ok(entries)
}

/// A name for each entry's file, without its ending: the last part of the URL's path, made
/// harmless, and with a number where two are the same. Depends on nothing but the list, so that an
/// interrupted download gives the same names as one that was not.
pub(super) fn stems(entries: &[&Entry]) -> Vec<String> {
    let mut taken = HashSet::new();
    entries
        .iter()
        .map(|entry| {
            let path = entry.url.split(['?', '#']).next().unwrap_or_default();
            let last = path
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
            let harmless = |c: char| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '%' | '+' => c,
                _ => '_',
            };
            let mut stem: String = stem.chars().take(80).map(harmless).collect();
            if stem.is_empty() {
                stem = "image".into();
            }
            // File systems that ignore case must not merge two names.
            let mut name = stem.clone();
            let mut number = 2;
            while !taken.insert(name.to_lowercase()) {
                name = format!("{stem}~{number}");
                number += 1;
            }
            name
        })
        .collect()
}
