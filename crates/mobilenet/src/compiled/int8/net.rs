//! The compiled net: its weights and the memory that it keeps.

use super::layers::Layers;
use crate::compiled::buffers::Buffers;
use crate::compiled::instruction_set::InstructionSet;
use crate::compiled::kernels::int8::Int8Kernels;
use crate::compiled::options::CompileOptions;
use crate::config::MobileNetConfig;
use crate::error::Result;
use crate::precision::Precision;
use crate::quantized::QuantizedNet;

/// A [`QuantizedNet`] compiled for this processor: `Send + Sync`, with one copy of the weights for all threads. Made by
/// [`QuantizedNet::compile`].
///
/// All that it computes is equal to what [`QuantizedNet::forward`] and [`QuantizedNet::levels`] compute, to the bit, on
/// every instruction set, for any batch and any number of threads. It has no gradients: those are of the weights that the
/// net was made of.
///
/// The net keeps the memory that its largest call needed, for later calls, until it is dropped.
pub struct CompiledQuantizedNet {
    pub(super) net: QuantizedNet,
    pub(super) kernels: &'static Int8Kernels,
    pub(super) layers: Layers,
    pub(super) input_zero_point: u8,
    /// Of the maps after each block.
    pub(super) zero_points: Vec<u8>,
    pub(super) maps: Buffers<u8>,
    pub(super) bands: Buffers<u8>,
}

impl std::fmt::Debug for CompiledQuantizedNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledQuantizedNet")
            .field("config", &self.net.config)
            .field("arithmetic", &self.net.arithmetic)
            .field("instruction_set", &self.instruction_set())
            .finish_non_exhaustive()
    }
}

impl QuantizedNet {
    /// Prepares the net for this processor, on the instruction set that
    /// [`InstructionSet::detect`](crate::InstructionSet::detect) finds.
    ///
    /// # Errors
    /// As [`compile_with`](Self::compile_with).
    pub fn compile(&self) -> Result<CompiledQuantizedNet> {
        self.compile_with(&CompileOptions::new())
    }

    /// As [`compile`](Self::compile), with options, of which the instruction set is used.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds; [`Error::Setting`](crate::Error::Setting) if this processor does not have the
    /// instruction set; [`Error::Mismatch`](crate::Error::Mismatch) if weights or scales are so large that sums leave 32
    /// bits.
    pub fn compile_with(&self, options: &CompileOptions) -> Result<CompiledQuantizedNet> {
        self.check()?;
        let kernels = options.int8_kernels()?;
        let kernels = kernels.for_weights_up_to(largest_weight(self));
        let level = |level: i32| level.clamp(0, 255) as u8;
        let maps = self.layers.iter().step_by(2).take(self.config.blocks + 1);
        Ok(CompiledQuantizedNet {
            kernels,
            layers: Layers::of(self, kernels)?,
            input_zero_point: level(self.input.zero_point),
            zero_points: maps.map(|layer| level(layer.output.zero_point)).collect(),
            // The weights are packed; what is left of the net says what integers stand for.
            net: self.without_weights(),
            maps: Buffers::new(),
            bands: Buffers::new(),
        })
    }

    /// All but the weights.
    fn without_weights(&self) -> Self {
        let layers = self
            .layers
            .iter()
            .map(|layer| crate::quantized::QuantizedLayer {
                weights: Vec::new(),
                weight_scales: layer.weight_scales.clone(),
                weight_zero_points: Vec::new(),
                bias: Vec::new(),
                ..*layer
            });
        Self {
            layers: layers.collect(),
            config: self.config.clone(),
            ..*self
        }
    }
}

/// How far a weight is from its zero point, at most.
fn largest_weight(net: &QuantizedNet) -> i32 {
    let of = |layer: &crate::quantized::QuantizedLayer| {
        let weights = layer.weights.iter().map(|&w| i32::from(w));
        let (low, high) = weights.fold((0, 0), |(low, high), w| (w.min(low), w.max(high)));
        let zero_points = layer.weight_zero_points.iter();
        let far = zero_points.map(|&zero| (high - zero).max(zero - low));
        far.max().unwrap_or(0)
    };
    net.layers.iter().map(of).max().unwrap_or(0)
}

impl CompiledQuantizedNet {
    /// The configuration of the net.
    pub fn config(&self) -> &MobileNetConfig {
        &self.net.config
    }

    /// Length of an embedding.
    pub fn feature_dim(&self) -> usize {
        self.net.config.feature_dim()
    }

    /// Number of logits; 0 if the net has no classifier.
    pub fn classes(&self) -> usize {
        self.net.config.classes
    }

    /// [`Precision::Int8`].
    pub fn precision(&self) -> Precision {
        Precision::Int8
    }

    /// The instruction set of the kernels.
    pub fn instruction_set(&self) -> InstructionSet {
        self.kernels.instruction_set
    }
}
