use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a generator is for. The rest of its stream's number is the step or the pass over the images.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    InitialWeights,
    Batch,
    Dropout,
    Validation,
}

/// The generator for one purpose and one step.
pub(super) fn generator(seed: u64, purpose: Purpose, step: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((purpose as u64) << 60) | step);
    rng
}
