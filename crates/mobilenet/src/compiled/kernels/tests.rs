//! Every instruction set of this processor against plain sums in f64, and so against the portable form.

use super::*;

/// Numbers in -1..1, the same for the same seed.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> f32 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub(crate) fn vec(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.next()).collect()
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((f64::from(self.next()).midpoint(1.0) * end as f64) as usize).min(end - 1)
    }
}

fn all() -> Vec<&'static Kernels> {
    InstructionSet::ALL
        .into_iter()
        .filter_map(Kernels::of)
        .collect()
}

/// Fits what [`Finish`] does to a plain sum.
fn finished(x: f64, finish: usize, bit: bool) -> f64 {
    match finish {
        0 => x,
        1 | 2 => x.clamp(0.0, 6.0),
        3 => f64::from(u8::from(bit)) * x,
        _ => f64::from(u8::from(bit)) * x.max(0.0),
    }
}

fn finish(kind: usize, mask: &mut [u16]) -> Finish<'_> {
    match kind {
        0 => Finish::Raw,
        1 => Finish::Relu6,
        2 => Finish::Relu6Masked(mask),
        _ => Finish::Gradient {
            mask,
            guided: kind == 4,
        },
    }
}

fn close(found: f32, expected: f64, what: &str) {
    assert!(
        (f64::from(found) - expected).abs() < 1e-4,
        "{what}: {found}, expected {expected}"
    );
}

#[test]
fn products_of_all_sizes() {
    let mut numbers = Numbers(1);
    for round in 0..300 {
        let segments = if round % 3 == 0 { 3 } else { 1 };
        let depth = if segments == 3 {
            1 + numbers.below(12)
        } else {
            1 + numbers.below([9, 70, 700][round % 3])
        };
        let (rows, columns) = (1 + numbers.below(45), 1 + numbers.below(75));
        let row_stride = depth + numbers.below(9);
        let width = 1 + numbers.below(20);
        let (kind, first) = (numbers.below(5), numbers.below(width));
        // Some of the panels, most often all.
        let (skipped, some) = (numbers.below(4), [1, 2, 99, 99][numbers.below(4)]);
        let (gaps, spare) = (numbers.below(3) > 0, numbers.below(9));
        let left: Vec<_> = (0..segments)
            .map(|_| numbers.vec((rows - 1) * row_stride + depth))
            .collect();
        let segments: Vec<_> = left.iter().map(|segment| &segment[..]).collect();
        let (weight, after) = (
            numbers.vec(segments.len() * depth * columns),
            Affine {
                scale: numbers.vec(columns),
                bias: numbers.vec(columns),
            },
        );
        for kernels in all() {
            let lanes = kernels.lanes;
            let right = Packed::new(&weight, after.clone(), segments.len() * depth, lanes);
            let padded = right.columns();
            let panel = 2 * lanes;
            let start = padded * skipped / 4 / panel * panel;
            let part = start..padded.min(start + panel * some);
            let place = if gaps {
                let stride = part.len() + spare;
                Place {
                    stride,
                    width,
                    first,
                }
            } else {
                Place::dense(part.len())
            };
            let pixels = place.gaps_before(rows - 1) + rows;
            let mut out = vec![77.0; pixels * place.stride + 3];
            let bits: Vec<u16> = (0..rows * part.len() / lanes)
                .map(|_| (numbers.below(65536)) as u16)
                .collect();
            let mut mask = bits.clone();
            kernels.matmul(Matmul {
                left: &segments,
                depth,
                row_stride,
                rows,
                right: &right,
                columns: part.clone(),
                out: &mut out,
                place,
                finish: finish(kind, &mut mask),
            });
            let mut untouched = vec![true; out.len()];
            for r in 0..rows {
                for c in 0..part.len() {
                    let column = part.start + c;
                    let sum = |c: usize| {
                        let products = segments.iter().enumerate().flat_map(|(s, segment)| {
                            let weight = &weight;
                            (0..depth).map(move |k| {
                                let w = weight[(s * depth + k) * columns + c];
                                f64::from(segment[r * row_stride + k]) * f64::from(w)
                            })
                        });
                        f64::from(after.bias[c]) + f64::from(after.scale[c]) * products.sum::<f64>()
                    };
                    let sum = if column < columns { sum(column) } else { 0.0 };
                    let word = r * part.len() / lanes + c / lanes;
                    let bit = bits[word] >> (c % lanes) & 1 == 1;
                    let index = (r + place.gaps_before(r)) * place.stride + c;
                    untouched[index] = false;
                    close(
                        out[index],
                        finished(sum, kind, bit),
                        kernels.instruction_set.name(),
                    );
                    if kind == 2 && sum.abs() > 1e-4 && (sum - 6.0).abs() > 1e-4 {
                        assert_eq!(mask[word] >> (c % lanes) & 1 == 1, sum > 0.0 && sum < 6.0);
                    }
                }
            }
            assert!(
                out.iter()
                    .zip(untouched)
                    .all(|(&x, untouched)| !untouched || x == 77.0),
                "wrote into a gap"
            );
        }
    }
}

#[test]
fn depthwise_and_its_transpose_of_all_sizes() {
    let mut numbers = Numbers(2);
    for round in 0..300 {
        let (channels, count) = (1 + numbers.below(70), 1 + numbers.below(30));
        let (stride, offset) = (1 + round % 2, numbers.below(4));
        let (kind, position, spare) = (numbers.below(5), numbers.below(5), numbers.below(9));
        let columns = offset + count * stride + 3;
        let rows: Vec<_> = (0..3).map(|_| numbers.vec(columns * channels)).collect();
        let weight = numbers.vec(9 * channels);
        let after = Affine {
            scale: numbers.vec(channels),
            bias: numbers.vec(channels),
        };
        for kernels in all() {
            let lanes = kernels.lanes;
            let padded = channels.next_multiple_of(lanes);
            let spaced = |values: &[f32], pitch: usize| -> Vec<f32> {
                let row = |row: &[f32]| [row, &vec![0.0; pitch - channels]].concat();
                values.chunks_exact(channels).flat_map(row).collect()
            };
            let pitch = padded + spare;
            let pad = |values: &[f32]| spaced(values, padded);
            let rows_padded = [0, 1, 2].map(|i| spaced(&rows[i], pitch));
            let weight_padded = pad(&weight);
            let bits: Vec<u16> = (0..count * padded / lanes)
                .map(|_| numbers.below(65536) as u16)
                .collect();
            let check = |out: &[f32], expected: &dyn Fn(usize, usize) -> f64| {
                for x in 0..count {
                    for c in 0..channels {
                        let bit = bits[x * padded / lanes + c / lanes] >> (c % lanes) & 1 == 1;
                        close(
                            out[x * padded + c],
                            finished(expected(x, c), kind, bit),
                            kernels.instruction_set.name(),
                        );
                    }
                }
            };
            let mut out = vec![0.0; count * padded];
            kernels.depthwise(Depthwise {
                rows: rows_padded.each_ref().map(|row| &row[..]),
                offset,
                stride,
                channels: padded,
                pitch,
                weight: &weight_padded,
                after: &after.clone().padded(lanes),
                out: &mut out,
                finish: finish(kind, &mut bits.clone()),
            });
            check(&out, &|x, c| {
                let taps = (0..9).map(|k| {
                    let column = offset + x * stride + k % 3;
                    f64::from(rows[k / 3][column * channels + c])
                        * f64::from(weight[k * channels + c])
                });
                f64::from(after.bias[c]) + f64::from(after.scale[c]) * taps.sum::<f64>()
            });
            let two = [(0, &rows_padded[0][..]), (2, &rows_padded[1][..])];
            let longest = (position + count - 1) / 2 + 2;
            if longest > columns {
                continue;
            }
            kernels.spread(Spread {
                rows: &two,
                offset: position,
                channels: padded,
                pitch,
                weight: &weight_padded,
                out: &mut out,
                finish: finish(kind, &mut bits.clone()),
            });
            check(&out, &|x, c| {
                // Input column p was under tap kx for the output column q where 2 q + kx = p; the first is beside the map.
                let p = position + x;
                let taps = (0..3)
                    .filter(|kx| p + 2 >= *kx && (p + 2 - kx).is_multiple_of(2))
                    .flat_map(|kx| {
                        let (q, rows, weight) = ((p + 2 - kx) / 2, &rows, &weight);
                        [(0, 0), (2, 1)].map(|(ky, row)| {
                            f64::from(rows[row][q * channels + c])
                                * f64::from(weight[(ky * 3 + kx) * channels + c])
                        })
                    });
                taps.sum()
            });
        }
    }
}

#[test]
fn not_a_number_stays_one() {
    for kernels in all() {
        let right = Packed::new(&[f32::NAN, 1.0], Affine::none(2), 1, kernels.lanes);
        let mut out = vec![0.0; right.columns()];
        kernels.matmul(Matmul {
            left: &[&[7.0]],
            depth: 1,
            row_stride: 1,
            rows: 1,
            right: &right,
            columns: 0..right.columns(),
            out: &mut out,
            place: Place::dense(right.columns()),
            finish: Finish::Relu6,
        });
        assert!(
            out[0].is_nan() && out[1] == 6.0,
            "{}: {out:?}",
            kernels.instruction_set
        );
    }
}
