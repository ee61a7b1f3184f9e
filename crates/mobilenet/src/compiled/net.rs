//! The compiled net: its weights and the memory that it keeps.

use std::sync::{Mutex, OnceLock};

use super::buffers::Buffers;
use super::fold::Layers;
use super::instruction_set::InstructionSet;
use super::kernels::{Finish, Kernels, Matmul, Packed, Place};
use super::masks::Masks;
use super::options::CompileOptions;
use super::plan::Plan;
use super::threads;
use super::transposed::Transposed;
use crate::config::MobileNetConfig;
use crate::error::{Error, Result};
use crate::image_batch::ImageBatch;
use crate::precision::Precision;
use crate::weights::parameters::Arrays;

/// A MobileNetV1 compiled for this processor: `Send + Sync`, with one copy of the weights for all threads. Made by
/// [`Weights::compile`](crate::Weights::compile) or [`MobileNet::compile`](crate::MobileNet::compile).
///
/// Results agree with Burn's to 1e-4 of the largest value. On one instruction set, the result for an image has the same
/// bits whatever the other images of its batch and the number of threads.
///
/// The net keeps the memory that its largest call needed, for later calls, until it is dropped.
///
/// ```
/// # fn main() -> mobilenet::Result<()> {
/// # let device = burn::tensor::Device::flex();
/// use mobilenet::{MobileNetConfig, ImageBatch};
/// let net = MobileNetConfig::new().with_alpha(0.25).with_classes(10).init(&device)?.compile()?;
/// let image = vec![128u8; 64 * 64 * 3];
/// let embedding = net.embed(&ImageBatch::from_u8(&image, [1, 64, 64])?)?;
/// assert_eq!(embedding.len(), net.feature_dim());
/// # Ok(())
/// # }
/// ```
pub struct CompiledMobileNet {
    pub(super) config: MobileNetConfig,
    precision: Precision,
    pub(super) kernels: &'static Kernels,
    pub(super) layers: Layers,
    pub(super) transposed: OnceLock<Transposed>,
    pub(super) maps: Buffers<f32>,
    pub(super) bands: Buffers<f32>,
    pub(super) masks: Mutex<Vec<([usize; 2], Masks)>>,
}

impl std::fmt::Debug for CompiledMobileNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set = self.instruction_set();
        f.debug_struct("CompiledMobileNet")
            .field("config", &self.config)
            .field("instruction_set", &set)
            .finish_non_exhaustive()
    }
}

impl CompiledMobileNet {
    /// Folds and packs the arrays of a net of this configuration, which are complete and have the right shapes.
    ///
    /// # Errors
    /// [`Error::Setting`] if this processor does not have the instruction set, [`Error::Mismatch`] if values leave the
    /// range of f32 when they are folded.
    pub(crate) fn of(
        config: &MobileNetConfig,
        arrays: &Arrays,
        options: &CompileOptions,
    ) -> Result<Self> {
        if options.precision() != Precision::F32 {
            return Err(Error::setting(
                "precision",
                options.precision(),
                "f32 for a net of floats; for int8, quantize the weights and compile the `QuantizedNet`",
            ));
        }
        let kernels = options.kernels()?;
        options.check(config)?;
        Ok(Self {
            config: config.clone(),
            precision: options.precision(),
            kernels,
            layers: Layers::of(config, arrays, kernels.lanes)?,
            transposed: OnceLock::new(),
            maps: Buffers::new(),
            bands: Buffers::new(),
            masks: Mutex::new(Vec::new()),
        })
    }

    /// The configuration of the net.
    pub fn config(&self) -> &MobileNetConfig {
        &self.config
    }

    /// Length of an embedding.
    pub fn feature_dim(&self) -> usize {
        self.config.feature_dim()
    }

    /// Number of logits; 0 if the net has no classifier.
    pub fn classes(&self) -> usize {
        if self.layers.classifier.is_some() {
            self.config.classes
        } else {
            0
        }
    }

    /// The numbers that the net computes with.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The instruction set of the kernels.
    pub fn instruction_set(&self) -> InstructionSet {
        self.kernels.instruction_set
    }

    pub(super) fn plan(&self, pixels: &ImageBatch) -> Result<Plan> {
        Plan::new(&self.config, self.kernels.lanes, pixels.size())
    }

    pub(super) fn classifier(&self) -> Result<&Packed> {
        self.layers
            .classifier
            .as_ref()
            .ok_or_else(Error::no_classifier)
    }

    /// Rows of `left` times a packed matrix, `columns` values of each row kept; threads share its columns.
    pub(super) fn product(&self, right: &Packed, left: &[f32], columns: usize) -> Vec<f32> {
        const PART: usize = 128;
        let rows = left.len() / right.depth();
        let starts = (0..right.columns()).step_by(PART);
        let parts = threads::map(starts, |start| {
            let columns = start..right.columns().min(start + PART);
            let mut out = vec![0.0; rows * columns.len()];
            self.kernels.matmul(Matmul {
                left: &[left],
                depth: right.depth(),
                row_stride: right.depth(),
                rows,
                right,
                place: Place::dense(columns.len()),
                columns,
                out: &mut out,
                finish: Finish::Raw,
            });
            out
        });
        let row = |r: usize| {
            let parts = parts
                .iter()
                .map(move |part| part.chunks_exact(part.len() / rows).nth(r));
            parts.flatten().flatten().take(columns).copied()
        };
        (0..rows).flat_map(row).collect()
    }
}
