//! What is kept of an image to compare it with others.

use super::fingerprint::Fingerprint;

/// Pairs whose difference hashes differ in more bits than this are not compared further.
pub(super) const BITS: u32 = 10;

#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) hash: u64,
    pub(super) fingerprint: &'a Fingerprint,
}
