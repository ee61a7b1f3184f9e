//! The frozen network and where its embeddings are kept, as options.

use std::error::Error;
use std::path::PathBuf;

use dataset::decode::Bands;
use dataset::{DecodeOptions, ImageFolder, ImageItem, ResizePolicy};
use mobilenet::{MobileNetConfig, Weights};
use transfer::embed::Embedded;
use transfer::insight::Collection;
use transfer::{Backbone, EmbeddingCache, FileKind, Layer};

use crate::DeviceName;
use crate::signed::misplaced;

/// The frozen network, and where its embeddings are kept.
#[derive(clap::Args)]
pub struct NetworkOptions {
    /// `bundled`, a published name, or a file or folder with the weights of a MobileNetV1 [default: bundled]
    #[arg(long)]
    pub weights: Option<String>,
    /// What the head sees: embedding, logits, or the pools of several blocks, as blocks-11-13
    #[arg(long, default_value_t)]
    pub layer: Layer,
    /// How images become squares: squash, center-crop, letterbox or tf1 (as retrain.py)
    #[arg(long, default_value_t)]
    pub resize: ResizePolicy,
    /// Folder of embeddings computed so far
    #[arg(
        long,
        visible_alias = "bottleneck-dir",
        value_name = "DIR",
        default_value = "embedding-cache"
    )]
    pub cache: PathBuf,
    /// How images are decoded.
    #[command(flatten)]
    pub decoding: DecodingOptions,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: DeviceName,
}

/// How images are decoded.
#[derive(Clone, Copy, Default, clap::Args)]
pub struct DecodingOptions {
    /// Of TIFFs with more than four bands, those that become red, green and blue, numbered from 1, and the numbers that become
    /// black and white, as 4,3,2:0-2750 (Sentinel-2) [default: such TIFFs are left out]
    #[arg(long, value_name = "R,G,B[:BLACK-WHITE]")]
    pub bands: Option<Bands>,
    /// How large images may be.
    #[command(flatten)]
    pub limits: LimitOptions,
}

/// How large images may be.
#[derive(Clone, Copy, Default, clap::Args)]
pub struct LimitOptions {
    /// Largest number of pixels of an image; a JPEG that is read at 1/8 of its size may have 64 times as many [default:
    /// 100000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    pub max_pixels: Option<u64>,
}

impl DecodingOptions {
    /// How images are decoded for people, at their full size.
    pub fn options(&self) -> DecodeOptions {
        let options = DecodeOptions::default().with_bands(self.bands);
        match self.limits.max_pixels {
            Some(pixels) => options.with_max_pixels(pixels).with_max_side(u32::MAX),
            None => options,
        }
    }
}

impl NetworkOptions {
    /// The weights.
    ///
    /// # Errors
    /// As [`weights`](crate::weights).
    pub fn weights(&self) -> Result<Weights, Box<dyn Error>> {
        crate::weights(self.weights.as_deref().unwrap_or("bundled"))
    }

    /// The backbone with these weights.
    ///
    /// # Errors
    /// As [`weights`](crate::weights) and [`backbone`](crate::backbone).
    pub fn backbone(&self) -> Result<Backbone, Box<dyn Error>> {
        self.backbone_of(self.weights()?)
    }

    /// A backbone with other weights, and with these options.
    ///
    /// # Errors
    /// As [`backbone`](crate::backbone).
    pub fn backbone_of(&self, weights: Weights) -> Result<Backbone, Box<dyn Error>> {
        let backbone = crate::backbone(weights, self.device)?;
        Ok(backbone
            .with_resize(self.resize)
            .with_bands(self.decoding.bands)
            .with_max_pixels(self.decoding.limits.max_pixels)
            .with_layer(self.layer)?)
    }

    /// The cache of embeddings.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn cache(&self) -> Result<EmbeddingCache, Box<dyn Error>> {
        let folder = &self.cache;
        EmbeddingCache::open(folder).map_err(|error| misplaced(folder, FileKind::Embeddings, error))
    }
}

/// Embeds images behind a progress bar and names those that cannot be used.
pub fn embed(
    backbone: &Backbone,
    items: &[ImageItem],
    cache: &EmbeddingCache,
    what: &'static str,
) -> Result<Embedded, Box<dyn Error>> {
    let mut bar = crate::Bar::default();
    let embedded = backbone.embed(items, cache, |done| {
        bar.count(what, done, items.len());
    })?;
    bar.clear();
    crate::say_left_out(&embedded.failed);
    if let Some(error) = cache.unwritten() {
        crate::say_not_kept(&error);
    }
    Ok(embedded)
}

/// The images of a folder by their names, embedded behind a progress bar.
///
/// # Errors
/// As [`embed`].
pub fn collection(
    folder: &ImageFolder,
    backbone: &Backbone,
    cache: &EmbeddingCache,
) -> Result<Collection, Box<dyn Error>> {
    let set = embed(backbone, folder.images(), cache, "images")?.embeddings;
    Ok(Collection::new(set, folder.classes().to_vec())?)
}

/// The cache of embeddings, after the records of other caches were copied into it. Says how many there were.
///
/// # Errors
/// Where one of them is no cache, or cannot be read. All of them are opened before the first one is merged, so that a wrong
/// path changes nothing.
pub fn merge(network: &NetworkOptions, from: &[PathBuf]) -> Result<EmbeddingCache, Box<dyn Error>> {
    let parts = from.iter().map(EmbeddingCache::open_existing);
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let cache = network.cache()?;
    for (part, path) in parts.iter().zip(from) {
        let merged = cache.merge(part)?;
        let (added, known, broken) = (merged.added, merged.known, merged.broken);
        let path = files::shown_path(path);
        crate::say!("{path}: {added} records added, {known} known, {broken} broken");
    }
    Ok(cache)
}

/// Which of the published nets, and how much of it.
#[derive(clap::Args)]
pub struct PublishedOptions {
    /// As retrain.py: mobilenet_1.0_224 is --weights mobilenet_v1_1.0_224; with --weights, refuses those of another width
    #[arg(long)]
    pub architecture: Option<String>,
    /// Keep only the first N of the 13 blocks
    #[arg(long, value_name = "N", help_heading = "Network", value_parser = crate::ranges::whole(1..=13))]
    pub blocks: Option<usize>,
}

impl PublishedOptions {
    /// The weights; those of --architecture where only that is given.
    pub fn weights(&self, network: &NetworkOptions) -> Result<Weights, Box<dyn Error>> {
        let architecture = self.architecture.as_deref();
        let architecture = architecture
            .map(MobileNetConfig::from_architecture)
            .transpose()?;
        let mut weights = match (&network.weights, &architecture) {
            (None, Some(config)) => {
                let (alpha, size) = (config.alpha, config.input_size);
                crate::weights(&format!("mobilenet_v1_{alpha:?}_{size}"))?
            }
            _ => network.weights()?,
        };
        if let Some(config) = architecture {
            weights = weights.require_alpha(config.alpha)?;
        }
        Ok(match self.blocks {
            Some(blocks) => weights.with_blocks(blocks)?,
            None => weights,
        })
    }
}
