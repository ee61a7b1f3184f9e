//! All pairs of hashes within 10 bits: with the index, its making included, and by comparing all with all. The hashes are
//! those of pictures that have nothing in common, or of series of pictures that resemble each other.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dataset::audit::HashIndex;

/// `count` hashes in series of `series`, each hash of a series with up to four bits of its own.
fn hashes(count: u64, series: u64) -> Vec<u64> {
    let random = |number: u64| {
        // SplitMix64.
        let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    let flips = |number: u64| {
        (0..4).fold(0, |bits, at| {
            bits | 1_u64 << (random(number) >> (6 * at) & 63)
        })
    };
    let one = |number: u64| match series {
        1 => random(number),
        series => random(number / series) ^ flips(!number),
    };
    (1..=count).map(one).collect()
}

fn indexed(hashes: &[u64]) -> usize {
    let index = HashIndex::new(hashes, 10).expect("a distance in range");
    let near = |hash: &u64| {
        index
            .near(*hash, usize::MAX)
            .map_or(0, |near| near.len() - 1)
    };
    hashes.iter().map(near).sum::<usize>() / 2
}

fn all_with_all(hashes: &[u64]) -> usize {
    let pairs = |(at, hash): (usize, &u64)| {
        let rest = hashes[at + 1..].iter();
        rest.filter(|other| (hash ^ *other).count_ones() <= 10)
            .count()
    };
    hashes.iter().enumerate().map(pairs).sum()
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("near_hashes");
    group.sample_size(10);
    for (kind, series) in [("unrelated", 1), ("series_of_60", 60)] {
        for count in [3_000, 10_000, 30_000, 100_000] {
            let hashes = hashes(count, series);
            group.bench_with_input(
                BenchmarkId::new(format!("{kind}/index"), count),
                &hashes,
                |b, hashes| {
                    b.iter(|| indexed(black_box(hashes)));
                },
            );
            if count <= 30_000 {
                assert_eq!(indexed(&hashes), all_with_all(&hashes));
                group.bench_with_input(
                    BenchmarkId::new(format!("{kind}/all_with_all"), count),
                    &hashes,
                    |b, hashes| b.iter(|| all_with_all(black_box(hashes))),
                );
            }
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
