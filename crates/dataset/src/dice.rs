//! Random numbers as pure functions of what they are for.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of its own for each (seed, epoch, index), whatever the order in which they are asked.
pub(crate) fn random(seed: u64, epoch: u64, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&epoch.to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// Uniform in `from..to`, also where both are the same.
pub(crate) fn between(random: &mut ChaCha8Rng, from: f64, to: f64) -> f64 {
    from + (to - from) * random.random::<f64>()
}

/// Puts a list into a random order (Fisher and Yates).
pub(crate) fn shuffle<T>(items: &mut [T], random: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, random.random_range(0..=i));
    }
}
