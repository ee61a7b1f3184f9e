//! Lists of URLs.

use std::collections::BTreeMap;
use std::path::Path;

use super::digest::Expected;
use super::layout::{LOOKED_AT, Layout, URL, has_url, is_header, is_url, layout, plain};
use crate::error::{Error, Result};
use crate::table::{Row, Table, separator};
use crate::text;

/// One line of a list of URLs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// The URL of the image.
    pub url: String,
    /// The license of the image, if the list has it.
    pub license: Option<String>,
    /// The author of the image, if the list has it.
    pub author: Option<String>,
    /// The class of the image, if the list has it.
    pub class: Option<String>,
    /// The digest of the file, if the list has it: what arrives is compared with it.
    pub digest: Option<Expected>,
}

/// A list of URLs, and how it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UrlList {
    /// Its lines, in their order.
    pub entries: Vec<Entry>,
    /// What the columns are, and which of them are not used, in sentences; empty for a list without columns.
    pub remarks: Vec<String>,
}

/// Reads the entries of a list of URLs; see [`UrlList::open`].
///
/// # Errors
/// As [`UrlList::open`].
pub fn read_list(path: impl AsRef<Path>) -> Result<Vec<Entry>> {
    Ok(UrlList::open(path)?.entries)
}

/// Names of columns in lower case, letters and digits alone.
const LICENSE: [&str; 2] = ["license", "licence"];
const AUTHOR: [&str; 3] = ["author", "creator", "photographer"];
const CLASS: [&str; 7] = [
    "class",
    "category",
    "label",
    "species",
    "classname",
    "labelname",
    "target",
];
const DIGEST: [&str; 9] = [
    "sha256",
    "sha1",
    "md5",
    "originalmd5",
    "md5sum",
    "sha256sum",
    "checksum",
    "digest",
    "hash",
];

impl UrlList {
    /// The lines of each class: all of `class` where that is given, otherwise of the classes that the list names.
    ///
    /// # Errors
    /// [`Error::Setting`] if no class is given and a line of the list has none.
    pub fn by_class(self, class: Option<&str>) -> Result<BTreeMap<String, Vec<Entry>>> {
        let mut classes: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in self.entries {
            let Some(class) = class.or(entry.class.as_deref()) else {
                let expected = format!(
                    "a class for {}: give one for all URLs, or a list with a column \"class\"",
                    files::shown(&entry.url)
                );
                return Err(Error::setting("class", "missing", expected));
            };
            classes.entry(class.to_string()).or_default().push(entry);
        }
        Ok(classes)
    }

    /// Reads a list of URLs. It is either plain text with one URL per line, in which empty lines and lines that start with
    /// `#` are ignored, or a table (CSV with commas, semicolons or tabs, or JSON lines) with a column of URLs, which is
    /// found by its name (`url`, `image_url` and the like) or because it is the only one with URLs. Columns for license,
    /// author, class (`category`, `label`) and digest (`md5`, `sha1`, `sha256`; hexadecimal or base64) are used, others are
    /// named in the remarks. Byte order marks are understood, so that lists in UTF-16 are, too.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or has more than 1 GiB; [`Error::Parse`] if it is not text, if none of its
    /// first lines has a URL, if it cannot be told what in a line is the URL, or if it is a table that cannot be parsed or
    /// has a row without a URL.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = text::read_or_replace(path)?;
        let lines = text.lines().map(str::trim).zip(1..);
        let lines: Vec<(&str, u64)> = lines
            .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
            .collect();
        let Some((first, _)) = lines.first() else {
            return Ok(Self::default());
        };
        if first.starts_with('{') || (!has_url(first) && is_header(first, &lines)) {
            return Self::of_table(path, Table::parse(path, &text)?, true);
        }
        if !lines.iter().take(LOOKED_AT).any(|(line, _)| has_url(line)) {
            let first: String = first.chars().take(60).collect();
            let message = format!(
                "this is not a list of URLs: its first lines have none (the first line is '{first}'); give a file with one URL per line, \
                 or a table with a column 'url'"
            );
            return Err(Error::parse(path, message));
        }
        match layout(path, &lines)? {
            Layout::Plain => {
                let urls = lines.iter().map(|(url, _)| Entry {
                    url: (*url).into(),
                    ..Entry::default()
                });
                Ok(Self {
                    entries: urls.collect(),
                    remarks: Vec::new(),
                })
            }
            Layout::Columns => {
                let sign = separator(first);
                let columns = 1..=first.matches(char::from(sign)).count() + 1;
                let columns = columns.map(|column| format!("column {column}")).collect();
                let table = Table::without_header(path, &text, sign, columns)?;
                Self::of_table(path, table, false)
            }
        }
    }

    fn of_table(path: &Path, table: Table, header: bool) -> Result<Self> {
        let plain: Vec<String> = table.columns.iter().map(|name| plain(name)).collect();
        let find = |names: &[&str]| {
            let mut names = names.iter();
            names.find_map(|name| plain.iter().position(|column| column == name))
        };
        let url = match find(&URL).filter(|_| header) {
            Some(column) => column,
            None => only_urls(path, &table)?,
        };
        let [license, author, class, digest] = if header {
            [find(&LICENSE), find(&AUTHOR), find(&CLASS), find(&DIGEST)]
        } else {
            [None; 4]
        };
        let mut entries = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            let cell = |column: Option<usize>| {
                let value = row.cells.get(column?)?.trim();
                (!value.is_empty()).then(|| value.to_owned())
            };
            let Some(url_cell) = cell(Some(url)) else {
                let (line, name) = (row.line, &table.columns[url]);
                let message = format!(
                    "line {line}: expected a URL in the column '{name}', found none: add it, or remove the line"
                );
                return Err(Error::parse(path, message));
            };
            entries.push(Entry {
                url: url_cell,
                license: cell(license),
                author: cell(author),
                class: cell(class),
                digest: expected(path, row, cell(digest))?,
            });
        }
        let used = [
            (Some(url), "URLs"),
            (license, "licenses"),
            (author, "authors"),
            (class, "classes"),
            (digest, "digests"),
        ];
        Ok(Self {
            entries,
            remarks: vec![remark(path, &table, &used)],
        })
    }
}

/// Which columns are used, and which are not.
fn remark(path: &Path, table: &Table, used: &[(Option<usize>, &str)]) -> String {
    let name = |column: usize| format!("'{}'", table.columns[column]);
    let words = used
        .iter()
        .filter_map(|(column, what)| Some(format!("{what} in {}", name((*column)?))));
    let words = words.collect::<Vec<_>>().join(", ");
    let unused = (0..table.columns.len())
        .filter(|column| used.iter().all(|(used, _)| *used != Some(*column)));
    let unused: Vec<String> = unused.map(name).collect();
    let not_used = match &unused[..] {
        [] => String::new(),
        some => format!("; not used: {}", some.join(", ")),
    };
    format!("{}: {words}{not_used}", files::shown_path(path))
}

fn expected(path: &Path, row: &Row, cell: Option<String>) -> Result<Option<Expected>> {
    let Some(text) = cell else {
        return Ok(None);
    };
    if let Some(digest) = Expected::parse(&text) {
        return Ok(Some(digest));
    }
    let message = format!(
        "line {}: expected an MD5, SHA-1 or SHA-256 digest, hexadecimal or base64, found '{}'",
        row.line,
        files::shown(&text)
    );
    Err(Error::parse(path, message))
}

/// The only column whose first cells are URLs.
fn only_urls(path: &Path, table: &Table) -> Result<usize> {
    let first = || table.rows.iter().take(LOOKED_AT);
    let are_urls = |column: &usize| {
        let mut cells = first().filter_map(|row| row.cells.get(*column));
        cells.clone().next().is_some() && cells.all(|cell| is_url(cell.trim()))
    };
    let found: Vec<usize> = (0..table.columns.len()).filter(are_urls).collect();
    let names = |columns: &[usize]| {
        let names = columns
            .iter()
            .map(|&column| format!("'{}'", table.columns[column]));
        names.collect::<Vec<_>>().join(", ")
    };
    match found[..] {
        [column] => Ok(column),
        [] => {
            let all: Vec<usize> = (0..table.columns.len()).collect();
            let message = format!("no column has URLs; the columns are {}", names(&all));
            Err(Error::parse(path, message))
        }
        _ => {
            let message = format!(
                "several columns have URLs: {}; call the right one 'url'",
                names(&found)
            );
            Err(Error::parse(path, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: impl AsRef<[u8]>) -> Result<UrlList> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, text).unwrap();
        UrlList::open(&path)
    }

    fn urls(text: impl AsRef<[u8]>) -> Vec<String> {
        let entries = list(text).unwrap().entries;
        entries.into_iter().map(|entry| entry.url).collect()
    }

    #[test]
    fn the_column_of_urls_is_found_in_every_form() {
        let two = ["http://a/1.jpg", "https://a/2.jpg?x=1"];
        for text in [
            "http://a/1.jpg\n# a remark\n\nhttps://a/2.jpg?x=1\n",
            "http://a/1.jpg,boat\nhttps://a/2.jpg?x=1,cloud\n",
            "7;http://a/1.jpg\n8;https://a/2.jpg?x=1\n",
            "n01_1\thttp://a/1.jpg\nn01_2\thttps://a/2.jpg?x=1\n",
            "id,Image URL,Category\n1,http://a/1.jpg,boat\n2,https://a/2.jpg?x=1,cloud\n",
            "id;where\n1;http://a/1.jpg\n2;https://a/2.jpg?x=1\n",
            "{\"url\": \"http://a/1.jpg\"}\n{\"url\": \"https://a/2.jpg?x=1\"}\n",
        ] {
            assert_eq!(urls(text), two, "{text}");
        }
        let with_commas = "https://c/w_200,h_100/1.jpg\nhttps://c/w_200,h_100/2.jpg\n";
        assert_eq!(urls(with_commas).concat(), with_commas.replace('\n', ""));
        let utf16: Vec<u8> = "\u{feff}http://a/1.jpg\r\nhttps://a/2.jpg?x=1\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(urls(utf16), two);
    }

    #[test]
    fn columns_are_used_or_named() {
        let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let found = list(format!(
            "url,Category,SHA256,width\nhttp://a/1.jpg,boat,{sha256},640\n"
        ))
        .unwrap();
        assert_eq!(found.entries[0].class.as_deref(), Some("boat"));
        assert!(found.entries[0].digest.as_ref().unwrap().fits(b"test"));
        let said = &found.remarks[0];
        assert!(
            said.contains(
                "URLs in 'url', classes in 'Category', digests in 'SHA256'; not used: 'width'"
            ),
            "{said}"
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_any_request() {
        for (text, word) in [
            ("boat\ncloud\n", "its first lines have none"),
            ("a,b\n1,2\n", "its first lines have none"),
            ("http://a/1,boat\n", "may be a part of the URL"),
            ("http://a/my photo.jpg\n", "%20"),
            (
                "http://a/1.jpg\nhttp://a/2.jpg,boat\n",
                "others have columns",
            ),
            (
                "one,two\nhttp://a/1.jpg,http://b/1.jpg\n",
                "several columns",
            ),
            ("url,md5\nhttp://a/1.jpg,abc\n", "expected an MD5"),
        ] {
            let error = list(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(list("# nothing\n\n").unwrap().entries.is_empty());
    }
}
