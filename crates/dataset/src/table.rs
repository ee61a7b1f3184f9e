//! Tables as people have them: CSV, the same with semicolons or tabs, and JSON lines.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::text;

/// What may stand between the cells of a line.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// A table: the names of its columns, and its rows, each with one cell for each column.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line where it starts, from 1.
    pub(crate) line: u64,
    pub(crate) cells: Vec<String>,
}

impl Table {
    /// Reads a table. JSON lines are told by their first byte, and the separator of the others by the first line.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or has more than 1 GiB; [`Error::Parse`] if it is no such table.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Self::parse(path, &text::read(path)?)
    }

    /// Reads a table from the text of the file at `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self> {
        if text.trim_start().starts_with('{') {
            Self::of_json_lines(path, text)
        } else {
            Self::of_cells(path, text)
        }
    }

    fn of_cells(path: &Path, text: &str) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator(text))
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let names = reader.headers().map_err(Error::csv(path))?;
        let columns: Vec<String> = names.iter().map(str::to_owned).collect();
        for (at, name) in columns.iter().enumerate() {
            if columns[..at].contains(name) {
                let message = format!("two columns are called '{name}'; rename one of them");
                return Err(Error::parse(path, message));
            }
        }
        let rows = rows_of(path, text, reader)?;
        Ok(Self { columns, rows })
    }

    /// Reads a table whose first line is a row already.
    #[cfg(feature = "download")]
    pub(crate) fn without_header(
        path: &Path,
        text: &str,
        separator: u8,
        columns: Vec<String>,
    ) -> Result<Self> {
        let reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .has_headers(false)
            .from_reader(text.as_bytes());
        let rows = rows_of(path, text, reader)?;
        Ok(Self { columns, rows })
    }

    fn of_json_lines(path: &Path, text: &str) -> Result<Self> {
        let mut table = Self {
            columns: Vec::new(),
            rows: Vec::new(),
        };
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() {
                continue;
            }
            let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
                let what = "expected JSON lines, one object on each line";
                Error::Parse {
                    path: path.to_path_buf(),
                    message: format!("line {line}: {what}: {error}"),
                    source: Some(error.into()),
                }
            })?;
            let mut cells = vec![String::new(); table.columns.len()];
            for (name, value) in object {
                let column = table.columns.iter().position(|known| *known == name);
                let column = column.unwrap_or_else(|| {
                    table.columns.push(name);
                    cells.push(String::new());
                    table.columns.len() - 1
                });
                cells[column] = cell(value);
            }
            table.rows.push(Row { line, cells });
        }
        // Columns that only later rows have.
        for row in &mut table.rows {
            row.cells.resize(table.columns.len(), String::new());
        }
        Ok(table)
    }
}

fn rows_of(path: &Path, text: &str, mut reader: csv::Reader<&[u8]>) -> Result<Vec<Row>> {
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(Error::csv(path))?;
        let at = record.position().map_or(0, |at| at.byte() as usize);
        rows.push(Row {
            line: lines.of(at),
            cells: record.iter().map(str::to_owned).collect(),
        });
    }
    Ok(rows)
}

/// Counts lines. The reader counts the line where the record before ends: before empty lines, and within `\r\n`.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that starts at this byte or after line ends there; later ones are asked later.
    fn of(&mut self, at: usize) -> u64 {
        let bytes = self.text.as_bytes();
        let at = at.clamp(self.at, bytes.len());
        let ends = bytes[at..].iter();
        let to = at + ends.take_while(|byte| b"\r\n".contains(byte)).count();
        let passed = bytes[self.at..to].iter();
        self.line += passed.filter(|byte| **byte == b'\n').count() as u64;
        self.at = to;
        self.line
    }
}

/// A value of JSON as the cell of a table: a list of one is that one.
fn cell(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Array(mut list) if list.len() == 1 => list.pop().map_or_else(String::new, cell),
        other => other.to_string(),
    }
}

/// What separates the cells of the first line: the one that is there most often, outside of quotes.
pub(crate) fn separator(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty());
    let (mut counts, mut quoted) = ([0; SEPARATORS.len()], false);
    for byte in first.unwrap_or_default().bytes() {
        quoted ^= byte == b'"';
        if let Some(which) = SEPARATORS.iter().position(|it| *it == byte && !quoted) {
            counts[which] += 1;
        }
    }
    // Of two that are there as often, the first of the list.
    let most = (0..SEPARATORS.len())
        .rev()
        .max_by_key(|&which| counts[which]);
    SEPARATORS[most.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Table {
        Table::parse(Path::new("a.csv"), text).unwrap()
    }

    #[test]
    fn all_forms_give_the_same_table() {
        for text in [
            "id,label\na,\"red, or blue\"\n\nb,2\n",
            "id;label\r\na;red, or blue\r\n\r\nb;2",
            "id\tlabel\na\tred, or blue\n\nb\t2\n",
            "{\"id\": \"a\", \"label\": [\"red, or blue\"]}\n\n{\"label\": 2, \"id\": \"b\"}",
        ] {
            let table = parsed(text);
            assert_eq!(table.columns, ["id", "label"], "{text}");
            let cells: Vec<_> = table.rows.iter().map(|row| row.cells.clone()).collect();
            assert_eq!(cells, [["a", "red, or blue"], ["b", "2"]], "{text}");
        }
        // What only a later row has, and what a row lacks.
        let table = parsed("{\"a\": 1}\n{\"b\": null, \"c\": true}\n");
        assert_eq!(table.columns, ["a", "b", "c"]);
        assert_eq!(table.rows[0].cells, ["1", "", ""]);
        assert_eq!(table.rows[1].cells, ["", "", "true"]);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, word) in [
            ("a,b\n1,2,3\n", "line: 2"),
            ("a,a\n", "two columns"),
            ("{\"a\": 1}\nb\n", "line 2"),
        ] {
            let error = Table::parse(Path::new("t"), text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
