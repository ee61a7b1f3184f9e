//! The entropy-coded part of a JPEG: reading it, and skipping values that are not needed, which is faster.

// The state of `Bits` must stay in registers.
#![expect(clippy::inline_always)]

/// How many bits [`Table::skips`] looks at. The entries of two such tables, of two bytes each, fit into the first-level
/// cache.
const BITS: u32 = 13;

/// How many bits [`Table::values`] looks at.
const VALUE_BITS: u32 = 10;

/// What a symbol that ends its block covers: more than there are coefficients.
const END: u16 = 64;

/// A Huffman table (DHT).
pub(super) struct Table {
    /// By the next [`BITS`] bits: the length of the code (high byte) and its symbol; zero if the code is longer.
    symbols: Vec<u16>,
    /// By the next [`VALUE_BITS`] bits: the coefficient; none if code and value are longer.
    values: Vec<Option<Coefficient>>,
    /// By the next [`BITS`] bits, for all AC coefficients that begin in them: the number of coefficients that they cover,
    /// with [`END`] added if the last one ends the block (high byte), and the number of their bits; zero if the first
    /// code is longer.
    skips: Vec<u16>,
    /// For each length of codes: the first code after those of this length, shifted to 16 bits, and what to add to a code
    /// to find its place in `order`.
    lengths: [(u32, i32); 16],
    /// The symbols by length.
    order: Vec<u8>,
}

/// A coefficient that is not zero, or the end of a block.
#[derive(Clone, Copy)]
pub(super) struct Coefficient {
    pub(super) value: i16,
    /// The number of coefficients that it covers: itself and the zeros before it; 64 if it ends the block.
    pub(super) covers: u8,
    /// The number of bits of its code and its value.
    bits: u8,
}

impl Table {
    /// A table from the number of codes of each length, and their symbols; `None` if these are not a table.
    pub(super) fn new(counts: &[u8; 16], order: &[u8]) -> Option<Self> {
        let (mut symbols, mut lengths) = (vec![0; 1 << BITS], [(0, 0); 16]);
        let (mut code, mut used) = (0_u32, 0_usize);
        for (length, &count) in (1..).zip(counts) {
            let offset = used as i32 - code as i32;
            for &symbol in order.get(used..used + usize::from(count))? {
                if code >> length != 0 {
                    return None;
                }
                if length <= BITS {
                    let entry = (length as u16) << 8 | u16::from(symbol);
                    let first = (code << (BITS - length)) as usize;
                    symbols[first..first + (1 << (BITS - length))].fill(entry);
                }
                code += 1;
            }
            used += usize::from(count);
            lengths[length as usize - 1] = (code << (16 - length), offset);
            code <<= 1;
        }
        let value = |bits: u32| {
            let entry = symbols[(bits << (BITS - VALUE_BITS)) as usize];
            let (length, symbol) = (u32::from(entry >> 8), entry as u8);
            let left = VALUE_BITS.checked_sub(length + u32::from(symbol & 15))?;
            (length > 0).then(|| Coefficient::new(symbol, bits >> left, length))
        };
        Some(Self {
            values: (0..1 << VALUE_BITS).map(value).collect(),
            skips: Vec::new(),
            order: order.to_vec(),
            symbols,
            lengths,
        })
    }

    /// Adds what [`Bits::skip_block`] needs.
    pub(super) fn with_skips(mut self) -> Self {
        const MASK: usize = (1 << BITS) - 1;
        let skip = |bits: usize| self.skip(|used| (bits << used) & MASK);
        self.skips = (0..=MASK).map(skip).collect();
        self
    }

    /// The entry of `skips` for bits that are `rest(n)` after n of them have been used.
    fn skip(&self, rest: impl Fn(u32) -> usize) -> u16 {
        let (mut covered, mut used) = (0, 0);
        while used < BITS && covered < END {
            let entry = self.symbols[rest(used)];
            let length = u32::from(entry >> 8);
            let next = Coefficient::new(entry as u8, 0, length);
            let covers = u16::from(next.covers);
            // The bits that follow are not known, so the code must end before them.
            if entry == 0 || used + length > BITS || (covers < END && covered + covers >= END) {
                break;
            }
            (covered, used) = (covered + covers, used + u32::from(next.bits));
        }
        covered << 8 | used as u16
    }
}

impl Coefficient {
    /// The coefficient of a symbol whose code has `length` bits; `bits` end with its value.
    #[inline]
    fn new(symbol: u8, bits: u32, length: u32) -> Self {
        let (run, size) = (symbol >> 4, symbol & 15);
        let low = (bits & ((1 << size) - 1)) as i32;
        let positive = size > 0 && low >> (size - 1) != 0;
        Self {
            value: if positive { low } else { low - (1 << size) + 1 } as i16,
            covers: if size == 0 && run < 15 {
                END as u8
            } else {
                run + 1
            },
            bits: length as u8 + size,
        }
    }
}

/// Reads bits up to a marker, without the zero byte that follows each byte 0xff.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next `count` bits, from the top.
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            buffer: 0,
            count: 0,
        }
    }

    /// Fills the buffer with at least 56 bits, if there are as many.
    #[inline(always)]
    fn fill(&mut self) {
        const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
        const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

        if let Some(next) = self.bytes.get(self.at..self.at + 8)
            && let Some(next) = next.first_chunk()
        {
            let word = u64::from_be_bytes(*next);
            // True if none of the eight bytes is 0xff, so that no byte of the complement is zero.
            if (!word).wrapping_sub(ONES) & word & TOPS == 0 {
                // The bits beyond the count are the same that the next call puts there.
                self.buffer |= word >> self.count;
                let bytes = (63 - self.count) / 8;
                self.at += bytes as usize;
                self.count += 8 * bytes;
                return;
            }
        }
        self.fill_bytewise();
    }

    #[cold]
    fn fill_bytewise(&mut self) {
        while self.count < 56 {
            let (byte, length) = match self.bytes.get(self.at..) {
                Some([0xff, 0, ..]) => (0xff, 2),
                Some([byte, ..]) if *byte != 0xff => (*byte, 1),
                _ => return,
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.at += length;
            self.count += 8;
        }
    }

    #[inline]
    fn skip(&mut self, count: u32) -> Option<()> {
        self.count = self.count.checked_sub(count)?;
        self.buffer <<= count;
        Some(())
    }

    #[inline]
    pub(super) fn bit(&mut self) -> Option<u32> {
        self.fill();
        let bit = (self.buffer >> 63) as u32;
        self.skip(1)?;
        Some(bit)
    }

    /// The next coefficient. The difference of a DC coefficient covers 1, or 64 if it is zero.
    #[inline(always)]
    pub(super) fn coefficient(&mut self, table: &Table) -> Option<Coefficient> {
        self.fill();
        let next = table.values[(self.buffer >> (64 - VALUE_BITS)) as usize];
        let next = next.or_else(|| self.long(table))?;
        self.skip(next.bits.into())?;
        Some(next)
    }

    /// Like [`Bits::coefficient`], but for codes and values of any length, and without moving on.
    fn long(&self, table: &Table) -> Option<Coefficient> {
        let next = (self.buffer >> 48) as u32;
        let index = table.lengths.iter().position(|&(end, _)| next < end)?;
        let place = table.lengths[index].1 + (next >> (15 - index)) as i32;
        let symbol = *table.order.get(place as usize)?;
        let length = index as u32 + 1;
        let bits = self.buffer >> (64 - length - u32::from(symbol & 15));
        Some(Coefficient::new(symbol, bits as u32, length))
    }

    /// Skips the AC coefficients of a block from the one with the index `next` to the end of the block.
    #[inline(always)]
    pub(super) fn skip_block(&mut self, table: &Table, mut next: u16) -> Option<()> {
        while next < 64 {
            self.fill();
            // Two entries have at most 2 * 28 bits.
            for _ in 0..2 {
                let entry = table.skips[(self.buffer >> (64 - BITS)) as usize];
                let after = next + (entry >> 8);
                if after < 64 && entry != 0 {
                    self.skip(u32::from(entry & 0xff))?;
                    next = after;
                    continue;
                }
                if (END + next..END + 64).contains(&after) {
                    return self.skip(u32::from(entry & 0xff));
                }
                // The code is long, or the block ends within the entry.
                let one = self.coefficient(table)?;
                next += u16::from(one.covers);
                if u16::from(one.covers) == END {
                    return Some(());
                }
                break;
            }
        }
        (next == 64).then_some(())
    }

    /// Where the marker is that ends these data; `None` if there are data before it.
    pub(super) fn marker(&mut self) -> Option<usize> {
        self.fill();
        (self.count < 8).then_some(self.at)
    }

    /// The number of bytes that have not been read.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at + self.count as usize / 8
    }

    /// The data after the marker that ends these data, which must be the restart marker with this index.
    pub(super) fn after_restart(mut self, index: usize) -> Option<Self> {
        let at = self.marker()?;
        let found = self.bytes.get(at..at + 2)?;
        (found == [0xff, 0xd0 + (index % 8) as u8]).then(|| Self::new(self.bytes, at + 2))
    }
}
