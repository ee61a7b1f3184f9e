//! Measures how long a network takes.

use std::time::{Duration, Instant};

use mobilenet::{Engine, GradientOptions, ImageBatch, Layer};

use crate::classifier::Classifier;
use crate::error::Result;

/// What the network computes while its time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Logits, or the embedding if the network has no classes.
    Forward,
    /// The gradient of the probability of class 0 with respect to the pixels.
    Gradient,
}

impl Work {
    /// Computes it once, for a batch of images.
    ///
    /// # Errors
    /// The errors of [`Engine::forward`] and [`Engine::pixel_gradients`].
    pub fn once(self, engine: &dyn Engine, images: &ImageBatch<'_>) -> Result<()> {
        let layer = match engine.config().classes {
            0 => Layer::Embedding,
            _ => Layer::Logits,
        };
        match self {
            Self::Forward => {
                engine.forward(images, layer)?;
            }
            Self::Gradient => {
                let options = GradientOptions::new(Layer::Logits);
                engine.pixel_gradients(images, options, &|_, logits, gradient| {
                    let logits: Vec<f64> = logits.iter().copied().map(f64::from).collect();
                    let Ok((_, slope)) = Classifier::probability(0)(&logits) else {
                        return;
                    };
                    for (gradient, slope) in gradient.iter_mut().zip(slope) {
                        *gradient = slope as f32;
                    }
                })?;
            }
        }
        Ok(())
    }

    /// Median time of a call, after one call to warm up. Calls are repeated until `at_least` has passed, at least once.
    ///
    /// # Errors
    /// The errors of [`once`](Self::once).
    pub fn median_time(
        self,
        engine: &dyn Engine,
        images: &ImageBatch<'_>,
        at_least: Duration,
    ) -> Result<Duration> {
        self.once(engine, images)?;
        let start = Instant::now();
        let mut times = Vec::new();
        while times.is_empty() || start.elapsed() < at_least {
            let start = Instant::now();
            self.once(engine, images)?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        Ok(times[times.len() / 2])
    }
}

#[cfg(test)]
mod tests {
    use mobilenet::Weights;

    use super::*;

    #[test]
    fn a_call_takes_time_and_errors_are_passed_on() {
        let engine = Weights::open("bundled").unwrap().compile().unwrap();
        let pixels = vec![100; 32 * 32 * 3];
        let images = ImageBatch::from_u8(&pixels, [1, 32, 32]).unwrap();
        for work in [Work::Forward, Work::Gradient] {
            let time = work.median_time(&engine, &images, Duration::ZERO).unwrap();
            assert!(time > Duration::ZERO);
        }
        // Without classes there are no logits to go back from.
        let config = mobilenet::MobileNetConfig::new().with_alpha(0.25);
        let config = config.with_classes(0);
        let engine = Weights::random(&config, 0).unwrap().compile().unwrap();
        Work::Forward.once(&engine, &images).unwrap();
        assert!(Work::Gradient.once(&engine, &images).is_err());
    }
}
