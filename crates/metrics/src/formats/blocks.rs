use std::io::{Read, Result};

/// Size of a block in bytes: some thousand samples, so that many threads have something to do.
const BLOCK: usize = 1 << 20;

/// Mark at the start of a text that some programs write, which is not part of it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Whole records of a text.
pub(super) struct Block {
    pub text: Vec<u8>,
    /// Number of the first line, counted from 1.
    pub line: u64,
}

/// Cuts a text into blocks of whole records, so that the text is never in memory as a whole and several blocks can be
/// read at the same time. A byte-order mark at the start is left out.
pub(super) struct Blocks<R> {
    reader: R,
    ends: RecordEnds,
    /// What was read and is in no block yet.
    text: Vec<u8>,
    /// How much of the text was searched for ends of records.
    searched: usize,
    /// End of the last whole record in the text; 0 if there is none.
    whole: usize,
    /// Number of the line at which the text starts.
    line: u64,
    /// A block that was looked at and not taken.
    next: Option<Block>,
}

impl<R: Read> Blocks<R> {
    pub fn new(mut reader: R, ends: RecordEnds) -> Result<Self> {
        let mut text = Vec::new();
        reader
            .by_ref()
            .take(BYTE_ORDER_MARK.len() as u64)
            .read_to_end(&mut text)?;
        if text == BYTE_ORDER_MARK {
            text.clear();
        }
        Ok(Self {
            reader,
            ends,
            text,
            searched: 0,
            whole: 0,
            line: 1,
            next: None,
        })
    }

    /// The next block, which the next call of [`Blocks::take`] returns too; `None` at the end of the text.
    pub fn peek(&mut self) -> Result<Option<&Block>> {
        if self.next.is_none() {
            self.next = self.read()?;
        }
        Ok(self.next.as_ref())
    }

    /// At most `count` blocks; none at the end of the text.
    pub fn take(&mut self, count: usize) -> Result<Vec<Block>> {
        let mut blocks = Vec::with_capacity(count);
        while blocks.len() < count {
            let next = self.next.take();
            match next.map_or_else(|| self.read(), |block| Ok(Some(block)))? {
                Some(block) => blocks.push(block),
                None => break,
            }
        }
        Ok(blocks)
    }

    fn read(&mut self) -> Result<Option<Block>> {
        loop {
            for (at, &byte) in self.text.iter().enumerate().skip(self.searched) {
                if self.ends.ends_with(byte) {
                    self.whole = at + 1;
                }
            }
            self.searched = self.text.len();
            if self.whole > 0 && self.text.len() >= BLOCK {
                break;
            }
            let more = self.reader.by_ref().take(BLOCK as u64);
            if { more }.read_to_end(&mut self.text)? == 0 {
                self.whole = self.text.len();
                break;
            }
        }
        if self.whole == 0 {
            return Ok(None);
        }
        let rest = self.text.split_off(self.whole);
        let text = std::mem::replace(&mut self.text, rest);
        let line = self.line;
        self.line += lines(&text);
        (self.searched, self.whole) = (self.text.len(), 0);
        Ok(Some(Block { text, line }))
    }
}

/// Finds the line ends at which a record ends.
pub(super) enum RecordEnds {
    /// Each line is a record.
    Lines,
    /// CSV: a line end in a quoted field does not end the record.
    Csv {
        /// What separates fields.
        separator: u8,
        field: Field,
    },
}

/// Where in a field of CSV the reader is, as the crate `csv` understands it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Field {
    Start,
    Plain,
    Quoted,
    /// After a quote in a quoted field, which either ends it or is the first of two.
    Quote,
}

impl RecordEnds {
    pub fn csv(separator: u8) -> Self {
        Self::Csv {
            separator,
            field: Field::Start,
        }
    }

    /// Goes one byte on; true if a record ends with it.
    fn ends_with(&mut self, byte: u8) -> bool {
        let Self::Csv { separator, field } = self else {
            return byte == b'\n';
        };
        *field = match (*field, byte) {
            (Field::Quoted, b'"') => Field::Quote,
            (Field::Quoted, _) | (Field::Start | Field::Quote, b'"') => Field::Quoted,
            (_, b'\n' | b'\r') => Field::Start,
            (_, byte) if byte == *separator => Field::Start,
            _ => Field::Plain,
        };
        byte == b'\n' && *field == Field::Start
    }
}

/// The number of line breaks.
fn lines(text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8], ends: RecordEnds) -> Vec<Block> {
        let mut blocks = Blocks::new(text, ends).unwrap();
        assert_eq!(blocks.peek().unwrap().is_some(), !text.is_empty());
        blocks.take(usize::MAX >> 40).unwrap()
    }

    /// A record that is longer than a block, with quoted line ends, stays whole, and the lines go on counting.
    #[test]
    fn blocks_hold_whole_records() {
        let long = format!("\"{}\"\n", "a\n\"\"".repeat(BLOCK / 2));
        let text = format!("x,\"\n\"\n{long}{}", "1,2\n".repeat(BLOCK / 3));
        let blocks = cut(text.as_bytes(), RecordEnds::csv(b','));
        assert!(blocks.len() > 2, "{}", blocks.len());
        let mut line = 1;
        for block in &blocks {
            assert_eq!(block.line, line);
            assert_eq!(block.text.last(), Some(&b'\n'));
            line += block.text.iter().filter(|&&byte| byte == b'\n').count() as u64;
        }
        let holds = |block: &&Block| block.text.windows(4).any(|part| part == b"a\n\"\"");
        assert_eq!(blocks.iter().filter(holds).count(), 1);
        let whole: Vec<u8> = blocks.into_iter().flat_map(|block| block.text).collect();
        assert!(whole == text.as_bytes());
    }

    #[test]
    fn the_last_line_needs_no_end_and_the_mark_is_left_out() {
        let blocks = cut("\u{feff}a\nb".as_bytes(), RecordEnds::Lines);
        assert_eq!(blocks.len(), 1);
        assert_eq!(blocks[0].text, b"a\nb");
        assert!(cut(b"", RecordEnds::Lines).is_empty());
    }
}
