//! What a reader finds in a file.

use serde::Deserialize;

use crate::config::MobileNetConfig;
use crate::error::Result;
use crate::weights::dense::DenseLayer;
use crate::weights::model_metadata::ModelMetadata;
use crate::weights::parameters::Arrays;
use crate::weights::preprocessing::Filter;
use crate::weights::schemes::Scheme;

/// The checked contents of a file.
pub(in crate::weights) struct Contents {
    /// How the file names and lays out its tensors.
    pub scheme: &'static Scheme,
    pub config: MobileNetConfig,
    /// Our names and layout.
    pub arrays: Arrays,
    /// The layer that was trained behind the net, if the file has one.
    pub head: Option<DenseLayer>,
    pub crop: f64,
    pub filter: Filter,
    /// What the program that exported a classifier wrote beside its network.
    pub metadata: Option<ModelMetadata>,
}

impl Contents {
    /// Strict import of a file's tensors: the last step of every reader.
    pub fn import(
        file: &str,
        scheme: &'static Scheme,
        config: MobileNetConfig,
        arrays: Arrays,
    ) -> Result<Self> {
        let config = scheme.detect(file, &arrays, config)?;
        let arrays = scheme.import(file, &config, arrays)?;
        Ok(Self {
            scheme,
            config,
            arrays,
            head: None,
            crop: scheme.crop,
            filter: scheme.filter,
            metadata: None,
        })
    }

    pub fn with_head(self, head: Option<DenseLayer>) -> Self {
        Self { head, ..self }
    }

    /// Images are resized with the filter that the metadata name.
    pub fn with_metadata(self, metadata: Option<ModelMetadata>) -> Self {
        let filter = metadata
            .as_ref()
            .map(|about| &about.preprocessing["filter"]);
        let filter = filter.and_then(|name| Filter::deserialize(name).ok());
        Self {
            filter: filter.unwrap_or(self.filter),
            metadata,
            ..self
        }
    }
}
