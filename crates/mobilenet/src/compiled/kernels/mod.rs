//! The kernels: three loops, generic over a [`Vector`](vector::Vector), and a table of them an instruction set.
//!
//! The only unsafe code of the crate. Every entry checks its slices, so that none can be called to read or write
//! beside them, and a table is handed out only where the processor has the instruction set.
#![allow(unsafe_code)]
#![allow(clippy::inline_always)] // a generic kernel becomes vector code only inside the function that enables it

/// Runs `$body` for `$i` = 0, 1, ... below the constant `$end` (at most 14), written out: a loop that the compiler leaves
/// a loop would keep an array of sums in memory instead of in registers.
macro_rules! unrolled {
    ($i:ident < $end:expr => $body:expr) => {
        unrolled!(@ $i $end, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $i:ident $end:expr, $body:expr, $($n:literal)*) => {
        {$(if const { $n < $end } {
            let $i = $n;
            $body
        })*}
    };
}

mod aligned;
mod depthwise;
pub(crate) mod int8;
mod matmul;
#[cfg(any(test, not(target_feature = "simd128")))]
mod portable;
#[cfg(target_feature = "simd128")]
mod v128;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

use self::vector::Vector;
use super::instruction_set::InstructionSet;

pub(crate) use self::depthwise::{Depthwise, Spread};
pub(crate) use self::matmul::{Matmul, Packed};

/// Where rows of a product go: maps have one pixel of zeros between their rows.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Values from a pixel to the next.
    pub(crate) stride: usize,
    /// Pixels in a row of the map.
    pub(crate) width: usize,
    /// Column of the first pixel.
    pub(crate) first: usize,
}

impl Place {
    /// One after the other.
    pub(crate) fn dense(stride: usize) -> Self {
        Self {
            stride,
            width: usize::MAX,
            first: 0,
        }
    }

    /// Gaps before pixel `row`, counted from the first.
    pub(crate) fn gaps_before(self, row: usize) -> usize {
        (self.first + row) / self.width
    }

    /// Gaps before pixel `row`, and pixels from it to the next gap.
    fn at(self, row: usize) -> (usize, usize) {
        let gaps = self.gaps_before(row);
        (gaps, self.width - (self.first + row) % self.width)
    }
}

/// What a convolution's batch norm makes of its sums, a channel: `scale * sum + bias`. Scaling the weights instead would
/// cost nothing either, but moves integrated gradients three times as far from those of exact sums.
#[derive(Clone)]
pub(crate) struct Affine {
    pub(crate) scale: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Affine {
    /// Changes nothing.
    pub(crate) fn none(channels: usize) -> Self {
        Self {
            scale: vec![1.0; channels],
            bias: vec![0.0; channels],
        }
    }

    /// For channels padded to whole vectors.
    pub(crate) fn padded(mut self, lanes: usize) -> Self {
        let channels = self.bias.len().next_multiple_of(lanes);
        self.scale.resize(channels, 0.0);
        self.bias.resize(channels, 0.0);
        self
    }
}

/// What happens to a sum before it is stored. Masks have a bit an activation, 16 bits a vector, `[pixel][vector]`.
pub(crate) enum Finish<'a> {
    /// Nothing.
    Raw,
    /// ReLU6.
    Relu6,
    /// ReLU6, and the mask of where it passes a gradient.
    Relu6Masked(&'a mut [u16]),
    /// The gradient of ReLU6, by its mask; guided: only what is positive.
    Gradient { mask: &'a [u16], guided: bool },
}

impl Finish<'_> {
    fn check(&self, vectors: usize) {
        let long_enough = match self {
            Self::Raw | Self::Relu6 => true,
            Self::Relu6Masked(mask) => mask.len() >= vectors,
            Self::Gradient { mask, .. } => mask.len() >= vectors,
        };
        assert!(long_enough, "mask is too short");
    }

    /// Finishes the vectors of a tile. Which way is asked once, not for every vector.
    ///
    /// # Safety
    /// The index of vector `v` of row `r`, `first + r * pitch + v`, is below the number of vectors that
    /// [`check`](Self::check) was given.
    #[inline(always)]
    unsafe fn apply<V: Vector, const VECTORS: usize, const ROWS: usize>(
        &mut self,
        tile: &mut [[V; VECTORS]; ROWS],
        first: usize,
        pitch: usize,
    ) {
        macro_rules! each {
            (|$x:ident, $index:ident| $value:expr) => {
                unrolled!(r < ROWS => unrolled!(v < VECTORS => {
                    let $index = first + r * pitch + v;
                    let $x = tile[r][v];
                    // SAFETY: the caller keeps the index in the mask.
                    tile[r][v] = unsafe { $value };
                }))
            };
        }
        match self {
            Self::Raw => {}
            Self::Relu6 => each!(|x, _index| x.relu6()),
            Self::Relu6Masked(mask) => each!(|x, index| {
                *mask.get_unchecked_mut(index) = x.active();
                x.relu6()
            }),
            Self::Gradient { mask, guided } => each!(|x, index| {
                let kept = x.keep(*mask.get_unchecked(index));
                if *guided { kept.positive() } else { kept }
            }),
        }
    }
}

/// The kernels of one instruction set.
pub(crate) struct Kernels {
    /// Which one.
    pub(crate) instruction_set: InstructionSet,
    /// Values in a vector: channels are padded to a multiple of it.
    pub(crate) lanes: usize,
    matmul: unsafe fn(&mut Matmul),
    depthwise: unsafe fn(&mut Depthwise),
    spread: unsafe fn(&mut Spread),
}

impl Kernels {
    /// The kernels of `instruction_set`, where this processor has it.
    pub(crate) fn of(instruction_set: InstructionSet) -> Option<&'static Self> {
        match instruction_set {
            #[cfg(any(test, not(target_feature = "simd128")))]
            InstructionSet::Portable => Some(&PORTABLE),
            #[cfg(target_feature = "simd128")]
            set if set == V128.instruction_set => Some(&V128),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") =>
            {
                Some(&AVX2)
            }
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 if is_x86_feature_detected!("avx512f") => Some(&AVX512),
            _ => None,
        }
    }

    pub(crate) fn matmul(&self, mut m: Matmul) {
        m.check(self.lanes);
        // SAFETY: checked, and a table is only handed out where the processor has its instruction set.
        unsafe { (self.matmul)(&mut m) }
    }

    pub(crate) fn depthwise(&self, mut d: Depthwise) {
        d.check(self.lanes);
        // SAFETY: as above.
        unsafe { (self.depthwise)(&mut d) }
    }

    pub(crate) fn spread(&self, mut s: Spread) {
        s.check(self.lanes);
        // SAFETY: as above.
        unsafe { (self.spread)(&mut s) }
    }
}

/// A table: each kernel in a function of its own that enables the instruction set.
macro_rules! kernels {
    ($name:ident, $set:ident, $vector:ty, $(#[$feature:meta])?) => {
        static $name: Kernels = {
            // SAFETY of all three: as of the kernel, whose conditions the caller keeps.
            $(#[$feature])?
            unsafe fn matmul(m: &mut Matmul) {
                unsafe { matmul::matmul::<$vector>(m) }
            }
            $(#[$feature])?
            unsafe fn depthwise(d: &mut Depthwise) {
                unsafe { depthwise::depthwise::<$vector>(d) }
            }
            $(#[$feature])?
            unsafe fn spread(s: &mut Spread) {
                unsafe { depthwise::spread::<$vector>(s) }
            }
            let instruction_set = InstructionSet::$set;
            Kernels { instruction_set, lanes: <$vector>::LANES, matmul, depthwise, spread }
        };
    };
}

// A module of WebAssembly runs on what it is compiled for or not at all, so it has no other form.
#[cfg(any(test, not(target_feature = "simd128")))]
kernels!(PORTABLE, Portable, portable::Portable,);
#[cfg(all(target_feature = "simd128", not(feature = "relaxed-simd")))]
kernels!(V128, Simd128, v128::V128<false>,);
#[cfg(all(target_feature = "simd128", feature = "relaxed-simd"))]
kernels!(V128, RelaxedSimd, v128::V128<true>, #[target_feature(enable = "relaxed-simd")]);
#[cfg(target_arch = "x86_64")]
kernels!(AVX2, Avx2, x86::Avx2, #[target_feature(enable = "avx2,fma")]);
#[cfg(target_arch = "x86_64")]
kernels!(AVX512, Avx512, x86::Avx512, #[target_feature(enable = "avx512f")]);

#[cfg(test)]
pub(super) mod tests;
