//! Pictures with random damage: what `fuzz/` does where there is a nightly compiler, on a stable one, and blindly.
//! One second in an ordinary run; `MUTATION_SECONDS=1200` for longer.

use std::panic;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dataset::{DecodeOptions, decode};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const PIXELS: u64 = 1 << 20;

/// Panics that the decoders made and `decode` caught.
static CAUGHT: AtomicU64 = AtomicU64::new(0);

#[test]
fn damaged_pictures_are_decoded_within_the_limits_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/decode");
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let sound = decode(&bytes, &DecodeOptions::default());
        // What a fuzzer added may be broken, under a name that is a digest.
        assert!(
            sound.is_ok() || path.extension().is_none(),
            "{}: {sound:?}",
            path.display()
        );
        seeds.push(bytes);
    }
    let seconds = std::env::var("MUTATION_SECONDS").ok();
    let seconds = seconds.map_or(1, |text| text.parse().expect("a number of seconds"));
    panic::set_hook(Box::new(|_| {
        CAUGHT.fetch_add(1, Ordering::Relaxed);
    }));
    let (mut random, start) = (ChaCha8Rng::seed_from_u64(seconds), Instant::now());
    let (mut runs, mut decoded) = (0_u64, 0_u64);
    let (mut slowest, mut smallest, mut largest) = (Duration::ZERO, u64::MAX, 0);
    while start.elapsed() < Duration::from_secs(seconds) {
        let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
        for _ in 0..random.random_range(1..6) {
            damage(&mut bytes, &seeds, &mut random);
        }
        let limited = DecodeOptions::default().with_max_pixels(PIXELS);
        for options in [limited.clone(), limited.with_reduce_to(Some(16))] {
            let before = Instant::now();
            if let Ok(image) = decode(&bytes, &options) {
                let pixels = u64::from(image.width()) * u64::from(image.height());
                (smallest, largest) = (smallest.min(pixels), largest.max(pixels));
                decoded += 1;
            }
            slowest = slowest.max(before.elapsed());
            runs += 1;
        }
    }
    let _ = panic::take_hook();
    let caught = CAUGHT.load(Ordering::Relaxed);
    eprintln!(
        "{runs} damaged pictures in {seconds} s: {decoded} decoded, {caught} panics of decoders caught, \
         the slowest {slowest:.0?}"
    );
    // Damage that leaves nothing to decode would test the refusals alone.
    assert!(decoded > 0, "none of {runs} was decoded");
    assert!(
        0 < smallest && largest <= PIXELS,
        "{smallest} to {largest} pixels"
    );
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
}

/// One change: bytes or bits flipped, a number replaced, a part cut, doubled, or taken from another picture.
fn damage(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut ChaCha8Rng) {
    if bytes.is_empty() || bytes.len() > 1 << 16 {
        bytes.resize(32, 0xff);
    }
    let at = random.random_range(0..bytes.len());
    let length = random.random_range(1..=32).min(bytes.len() - at);
    match random.random_range(0..7) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes[at] = random.random(),
        2 => {
            const TELLING: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff, u32::MAX];
            let number = TELLING[random.random_range(0..TELLING.len())].to_be_bytes();
            let width = [1, 2, 4][random.random_range(0..3)].min(length);
            bytes[at..at + width].copy_from_slice(&number[4 - width..]);
        }
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..at + length)),
        5 => {
            let part = bytes[at..at + length].to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            let other = &seeds[random.random_range(0..seeds.len())];
            let from = random.random_range(0..other.len());
            let part = other[from..other.len().min(from + 64)].to_vec();
            bytes.splice(at..at + length, part);
        }
    }
}
