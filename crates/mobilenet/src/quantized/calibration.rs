//! What a net in floats does on the calibration images.

use super::float_net::{FloatMap, FloatNet};
use super::parallel;
use crate::config::MobileNetConfig;
use crate::image_batch::ImageBatch;
use crate::weights::folded::FoldedLayer;

/// Means and ranges of a net's values, over all pixels of all images.
pub(super) struct Calibration {
    /// Of each layer and channel, before the activation.
    pub layers: Vec<Statistics>,
    /// Of the average pool.
    pub pool: Statistics,
}

/// For each channel.
#[derive(Clone, Default)]
pub(super) struct Statistics {
    pub mean: Vec<f64>,
    pub low: Vec<f32>,
    pub high: Vec<f32>,
}

impl Statistics {
    fn of(map: &FloatMap) -> Self {
        let channels = map.channels;
        let mut all = Self {
            mean: vec![0.0; channels],
            low: vec![f32::INFINITY; channels],
            high: vec![f32::NEG_INFINITY; channels],
        };
        for pixel in map.values.chunks_exact(channels) {
            for (c, &value) in pixel.iter().enumerate() {
                all.mean[c] += f64::from(value);
                all.low[c] = all.low[c].min(value);
                all.high[c] = all.high[c].max(value);
            }
        }
        let pixels = (map.height * map.width) as f64;
        all.mean.iter_mut().for_each(|mean| *mean /= pixels);
        all
    }

    /// Adds those of another image; means are sums until all are there.
    fn add(&mut self, other: &Self) {
        if self.mean.is_empty() {
            self.clone_from(other);
            return;
        }
        for c in 0..self.mean.len() {
            self.mean[c] += other.mean[c];
            self.low[c] = self.low[c].min(other.low[c]);
            self.high[c] = self.high[c].max(other.high[c]);
        }
    }

    /// The lowest and the highest value of all channels.
    pub fn range(&self) -> (f32, f32) {
        let low = self.low.iter().copied().fold(f32::INFINITY, f32::min);
        let high = self.high.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        (low, high)
    }
}

impl Calibration {
    /// Runs all images, of which there is at least one.
    pub fn measure(
        config: &MobileNetConfig,
        layers: &[FoldedLayer],
        images: &ImageBatch<'_>,
    ) -> Self {
        let net = FloatNet::new(config, layers);
        let each = parallel::map(images.len(), |i| {
            let mut found = vec![Statistics::default(); layers.len()];
            let mut pool = Statistics::default();
            net.run(images.image(i), images.size(), |index, map| match index {
                Some(index) => found[index] = Statistics::of(map),
                None => pool = Statistics::of(map),
            });
            (found, pool)
        });
        let mut all = Self {
            layers: vec![Statistics::default(); layers.len()],
            pool: Statistics::default(),
        };
        // In the order of the images, whatever the threads did.
        for (found, pool) in &each {
            for (all, found) in all.layers.iter_mut().zip(found) {
                all.add(found);
            }
            all.pool.add(pool);
        }
        let n = images.len() as f64;
        for statistics in all.layers.iter_mut().chain([&mut all.pool]) {
            statistics.mean.iter_mut().for_each(|mean| *mean /= n);
        }
        all
    }
}
