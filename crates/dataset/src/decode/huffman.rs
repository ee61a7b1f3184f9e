//! The entropy-coded part of a JPEG, read fast where values are not wanted.

// The state of `Bits` must stay in registers.
#![expect(clippy::inline_always)]

/// How many bits [`Table::skips`] looks at: its entries of two bytes fit into the first cache, for two tables.
const BITS: u32 = 13;

/// How many bits [`Table::values`] looks at.
const VALUE_BITS: u32 = 10;

/// What a symbol that ends its block covers: more than there are coefficients.
const END: u16 = 64;

/// A Huffman table (DHT).
pub(super) struct Table {
    /// By the next [`BITS`] bits: length of the code (high byte) and its symbol; zero where the code is longer.
    symbols: Vec<u16>,
    /// By the next [`VALUE_BITS`] bits: the coefficient, if code and value are that short.
    values: Vec<Option<Coefficient>>,
    /// By the next [`BITS`] bits, as many AC coefficients as they begin: how many they cover, with [`END`] more where
    /// the last one ends the block (high byte), and all their bits; zero where the first code is longer.
    skips: Vec<u16>,
    /// For each length the first code after those of that length, with 16 bits, and what to add to a code to find its
    /// place in `order`.
    lengths: [(u32, i32); 16],
    /// The symbols by length.
    order: Vec<u8>,
}

/// A coefficient that is not zero, or the end of a block.
#[derive(Clone, Copy)]
pub(super) struct Coefficient {
    pub(super) value: i16,
    /// Itself and the zeros before it; 64 where nothing follows in its block.
    pub(super) covers: u8,
    /// Of its code and its value.
    bits: u8,
}

impl Table {
    /// From how many codes there are of each length, and their symbols; `None` where these are no table.
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

    /// Ready for [`Bits::skip_block`].
    pub(super) fn with_skips(mut self) -> Self {
        const MASK: usize = (1 << BITS) - 1;
        let skip = |bits: usize| self.skip(|used| (bits << used) & MASK);
        self.skips = (0..=MASK).map(skip).collect();
        self
    }

    /// The entry for bits that are `rest` after some have been used.
    fn skip(&self, rest: impl Fn(u32) -> usize) -> u16 {
        let (mut covered, mut used) = (0, 0);
        while used < BITS && covered < END {
            let entry = self.symbols[rest(used)];
            let length = u32::from(entry >> 8);
            let next = Coefficient::new(entry as u8, 0, length);
            let covers = u16::from(next.covers);
            // What follows is not known: the code must end before.
            if entry == 0 || used + length > BITS || (covers < END && covered + covers >= END) {
                break;
            }
            (covered, used) = (covered + covers, used + u32::from(next.bits));
        }
        covered << 8 | used as u16
    }
}

impl Coefficient {
    /// Of a symbol whose code has so many bits; `bits` end with the value.
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

/// Reads bits, without the zero that is stuffed behind each 0xff, up to a marker.
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

    /// Makes sure that there are 56 bits, if the data have them.
    #[inline(always)]
    fn fill(&mut self) {
        const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
        const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

        if let Some(next) = self.bytes.get(self.at..self.at + 8)
            && let Some(next) = next.first_chunk()
        {
            let word = u64::from_be_bytes(*next);
            // None of the eight bytes is 0xff: none is zero in the complement.
            if (!word).wrapping_sub(ONES) & word & TOPS == 0 {
                // Bits beyond the count are those that the next call puts there too.
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

    /// The next coefficient; a DC coefficient's difference covers 1, or 64 where it is zero.
    #[inline(always)]
    pub(super) fn coefficient(&mut self, table: &Table) -> Option<Coefficient> {
        self.fill();
        let next = table.values[(self.buffer >> (64 - VALUE_BITS)) as usize];
        let next = next.or_else(|| self.long(table))?;
        self.skip(next.bits.into())?;
        Some(next)
    }

    /// As [`Bits::coefficient`], for codes and values of any length, and without going on.
    fn long(&self, table: &Table) -> Option<Coefficient> {
        let next = (self.buffer >> 48) as u32;
        let index = table.lengths.iter().position(|&(end, _)| next < end)?;
        let place = table.lengths[index].1 + (next >> (15 - index)) as i32;
        let symbol = *table.order.get(place as usize)?;
        let length = index as u32 + 1;
        let bits = self.buffer >> (64 - length - u32::from(symbol & 15));
        Some(Coefficient::new(symbol, bits as u32, length))
    }

    /// Passes over the AC coefficients of a block from number `next` to its end.
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
                // A long code, or one of the coefficients is the last one.
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

    /// Where the marker is that ends these data; `None` where data are left.
    pub(super) fn marker(&mut self) -> Option<usize> {
        self.fill();
        (self.count < 8).then_some(self.at)
    }

    /// The data after the marker that ends these, which must be the restart marker number `index`.
    pub(super) fn after_restart(mut self, index: usize) -> Option<Self> {
        let at = self.marker()?;
        let found = self.bytes.get(at..at + 2)?;
        (found == [0xff, 0xd0 + (index % 8) as u8]).then(|| Self::new(self.bytes, at + 2))
    }
}
