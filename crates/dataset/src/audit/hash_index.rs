//! Finds, among many 64-bit hashes, those that differ in few bits from a given hash.

use crate::error::{Error, Result};

/// The parts into which the bits of a hash are divided.
const PARTS: usize = 4;

/// More hashes than this are not looked at for one search.
const MOST_SEEN: usize = 1 << 18;

/// An index of 64-bit hashes for searches within a Hamming distance.
///
/// This is multi-index hashing (Norouzi, Punjani and Fleet 2014): hashes that differ in at most `bits` bits differ in
/// at most `bits / 4` bits of one of their four quarters, so only hashes with such a quarter are compared. The bits of
/// a quarter come from all rows of the picture, because otherwise an edge of one color would give the same quarter for
/// all pictures. The index takes 48 bytes for each hash, and 1 MB in addition.
///
/// ```
/// use dataset::audit::HashIndex;
/// let index = HashIndex::new(&[0b0000, 0b0111, u64::MAX], 2)?;
/// assert_eq!(index.near(0b0001, 10), Some(vec![0, 1]));
/// assert_eq!(index.near(0b0001, 1), None); // there are more
/// # Ok::<(), dataset::Error>(())
/// ```
#[derive(Debug)]
pub struct HashIndex {
    bits: u32,
    /// The bits in which the quarters of near hashes may differ.
    masks: Vec<u16>,
    tables: [Table; PARTS],
}

/// The hashes sorted by one quarter.
#[derive(Debug)]
struct Table {
    /// Where the hashes with each value of the quarter start, and where the last ones end.
    starts: Vec<u32>,
    hashes: Vec<u64>,
    /// The place of each of these hashes in the list that was given.
    places: Vec<u32>,
}

impl HashIndex {
    /// An index for searches within `bits` bits, 0 to 15.
    ///
    /// # Errors
    /// [`Error::Setting`] if `bits` is above 15, or if there are more hashes than `u32` can count.
    pub fn new(hashes: &[u64], bits: u32) -> Result<Self> {
        if bits > 15 {
            return Err(Error::setting("distance of hashes", bits, "0 to 15 bits"));
        }
        if u32::try_from(hashes.len()).is_err() {
            let expected = format!("at most {}", u32::MAX);
            return Err(Error::setting("number of hashes", hashes.len(), expected));
        }
        let each = bits / PARTS as u32;
        let masks = (0..=u16::MAX).filter(|mask| mask.count_ones() <= each);
        let scattered: Vec<_> = hashes.iter().map(|hash| scattered(*hash)).collect();
        Ok(Self {
            bits,
            masks: masks.collect(),
            tables: [0, 1, 2, 3].map(|part| Table::new(&scattered, part)),
        })
    }

    /// The positions of the hashes that are near to this one, in ascending order. `None` if there are more than `most`,
    /// or if more than 262,144 hashes have nearly the same quarter: the search stops then, so that it is never slow.
    pub fn near(&self, hash: u64, most: usize) -> Option<Vec<u32>> {
        let hash = scattered(hash);
        let each = self.bits / PARTS as u32;
        let (mut found, mut seen) = (Vec::new(), 0);
        for (part, table) in self.tables.iter().enumerate() {
            for mask in &self.masks {
                let range = table.range(quarter(hash, part) ^ mask);
                seen += range.len();
                if seen > MOST_SEEN {
                    return None;
                }
                for (other, place) in table.hashes[range.clone()].iter().zip(&table.places[range]) {
                    let differ = hash ^ other;
                    // A hash that is near in several quarters is found by the first of them.
                    if differ.count_ones() <= self.bits
                        && (0..part).all(|part| quarter(differ, part).count_ones() > each)
                    {
                        if found.len() == most {
                            return None;
                        }
                        found.push(*place);
                    }
                }
            }
        }
        found.sort_unstable();
        Some(found)
    }
}

impl Table {
    fn new(hashes: &[u64], part: usize) -> Self {
        let mut starts = vec![0; (1 << 16) + 1];
        for hash in hashes {
            starts[usize::from(quarter(*hash, part)) + 1] += 1;
        }
        for value in 1..starts.len() {
            starts[value] += starts[value - 1];
        }
        let mut next = starts.clone();
        let (mut sorted, mut places) = (vec![0; hashes.len()], vec![0; hashes.len()]);
        for (place, hash) in (0..).zip(hashes) {
            let at = &mut next[usize::from(quarter(*hash, part))];
            sorted[*at as usize] = *hash;
            places[*at as usize] = place;
            *at += 1;
        }
        Self {
            starts,
            hashes: sorted,
            places,
        }
    }

    fn range(&self, value: u16) -> std::ops::Range<usize> {
        let value = usize::from(value);
        self.starts[value] as usize..self.starts[value + 1] as usize
    }
}

fn quarter(hash: u64, part: usize) -> u16 {
    (hash >> (16 * part)) as u16
}

/// The hash with every fourth bit in one quarter. Distances stay the same.
fn scattered(hash: u64) -> u64 {
    (0..64).fold(0, |bits, bit| {
        bits | (hash >> bit & 1) << (bit % PARTS * 16 + bit / PARTS)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_distance_has_a_range() {
        let error = HashIndex::new(&[], 16).unwrap_err().to_string();
        assert!(error.contains("distance of hashes is 16"), "{error}");
        assert_eq!(HashIndex::new(&[], 15).unwrap().near(0, 0), Some(vec![]));
    }

    #[test]
    fn a_search_that_would_be_long_stops() {
        let index = HashIndex::new(&vec![u64::from(u16::MAX); 1 << 18], 0).unwrap();
        assert_eq!(index.near(u64::from(u16::MAX), 1 << 17), None);
        // Three quarters of the bits are the same, so that all would be looked at.
        let far = vec![0x7777_7777_7777_7777; (1 << 18) + 1];
        assert_eq!(HashIndex::new(&far, 4).unwrap().near(u64::MAX, 10), None);
    }

    proptest! {
        // Each case makes the tables of an index.
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_finds_what_comparing_all_finds(
            bits in 0..16_u32,
            seed in any::<u64>(),
            flips in prop::collection::vec(prop::collection::vec(0..64_u32, 0..20), 1..60),
        ) {
            let flipped = |bits: &Vec<u32>| bits.iter().fold(seed, |hash, bit| hash ^ 1 << bit);
            let hashes: Vec<_> = flips.iter().map(flipped).collect();
            let index = HashIndex::new(&hashes, bits).unwrap();
            let near = |place: &u32| (hashes[*place as usize] ^ seed).count_ones() <= bits;
            let expected: Vec<_> = (0..hashes.len() as u32).filter(near).collect();
            if let Some(less) = expected.len().checked_sub(1) {
                prop_assert_eq!(index.near(seed, less), None);
            }
            prop_assert_eq!(index.near(seed, expected.len()), Some(expected));
        }
    }
}
