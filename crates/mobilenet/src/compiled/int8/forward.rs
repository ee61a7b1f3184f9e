//! The forward pass of one image: the stem, then each block's depthwise and pointwise convolution, fused.

use super::bands;
use super::net::CompiledQuantizedNet;
use super::shape::Plan;
use crate::compiled::kernels::int8::{Depthwise, Matmul, Out, SLACK};
use crate::compiled::threads;
use crate::image_batch::Values;

/// Bytes of a band that stay in a core's second-level cache between depthwise and pointwise, beside the weights.
const BAND: usize = 128 * 1024;

impl CompiledQuantizedNet {
    /// Runs one image up to `last` and shows `visit` the map after every block (0: the stem).
    ///
    /// `parts`: how many threads to split the image over.
    pub(super) fn forward(
        &self,
        plan: &Plan,
        image: Values,
        last: usize,
        parts: usize,
        mut visit: impl FnMut(usize, &[u8]),
    ) {
        let longest = (0..=last).map(|block| plan.shape(block).len()).max();
        let longest = longest.unwrap_or(0);
        self.maps.in_turns(longest, last, |block, input, output| {
            match block {
                0 => self.stem(plan, image, parts, output),
                _ => self.block(plan, block, parts, input, output),
            }
            visit(block, output);
        });
    }

    fn block(&self, plan: &Plan, block: usize, parts: usize, input: &[u8], output: &mut [u8]) {
        let layers = &self.layers.blocks[block - 1];
        let (from, shape) = (plan.shape(block - 1), plan.shape(block));
        let bytes = self.kernels.level_bytes;
        let pixel = from.planes * from.wide * bytes;
        let bands = bands::cut(shape, 1, BAND / pixel, parts, output);
        threads::in_parts(parts, bands, |mut band| {
            let count = band.pixels.len();
            let plane_len = count * from.wide * bytes;
            self.bands.with(count * pixel + SLACK * bytes, |middle| {
                for plane in 0..from.planes {
                    self.kernels.depthwise(Depthwise {
                        input: &input[plane * from.plane_len()..],
                        pitch: from.pitch(),
                        stride: layers.stride,
                        before: plan.stages[block].before,
                        width: shape.width,
                        pixels: band.pixels.clone(),
                        filters: &layers.depthwise,
                        plane,
                        out: &mut middle[plane * plane_len..],
                    });
                }
                let place = band.place(1);
                self.kernels.matmul(Matmul {
                    left: middle,
                    pitch: count,
                    rows: count,
                    right: &layers.pointwise,
                    planes: 0..layers.pointwise.planes(),
                    out: Out::Levels {
                        planes: &mut band.planes_on_map(),
                        place,
                    },
                });
            });
            band.surround(self.zero_points[block]);
        });
    }
}
