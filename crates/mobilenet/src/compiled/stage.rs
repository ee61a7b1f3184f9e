//! The maps of a net, one after the other, in the layout of an engine.

use crate::config::MobileNetConfig;
use crate::error::Result;
use crate::map_size::MapSize;

/// A map in the layout `S`, and the padding before the input of the 3x3 convolution that it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage<S> {
    pub(super) shape: S,
    /// Rows above and columns to the left of the *input*.
    pub(super) before: (usize, usize),
}

/// The stem's map, then each block's, for images of this height and width.
pub(super) fn stages<S>(
    config: &MobileNetConfig,
    size: [usize; 2],
    shape: impl Fn(MapSize) -> S,
) -> Result<Vec<Stage<S>>> {
    let maps = config.map_sizes(size)?.into_iter();
    let stage = |map: MapSize| Stage {
        shape: shape(map),
        before: map.before,
    };
    Ok(maps.map(stage).collect())
}
