//! One of several equal parts of a list, for several machines that share the work.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Part `index` of `count` equal parts of a list, numbered from 1. As text it is `index/count`, such as `2/5`.
///
/// The parts in their order, one after the other, are the list, so neighbors stay together. The default is the whole
/// list, `1/1`.
///
/// ```
/// use dataset::split::Shard;
/// let shard: Shard = "2/3".parse()?;
/// assert_eq!(shard.of(&["a", "b", "c", "d"]), ["b"]);
/// # Ok::<(), dataset::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// Part `index` (1 to `count`) of `count` parts.
    ///
    /// # Errors
    /// [`Error::Setting`] if `index` is out of its range.
    pub fn new(index: usize, count: usize) -> Result<Self> {
        if (1..=count).contains(&index) {
            Ok(Self { index, count })
        } else {
            Err(not_a_shard(&format!("{index}/{count}")))
        }
    }

    /// The items of this part. The lengths of the parts differ by at most 1. If there are fewer items than parts, some
    /// parts are empty.
    pub fn of<T>(self, items: &[T]) -> &[T] {
        // In 128 bits, since the product of the two may be larger than any length.
        let at = |part: usize| (part as u128 * items.len() as u128 / self.count as u128) as usize;
        &items[at(self.index - 1)..at(self.index)]
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 1, count: 1 }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers = text.split_once('/');
        let numbers = numbers.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let (index, count) = numbers.ok_or_else(|| not_a_shard(text))?;
        Self::new(index, count)
    }
}

fn not_a_shard(text: &str) -> Error {
    Error::setting("shard", text, "I/N with I from 1 to N, such as 2/5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_order_are_the_whole() {
        let items: Vec<usize> = (0..23).collect();
        for count in [1, 2, 5, 23, 40] {
            let part = |index| Shard::new(index, count).unwrap().of(&items);
            let whole: Vec<usize> = (1..=count).flat_map(part).copied().collect();
            assert_eq!(whole, items, "{count} parts");
            let lengths = (1..=count).map(|index| part(index).len());
            let (least, most) = (lengths.clone().min().unwrap(), lengths.max().unwrap());
            assert!(most - least <= 1, "{count} parts of {least} to {most}");
        }
        assert_eq!(Shard::default().of(&items), items);
        let last = Shard::new(usize::MAX, usize::MAX).unwrap();
        assert_eq!(last.of(&items), [22]);
    }

    #[test]
    fn text_is_read_as_it_is_written() {
        let shard: Shard = "2/5".parse().unwrap();
        assert_eq!(
            (shard, shard.to_string()),
            (Shard::new(2, 5).unwrap(), "2/5".into())
        );
        for text in ["", "2", "0/5", "6/5", "a/b", "1/0", "-1/2"] {
            let error = text.parse::<Shard>().unwrap_err().to_string();
            assert!(error.contains("expected I/N"), "{text}: {error}");
        }
    }
}
