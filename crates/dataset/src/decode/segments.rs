//! The marker segments of a JPEG that come before the first scan.

use std::borrow::Cow;
use std::ops::Range;

/// What a segment with a packet of XMP begins with.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// What the marker segments before the first scan say.
pub(super) struct Segments<'a> {
    /// There is an Adobe APP14 marker.
    pub(super) adobe: bool,
    /// The marker and the body of the frame header.
    pub(super) frame: Option<(u8, &'a [u8])>,
    /// The number of units between two restart markers; 0 for no restarts.
    pub(super) restart: u16,
    /// The packet of XMP.
    pub(super) xmp: Option<&'a [u8]>,
    /// Where the header of the first scan starts.
    pub(super) scan: Option<usize>,
}

impl<'a> Segments<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut segments = Self {
            adobe: false,
            frame: None,
            restart: 0,
            xmp: None,
            scan: None,
        };
        for segment in (Walk { bytes, at: 2 }) {
            let Segment { marker, at, body } = segment;
            match marker {
                0xda => segments.scan = Some(at + 2),
                0xe1 => {
                    let xmp = body.strip_prefix(XMP);
                    segments.xmp = segments.xmp.or(xmp);
                }
                0xee => segments.adobe |= body.starts_with(b"Adobe"),
                0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xf7 => {
                    segments.frame.get_or_insert((marker, body));
                }
                0xdd => {
                    let interval = body.first_chunk().copied().unwrap_or_default();
                    segments.restart = u16::from_be_bytes(interval);
                }
                _ => {}
            }
        }
        segments
    }

    /// Whether the image is refined from scan to scan.
    pub(super) fn progressive(&self) -> bool {
        self.frame.is_some_and(|(marker, _)| marker == 0xc2)
    }

    /// Width and height; zeros if there is no frame header.
    pub(super) fn size(&self) -> [u32; 2] {
        let sides = self
            .frame
            .and_then(|(_, body)| body.get(1..5)?.first_chunk());
        let &[h1, h0, w1, w0] = sides.unwrap_or(&[0; 4]);
        [[w1, w0], [h1, h0]].map(|bytes| u16::from_be_bytes(bytes).into())
    }

    /// Whether the first scan holds all of the image.
    pub(super) fn single_scan(&self, bytes: &[u8]) -> bool {
        let all = self.frame.and_then(|(_, body)| body.get(5));
        let first = self.scan.and_then(|at| bytes.get(at + 2));
        !self.progressive() && all == first
    }

    /// Whether there is an end marker after the first scan. In the data of a scan each 0xff is followed by a zero, so a file
    /// that was cut has no end marker.
    pub(super) fn has_end(&self, bytes: &[u8]) -> bool {
        let scan = self.scan.and_then(|at| bytes.get(at..)).unwrap_or_default();
        scan.windows(2).rev().any(|pair| pair == [0xff, 0xd9])
    }
}

/// A segment: its marker, where that is, and its body.
struct Segment<'a> {
    marker: u8,
    /// Where the byte 0xff of the marker is.
    at: usize,
    body: &'a [u8],
}

/// Goes from segment to segment up to the header of the first scan.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Walk<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            let &byte = self.bytes.get(self.at)?;
            self.at += 1;
            if byte != 0xff {
                continue;
            }
            let &marker = self.bytes.get(self.at)?;
            match marker {
                // Stuffing, padding, and markers without a length.
                0x00 | 0xff => {}
                0x01 | 0xd0..=0xd9 => self.at += 1,
                _ => {
                    let at = self.at - 1;
                    let length = *self.bytes.get(at + 2..)?.first_chunk()?;
                    let length = usize::from(u16::from_be_bytes(length));
                    // A body that is too short is for the decoder to refuse.
                    let end = self.bytes.len().min(at + 2 + length.max(2));
                    let body = &self.bytes[(at + 4).min(end)..end];
                    self.at = match marker {
                        0xda => self.bytes.len(),
                        _ => at + 2 + length,
                    };
                    return Some(Segment { marker, at, body });
                }
            }
        }
    }
}

/// No camera writes so many segments that no pixel depends on. A decoder that puts the parts of a text together may look
/// at all of them after each one.
const MANY: usize = 1000;

/// The file without the segments that no pixel depends on, if there are very many of them.
pub(super) fn without_unused(bytes: &[u8]) -> Cow<'_, [u8]> {
    let unused = |segment: &Segment| match segment.marker {
        0xe1 => !segment.body.starts_with(b"Exif\0\0"),
        marker => matches!(marker, 0xe2..=0xed | 0xef | 0xfe),
    };
    let place = |segment: Segment| segment.at..segment.at + 4 + segment.body.len();
    let segments = || Walk { bytes, at: 2 }.filter(unused);
    if segments().count() <= MANY {
        return bytes.into();
    }
    let (mut kept, mut seen) = (Vec::with_capacity(bytes.len()), 0);
    for Range { start, end } in segments().map(place) {
        kept.extend_from_slice(&bytes[seen..start.max(seen)]);
        seen = end.min(bytes.len());
    }
    kept.extend_from_slice(&bytes[seen..]);
    kept.into()
}
