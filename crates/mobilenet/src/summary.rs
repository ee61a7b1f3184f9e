//! A net layer by layer: what each layer costs, and how long it takes on this machine.

use std::fmt;
use std::time::{Duration, Instant};

use crate::config::MobileNetConfig;
use crate::engine::Engine;
use crate::error::Result;
use crate::image_batch::ImageBatch;
use crate::layer::Layer;
use crate::layer_cost::LayerCost;

/// The layers of a net with what they cost and, where it was measured, how long they take: a table, by
/// [`Display`](fmt::Display).
///
/// ```
/// let net = mobilenet::MobileNetConfig::new().with_classes(1000);
/// let summary = mobilenet::Summary::new(&net, 224)?;
/// assert_eq!(summary.parameters(), 4_253_864);
/// assert!(summary.to_string().contains("block 13"));
/// # Ok::<(), mobilenet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Summary {
    layers: Vec<LayerCost>,
    times: Option<Vec<Duration>>,
}

impl Summary {
    /// The layers of a net for images of `size` by `size` pixels, without times.
    ///
    /// # Errors
    /// As [`MobileNetConfig::layers`].
    pub fn new(config: &MobileNetConfig, size: usize) -> Result<Self> {
        Ok(Self {
            layers: config.layers(size)?,
            times: None,
        })
    }

    /// The layers with their times, for `batch` gray images of `size` by `size` pixels: for each layer the net runs up to
    /// it `runs` times, and the fastest run counts. The time of a layer is this time minus that of the layer before it.
    /// Without runs there are no times.
    ///
    /// # Errors
    /// As [`MobileNetConfig::layers`], and what the engine finds.
    pub fn measure(engine: &dyn Engine, batch: usize, size: usize, runs: usize) -> Result<Self> {
        let config = engine.config();
        let mut summary = Self::new(config, size)?;
        if runs == 0 {
            return Ok(summary);
        }
        let levels = vec![128u8; batch * size * size * 3];
        let images = ImageBatch::from_u8(&levels, [batch, size, size])?;
        let output = match config.classes {
            0 => Layer::Embedding,
            _ => Layer::Logits,
        };
        let (mut times, mut before) = (Vec::new(), Duration::ZERO);
        for block in 0..summary.layers.len() {
            let until = fastest(runs, || {
                if block <= config.blocks {
                    engine.features(&images, block).map(drop)
                } else {
                    engine.forward(&images, output).map(drop)
                }
            })?;
            times.push(until.saturating_sub(before));
            before = until;
        }
        summary.times = Some(times);
        Ok(summary)
    }

    /// The layers, in the order in which they run.
    pub fn layers(&self) -> &[LayerCost] {
        &self.layers
    }

    /// The time of each layer for the whole batch; `None` where nothing was measured.
    pub fn times(&self) -> Option<&[Duration]> {
        self.times.as_deref()
    }

    /// Number of values that a file of weights holds for the whole net.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }

    /// Multiplications, each with its addition, of the whole net for one image.
    pub fn multiply_adds(&self) -> usize {
        self.layers.iter().map(|layer| layer.multiply_adds).sum()
    }
}

/// The shortest time of several runs, at least one.
fn fastest(runs: usize, work: impl Fn() -> Result<()>) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, map: &str, [parameters, multiply_adds, time]: [&str; 3]| {
            write!(f, "{name:<18}{map:>16}{parameters:>12}{multiply_adds:>16}")?;
            match &self.times {
                Some(_) => writeln!(f, "{time:>12}"),
                None => writeln!(f),
            }
        };
        let milliseconds = |time: Duration| format!("{:.3}", 1e3 * time.as_secs_f64());
        let times = self.times.iter().flatten();
        let mut time_of = times.clone().copied().map(milliseconds);
        row("", "map", ["parameters", "multiply-adds", "ms"])?;
        for layer in &self.layers {
            let [height, width, channels] = layer.output;
            let counts = [layer.parameters, layer.multiply_adds].map(|n| n.to_string());
            let time = time_of.next().unwrap_or_default();
            let map = format!("{height} x {width} x {channels}");
            row(&layer.name, &map, [&counts[0], &counts[1], &time])?;
        }
        let counts = [self.parameters(), self.multiply_adds()].map(|n| n.to_string());
        let whole = milliseconds(times.sum());
        row("total", "", [&counts[0], &counts[1], &whole])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Weights;

    #[test]
    fn each_layer_has_a_row_and_with_runs_a_time() {
        let config = MobileNetConfig::new().with_alpha(0.25).with_classes(10);
        let plain = Summary::new(&config, 64).unwrap();
        let text = plain.to_string();
        // A heading, the stem, 13 blocks, the classifier, and the total.
        assert_eq!(text.lines().count(), 17);
        assert!(!text.contains("ms"));
        let widths: Vec<_> = text.lines().map(str::len).collect();
        assert!(widths.iter().all(|&width| width == widths[0]), "{text}");

        let net = Weights::random(&config, 1).unwrap().compile().unwrap();
        let measured = Summary::measure(&net, 1, 64, 2).unwrap();
        assert_eq!(measured.times().map(<[_]>::len), Some(15));
        assert_eq!(measured.layers(), plain.layers());
        assert!(measured.to_string().lines().next().unwrap().ends_with("ms"));
        let without = Summary::measure(&net, 1, 64, 0).unwrap();
        assert_eq!(without.to_string(), text);
    }
}
