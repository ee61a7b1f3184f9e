//! The frame of a JPEG: its components, and their samples at a reduced size.

/// The first values of a quantization table, in the order of the file: up to the last one of the first 2 x 2.
pub(super) type Quantization = [u16; 5];

pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
    /// The number of units, across and down. In a unit the blocks of all components alternate.
    pub(super) units: [usize; 2],
}

/// One component of the image. Pairs are across and down.
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) sampling: [usize; 2],
    pub(super) quantization: usize,
    /// The number of samples along a block's side, 1 or 2.
    pub(super) side: usize,
    /// The number of samples in the image, without those that fill up the last units.
    pub(super) size: [usize; 2],
    /// The number of samples for each one of the final image.
    steps: [f32; 2],
    /// The number of samples per row of `samples`.
    pub(super) stride: usize,
    pub(super) samples: Vec<u8>,
    /// The DC coefficients of a progressive image, as far as they have been read.
    pub(super) coefficients: Vec<i16>,
    /// After the first scan: the quantization, and the number of lower bits that are still missing.
    pub(super) scanned: Option<(Quantization, u8)>,
}

impl Frame {
    /// Reads a frame header (SOF); `side` is as for [`planes`](super::reduced::planes).
    pub(super) fn new(
        body: &[u8],
        progressive: bool,
        size: [usize; 2],
        side: usize,
    ) -> Option<Self> {
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
                quantization: usize::from(part[2]),
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

    /// Whether everything has been read. The coefficients have then become samples.
    pub(super) fn finished(&mut self) -> bool {
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
    /// The samples as a plane of another size, linear between their centers.
    pub(super) fn stretched(mut self, size: [usize; 2]) -> Vec<u8> {
        if self.size == size {
            // In place, without the samples that fill up the units.
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

/// A level, from eight times its difference from the middle.
#[inline]
pub(super) fn level(eightfold: f32) -> u8 {
    (eightfold / 8.0 + 128.5) as u8
}
