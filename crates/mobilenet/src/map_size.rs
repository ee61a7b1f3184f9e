//! Sizes of a net's maps for one size of image.

use crate::config::{BLOCKS, MobileNetConfig, STEM};
use crate::error::{Error, Result};

/// The map after the stem (block 0) or a separable block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MapSize {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// Rows above, and columns to the left, that pad the *input* of the 3x3 convolution before this map.
    pub(crate) before: (usize, usize),
}

impl MobileNetConfig {
    /// The stem's map, then the map of each block that is kept, for images of this height and width.
    ///
    /// # Errors
    /// [`Error::Input`] if nothing is left of the images before the last block: under
    /// [`Padding::End`](crate::Padding::End) a convolution of stride 2 needs two pixels, so that a whole net needs 32.
    pub(crate) fn map_sizes(&self, [height, width]: [usize; 2]) -> Result<Vec<MapSize>> {
        let mut size = (height, width);
        let next = |block| {
            let (Some((rows, top)), Some((columns, left))) =
                (self.convolve(block, size.0), self.convolve(block, size.1))
            else {
                return Err(Error::Input(format!(
                    "images of {height} x {width} pixels are too small for this net: nothing is left of them after block {block}"
                )));
            };
            size = (rows, columns);
            Ok(MapSize {
                height: rows,
                width: columns,
                channels: self.channels_after(block),
                before: (top, left),
            })
        };
        (0..=self.blocks.min(BLOCKS.len())).map(next).collect()
    }

    /// The height (or width) of the map after `block` for an input of `size` pixels. A block above 13 counts as 13. If
    /// [`Padding::End`](crate::Padding::End) leaves nothing of the image, the result is 1; nets refuse such images.
    pub fn size_after(&self, block: usize, size: usize) -> usize {
        let next = |size, block| self.convolve(block, size).map_or(1, |(size, _)| size);
        (0..=block.min(BLOCKS.len())).fold(size, next)
    }

    /// What the 3x3 convolution of `block` leaves of `size` rows (or columns), and the number of padding rows before
    /// them. `None` if nothing is left.
    fn convolve(&self, block: usize, size: usize) -> Option<(usize, usize)> {
        let stride = match block.checked_sub(1) {
            None => STEM.1,
            Some(index) => BLOCKS[index].1,
        };
        let (before, after) = self.padding.of_block(block).amounts(size, stride);
        let size = (size + before + after).checked_sub(3)? / stride + 1;
        Some((size, before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Padding;

    #[test]
    fn sizes_are_those_of_each_side() {
        for padding in [
            Padding::Same,
            Padding::End,
            Padding::Both,
            Padding::EndButStem,
        ] {
            let config = MobileNetConfig::new().with_padding(padding);
            let maps = config.map_sizes([224, 97]).unwrap();
            assert_eq!(maps.len(), 14);
            for (block, map) in maps.iter().enumerate() {
                assert_eq!(map.height, config.size_after(block, 224), "{padding:?}");
                assert_eq!(map.width, config.size_after(block, 97), "{padding:?}");
            }
        }
        let same = MobileNetConfig::new().map_sizes([224, 97]).unwrap();
        let (first, last) = (same[0], same[13]);
        assert_eq!((first.height, first.width, first.channels), (112, 49, 32));
        // An even side is padded after the image only, an odd side on both sides.
        assert_eq!(first.before, (0, 1));
        assert_eq!((last.height, last.width, last.channels), (7, 4, 1024));
    }

    #[test]
    fn images_of_which_nothing_is_left_are_refused() {
        let config = MobileNetConfig::new().with_padding(Padding::End);
        assert!(config.map_sizes([32, 32]).is_ok());
        for size in [[31, 32], [32, 31]] {
            let error = config.map_sizes(size).unwrap_err().to_string();
            assert!(error.contains("too small"), "{error}");
        }
        assert!(MobileNetConfig::new().map_sizes([1, 1]).is_ok());
    }
}
