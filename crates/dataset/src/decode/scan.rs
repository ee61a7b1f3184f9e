//! The scans of a JPEG: the lowest frequencies are read, the others skipped.

use super::frame::{Frame, Quantization, level};
use super::huffman::{Bits, Table};

/// The codes of a Huffman table: how many there are of each length, and their symbols.
type Codes<'a> = (&'a [u8; 16], &'a [u8]);

/// The tables of the marker segments that have been read so far.
#[derive(Default)]
pub(super) struct Tables<'a> {
    quantization: [Option<Quantization>; 4],
    dc: [Option<Codes<'a>>; 4],
    ac: [Option<Codes<'a>>; 4],
    /// The number of units between two restarts; 0 for no restarts.
    pub(super) restart: usize,
}

impl<'a> Tables<'a> {
    /// Reads the quantization tables of a segment (DQT).
    pub(super) fn read_quantization(&mut self, mut body: &[u8]) -> Option<()> {
        while let [kind, rest @ ..] = body {
            let bytes = 1 + usize::from(kind >> 4);
            let values = rest.get(..64 * bytes).filter(|_| bytes <= 2)?;
            let table = self.quantization.get_mut(usize::from(kind & 15))?;
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

    /// Reads the Huffman tables of a segment (DHT).
    pub(super) fn read_huffman(&mut self, mut body: &'a [u8]) -> Option<()> {
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
}

/// A scan whose header has been read.
pub(super) struct Scan {
    parts: Vec<Part>,
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    /// The lowest bit of this scan, and of the scan before it; 0 if this is the first.
    low: u8,
    high: u8,
    /// There is only one component. Its blocks are in rows, without those that fill up the units.
    alone: bool,
    units: [usize; 2],
    restart: usize,
}

/// A component of a scan, and the numbers of its tables.
struct Part {
    component: usize,
    dc: usize,
    ac: usize,
}

impl Scan {
    /// Reads a scan header (SOS).
    pub(super) fn new(frame: &mut Frame, header: &[u8], tables: &Tables) -> Option<Self> {
        let (&count, rest) = header.split_first()?;
        let (chosen, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let &[_, _, bits] = rest else { return None };
        let (high, low, progressive) = (bits >> 4, bits & 15, frame.progressive);
        let (mut dc_tables, mut ac_tables) = ([const { None }; 4], [const { None }; 4]);
        let mut parts = Vec::new();
        for pair in chosen.chunks_exact(2) {
            let index = frame.components.iter().position(|c| c.id == pair[0])?;
            let component = &mut frame.components[index];
            component.scanned = match component.scanned {
                None if high == 0 && low < if progressive { 14 } else { 1 } => {
                    Some(((*tables.quantization.get(component.quantization)?)?, low))
                }
                // One bit more in each scan, so there cannot be many scans.
                Some((table, left)) if progressive && high == left && low + 1 == left => {
                    Some((table, low))
                }
                _ => return None,
            };
            let (dc, ac) = (usize::from(pair[1] >> 4), usize::from(pair[1] & 15));
            if high == 0 && dc_tables.get(dc)?.is_none() {
                let (counts, symbols) = tables.dc[dc]?;
                dc_tables[dc] = Some(Table::new(counts, symbols)?);
            }
            if !progressive && ac_tables.get(ac)?.is_none() {
                let (counts, symbols) = tables.ac[ac]?;
                ac_tables[ac] = Some(Table::new(counts, symbols)?.with_skips());
            }
            parts.push(Part {
                component: index,
                dc,
                ac,
            });
        }
        let (alone, units) = match &parts[..] {
            [] => return None,
            [part] => {
                let component = &frame.components[part.component];
                let blocks = component.size.map(|length| length.div_ceil(component.side));
                (true, blocks)
            }
            _ => (false, frame.units),
        };
        Some(Self {
            parts,
            dc: dc_tables,
            ac: ac_tables,
            low,
            high,
            alone,
            units,
            restart: tables.restart,
        })
    }

    /// The number of its units.
    pub(super) fn units(&self) -> usize {
        self.units[0] * self.units[1]
    }

    /// Reads the data of the scan, which start at `start`, and counts its units. Returns what follows them.
    pub(super) fn read<'a>(
        &self,
        frame: &mut Frame,
        bytes: &'a [u8],
        start: usize,
        done: &mut usize,
    ) -> Option<Bits<'a>> {
        // The component, its tables, and the DC coefficient of the block before.
        let table = |part: &Part| {
            let dc: Option<&Table> = self.dc.get(part.dc).and_then(Option::as_ref);
            let ac: Option<&Table> = self.ac.get(part.ac).and_then(Option::as_ref);
            (part.component, dc, ac, 0_i32)
        };
        let mut order: Vec<_> = self.parts.iter().map(table).collect();
        let restart = self.restart;
        let mut bits = Bits::new(bytes, start);
        for unit in 0..self.units() {
            *done = unit;
            if restart > 0 && unit > 0 && unit % restart == 0 {
                bits = bits.after_restart(unit / restart - 1)?;
                for (.., before) in &mut order {
                    *before = 0;
                }
            }
            let (unit_x, unit_y) = (unit % self.units[0], unit / self.units[0]);
            for (index, dc, ac, before) in &mut order {
                let component = &mut frame.components[*index];
                let [across, down] = if self.alone {
                    [1, 1]
                } else {
                    component.sampling
                };
                let (quantization, _) = component.scanned.as_ref()?;
                for block in 0..across * down {
                    let x = unit_x * across + block % across;
                    let y = unit_y * down + block / across;
                    let at = (y * component.stride + x) * component.side;
                    if self.high > 0 {
                        component.coefficients[at] |= (bits.bit()? << self.low) as i16;
                        continue;
                    }
                    *before = before.wrapping_add(bits.coefficient((*dc)?)?.value.into());
                    if frame.progressive {
                        component.coefficients[at] = (*before << self.low) as i16;
                        continue;
                    }
                    let samples = &mut component.samples[at..];
                    if component.side == 1 {
                        bits.skip_block((*ac)?, 1)?;
                        samples[0] = level(*before as f32 * f32::from(quantization[0]));
                    } else {
                        let [above, below] =
                            four_samples(&mut bits, (*ac)?, *before, quantization)?;
                        samples[..2].copy_from_slice(&above);
                        samples[component.stride..][..2].copy_from_slice(&below);
                    }
                }
            }
        }
        *done = self.units();
        Some(bits)
    }
}

/// Reads a block's AC coefficients. Its four samples follow from the frequencies 0 and 1.
fn four_samples(
    bits: &mut Bits,
    ac: &Table,
    dc: i32,
    quantization: &Quantization,
) -> Option<[[u8; 2]; 2]> {
    // The mean of sqrt(2) cos((2 x + 1) pi / 16) over the first four x.
    const MEAN: f32 = 0.906_127_45;

    let (mut waves, mut next) = ([0.0; 5], 1);
    while next < waves.len() {
        let coefficient = bits.coefficient(ac)?;
        next += usize::from(coefficient.covers);
        if let Some(wave) = waves.get_mut(next - 1) {
            *wave = f32::from(coefficient.value) * f32::from(quantization[next - 1]);
        }
    }
    // Beyond 64: the block has ended.
    if next <= 64 {
        bits.skip_block(ac, next as u16)?;
    }
    let middle = dc as f32 * f32::from(quantization[0]);
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
