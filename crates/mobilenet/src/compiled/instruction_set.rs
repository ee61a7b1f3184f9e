use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The instruction set that the kernels of a compiled net use.
///
/// The default is the fastest that the processor has, unless the environment variable `MOBILENET_ISA` (`portable`,
/// `avx2` or `avx512`) or [`CompileOptions`](super::CompileOptions) says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstructionSet {
    /// Plain loops, as the compiler vectorizes them: SSE2 on x86-64, NEON on AArch64. Slow; the reference in tests.
    Portable,
    /// AVX2 and FMA: x86-64 since about 2013.
    Avx2,
    /// AVX-512F: x86-64 servers, and AMD since Zen 4.
    Avx512,
}

impl InstructionSet {
    /// All instruction sets, the slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The name: `portable`, `avx2`, `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
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
            .ok_or_else(|| Error::setting("instruction set", name, "portable, avx2 or avx512"))
    }
}
