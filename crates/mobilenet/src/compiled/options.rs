use super::instruction_set::InstructionSet;
use super::kernels::Kernels;
use super::kernels::int8::Int8Kernels;
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use crate::precision::Precision;

/// How weights are compiled.
///
/// ```
/// use mobilenet::{CompileOptions, InstructionSet};
/// let options = CompileOptions::new().with_instruction_set(InstructionSet::Portable);
/// ```
#[derive(Debug, Clone, Default)]
pub struct CompileOptions {
    precision: Precision,
    instruction_set: Option<InstructionSet>,
    ranges: Option<ActivationRanges>,
}

impl CompileOptions {
    /// Single precision, on the instruction set that [`InstructionSet::detect`] finds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the numbers that the compiled net computes with. Default: f32.
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Sets the instruction set. Default: [`InstructionSet::detect`].
    pub fn with_instruction_set(mut self, instruction_set: InstructionSet) -> Self {
        self.instruction_set = Some(instruction_set);
        self
    }

    /// Sets the measured ranges of the activations: the calibration data of reduced precisions. [`Precision::F32`] does
    /// not use them.
    pub fn with_activation_ranges(mut self, ranges: ActivationRanges) -> Self {
        self.ranges = Some(ranges);
        self
    }

    /// The numbers that the compiled net computes with.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The measured ranges of the activations.
    pub fn activation_ranges(&self) -> Option<&ActivationRanges> {
        self.ranges.as_ref()
    }

    /// The kernels for floats on the instruction set, if this processor has it.
    pub(super) fn kernels(&self) -> Result<&'static Kernels> {
        self.nearest(Kernels::of)
    }

    /// The kernels for integers on the instruction set, if this processor has it.
    pub(super) fn int8_kernels(&self) -> Result<&'static Int8Kernels> {
        self.nearest(Int8Kernels::of)
    }

    fn nearest<T>(&self, kernels: impl Fn(InstructionSet) -> Option<T>) -> Result<T> {
        let set = match self.instruction_set {
            Some(set) => set,
            None => InstructionSet::detect()?,
        };
        let available = InstructionSet::available();
        let found = available.contains(&set).then(|| set.nearest(kernels));
        found.flatten().ok_or_else(|| {
            let names: Vec<_> = available.into_iter().map(InstructionSet::name).collect();
            let expected = format!("one that this processor has: {}", names.join(", "));
            Error::setting("instruction set", set, expected)
        })
    }

    /// Refuses ranges of another net.
    pub(super) fn check(&self, config: &MobileNetConfig) -> Result<()> {
        let expected = 1 + 2 * config.blocks;
        match &self.ranges {
            Some(ActivationRanges(ranges)) if ranges.len() != expected => Err(Error::setting(
                "activation ranges",
                format!("a list of {}", ranges.len()),
                format!("{expected}, one for each convolution of the net"),
            )),
            _ => Ok(()),
        }
    }
}

/// The lowest and the highest value of an activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivationRange {
    /// The lowest value.
    pub low: f32,
    /// The highest value.
    pub high: f32,
}

/// Ranges of a net's activations, measured on calibration images: one for the output of each convolution after its
/// batch normalization, in the order of the forward pass (the stem, then each block's depthwise and pointwise
/// convolution).
#[derive(Debug, Clone, PartialEq)]
pub struct ActivationRanges(Vec<ActivationRange>);

impl ActivationRanges {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Setting`] if a value is not finite or a `low` is above its `high`.
    pub fn new(ranges: Vec<ActivationRange>) -> Result<Self> {
        let wrong = |range: &&ActivationRange| {
            !(range.low.is_finite() && range.high.is_finite() && range.low <= range.high)
        };
        match ranges.iter().find(wrong) {
            Some(range) => Err(Error::setting(
                "activation range",
                format!("{} to {}", range.low, range.high),
                "finite numbers, the lower first",
            )),
            None => Ok(Self(ranges)),
        }
    }

    /// The ranges, in the order of the forward pass.
    pub fn ranges(&self) -> &[ActivationRange] {
        &self.0
    }
}
