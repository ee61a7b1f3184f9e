//! Near-duplicates in a crowd: among so many images with near hashes that their pairs cannot all be looked at.
//!
//! In each round, the details of each image are projected on random directions. The signs make a key, and images with the
//! same key are compared with their next neighbors (locality-sensitive hashing, Charikar 2002). Images whose details
//! correlate by r agree in one sign with a probability of 1 - arccos(r) / pi. The key has so few bits that about
//! [`COMPANY`] images that have nothing in common share it. So the work grows with n log n, and of the pairs that correlate
//! by 0.95 about 3 of 1,000 are missed among 100,000 images, by 0.9 about 4 of 100.

use super::fingerprint::PIXELS;
use super::look::{BITS, Look};
use crate::threads;

/// The number of rounds, each with its own directions.
pub(super) const ROUNDS: usize = 16;

/// The number of images of one key, on average, that only chance brings together.
const COMPANY: usize = 32;

/// Each image is compared with so many that follow it among those of the same key.
const NEIGHBORS: usize = 64;

/// The number of images whose pairs are given at once.
const BATCH: usize = 1024;

/// Gives the pairs of one round, in parts, for an exact comparison. Those that their hashes or fingerprints tell apart are
/// left out.
pub(super) fn pairs(
    looks: &[Look],
    images: &[u32],
    round: usize,
    mut give: impl FnMut(Vec<(u32, u32)>),
) {
    if images.len() < 2 {
        return;
    }
    let directions = directions(images.len(), round);
    let keyed = threads::map(images.chunks(BATCH), |images| {
        let key = |image: &u32| (key(&looks[*image as usize], &directions), *image);
        images.iter().map(key).collect::<Vec<_>>()
    });
    let mut keyed: Vec<_> = keyed.into_iter().flatten().collect();
    keyed.sort_unstable();
    for start in (0..keyed.len()).step_by(BATCH) {
        let batch = start..keyed.len().min(start + BATCH);
        let found = threads::map(batch, |at| neighbors(looks, &keyed, at));
        give(found.into_iter().flatten().collect());
    }
}

/// The pairs of the image at this place with those that follow it and have its key.
fn neighbors(looks: &[Look], keyed: &[(u32, u32)], at: usize) -> Vec<(u32, u32)> {
    let (key, image) = keyed[at];
    let look = &looks[image as usize];
    let next = keyed[at + 1..].iter().take(NEIGHBORS);
    next.take_while(|(other, _)| *other == key)
        .filter(|(_, other)| {
            let other = &looks[*other as usize];
            (look.hash ^ other.hash).count_ones() <= BITS
                && look.fingerprint.may_resemble(other.fingerprint)
        })
        .map(|(_, other)| (image, *other))
        .collect()
}

/// On which side of each direction the details of the image lie.
fn key(look: &Look, directions: &[Vec<i16>]) -> u32 {
    let values: Vec<i16> = look.fingerprint.values().collect();
    directions.iter().fold(0, |key, signs| {
        let both = values.iter().zip(signs);
        let along: i32 = both.map(|(value, sign)| i32::from(value * sign)).sum();
        key << 1 | u32::from(along > 0)
    })
}

/// Random directions of a round, each of ones and minus ones.
fn directions(images: usize, round: usize) -> Vec<Vec<i16>> {
    use rand::{RngCore, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(round as u64);
    let bits = (images / COMPANY).max(2).ilog2().min(24);
    let mut signs = || {
        let words = (0..PIXELS.div_ceil(64)).map(|_| random.next_u64());
        let signs = words.flat_map(|word| (0..64).map(move |bit| 2 * (word >> bit & 1) as i16 - 1));
        signs.collect::<Vec<_>>()
    };
    (0..bits).map(|_| signs()).collect()
}
