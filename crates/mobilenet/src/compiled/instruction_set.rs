use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The instruction set that the kernels of a compiled net use.
///
/// The default is the fastest that the processor has, unless the environment variable `MOBILENET_ISA` (with one of the
/// names) or [`CompileOptions`](super::CompileOptions) says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstructionSet {
    /// Plain loops, as the compiler vectorizes them: SSE2 on x86-64, NEON on AArch64. Slow; the reference in tests.
    Portable,
    /// WebAssembly's vectors of 128 bits, in a module that is compiled for them.
    Simd128,
    /// WebAssembly's relaxed SIMD, with fused multiply-adds, in a module that is compiled for it. For floats; integers run
    /// on [`Simd128`](Self::Simd128).
    RelaxedSimd,
    /// AVX2 and FMA: x86-64 since about 2013. Integers are faster here if no weight is further than 64 from zero
    /// ([`Quantize::with_small_weights`](crate::quantized::Quantize::with_small_weights)).
    Avx2,
    /// AVX-VNNI beside AVX2: Intel since Alder Lake, AMD since Zen 5. For integers; floats run on [`Avx2`](Self::Avx2).
    AvxVnni,
    /// AVX-512F: x86-64 servers, and AMD since Zen 4. For floats; integers run on [`Avx2`](Self::Avx2).
    Avx512,
    /// AVX-512 with VNNI: Intel's servers since Cascade Lake, AMD since Zen 4. For integers; floats run on
    /// [`Avx512`](Self::Avx512).
    Avx512Vnni,
    /// AMX beside AVX-512 with VNNI: Intel's servers since Sapphire Rapids, on Linux. For integers; floats run on
    /// [`Avx512`](Self::Avx512).
    Amx,
}

impl InstructionSet {
    /// All instruction sets, the slowest first.
    pub const ALL: [Self; 8] = [
        Self::Portable,
        Self::Simd128,
        Self::RelaxedSimd,
        Self::Avx2,
        Self::AvxVnni,
        Self::Avx512,
        Self::Avx512Vnni,
        Self::Amx,
    ];

    /// The name: `portable`, `simd128`, `relaxed-simd`, `avx2`, `avx-vnni`, `avx512`, `avx512-vnni`, `amx`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Simd128 => "simd128",
            Self::RelaxedSimd => "relaxed-simd",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avx-vnni",
            Self::Avx512 => "avx512",
            Self::Avx512Vnni => "avx512-vnni",
            Self::Amx => "amx",
        }
    }

    /// The instruction set that this one extends: what it has no kernels for runs there.
    pub(super) fn base(self) -> Option<Self> {
        match self {
            Self::Portable => None,
            Self::Simd128 | Self::Avx2 => Some(Self::Portable),
            Self::RelaxedSimd => Some(Self::Simd128),
            Self::AvxVnni | Self::Avx512 => Some(Self::Avx2),
            Self::Avx512Vnni => Some(Self::Avx512),
            Self::Amx => Some(Self::Avx512Vnni),
        }
    }

    /// What `kernels` finds for this instruction set, or for the next one that it extends.
    pub(super) fn nearest<T>(self, kernels: impl Fn(Self) -> Option<T>) -> Option<T> {
        std::iter::successors(Some(self), |set| set.base()).find_map(kernels)
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for InstructionSet {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|set| set.name() == name)
            .ok_or_else(|| {
                Error::setting(
                    "instruction set",
                    name,
                    Self::ALL.map(Self::name).join(", "),
                )
            })
    }
}
