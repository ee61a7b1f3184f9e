//! The random numbers of a scene.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::canvas::{Color, Noise};

/// The stream of random numbers of one scene.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    pub(super) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.random::<f32>()
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f32) -> bool {
        self.0.random::<f32>() < probability
    }

    /// An integer from 0 to `end - 1`.
    pub(super) fn below<T>(&mut self, end: T) -> T
    where
        T: rand::distr::uniform::SampleUniform + PartialOrd + Default,
    {
        self.0.random_range(T::default()..end)
    }

    pub(super) fn noise(&mut self) -> Noise {
        Noise(self.0.random())
    }

    /// One of these colors, slightly changed.
    pub(super) fn color(&mut self, choices: &[Color]) -> Color {
        let choice = choices[self.0.random_range(0..choices.len())];
        choice.map(|v| (v + self.uniform(-0.06, 0.06)).clamp(0.0, 1.0))
    }
}
