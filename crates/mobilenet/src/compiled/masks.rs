//! What the forward pass leaves for the backward pass.

use super::plan::{Plan, Shape};

/// ReLU6's masks of one image, which are all that a gradient with respect to the pixels needs:
/// `[pixel][vector]`, of the stem's map, then of each block's depthwise and pointwise map. Empty: not wanted.
#[derive(Default)]
pub(super) struct Masks {
    pub(super) stem: Vec<u16>,
    pub(super) blocks: Vec<[Vec<u16>; 2]>,
}

impl Masks {
    /// Of all maps of `plan`.
    pub(super) fn new(plan: &Plan, lanes: usize) -> Self {
        let mask = |shape: Shape| vec![0; shape.pixels() * (shape.channels / lanes)];
        let blocks = 1..plan.stages.len();
        Self {
            stem: mask(plan.shape(0)),
            blocks: blocks
                .map(|b| [mask(plan.depthwise_shape(b)), mask(plan.shape(b))])
                .collect(),
        }
    }
}
