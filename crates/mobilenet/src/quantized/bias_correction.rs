//! Corrects the biases of a quantized net, layer by layer.

use super::calibration::Calibration;
use super::evaluate::{Evaluator, Map};
use super::net::{LayerKind, QuantizedNet};
use super::outputs::map_of;
use super::parallel;
use crate::error::Result;
use crate::image_batch::ImageBatch;

/// Shifts each channel's bias so that its mean before the activation, over all pixels of all images, is that of the net
/// in floats. The layers before it are quantized and corrected when its turn comes.
///
/// A sum is linear in what the layer reads, so its mean follows from the means under each tap of the filter, and each
/// layer is computed only once.
pub(super) fn correct(
    net: &mut QuantizedNet,
    calibration: &Calibration,
    images: &ImageBatch<'_>,
) -> Result<()> {
    let size = images.size();
    let mut maps: Vec<Map> = parallel::map(images.len(), |i| map_of(images.image(i), size));
    for (index, wanted) in calibration.layers.iter().enumerate() {
        let evaluator = Evaluator::new(net)?;
        if net.layers[index].kind == LayerKind::Dense {
            maps = parallel::map(maps.len(), |i| evaluator.pool(&maps[i]));
        }
        let each = parallel::map(maps.len(), |i| evaluator.tap_means(index, &maps[i]));
        let n = each.len() as f64;
        let mut taps = vec![0.0; each.first().map_or(0, Vec::len)];
        for means in &each {
            taps.iter_mut()
                .zip(means)
                .for_each(|(sum, mean)| *sum += mean / n);
        }
        let found = evaluator.mean_sums(index, &taps);
        let input = f64::from(net.input_of(index).scale);
        let layer = &mut net.layers[index];
        for (c, bias) in layer.bias.iter_mut().enumerate() {
            let scale = input * f64::from(layer.weight_scales[c]);
            let more = wanted.mean[c] / scale - found[c];
            *bias = (f64::from(*bias) + more).round_ties_even() as i32;
        }
        if index + 1 < net.layers.len() {
            let evaluator = Evaluator::new(net)?;
            maps = parallel::map(maps.len(), |i| evaluator.layer(index, &maps[i]));
        }
    }
    Ok(())
}
