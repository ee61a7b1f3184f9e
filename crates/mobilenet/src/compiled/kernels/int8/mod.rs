//! The integer kernels: two loops, generic over a vector, and a table of them for each instruction set. All give the same
//! integers.

/// Runs `$body` for each of the vectors `$v`, written out.
macro_rules! each {
    ($v:ident of $($n:literal)* => $body:expr) => {
        $({
            let $v: usize = $n;
            $body
        })*
    };
}

/// The part of [`Integers`] where a lane takes four levels as bytes: the depthwise convolution is then in four vectors of
/// sums, and one product of a lane is a column of three levels and a zero. `$register` and the instructions differ in
/// width only.
#[cfg(target_arch = "x86_64")]
macro_rules! four_levels_in_a_lane {
    (
        $register:ty, zero: $zero:ident, load: $load:ident,
        unpack8: ($low8:ident, $high8:ident), unpack16: ($low16:ident, $high16:ident)
    ) => {
        const STEP: usize = 4;
        const CHANNELS: usize = 4 * Self::LANES;
        type Column = [$register; 4];
        type Channels = [Self; 4];

        /// Four vectors of the bytes `row 0, row 1, row 2, 0`.
        #[inline(always)]
        unsafe fn column(rows: [*const u8; 3]) -> Self::Column {
            // SAFETY: as of the trait's implementation.
            unsafe {
                let zero = $zero();
                let (a, b, c) = (
                    $load(rows[0].cast()),
                    $load(rows[1].cast()),
                    $load(rows[2].cast()),
                );
                let (ab, ab_high) = ($low8(a, b), $high8(a, b));
                let (c, c_high) = ($low8(c, zero), $high8(c, zero));
                [
                    $low16(ab, c),
                    $high16(ab, c),
                    $low16(ab_high, c_high),
                    $high16(ab_high, c_high),
                ]
            }
        }

        #[inline(always)]
        unsafe fn channels(from: *const i32) -> Self::Channels {
            // SAFETY: as of the trait's implementation.
            unsafe {
                [
                    Self::load(from),
                    Self::load(from.add(Self::LANES)),
                    Self::load(from.add(2 * Self::LANES)),
                    Self::load(from.add(3 * Self::LANES)),
                ]
            }
        }

        #[inline(always)]
        unsafe fn filter(
            mut sums: Self::Channels,
            column: Self::Column,
            weight: *const u8,
        ) -> Self::Channels {
            // SAFETY: as of the trait's implementation.
            unsafe {
                each!(v of 0 1 2 3 => {
                    sums[v] = sums[v].dot(Self(column[v]), weight.add(4 * Self::LANES * v));
                });
            }
            sums
        }

        #[inline(always)]
        unsafe fn channel_levels<const MODE: u8>(sums: Self::Channels, at: At, to: *mut u8) {
            // SAFETY: as of the trait's implementation.
            unsafe { Self::levels::<MODE>(sums, at, to, Self::CHANNELS) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod depthwise;
mod matmul;
mod mode;
mod place;
#[cfg(any(test, not(target_feature = "simd128")))]
mod portable;
mod requantize;
#[cfg(test)]
mod tests;
#[cfg(any(target_arch = "x86_64", test))]
mod tiles;
#[cfg(target_feature = "simd128")]
mod v128;
mod vector;

use super::super::instruction_set::InstructionSet;

use self::vector::{Integers, level_bytes};

#[cfg(target_arch = "x86_64")]
pub(crate) use self::amx::available as amx_available;
pub(crate) use self::depthwise::{Depthwise, Filters, SLACK};
pub(crate) use self::matmul::{Matmul, PLANE, Packed, Sizes};
pub(crate) use self::place::{Out, Place};
pub(crate) use self::requantize::{Factor, Requantize};

type PackRight =
    fn(Sizes, &Requantize, &dyn Fn(usize) -> Option<usize>, &dyn Fn(usize, usize) -> i32) -> Packed;

type PackFilters = fn(usize, &Requantize, &dyn Fn(usize, usize) -> i32) -> Filters;

/// The kernels of one instruction set.
pub(crate) struct Int8Kernels {
    /// Which one.
    pub(crate) instruction_set: InstructionSet,
    /// Bytes of the left side of a product for each level.
    pub(crate) level_bytes: usize,
    lanes: usize,
    channels: usize,
    pack: PackRight,
    pack_filters: PackFilters,
    matmul: unsafe fn(&mut Matmul),
    depthwise: unsafe fn(&mut Depthwise),
}

impl Int8Kernels {
    /// The kernels of `instruction_set`, where this processor has it and there are some.
    pub(crate) fn of(instruction_set: InstructionSet) -> Option<&'static Self> {
        match instruction_set {
            #[cfg(any(test, not(target_feature = "simd128")))]
            InstructionSet::Portable => Some(&PORTABLE),
            #[cfg(target_feature = "simd128")]
            InstructionSet::Simd128 => Some(&V128),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 if is_x86_feature_detected!("avx2") => Some(&AVX2),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::AvxVnni
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni") =>
            {
                Some(&AVX_VNNI)
            }
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512Vnni if avx512_vnni() => Some(&AVX512_VNNI),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Amx if avx512_vnni() && amx_available().int8 => Some(&AMX),
            _ => None,
        }
    }

    /// The kernels of the same instruction set for a net of which no weight is further from zero than `largest`: faster
    /// ones, where there are some.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    pub(crate) fn for_weights_up_to(&'static self, largest: i32) -> &'static Self {
        #[cfg(target_arch = "x86_64")]
        if self.instruction_set == InstructionSet::Avx2 && largest <= avx2::Avx2Small::LARGEST {
            return &AVX2_SMALL;
        }
        self
    }

    /// Packs the right side of a product: `weight(k, column)` for the columns of which `channel` says that they belong to
    /// one.
    pub(crate) fn pack(
        &self,
        sizes: Sizes,
        requantize: &Requantize,
        channel: &dyn Fn(usize) -> Option<usize>,
        weight: &dyn Fn(usize, usize) -> i32,
    ) -> Packed {
        (self.pack)(sizes, requantize, channel, weight)
    }

    /// Packs `weight(tap, channel)` for planes of `wide` bytes a pixel.
    pub(crate) fn pack_filters(
        &self,
        wide: usize,
        requantize: &Requantize,
        weight: &dyn Fn(usize, usize) -> i32,
    ) -> Filters {
        (self.pack_filters)(wide, requantize, weight)
    }

    pub(crate) fn matmul(&self, mut m: Matmul) {
        m.check(self.lanes, 4 / self.level_bytes);
        // SAFETY: checked, and a table is only handed out where the processor has its instruction set.
        unsafe { (self.matmul)(&mut m) }
    }

    pub(crate) fn depthwise(&self, mut d: Depthwise) {
        d.check(self.channels, self.level_bytes);
        // SAFETY: as above.
        unsafe { (self.depthwise)(&mut d) }
    }
}

#[cfg(target_arch = "x86_64")]
fn avx512_vnni() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

/// A table: each kernel in a function of its own that enables the instruction set.
macro_rules! kernels {
    ($name:ident, $set:ident, $vector:ty, $matmul:expr, $(#[$feature:meta])?) => {
        static $name: Int8Kernels = {
            // SAFETY of both: as of the kernel, whose conditions the caller keeps.
            $(#[$feature])?
            unsafe fn matmul(m: &mut Matmul) {
                unsafe { $matmul(m) }
            }
            $(#[$feature])?
            unsafe fn depthwise(d: &mut Depthwise) {
                unsafe { depthwise::depthwise::<$vector>(d) }
            }
            Int8Kernels {
                instruction_set: InstructionSet::$set,
                level_bytes: level_bytes::<$vector>(),
                lanes: <$vector>::LANES,
                channels: <$vector>::CHANNELS,
                pack: |sizes, requantize, channel, weight| {
                    Packed::new::<$vector>(sizes, requantize, channel, weight)
                },
                pack_filters: |wide, requantize, weight| {
                    Filters::new::<$vector>(wide, requantize, weight)
                },
                matmul,
                depthwise,
            }
        };
    };
}

#[cfg(any(test, not(target_feature = "simd128")))]
kernels!(
    PORTABLE,
    Portable,
    portable::Portable<4>,
    matmul::matmul::<portable::Portable<4>>,
);
#[cfg(target_feature = "simd128")]
kernels!(V128, Simd128, v128::V128, matmul::matmul::<v128::V128>,);
#[cfg(target_arch = "x86_64")]
kernels!(AVX2, Avx2, avx2::Avx2, matmul::matmul::<avx2::Avx2>, #[target_feature(enable = "avx2")]);
#[cfg(target_arch = "x86_64")]
kernels!(
    AVX2_SMALL,
    Avx2,
    avx2::Avx2Small,
    matmul::matmul::<avx2::Avx2Small>,
    #[target_feature(enable = "avx2")]
);
#[cfg(target_arch = "x86_64")]
kernels!(
    AVX_VNNI,
    AvxVnni,
    avx2::AvxVnni,
    matmul::matmul::<avx2::AvxVnni>,
    #[target_feature(enable = "avx2,avxvnni")]
);
#[cfg(target_arch = "x86_64")]
kernels!(
    AVX512_VNNI,
    Avx512Vnni,
    avx512::Avx512Vnni,
    matmul::matmul::<avx512::Avx512Vnni>,
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
);
#[cfg(target_arch = "x86_64")]
kernels!(
    AMX,
    Amx,
    avx512::Avx512Vnni,
    tiles::matmul::<avx512::Avx512Vnni, amx::Int8>,
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
);
