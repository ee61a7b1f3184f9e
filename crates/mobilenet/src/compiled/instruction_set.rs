use std::fmt;
use std::str::FromStr;

use super::kernels::Kernels;
use crate::error::{Error, Result};

/// What the kernels of a compiled net are made of.
///
/// The fastest that the processor has is taken, unless the environment variable `MOBILENET_ISA` (`portable`,
/// `avx2` or `avx512`) or [`CompileOptions`](super::CompileOptions) says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstructionSet {
    /// What the compiler makes of plain loops: SSE2 on x86-64, NEON on AArch64. Slow, and the oracle in tests.
    Portable,
    /// AVX2 and FMA: x86-64 since about 2013.
    Avx2,
    /// AVX-512F: x86-64 servers, and AMD since Zen 4.
    Avx512,
}

impl InstructionSet {
    /// All of them, the slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// Those that this processor has, the slowest first.
    pub fn available() -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|&set| Kernels::of(set).is_some())
            .collect()
    }

    /// What `MOBILENET_ISA` asks for, else the fastest that this processor has.
    ///
    /// # Errors
    /// [`Error::Setting`] if the variable has another value.
    pub fn detect() -> Result<Self> {
        match std::env::var("MOBILENET_ISA") {
            Ok(name) if !name.is_empty() => name.parse(),
            _ => Ok(Self::available().pop().unwrap_or(Self::Portable)),
        }
    }

    /// The word for it: `portable`, `avx2`, `avx512`.
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
