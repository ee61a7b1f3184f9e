//! The tables of a flatbuffer.
//!
//! The few tables that matter are read by hand. Every offset is looked up with bounds checked, and a table is only ever
//! entered from a longer path, so that no file makes this panic or run for ever.

use crate::weights::numbers::{floats, integers};

/// More tables than any MobileNetV1 has, times ten.
const MOST: usize = 4096;

/// What is read, or what is wrong.
pub(super) type Parsed<T> = Result<T, String>;

/// A position of a flatbuffer.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The table's list of field offsets.
    fields: &'a [u8],
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Parsed<[u8; N]> {
    at.checked_add(N)
        .and_then(|end| bytes.get(at..end)?.try_into().ok())
        .ok_or_else(|| {
            format!(
                "an offset to {at} points outside of its {} bytes",
                bytes.len()
            )
        })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Parsed<usize> {
    bytes_at(bytes, at).map(|b| u32::from_le_bytes(b) as usize)
}

impl<'a> Table<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Parsed<Self> {
        let back = i64::from(i32::from_le_bytes(bytes_at(bytes, at)?));
        let list = usize::try_from(at as i64 - back).map_err(|_| "a table without fields")?;
        let length = usize::from(u16::from_le_bytes(bytes_at(bytes, list)?));
        let fields = list
            .checked_add(length)
            .and_then(|end| bytes.get(list.saturating_add(4)..end))
            .ok_or("a table whose fields point outside")?;
        Ok(Self { bytes, at, fields })
    }

    /// Where a field is; `None` where it has its default.
    pub fn field(&self, index: usize) -> Option<usize> {
        let offset = self.fields.get(2 * index..2 * index + 2)?;
        match u16::from_le_bytes([offset[0], offset[1]]) {
            0 => None,
            offset => self.at.checked_add(usize::from(offset)),
        }
    }

    pub fn u8(&self, index: usize) -> Parsed<u8> {
        let at = self.field(index);
        at.map_or(Ok(0), |at| bytes_at::<1>(self.bytes, at).map(|[b]| b))
    }

    pub fn u32(&self, index: usize) -> Parsed<usize> {
        self.u32_or(index, 0)
    }

    pub fn u32_or(&self, index: usize, default: usize) -> Parsed<usize> {
        let at = self.field(index);
        at.map_or(Ok(default), |at| u32_at(self.bytes, at))
    }

    /// Where what a field points to begins.
    fn target(&self, index: usize) -> Parsed<Option<usize>> {
        let Some(at) = self.field(index) else {
            return Ok(None);
        };
        let to = at.checked_add(u32_at(self.bytes, at)?);
        Ok(Some(to.ok_or("an offset beyond all memory")?))
    }

    pub fn table(&self, index: usize) -> Parsed<Option<Self>> {
        let target = self.target(index)?;
        target.map(|at| Self::new(self.bytes, at)).transpose()
    }

    /// The bytes of a vector of `width`-byte elements, and where they begin.
    pub fn vector(&self, index: usize, width: usize) -> Parsed<(&'a [u8], usize)> {
        let Some(at) = self.target(index)? else {
            return Ok((&[], 0));
        };
        let length = u32_at(self.bytes, at)?.checked_mul(width);
        let start = at + 4;
        let end = length.and_then(|n| start.checked_add(n));
        let bytes = end.and_then(|end| self.bytes.get(start..end));
        let bytes = bytes.ok_or_else(|| format!("a list at {at} is longer than the file"))?;
        Ok((bytes, start))
    }

    pub fn integers(&self, index: usize) -> Parsed<Vec<i64>> {
        let (bytes, _) = self.vector(index, 4)?;
        Ok(integers(bytes))
    }

    /// 64-bit integers.
    pub fn longs(&self, index: usize) -> Parsed<Vec<i64>> {
        let (bytes, _) = self.vector(index, 8)?;
        let longs = bytes
            .chunks_exact(8)
            .map(|b| i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]));
        Ok(longs.collect())
    }

    pub fn floats(&self, index: usize) -> Parsed<Vec<f32>> {
        let (bytes, _) = self.vector(index, 4)?;
        Ok(floats(bytes))
    }

    pub fn f32(&self, index: usize) -> Parsed<f32> {
        let at = self.field(index);
        at.map_or(Ok(0.0), |at| {
            bytes_at(self.bytes, at).map(f32::from_le_bytes)
        })
    }

    pub fn tables(&self, index: usize) -> Parsed<Vec<Self>> {
        let (bytes, start) = self.vector(index, 4)?;
        let length = bytes.len() / 4;
        if length > MOST {
            return Err(format!(
                "a list of {length} tables; at most {MOST} are expected"
            ));
        }
        (0..length)
            .map(|i| {
                let at = start + 4 * i;
                let to = at.checked_add(u32_at(self.bytes, at)?);
                Self::new(self.bytes, to.ok_or("an offset beyond all memory")?)
            })
            .collect()
    }

    pub fn text(&self, index: usize) -> Parsed<String> {
        let (bytes, _) = self.vector(index, 1)?;
        Ok(String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).into_owned())
    }
}
