//! JPEGs at 1/8 or 1/4 of their size, from the lowest frequencies of each block alone: a sample is the mean of the
//! pixels that it stands for, as far as these frequencies tell. The others are passed over, and passing over them fast
//! is what this is for. At 1/2 too many are needed: decoding the whole picture is as fast.
//!
//! Reads Huffman-coded JPEGs of 8 bits: baseline and extended, and at 1/8 progressive ones. Whatever else there is,
//! and whatever looks damaged, is `None`, and is left to a decoder of whole pictures.

use super::huffman::{Bits, Table};

/// The first values of a quantisation table, in the order of the file: up to the last one of the first 2 x 2.
type Quantisation = [u16; 5];

/// The components of a JPEG of `size` (across and down) with `side` samples, 1 or 2, for every 8 pixels in a row; all
/// of the size that the picture then has, rounded up.
pub(super) fn planes(bytes: &[u8], size: [usize; 2], side: usize) -> Option<Vec<Vec<u8>>> {
    let frame = Reader::new(bytes).read(size, side)?;
    let target = size.map(|length| (length * side).div_ceil(8));
    let planes = frame.components.into_iter().map(|c| c.stretched(target));
    Some(planes.collect())
}

struct Frame {
    progressive: bool,
    components: Vec<Component>,
    /// Units, in which blocks of all components alternate, across and down.
    units: [usize; 2],
}

/// One component of the picture; pairs are across and down.
struct Component {
    id: u8,
    sampling: [usize; 2],
    quantisation: usize,
    /// Samples along a block's side: 1 or 2.
    side: usize,
    /// Samples in the picture, without what fills up the last units.
    size: [usize; 2],
    /// Samples for each one of the finished picture.
    steps: [f32; 2],
    /// Samples in a row of `samples`.
    stride: usize,
    samples: Vec<u8>,
    /// Of a progressive picture the DC coefficients, as far as they have been read.
    coefficients: Vec<i16>,
    /// Once there was a scan, its quantisation and how many lower bits are still to come.
    scanned: Option<(Quantisation, u8)>,
}

impl Frame {
    fn new(body: &[u8], progressive: bool, size: [usize; 2], side: usize) -> Option<Self> {
        let (&[precision, h1, h0, w1, w0, count], rest) = body.split_first_chunk()?;
        let found = [[w1, w0], [h1, h0]].map(|bytes| usize::from(u16::from_be_bytes(bytes)));
        let (parts, rest) = rest.as_chunks::<3>();
        let sampling = |part: &[u8; 3]| [part[1] >> 4, part[1] & 15].map(usize::from);
        let legal = parts
            .iter()
            .flat_map(sampling)
            .all(|f| (1..=4).contains(&f));
        let right = precision == 8 && found == size && !size.contains(&0) && legal;
        if !right
            || !rest.is_empty()
            || parts.len() != usize::from(count)
            || (progressive && side > 1)
        {
            return None;
        }
        let most = [0, 1].map(|axis| parts.iter().map(|p| sampling(p)[axis]).max().unwrap_or(1));
        let units = [0, 1].map(|axis| size[axis].div_ceil(8 * most[axis]));
        let component = |part: &[u8; 3]| {
            let sampling = sampling(part);
            // More frequencies make up for samples that are missing in both directions.
            let more = !progressive && (0..2).all(|i| sampling[i] * 2 <= most[i]);
            let more = 1 + usize::from(more && side == 1);
            let side = side * more;
            let whole = [0, 1].map(|axis| units[axis] * sampling[axis] * side);
            let count = whole[0] * whole[1];
            Component {
                id: part[0],
                sampling,
                quantisation: usize::from(part[2]),
                side,
                size: [0, 1].map(|i| (size[i] * sampling[i] * side).div_ceil(8 * most[i])),
                steps: [0, 1].map(|i| (sampling[i] * more) as f32 / most[i] as f32),
                stride: whole[0],
                samples: vec![0; count],
                coefficients: vec![0; if progressive { count } else { 0 }],
                scanned: None,
            }
        };
        Some(Self {
            progressive,
            components: parts.iter().map(component).collect(),
            units,
        })
    }

    /// Whether all has been read; coefficients have then become samples.
    fn finished(&mut self) -> bool {
        let scanned = |c: &Component| matches!(c.scanned, Some((_, 0)));
        if !self.components.iter().all(scanned) {
            return false;
        }
        for component in &mut self.components {
            let scale = component.scanned.map_or(0, |(table, _)| table[0]);
            for (sample, value) in component.samples.iter_mut().zip(&component.coefficients) {
                *sample = level(f32::from(*value) * f32::from(scale));
            }
        }
        true
    }
}

impl Component {
    /// The samples as a plane of another size, linear between their centres.
    fn stretched(mut self, size: [usize; 2]) -> Vec<u8> {
        if self.size == size {
            // In place, without what fills up the units.
            for row in 1..size[1] {
                let start = row * self.stride;
                self.samples
                    .copy_within(start..start + size[0], row * size[0]);
            }
            self.samples.truncate(size[0] * size[1]);
            return self.samples;
        }
        let rows: Vec<_> = self.samples.chunks_exact(self.stride.max(1)).collect();
        let [columns, lines] = [0, 1].map(|axis| {
            let (step, last) = (self.steps[axis], self.size[axis] - 1);
            (0..size[axis]).map(move |i| {
                let at = ((i as f32 + 0.5) * step - 0.5).clamp(0.0, last as f32);
                (at as usize, (at as usize + 1).min(last), at.fract())
            })
        });
        let columns: Vec<_> = columns.collect();
        let line = |(above, below, down): (usize, usize, f32)| {
            let (above, below) = (rows[above], rows[below]);
            let mix = |a: f32, b: f32, part: f32| a + (b - a) * part;
            columns.iter().map(move |&(left, right, along)| {
                let at = |row: &[u8]| mix(row[left].into(), row[right].into(), along);
                (mix(at(above), at(below), down) + 0.5) as u8
            })
        };
        lines.flat_map(line).collect()
    }
}

/// What the marker segments have said so far.
struct Reader<'a> {
    bytes: &'a [u8],
    quantisation: [Option<Quantisation>; 4],
    dc: [Option<Codes<'a>>; 4],
    ac: [Option<Codes<'a>>; 4],
    restart: usize,
}

/// What makes a Huffman table, once it is wanted.
type Codes<'a> = (&'a [u8; 16], &'a [u8]);

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            quantisation: [None; 4],
            dc: [None; 4],
            ac: [None; 4],
            restart: 0,
        }
    }

    fn read(mut self, size: [usize; 2], side: usize) -> Option<Frame> {
        let (mut at, mut frame) = (2, None::<Frame>);
        loop {
            // In data that are passed over, stuffing and restarts are no markers.
            let rest = self.bytes.get(at..)?;
            let plain = |code| matches!(code, 0 | 1 | 0xff | 0xd0..=0xd7);
            let found = rest
                .array_windows()
                .position(|&[first, code]| first == 0xff && !plain(code))?;
            let (code, rest) = (rest[found + 1], &rest[found + 2..]);
            let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
            let body = rest.get(2..length)?;
            at += found + 2 + length;
            match code {
                0xc4 => self.huffman_tables(body)?,
                0xdb => self.quantisation_tables(body)?,
                0xdd => self.restart = u16::from_be_bytes(*body.first_chunk()?).into(),
                0xc0..=0xc2 if frame.is_none() => {
                    frame = Some(Frame::new(body, code == 0xc2, size, side)?);
                }
                // A second frame, another process, or no end to a picture that has not begun.
                0xc0..=0xcf | 0xd8 | 0xd9 => return None,
                0xda => {
                    let mut now = frame?;
                    // Scans of AC coefficients alone are passed over.
                    let first = *body.get(body.len().checked_sub(3)?)?;
                    if first == 0 || !now.progressive {
                        at = self.scan(&mut now, body, at)?;
                    }
                    if now.finished() {
                        return Some(now);
                    }
                    frame = Some(now);
                }
                _ => {}
            }
        }
    }

    fn quantisation_tables(&mut self, mut body: &[u8]) -> Option<()> {
        while let [kind, rest @ ..] = body {
            let bytes = 1 + usize::from(kind >> 4);
            let values = rest.get(..64 * bytes).filter(|_| bytes <= 2)?;
            let table = self.quantisation.get_mut(usize::from(kind & 15))?;
            let table = table.insert([0; 5]);
            for (to, value) in table.iter_mut().zip(values.chunks_exact(bytes)) {
                *to = value
                    .iter()
                    .fold(0, |sum, &byte| sum << 8 | u16::from(byte));
            }
            body = &rest[64 * bytes..];
        }
        Some(())
    }

    fn huffman_tables(&mut self, mut body: &'a [u8]) -> Option<()> {
        while let [kind, rest @ ..] = body {
            let (counts, rest) = rest.split_first_chunk()?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (values, rest) = rest.split_at_checked(total)?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            *tables.get_mut(usize::from(kind & 15))? = Some((counts, values));
            body = rest;
        }
        Some(())
    }

    /// Reads the scan whose data start at `start`; returns where the marker is that ends it.
    fn scan(&self, frame: &mut Frame, header: &[u8], start: usize) -> Option<usize> {
        let (&count, rest) = header.split_first()?;
        let (chosen, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let &[_, _, bits] = rest else { return None };
        let (high, low, progressive) = (bits >> 4, bits & 15, frame.progressive);
        let (mut dc_tables, mut ac_tables) = ([const { None }; 4], [const { None }; 4]);
        let mut order = Vec::new();
        for pair in chosen.chunks_exact(2) {
            let index = frame.components.iter().position(|c| c.id == pair[0])?;
            let component = &mut frame.components[index];
            component.scanned = match component.scanned {
                None if high == 0 && low < if progressive { 14 } else { 1 } => {
                    Some(((*self.quantisation.get(component.quantisation)?)?, low))
                }
                // One bit more; so there cannot be many scans.
                Some((table, left)) if progressive && high == left && low + 1 == left => {
                    Some((table, low))
                }
                _ => return None,
            };
            let (dc, ac) = (usize::from(pair[1] >> 4), usize::from(pair[1] & 15));
            if high == 0 && dc_tables.get(dc)?.is_none() {
                let (counts, symbols) = self.dc[dc]?;
                dc_tables[dc] = Some(Table::new(counts, symbols)?);
            }
            if !progressive && ac_tables.get(ac)?.is_none() {
                let (counts, symbols) = self.ac[ac]?;
                ac_tables[ac] = Some(Table::new(counts, symbols)?.with_skips());
            }
            order.push((index, dc, ac));
        }
        // One component alone has its blocks in rows, without what fills up the units.
        let (alone, units) = match order[..] {
            [] => return None,
            [(index, ..)] => {
                let component = &frame.components[index];
                (
                    true,
                    component.size.map(|length| length.div_ceil(component.side)),
                )
            }
            _ => (false, frame.units),
        };
        // Which component, its tables, and its DC coefficient before.
        let table = |(index, dc, ac): (usize, usize, usize)| {
            let dc: Option<&Table> = dc_tables.get(dc).and_then(Option::as_ref);
            let ac: Option<&Table> = ac_tables.get(ac).and_then(Option::as_ref);
            (index, dc, ac, 0_i32)
        };
        let mut order: Vec<_> = order.into_iter().map(table).collect();
        let mut bits = Bits::new(self.bytes, start);
        for unit in 0..units[0] * units[1] {
            if self.restart > 0 && unit > 0 && unit % self.restart == 0 {
                bits = bits.after_restart(unit / self.restart - 1)?;
                for (.., before) in &mut order {
                    *before = 0;
                }
            }
            let (unit_x, unit_y) = (unit % units[0], unit / units[0]);
            for (index, dc, ac, before) in &mut order {
                let component = &mut frame.components[*index];
                let [across, down] = if alone { [1, 1] } else { component.sampling };
                let (quantisation, _) = component.scanned.as_ref()?;
                for block in 0..across * down {
                    let x = unit_x * across + block % across;
                    let y = unit_y * down + block / across;
                    let at = (y * component.stride + x) * component.side;
                    if high > 0 {
                        component.coefficients[at] |= (bits.bit()? << low) as i16;
                        continue;
                    }
                    *before = before.wrapping_add(bits.coefficient((*dc)?)?.value.into());
                    if progressive {
                        component.coefficients[at] = (*before << low) as i16;
                        continue;
                    }
                    let samples = &mut component.samples[at..];
                    if component.side == 1 {
                        bits.skip_block((*ac)?, 1)?;
                        samples[0] = level(*before as f32 * f32::from(quantisation[0]));
                    } else {
                        let [above, below] =
                            four_samples(&mut bits, (*ac)?, *before, quantisation)?;
                        samples[..2].copy_from_slice(&above);
                        samples[component.stride..][..2].copy_from_slice(&below);
                    }
                }
            }
        }
        bits.marker()
    }
}

/// Reads a block's AC coefficients; its samples from the frequencies 0 and 1.
fn four_samples(
    bits: &mut Bits,
    ac: &Table,
    dc: i32,
    quantisation: &Quantisation,
) -> Option<[[u8; 2]; 2]> {
    // The mean of sqrt(2) cos((2 x + 1) pi / 16) over the first four x.
    const MEAN: f32 = 0.906_127_45;

    let (mut waves, mut next) = ([0.0; 5], 1);
    while next < waves.len() {
        let coefficient = bits.coefficient(ac)?;
        next += usize::from(coefficient.covers);
        if let Some(wave) = waves.get_mut(next - 1) {
            *wave = f32::from(coefficient.value) * f32::from(quantisation[next - 1]);
        }
    }
    // Beyond 64: the block has ended.
    if next <= 64 {
        bits.skip_block(ac, next as u16)?;
    }
    let middle = dc as f32 * f32::from(quantisation[0]);
    let [_, across, down, _, both] = waves;
    let (across, down, both) = (MEAN * across, MEAN * down, MEAN * MEAN * both);
    Some([
        [
            level(middle + across + down + both),
            level(middle - across + down - both),
        ],
        [
            level(middle + across - down - both),
            level(middle - across - down + both),
        ],
    ])
}

/// A level from eight times its difference from the middle.
fn level(eightfold: f32) -> u8 {
    (eightfold / 8.0 + 128.5) as u8
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::planes;

    /// Nothing here may lean on the net that `decode` holds under all decoders.
    #[test]
    fn damage_makes_no_panic_and_no_other_size() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reduced");
        let size = [187, 154];
        let check = |bytes: &[u8]| {
            for side in [1, 2] {
                let target = size.map(|length: usize| (length * side).div_ceil(8));
                for plane in planes(bytes, size, side).unwrap_or_default() {
                    assert_eq!(plane.len(), target[0] * target[1]);
                }
            }
        };
        let mut kinds = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "jpg") {
                continue;
            }
            kinds += 1;
            let bytes = fs::read(&path).unwrap();
            assert!(planes(&bytes, size, 1).is_some(), "{}", path.display());
            assert_eq!(planes(&bytes, [188, 154], 1), None, "{}", path.display());
            // All of the headers, and some of the data.
            let headers = (0..700).step_by(7);
            for at in headers.chain((700..bytes.len()).step_by(401)) {
                check(&bytes[..at]);
                for flip in [0x01, 0x80, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= flip;
                    check(&damaged);
                }
            }
        }
        assert_eq!(kinds, 13);
    }
}
