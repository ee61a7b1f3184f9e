//! Lists of URLs, and names for the files that are downloaded.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use files::read_at_most;

use crate::error::{Error, Result};

/// One line of a list of URLs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// The URL of the image.
    pub url: String,
    /// The license of the image, if the list has it.
    pub license: Option<String>,
    /// The author of the image, if the list has it.
    pub author: Option<String>,
}

/// Reads a list of URLs. It is either plain text with one URL per line, in which empty lines and lines that start with `#`
/// are ignored, or CSV whose header has a column `url` and may have the columns `license` (or `licence`) and `author`. A
/// byte order mark at the start is ignored.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read or has more than 1 GiB; [`Error::Parse`] if it is not text, or is CSV that cannot be parsed or has a row without a URL.
pub fn read_list(path: impl AsRef<Path>) -> Result<Vec<Entry>> {
    let path = path.as_ref();
    let bytes = read_at_most(path, 1 << 30)?;
    // Spreadsheets write a byte order mark, which would belong to the first column or URL.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    if bytes.starts_with(&[0x1f, 0x8b]) || bytes.contains(&0) {
        return Err(Error::parse(
            path,
            "not a list of URLs but a binary file; unpack it first",
        ));
    }
    let text = String::from_utf8_lossy(bytes);
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
    let header = reader.headers().map_err(Error::csv(path))?;
    let header = header.clone();
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
        let record = record.map_err(Error::csv(path))?;
        let [url, license, author] = columns.map(|column| {
            let value = column.and_then(|column| record.get(column));
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        });
        let Some(url) = url else {
            // The reader counts the line where the previous record ends: before empty lines, and within `\r\n`.
            let at = record.position().map_or(0, |at| at.byte() as usize);
            let (before, rest) = text.split_at_checked(at).unwrap_or((&text, ""));
            let empty = &rest[..rest.len() - rest.trim_start_matches(['\r', '\n']).len()];
            let line = 1 + [before, empty]
                .map(|text| text.matches('\n').count())
                .iter()
                .sum::<usize>();
            return Err(Error::parse(
                path,
                format!(
                    "line {line}: expected a URL in the column 'url', found none: add it, or remove the line"
                ),
            ));
        };
        entries.push(Entry {
            url,
            license,
            author,
        });
    }
    Ok(entries)
}

/// The name of each entry's file without its extension: the last part of the URL's path, without special characters, and
/// with a number if two are the same. It depends on nothing but the list, so that an interrupted download gives the same
/// names as one that was not.
pub(super) fn stems(entries: &[&Entry]) -> Vec<String> {
    let mut taken = HashSet::new();
    // The first number that may be free: trying all numbers again for each of many equal names would take too long.
    let mut next: HashMap<String, u64> = HashMap::new();
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
            if !taken.insert(name.to_lowercase()) {
                let number = next.entry(name.to_lowercase()).or_insert(2);
                loop {
                    name = format!("{stem}~{number}");
                    *number += 1;
                    if taken.insert(name.to_lowercase()) {
                        break;
                    }
                }
            }
            name
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Entry, stems};

    fn named<'a>(urls: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let entry = |url: &str| Entry {
            url: url.into(),
            ..Entry::default()
        };
        let entries: Vec<_> = urls.into_iter().map(entry).collect();
        stems(&entries.iter().collect::<Vec<_>>())
    }

    #[test]
    fn equal_names_are_numbered_in_order() {
        let urls = [
            "a/x.jpg",
            "b/X.jpg",
            "c/x~2.jpg",
            "d/x.png",
            "e/x_2.jpg",
            "f/x_2.gif",
        ];
        assert_eq!(named(urls), ["x", "X~2", "x_2", "x~3", "x_2~2", "x_2~3"]);
    }

    /// Trying every number for every name would take 20 thousand million tries: hours.
    #[test]
    fn many_equal_names_take_no_time() {
        let names = named(std::iter::repeat_n("a/photo.jpg", 200_000));
        assert_eq!(names[199_999], "photo~200000");
    }
}
