//! Where the entropy-coded data of a JPEG are, and whether they end where they should.
//!
//! Decoders make up what is missing in damaged data, and say nothing. So the data are looked through first: the only
//! markers in them are restart markers, in order. What a decoder does at their end is seen by [`Source`], which it reads
//! from.

use std::cell::Cell;
use std::ops::Range;

use memchr::memchr;
use zune_jpeg::zune_core::bytestream::{ZByteIoError, ZByteReaderTrait, ZSeekFrom};

use super::format::ImageFormat;
use super::reduced::Extent;
use super::script::Script;
use super::segments::Segments;
use crate::problem::ImageProblem;

/// The entropy-coded data of an image.
pub(super) struct Data {
    /// The data of each scan, without the marker that ends them.
    pub(super) scans: Vec<Range<usize>>,
    /// Where the marker is that ends the image, or the end of the file, or the first fault.
    pub(super) end: usize,
    pub(super) ending: Ending,
}

pub(super) enum Ending {
    /// The end marker.
    Marker,
    /// The file ends.
    File,
    /// Something that cannot be there.
    Fault(&'static str),
}

impl Ending {
    /// The number of bytes that end the image.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Marker => 2,
            Self::File | Self::Fault(_) => 0,
        }
    }
}

const WRONG_MARKER: &str = "there is a marker in a place where no marker is allowed";
const EARLY_END: &str = "the end marker comes before the last scan";
const WRONG_RESTART: &str = "a restart marker is missing, or there is one too many";

impl Data {
    /// Looks through the data of an image. If `single`, nothing but the end may follow the first scan.
    pub(super) fn find(bytes: &[u8], segments: &Segments, single: bool) -> Self {
        let (mut header, mut restart) = (segments.scan.unwrap_or(bytes.len()), segments.restart);
        let mut script = Script::new(segments.frame.map(|(_, body)| body).unwrap_or_default());
        let mut scans = Vec::new();
        loop {
            let start = header + segment_length(bytes, header).unwrap_or(2);
            script.add(bytes.get(header + 2..start).unwrap_or_default());
            let (end, ending) = end_of_scan(bytes, start, restart);
            scans.push(start.min(end)..end);
            let (end, ending) = match ending {
                Ok(next) if single && next != 0xd9 => (end, Ending::Fault(WRONG_MARKER)),
                Ok(_) => match next_scan(bytes, end, &mut restart) {
                    Ok(next) => {
                        header = next;
                        continue;
                    }
                    // What is not followed by a segment was none.
                    Err((_, Ending::Fault(fault))) => (end, Ending::Fault(fault)),
                    // Some programs leave the last scans out, but then the file ends.
                    Err((end, Ending::Marker))
                        if end + 2 < bytes.len() && !script.is_complete() =>
                    {
                        (end, Ending::Fault(EARLY_END))
                    }
                    Err(other) => other,
                },
                Err(ending) => (end, ending),
            };
            return Self { scans, end, ending };
        }
    }

    /// An image of which a share cannot be decoded, as a decoder says; a fault of the data comes before it.
    pub(super) fn damaged(&self, percent: u8, said: impl Into<String>) -> ImageProblem {
        let reason = match self.ending {
            Ending::Fault(fault) => fault.to_owned(),
            Ending::File => "it is cut short".to_owned(),
            Ending::Marker => said.into(),
        };
        ImageProblem::Damaged {
            format: ImageFormat::Jpeg,
            percent,
            reason,
        }
    }

    /// Checks that the data of an image that was decoded without an error end with the image. What follows an image without
    /// an end marker may be anything.
    ///
    /// Decoders read ahead, so that they need not see that the last bytes are missing, and leave data over in images of
    /// many small scans. So the `extent` decides; of several scans, it does not exist, and data left over count only where
    /// no damage at all is `allowed`.
    pub(super) fn check_end(
        &self,
        reading: &Reading,
        extent: impl Fn() -> Option<Extent>,
        allowed: u8,
    ) -> Result<(), ImageProblem> {
        let length: usize = self.scans.iter().map(ExactSizeIterator::len).sum();
        let percent = |bytes: usize| (bytes * 100 / length.max(1)) as u8;
        let open = matches!(self.ending, Ending::File);
        let skipped = percent(reading.skipped.get());
        if skipped == 0 && matches!(self.ending, Ending::Marker) {
            return Ok(());
        }
        let (missing, over) = match extent() {
            Some(extent) => (extent.missing(), percent(extent.left)),
            None if allowed == 0 => (0, skipped),
            None => (0, 0),
        };
        if missing > allowed {
            return Err(self.damaged(missing, "the data end early"));
        }
        if over > allowed && !open {
            return Err(self.damaged(over, "there are more data than the image needs"));
        }
        Ok(())
    }

    /// How many percent of the file, from the first scan on, a decoder has not read.
    pub(super) fn unread(&self, bytes: &[u8], reading: &Reading) -> u8 {
        let start = self.scans.first().map_or(0, |scan| scan.start);
        let end = match self.ending {
            Ending::Marker => self.end,
            Ending::File | Ending::Fault(_) => bytes.len(),
        };
        let whole = end.saturating_sub(start).max(1);
        let unread = end.saturating_sub(reading.reached.get().clamp(start, end));
        (unread * 100).div_ceil(whole) as u8
    }
}

/// Where the data of a scan end, and the code of the marker there.
fn end_of_scan(bytes: &[u8], start: usize, restart: u16) -> (usize, Result<u8, Ending>) {
    let (mut at, mut next) = (start, 0);
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr(0xff, rest)) {
        at += found;
        match bytes.get(at + 1) {
            // A byte 0xff of the data, and padding.
            Some(0) => at += 2,
            Some(0xff) => at += 1,
            Some(code @ 0xd0..=0xd7) => {
                if restart == 0 {
                    return (at, Err(Ending::Fault(WRONG_MARKER)));
                }
                if code & 7 != next {
                    return (at, Err(Ending::Fault(WRONG_RESTART)));
                }
                next = (next + 1) & 7;
                at += 2;
            }
            // Tables, headers of scans, the end, the number of lines, and what is for applications.
            Some(&code @ (0xc4 | 0xd9..=0xdd | 0xe0..=0xef | 0xfe)) => return (at, Ok(code)),
            Some(_) => return (at, Err(Ending::Fault(WRONG_MARKER))),
            None => return (at, Err(Ending::File)),
        }
    }
    (bytes.len(), Err(Ending::File))
}

/// Goes from the marker after a scan to the length of the next scan header; an error if the image ends before.
fn next_scan(bytes: &[u8], mut at: usize, restart: &mut u16) -> Result<usize, (usize, Ending)> {
    loop {
        let Some(&[first, code]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else {
            return Err((bytes.len(), Ending::File));
        };
        match (first, code) {
            (0xff, 0xff) => at += 1,
            (0xff, 0xda) => return Ok(at + 2),
            (0xff, 0xd9) => return Err((at, Ending::Marker)),
            (0xff, 0xc4 | 0xdb..=0xdd | 0xe0..=0xef | 0xfe) => {
                let Some(length) = segment_length(bytes, at + 2) else {
                    return Err((bytes.len(), Ending::File));
                };
                if code == 0xdd
                    && let Some(&interval) = bytes.get(at + 4..).and_then(|b| b.first_chunk())
                {
                    *restart = u16::from_be_bytes(interval);
                }
                at += 2 + length;
            }
            _ => return Err((at, Ending::Fault(WRONG_MARKER))),
        }
    }
}

/// The length of a segment, which includes the two bytes that hold it.
fn segment_length(bytes: &[u8], at: usize) -> Option<usize> {
    let length = bytes.get(at..)?.first_chunk()?;
    Some(usize::from(u16::from_be_bytes(*length)).max(2))
}

/// What a decoder reads, and how it fared.
pub(super) struct Reading<'a> {
    scans: &'a [Range<usize>],
    /// Where the image ends for the decoder.
    end: usize,
    /// How far the decoder came.
    pub(super) reached: Cell<usize>,
    /// The bytes of scans that it left out in search of a marker.
    pub(super) skipped: Cell<usize>,
}

impl<'a> Reading<'a> {
    /// A reading of an image that ends at `end`.
    pub(super) fn of(data: &'a Data, end: usize) -> Self {
        Self {
            scans: &data.scans,
            end,
            reached: Cell::new(0),
            skipped: Cell::new(0),
        }
    }
}

/// What follows the end, so that a decoder that reads ahead finds no end too early. It reads at most 8 bytes ahead.
const AHEAD: usize = 16;
const FILLER: u8 = 0x55;

/// A JPEG up to the end of a [`Reading`], and some bytes more.
pub(super) struct Source<'a> {
    bytes: &'a [u8],
    reading: &'a Reading<'a>,
    at: usize,
    /// The number of bytes that were read one by one, up to here: decoders search for markers in this way.
    searched: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(bytes: &'a [u8], reading: &'a Reading) -> Self {
        Self {
            bytes: &bytes[..reading.end.min(bytes.len())],
            reading,
            at: 0,
            searched: 0,
        }
    }

    fn last(&self) -> usize {
        self.bytes.len() + AHEAD
    }

    /// Reads up to the last byte; returns how many there were.
    fn copy(&self, to: &mut [u8]) -> usize {
        if let Some(there) = self.bytes.get(self.at..self.at.saturating_add(to.len())) {
            to.copy_from_slice(there);
            return to.len();
        }
        let count = to.len().min(self.last().saturating_sub(self.at));
        for (to, at) in to.iter_mut().zip(self.at..).take(count) {
            *to = self.bytes.get(at).copied().unwrap_or(FILLER);
        }
        count
    }

    /// Counts a byte that was read in search of a marker, after so many as a decoder leaves over that has read ahead.
    #[cold]
    fn search(&mut self) {
        self.searched += 1;
        let at = self.at;
        if self.searched > AHEAD && self.reading.scans.iter().any(|scan| scan.contains(&at)) {
            self.reading.skipped.set(self.reading.skipped.get() + 1);
        }
    }
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        self.reading.reached.set(self.at);
    }
}

impl ZByteReaderTrait for Source<'_> {
    #[inline]
    fn read_byte_no_error(&mut self) -> u8 {
        let mut byte = [0];
        self.copy(&mut byte);
        self.at += 1;
        self.searched = 0;
        byte[0]
    }

    #[inline]
    fn read_exact_bytes(&mut self, buf: &mut [u8]) -> Result<(), ZByteIoError> {
        let count = self.copy(buf);
        if count < buf.len() {
            return Err(ZByteIoError::NotEnoughBytes(count, buf.len()));
        }
        if count == 1 {
            self.search();
        } else {
            self.searched = 0;
        }
        self.at += count;
        Ok(())
    }

    fn read_bytes(&mut self, buf: &mut [u8]) -> Result<usize, ZByteIoError> {
        let count = self.copy(buf);
        self.at += count;
        Ok(count)
    }

    fn peek_bytes(&mut self, buf: &mut [u8]) -> Result<usize, ZByteIoError> {
        Ok(self.copy(buf))
    }

    fn peek_exact_bytes(&mut self, buf: &mut [u8]) -> Result<(), ZByteIoError> {
        let count = self.copy(buf);
        if count < buf.len() {
            return Err(ZByteIoError::NotEnoughBytes(count, buf.len()));
        }
        Ok(())
    }

    #[inline]
    fn z_seek(&mut self, from: ZSeekFrom) -> Result<u64, ZByteIoError> {
        let at = match from {
            ZSeekFrom::Start(at) => Some(at as usize),
            ZSeekFrom::End(by) => self.last().checked_add_signed(by as isize),
            ZSeekFrom::Current(by) => self.at.checked_add_signed(by as isize),
        };
        self.at = at.ok_or(ZByteIoError::SeekError("before the start"))?;
        Ok(self.at as u64)
    }

    #[inline]
    fn is_eof(&mut self) -> Result<bool, ZByteIoError> {
        Ok(self.at >= self.last())
    }

    fn z_position(&mut self) -> Result<u64, ZByteIoError> {
        Ok(self.at as u64)
    }

    fn read_remaining(&mut self, sink: &mut Vec<u8>) -> Result<usize, ZByteIoError> {
        let mut rest = vec![0; self.last().saturating_sub(self.at)];
        let count = self.copy(&mut rest);
        self.at += count;
        sink.extend_from_slice(&rest[..count]);
        Ok(count)
    }
}
