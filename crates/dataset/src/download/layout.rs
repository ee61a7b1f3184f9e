//! What the lines of a list are: URLs alone, or columns.

use std::path::Path;

use crate::error::{Error, Result};
use crate::table::separator;

/// Names of the column of URLs, in lower case, letters and digits alone.
pub(super) const URL: [&str; 10] = [
    "url",
    "imageurl",
    "originalurl",
    "flickrurl",
    "link",
    "uri",
    "imagelink",
    "downloadurl",
    "src",
    "href",
];
/// So many lines are looked at to see what a list is.
pub(super) const LOOKED_AT: usize = 20;

/// Endings of images, by which a URL at the start of a line is told from what follows it.
const ENDINGS: [&str; 10] = [
    "jpg", "jpeg", "png", "gif", "webp", "bmp", "tif", "tiff", "avif", "heic",
];

/// Whether a line without a URL names columns: one of them is called as columns of URLs are, or the lines below have the same
/// separators and a URL.
pub(super) fn is_header(first: &str, lines: &[(&str, u64)]) -> bool {
    let sign = char::from(separator(first));
    let mut names = first.split(sign).map(plain);
    if names.any(|name| URL.contains(&name.as_str())) {
        return true;
    }
    let count = first.matches(sign).count();
    let mut below = lines.iter().skip(1).take(LOOKED_AT);
    count > 0 && below.any(|(line, _)| has_url(line) && line.matches(sign).count() >= count)
}

pub(super) enum Layout {
    /// One URL on each line.
    Plain,
    /// Columns without names.
    Columns,
}

/// What lines without a header are.
pub(super) fn layout(path: &Path, lines: &[(&str, u64)]) -> Result<Layout> {
    let first = lines
        .iter()
        .take(LOOKED_AT)
        .filter(|(line, _)| has_url(line));
    let mut columns = 0;
    let mut looked_at = 0;
    for (line, number) in first {
        looked_at += 1;
        let unclear = |what: &str| {
            let message = format!(
                "line {number}: it is unclear which part of '{line}' is the URL: {what}; write a first line with the names of the \
                 columns, such as 'url,class'"
            );
            Err(Error::parse(path, message))
        };
        if line.contains('\t') {
            columns += 1;
        } else if let Some(sign) = [',', ';'].into_iter().find(|sign| line.contains(*sign)) {
            // Both may be in a URL.
            let cells: Vec<&str> = line
                .split(sign)
                .map(|cell| cell.trim().trim_matches('"'))
                .collect();
            let url = cells.iter().position(|cell| is_url(cell)).unwrap_or(0);
            let whole = cells[url];
            let last = cells[cells.len() - 1];
            match (has_ending(whole), url + 1 == cells.len(), has_ending(last)) {
                (true, ..) | (_, true, _) if url > 0 || whole != last => columns += 1,
                (_, _, true) => {}
                _ => {
                    return unclear(&format!(
                        "the sign '{sign}' may be a part of the URL, or separate columns"
                    ));
                }
            }
        } else if line.contains(' ') {
            return unclear("there are spaces in the line; in a URL a space is %20");
        }
    }
    match columns {
        0 => Ok(Layout::Plain),
        _ if columns == looked_at => Ok(Layout::Columns),
        _ => {
            let message = "some lines have one URL alone, and others have columns; write a first line with the names of the columns";
            Err(Error::parse(path, message))
        }
    }
}

pub(super) fn is_url(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://")
}

pub(super) fn has_url(line: &str) -> bool {
    line.contains("://")
}

/// Whether the path of a URL ends as images do.
fn has_ending(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    ENDINGS
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
}

pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
