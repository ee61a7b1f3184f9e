//! Rounds the weights of a quantized net and corrects its biases, layer by layer: the layers before it are quantized when
//! its turn comes, so that each makes up for what they have lost.

use super::calibration::Calibration;
use super::evaluate::{Evaluator, Map};
use super::fitting::Samples;
use super::float_net::{FloatMap, FloatNet};
use super::net::{LayerKind, QuantizedNet};
use super::outputs::map_of;
use super::parallel;
use crate::error::Result;
use crate::image_batch::ImageBatch;
use crate::weights::folded::FoldedLayer;
use crate::weights::parameters::transpose;

/// Pixels of an image's map that weights are fitted on.
const SAMPLES: usize = 64;

/// Shifts each channel's bias so that its mean before the activation, over all pixels of all images, is that of the net
/// in floats.
///
/// A sum is linear in what the layer reads, so its mean follows from the means under each tap of the filter, and each
/// layer is computed only once.
pub(super) fn correct(
    net: &mut QuantizedNet,
    calibration: &Calibration,
    images: &ImageBatch<'_>,
) -> Result<()> {
    layer_by_layer(net, calibration, images, |_, _, _| Ok(()))
}

/// As [`correct`], and fits the weights of every convolution ([`Samples::round`]). The classifier's are rounded each by
/// itself: it has one sample for each image, too few to fit it.
pub(super) fn fit(
    net: &mut QuantizedNet,
    layers: &[FoldedLayer],
    calibration: &Calibration,
    images: &ImageBatch<'_>,
    most: f32,
) -> Result<()> {
    let config = net.config.clone();
    let floats = FloatNet::new(&config, layers);
    let size = images.size();
    let mut maps = parallel::map(images.len(), |i| floats.pixels(images.image(i), size));
    layer_by_layer(net, calibration, images, |net, index, levels| {
        if net.layers[index].kind == LayerKind::Dense {
            return Ok(());
        }
        let sums = parallel::map(maps.len(), |i| floats.layer(index, &maps[i]));
        let evaluator = Evaluator::new(net)?;
        let each = parallel::map(levels.len(), |i| {
            sample(&evaluator, index, &levels[i], &sums[i])
        });
        let (layer, weights) = (&mut net.layers[index], &layers[index].weights);
        layer.weights = match layer.kind {
            LayerKind::Depthwise => filters(&each, weights, &layer.weight_scales, most),
            _ => matrix(&each, weights, &layer.weight_scales, most),
        };
        maps = sums;
        let clamped =
            |map: &mut FloatMap| map.values.iter_mut().for_each(|v| *v = v.clamp(0.0, 6.0));
        maps.iter_mut().for_each(clamped);
        Ok(())
    })
}

/// Lets `prepare` change each layer when its turn comes, for what it reads, and corrects the biases.
fn layer_by_layer(
    net: &mut QuantizedNet,
    calibration: &Calibration,
    images: &ImageBatch<'_>,
    mut prepare: impl FnMut(&mut QuantizedNet, usize, &[Map]) -> Result<()>,
) -> Result<()> {
    let size = images.size();
    let mut maps: Vec<Map> = parallel::map(images.len(), |i| map_of(images.image(i), size));
    for (index, wanted) in calibration.layers.iter().enumerate() {
        if net.layers[index].kind == LayerKind::Dense {
            let evaluator = Evaluator::new(net)?;
            maps = parallel::map(maps.len(), |i| evaluator.pool(&maps[i]));
        }
        prepare(net, index, &maps)?;
        let evaluator = Evaluator::new(net)?;
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

/// Some pixels of one image: what lies under the filter there, `[pixels, taps * channels]`, and what the net in floats
/// computes, `[pixels, outputs]`.
struct Sample {
    read: Vec<f32>,
    wanted: Vec<f32>,
}

fn sample(evaluator: &Evaluator<'_>, index: usize, levels: &Map, sums: &FloatMap) -> Sample {
    let scale = evaluator.net.input_of(index).scale;
    let pixels = sums.height * sums.width;
    let count = pixels.min(SAMPLES);
    let (mut read, mut wanted) = (Vec::new(), Vec::new());
    for i in 0..count {
        // Not the same column of each row.
        let pixel = (i * pixels + i * 31 % count * pixels / count / 2) / count;
        let (y, x) = (pixel / sums.width, pixel % sums.width);
        let window = evaluator.window(index, levels, y, x);
        read.extend(window.into_iter().map(|level| f32::from(level) * scale));
        let values = &sums.values[pixel * sums.channels..];
        wanted.extend_from_slice(&values[..sums.channels]);
    }
    Sample { read, wanted }
}

/// Fits weights `[outputs, inputs]`.
fn matrix(each: &[Sample], weights: &[f32], scales: &[f32], most: f32) -> Vec<i8> {
    let join = |part: fn(&Sample) -> &[f32]| each.iter().flat_map(part).copied().collect();
    let outputs = scales.len();
    let inputs = weights.len() / outputs.max(1);
    let samples = Samples {
        inputs,
        outputs,
        read: join(|s| &s.read),
        wanted: join(|s| &s.wanted),
    };
    let levels = samples.round(&transpose(weights, outputs, inputs), scales, most);
    transpose(&levels, inputs, outputs)
}

/// Fits filters `[9, channels]`, each by itself.
fn filters(each: &[Sample], weights: &[f32], scales: &[f32], most: f32) -> Vec<i8> {
    let channels = scales.len();
    let fitted = parallel::map(channels, |c| {
        let of = |values: fn(&Sample) -> &[f32]| {
            let values = each.iter().flat_map(values);
            values.skip(c).step_by(channels).copied().collect()
        };
        let filter: Vec<f32> = weights.iter().skip(c).step_by(channels).copied().collect();
        let samples = Samples {
            inputs: 9,
            outputs: 1,
            read: of(|s| &s.read),
            wanted: of(|s| &s.wanted),
        };
        samples.round(&filter, &scales[c..=c], most)
    });
    let levels: Vec<i8> = fitted.into_iter().flatten().collect();
    transpose(&levels, channels, 9)
}
