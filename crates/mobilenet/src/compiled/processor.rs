//! What this processor has.

use super::instruction_set::InstructionSet;
use super::kernels::Kernels;
use super::kernels::int8::Int8Kernels;
use crate::error::Result;

impl InstructionSet {
    /// The instruction sets that this processor has, the slowest first.
    pub fn available() -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|&set| Kernels::of(set).is_some() || Int8Kernels::of(set).is_some())
            .collect()
    }

    /// The instruction set that the environment variable `MOBILENET_ISA` names, otherwise the fastest that this
    /// processor has.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the variable has another value.
    pub fn detect() -> Result<Self> {
        match std::env::var("MOBILENET_ISA") {
            Ok(name) if !name.is_empty() => name.parse(),
            _ => Ok(Self::available().pop().unwrap_or(Self::Portable)),
        }
    }
}
