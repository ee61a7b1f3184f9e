//! The kernels of every instruction set of this processor against plain sums, and products by emulated tiles, so that
//! their indices are tested on every machine.

use super::super::tests::Numbers;
use super::portable::Portable;
use super::tiles::{Block, PITCH, ROWS, Tiles};
use super::*;

/// The arithmetic of the tile unit in plain loops.
struct Emulated;

// SAFETY of the methods: reads and writes where the unit does (the trait's condition).
impl Tiles for Emulated {
    unsafe fn configure(rows: usize, row_bytes: usize) {
        assert!((1..=ROWS).contains(&rows), "rows of a tile");
        assert!(
            row_bytes.is_multiple_of(4) && (4..=64).contains(&row_bytes),
            "bytes of a row"
        );
    }

    unsafe fn multiply(b: Block) {
        for i in 0..64 * b.rows {
            let (tile, row, column) = (i / 32 / b.rows, i / 32 % b.rows, i % 32);
            let inside = row * PITCH + column * 4;
            // SAFETY: the caller's.
            unsafe {
                let from = b.from[tile].add(row * b.from_pitch + column * 4);
                let mut sum = from.cast::<i32>().read_unaligned();
                for n in 0..b.count {
                    let left = b.left[tile].add(n * b.left_step + row * b.row_bytes);
                    let right = b.right.add(n * b.right_step + column * 4);
                    for k in 0..b.row_bytes {
                        let weight = *right.add(k / 4 * PITCH + k % 4) as i8;
                        sum = sum.wrapping_add(i32::from(*left.add(k)) * i32::from(weight));
                    }
                }
                b.to.add(tile * ROWS * PITCH + inside)
                    .cast::<i32>()
                    .write_unaligned(sum);
            }
        }
    }

    unsafe fn release() {}
}

/// The portable form, with products by emulated tiles.
static EMULATED: Int8Kernels = {
    unsafe fn matmul(m: &mut Matmul) {
        // SAFETY: the caller's; nothing here needs an instruction set.
        unsafe { tiles::matmul::<Portable<16>, Emulated>(m) }
    }
    unsafe fn depthwise(d: &mut Depthwise) {
        // SAFETY: as above.
        unsafe { depthwise::depthwise::<Portable<16>>(d) }
    }
    Int8Kernels {
        instruction_set: InstructionSet::Portable,
        level_bytes: 1,
        lanes: 16,
        channels: 64,
        pack: |sizes, requantize, channel, weight| {
            Packed::new::<Portable<16>>(sizes, requantize, channel, weight)
        },
        pack_filters: |wide, requantize, weight| {
            Filters::new::<Portable<16>>(wide, requantize, weight)
        },
        matmul,
        depthwise,
    }
};

fn all() -> Vec<(String, &'static Int8Kernels)> {
    let sets = InstructionSet::ALL.into_iter();
    let found = sets.filter_map(|set| {
        let kernels = Int8Kernels::of(set);
        if kernels.is_none() && set != InstructionSet::Avx512 {
            eprintln!("skipped: integer kernels of {set}, which this processor does not have");
        }
        Some((set.to_string(), kernels?))
    });
    found
        .chain([("emulated tiles".into(), &EMULATED)])
        .collect()
}

/// What the sum of a channel becomes, in f64 and i128.
fn level(requantize: &Requantize, channel: usize, sum: i64) -> u8 {
    let rounded = match requantize.factors[channel] {
        Factor::Single(factor) => f64::from((sum as f32 * factor).round_ties_even()),
        Factor::Twice { multiplier, shift } => {
            let shifted = i128::from(sum) << shift.max(0);
            let high = (shifted * i128::from(multiplier) + (1 << 30)) >> 31;
            // Halves away from zero.
            (high as f64 / f64::from(-shift.min(0)).exp2()).round()
        }
    };
    let level = (rounded + f64::from(requantize.zero_point)).clamp(0.0, 255.0);
    level.clamp(f64::from(requantize.low), f64::from(requantize.high)) as u8
}

fn requantize(numbers: &mut Numbers, channels: usize, depth: usize, twice: bool) -> Requantize {
    let factor = |numbers: &mut Numbers| {
        let size = (2.0 + numbers.next()) * 30.0 / (74.0 * 74.0 * (depth as f32).sqrt());
        if twice {
            let shift = size.log2().floor() as i32 + 1;
            let fraction = f64::from(size) / f64::from(shift).exp2();
            // Here and there no shift at all.
            let shift = if numbers.below(20) == 0 { 0 } else { shift };
            let multiplier = (fraction * 2f64.powi(31)) as i64;
            Factor::Twice {
                multiplier: multiplier.min(i64::from(i32::MAX)) as i32,
                shift,
            }
        } else {
            Factor::Single(size)
        }
    };
    let low = numbers.below(80) as u8;
    Requantize {
        bias: (0..channels)
            .map(|_| (numbers.next() * 1e5) as i32)
            .collect(),
        factors: (0..channels).map(|_| factor(numbers)).collect(),
        zero_point: numbers.below(256) as u8,
        low,
        high: low + numbers.below(usize::from(255 - low) + 1) as u8,
    }
}

fn bytes(numbers: &mut Numbers, len: usize, extreme: bool) -> Vec<u8> {
    let byte = |numbers: &mut Numbers| match (extreme, numbers.below(4)) {
        (true, 0) => 0,
        (true, 1) => 255,
        _ => numbers.below(256) as u8,
    };
    (0..len).map(|_| byte(numbers)).collect()
}

/// Bytes, or as much as weights less a zero point may be.
fn weights(numbers: &mut Numbers, len: usize, most: i32, extreme: bool) -> Vec<i32> {
    let weight = |numbers: &mut Numbers| match (extreme, numbers.below(4)) {
        (true, 0) => -most - i32::from(most == 127),
        (true, 1) => most,
        _ => numbers.below(2 * most as usize) as i32 - most,
    };
    (0..len).map(|_| weight(numbers)).collect()
}

/// As the left side of a product.
fn widened(levels: &[u8], level_bytes: usize) -> Vec<u8> {
    let level = |&level: &u8| [level, 0].into_iter().take(level_bytes).collect::<Vec<_>>();
    levels.iter().flat_map(level).collect()
}

#[test]
fn products_of_all_sizes() {
    let mut numbers = Numbers(1);
    for round in 0..120 {
        let (extreme, twice, raw) = (round % 4 == 0, round % 3 == 0, round % 5 == 0);
        let (block, blocks) = if round % 2 == 0 {
            (64, 1 + numbers.below(5))
        } else {
            (4 * (1 + numbers.below(16)), 1)
        };
        let planes = 1 + numbers.below(3);
        let wide = if raw || planes > 1 {
            PLANE
        } else {
            [8, 16, 32, 64][numbers.below(4)]
        };
        let columns = (planes - 1) * PLANE + 1 + numbers.below(wide);
        let rows = 1 + numbers.below(70);
        let pitch = rows + numbers.below(5);
        let depth = block * blocks;
        let most = [127, 254, 255][numbers.below(3)];
        let weight = weights(&mut numbers, depth * columns, most, extreme);
        let left = bytes(&mut numbers, pitch * depth, extreme);
        let mut after = requantize(&mut numbers, columns, depth, twice);
        let factors = after.factors.clone();
        if raw {
            after.factors.clear();
        }
        let sizes = Sizes {
            block,
            blocks,
            wide,
            planes,
        };
        let width = 1 + numbers.below(20);
        let place = Place {
            stride: wide + numbers.below(9),
            width,
            first: numbers.below(width),
            gap: numbers.below(70),
        };
        let first = numbers.below(planes);
        let sum = |r: usize, c: usize| -> i64 {
            let products = (0..depth).map(|k| {
                let level = left[(k / block * pitch + r) * block + k % block];
                i64::from(level) * i64::from(weight[k * columns + c])
            });
            i64::from(after.bias[c]) + products.sum::<i64>()
        };
        let requantize = Requantize {
            factors,
            ..after.clone()
        };
        for (name, kernels) in all() {
            let channel = |c: usize| (c < columns).then_some(c);
            let right = kernels.pack(sizes, &after, &channel, &|k, c| weight[k * columns + c]);
            let left = widened(&left, kernels.level_bytes);
            let count = planes - first;
            let mut sums = vec![0; rows * count * PLANE];
            let len = rows * place.stride + rows * place.gap + wide;
            let mut memory = vec![vec![77u8; len]; count];
            let mut maps: Vec<&mut [u8]> = memory.iter_mut().map(|map| &mut map[..]).collect();
            let out = if raw {
                Out::Sums(&mut sums)
            } else {
                Out::Levels {
                    planes: &mut maps,
                    place,
                }
            };
            kernels.matmul(Matmul {
                left: &left,
                pitch,
                rows,
                right: &right,
                planes: first..planes,
                out,
            });
            let mut untouched = vec![true; len];
            for r in 0..rows {
                let position = place.first + r;
                let start = r * place.stride + position / place.width * place.gap;
                untouched[start..start + wide].fill(false);
                for c in first * PLANE..columns {
                    let (plane, inside) = (c / PLANE - first, c % PLANE);
                    if raw {
                        let found = sums[(r * count + plane) * PLANE + inside];
                        assert_eq!(i64::from(found), sum(r, c), "{name}: row {r}, column {c}");
                    } else {
                        let expected = level(&requantize, c, sum(r, c));
                        let found = memory[plane][start + inside];
                        assert_eq!(found, expected, "{name}: row {r}, column {c}");
                    }
                }
            }
            let kept = |map: &Vec<u8>| map.iter().zip(&untouched).all(|(&x, &u)| !u || x == 77);
            assert!(raw || memory.iter().all(kept), "{name}: wrote into a gap");
        }
    }
}

#[test]
fn depthwise_of_all_sizes() {
    let mut numbers = Numbers(2);
    for round in 0..160 {
        let (extreme, twice) = (round % 4 == 0, round % 3 == 0);
        let wide = [8, 16, 32, 64, 64][numbers.below(5)];
        let planes = if wide == PLANE {
            1 + numbers.below(3)
        } else {
            1
        };
        let channels = (planes - 1) * PLANE + 1 + numbers.below(wide);
        let stride = 1 + round % 2;
        let (height, width) = (1 + numbers.below(6), 1 + numbers.below(20));
        let before = (numbers.below(2), numbers.below(2));
        // The input, with what is beside it.
        let (rows, columns) = (height * stride + 3, width * stride + 3);
        let pitch = columns * wide + PLANE;
        let plane_len = rows * pitch + PLANE;
        let input = bytes(&mut numbers, planes * plane_len + 4 * SLACK, extreme);
        let most = [127, 254, 255][numbers.below(3)];
        let weight = weights(&mut numbers, 9 * channels, most, extreme);
        let after = requantize(&mut numbers, channels, 9, twice);
        let start = numbers.below(height * width);
        let pixels = start..start + 1 + numbers.below(height * width - start);
        for (name, kernels) in all() {
            let filters = kernels.pack_filters(wide, &after, &|tap, c| weight[tap * channels + c]);
            let bytes = kernels.level_bytes;
            for plane in 0..planes {
                let mut out = vec![77; (pixels.len() * wide + SLACK) * bytes];
                kernels.depthwise(Depthwise {
                    input: &input[plane * plane_len..],
                    pitch,
                    stride,
                    before,
                    width,
                    pixels: pixels.clone(),
                    filters: &filters,
                    plane,
                    out: &mut out,
                });
                for (i, p) in pixels.clone().enumerate() {
                    for inside in 0..wide.min(channels - plane * wide) {
                        let c = plane * wide + inside;
                        let products = (0..9).map(|tap| {
                            let y = p / width * stride + tap / 3 + 1 - before.0;
                            let x = (p % width * stride + tap % 3) * wide;
                            let at = plane * plane_len + y * pitch + PLANE + x;
                            let level = input[at - before.1 * wide + inside];
                            i64::from(level) * i64::from(weight[tap * channels + c])
                        });
                        let sum = i64::from(after.bias[c]) + products.sum::<i64>();
                        let found = &out[(i * wide + inside) * bytes..][..bytes];
                        let expected = &[level(&after, c, sum), 0][..bytes];
                        assert_eq!(found, expected, "{name}: pixel {p}, channel {c}");
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn tiles_multiply_as_emulated() {
    if !amx_available().int8 {
        eprintln!("skipped: tiles, which this processor does not have");
        return;
    }
    let mut numbers = Numbers(3);
    for round in 0..60 {
        let (rows, row_bytes) = (1 + numbers.below(ROWS), 4 * (1 + numbers.below(16)));
        let count = 1 + numbers.below(6);
        let left = bytes(&mut numbers, 2 * count * rows * row_bytes, round % 2 == 0);
        let right = bytes(&mut numbers, count * row_bytes / 4 * PITCH, round % 2 == 0);
        let from: Vec<i32> = (0..2 * ROWS * PITCH / 4)
            .map(|_| numbers.below(99_999) as i32)
            .collect();
        let mut found = vec![0i32; 2 * ROWS * PITCH / 4];
        let mut expected = found.clone();
        let step = rows * row_bytes;
        let block = |to: &mut Vec<i32>| Block {
            left: [left.as_ptr(), left[count * step..].as_ptr()],
            rows,
            row_bytes,
            right: right.as_ptr(),
            count,
            left_step: step,
            right_step: row_bytes / 4 * PITCH,
            from: [
                from.as_ptr().cast(),
                from[ROWS * PITCH / 4..].as_ptr().cast(),
            ],
            from_pitch: [0, PITCH][round % 2],
            to: to.as_mut_ptr().cast(),
        };
        // SAFETY: all slices are as long as the block says, and the unit is there.
        unsafe {
            Emulated::multiply(block(&mut expected));
            amx::Int8::configure(rows, row_bytes);
            amx::Int8::multiply(block(&mut found));
            amx::Int8::release();
        }
        assert!(
            found == expected,
            "{rows} rows of {row_bytes} bytes, {count} products"
        );
    }
}
