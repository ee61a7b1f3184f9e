use std::io::{Cursor, Read};

use csv::{ErrorKind, Position, Reader, ReaderBuilder, StringRecord, Trim};

use crate::error::{Error, Place, Result};
use crate::formats::blocks::{Block, Blocks, RecordEnds};
use crate::formats::columns::unreadable;
use crate::formats::hard::Hard;
use crate::formats::header::{Header, LOOKED_AT};
use crate::formats::reading::{self, Reading};
use crate::predictions::Predictions;

/// What may separate the columns.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// So many bytes are looked at for the first line.
pub(super) const FIRST_LINE: u64 = 1 << 20;

impl Predictions {
    /// Reads CSV with a header: a column `target` (index or name of a class), one column of probabilities for each
    /// class, named like the class, and optionally `weight`, `file` and `predicted`. Other usual names are understood, too,
    /// such as `y_true` and `y_pred`; [`Reading`] has options for any others. The columns may also be separated by semicolons
    /// or tabs.
    ///
    /// Without `classes`, all other columns are classes, in the order of the file; a column that cannot hold probabilities,
    /// such as `fold` or an index of pandas, is an error that names it. With `classes`, their order is that of `classes`, and
    /// a column of another name is an error, as are two columns of the same name. If no column is named like a class, there
    /// must be a column `predicted`, and the classes are those that it and the targets name. Where both are given, `predicted`
    /// must be the most probable class. A byte-order mark at the start is left out. Probabilities whose sums are off by at most
    /// 0.005, as in half precision, are divided by their sums ([`Reading::csv`] says so).
    ///
    /// The text is read in blocks of about 1 MiB; several blocks are parsed in parallel.
    ///
    /// # Errors
    /// If the reader fails, a line is not as described, or a check described at [`Predictions`] fails; the error names
    /// the line.
    pub fn from_csv(reader: impl Read, classes: Option<&[String]>) -> Result<Self> {
        let reading = Reading::new().with_classes(classes.map(<[String]>::to_vec));
        Ok(reading.csv(reader)?.predictions)
    }
}

impl Reading {
    /// Reads CSV; see [`Predictions::from_csv`].
    ///
    /// # Errors
    /// As [`Predictions::from_csv`], and where a column that was named is not there.
    pub fn csv(&self, mut reader: impl Read) -> Result<reading::Read> {
        let mut start = Vec::new();
        let first = reader.by_ref().take(FIRST_LINE);
        { first }.read_to_end(&mut start).map_err(unreadable)?;
        let separator = separator(&start);
        let text = Cursor::new(start).chain(reader);
        let mut blocks = Blocks::new(text, RecordEnds::csv(separator)).map_err(unreadable)?;
        let (mut names, mut first) = (StringRecord::new(), Vec::new());
        if let Some(block) = blocks.peek().map_err(unreadable)? {
            let mut table = table(block, separator);
            names = table
                .headers()
                .cloned()
                .map_err(|error| Lines::of(block).error(error))?;
            // What is wrong with these is said where they are read, with their line.
            first.extend(table.records().map_while(Result::ok).take(LOOKED_AT));
        }
        let header = Header::new(names, self, &first)?;
        if header.classes.is_empty() && header.predicted.is_some() {
            return hard(&header, blocks, separator);
        }
        header.layout(self)?.read(blocks, |layout, block, columns| {
            records(block, separator, |place, record| {
                columns.push(layout, place, header.sample(layout, place, record)?)
            })
        })
    }
}

/// Predicted classes alone, whose names are not known before the end.
fn hard<R: Read>(header: &Header, mut blocks: Blocks<R>, separator: u8) -> Result<reading::Read> {
    let mut hard = Hard::default();
    loop {
        let some = blocks.take(1).map_err(unreadable)?;
        let Some(block) = some.first() else {
            return hard.finish();
        };
        records(block, separator, |place, record| {
            hard.push(header, place, record)
        })?;
    }
}

/// Calls `with` for each record of a block.
pub(super) fn records(
    block: &Block,
    separator: u8,
    mut with: impl FnMut(Place, &StringRecord) -> Result<()>,
) -> Result<()> {
    let (mut reader, mut lines) = (table(block, separator), Lines::of(block));
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| lines.error(error))?
    {
        with(lines.place(record.position()), &record)?;
    }
    Ok(())
}

/// The records of a block. The first block of a text starts with the header.
pub(super) fn table(block: &Block, separator: u8) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .delimiter(separator)
        .trim(Trim::All)
        .flexible(true) // `Header::sample` counts the columns, also across blocks.
        .has_headers(block.line == 1)
        .from_reader(&block.text)
}

/// What separates the columns: of the signs that may, the one that is in the first line most often, outside of quotes.
pub(super) fn separator(text: &[u8]) -> u8 {
    let mut lines = text.split(|byte| *byte == b'\n');
    let first = lines.find(|line| !line.trim_ascii().is_empty());
    let (mut counts, mut quoted) = ([0; SEPARATORS.len()], false);
    for byte in first.unwrap_or_default() {
        quoted ^= *byte == b'"';
        if let Some(which) = SEPARATORS.iter().position(|it| it == byte && !quoted) {
            counts[which] += 1;
        }
    }
    // Of two that are there as often, the first of the list.
    let most = (0..SEPARATORS.len())
        .rev()
        .max_by_key(|&which| counts[which]);
    SEPARATORS[most.unwrap_or(0)]
}

/// Counts the lines of a block that is read from front to back. The line number of the CSV reader is that of the end of
/// the record before, so it does not count empty lines and the second half of `\r\n` that follow.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    pub fn of(block: &'a Block) -> Self {
        Self {
            text: &block.text,
            at: 0,
            line: block.line,
        }
    }

    fn place(&mut self, position: Option<&Position>) -> Place {
        let from = position.map_or(self.at, |position| position.byte() as usize);
        let from = from.clamp(self.at, self.text.len());
        let ends = self.text[from..].iter();
        let to = from + ends.take_while(|byte| b"\r\n".contains(byte)).count();
        let passed = self.text[self.at..to].split(|&byte| byte == b'\n');
        self.line += passed.count() as u64 - 1;
        self.at = to;
        Place::Line(self.line)
    }

    pub fn error(&mut self, error: csv::Error) -> Error {
        let place = self.place(error.position());
        match error.kind() {
            ErrorKind::Utf8 { .. } => Error::Syntax {
                place,
                expected: "UTF-8",
                source: error.into(),
            },
            _ => Error::Syntax {
                place,
                expected: "CSV",
                source: error.into(),
            },
        }
    }
}
