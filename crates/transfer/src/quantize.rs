//! A classifier in 8-bit integers: a quarter of the bytes of f32, and faster where the processor has instructions for them.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use transfer::Classifier;
//! use transfer::quantize::QuantizeConfig;
//! let classifier = Classifier::load("boats.safetensors")?;
//! let images = ["photos/boat/1.jpg", "photos/cloud/1.jpg"]; // some hundred of the training images
//! let quantized = transfer::quantize::quantize(&classifier, &images, &QuantizeConfig::new())?;
//! println!("{}", quantized.record);
//! quantized.classifier.save("boats-int8.safetensors")?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use dataset::DecodeOptions;
use mobilenet::quantized::{Fidelity, Quantize};
use mobilenet::{ImageBatch, Layer, Precision};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::backbone::Backbone;
use crate::classifier::Classifier;
use crate::error::{Error, Result};
use crate::familiarity::Familiarity;
use crate::picture::PictureDigest;
use crate::threads;

/// How a classifier is quantized: a builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantizeConfig {
    net: Quantize,
    images: usize,
}

impl Default for QuantizeConfig {
    fn default() -> Self {
        Self {
            net: Quantize::new(),
            images: 100,
        }
    }
}

impl QuantizeConfig {
    /// Biases corrected on 100 images.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how the network is quantized.
    pub fn with_net(mut self, net: Quantize) -> Self {
        self.net = net;
        self
    }

    /// Sets how many images are used at most, at least 1: spread evenly over those that are given. Default: 100.
    pub fn with_images(mut self, images: usize) -> Self {
        self.images = images;
        self
    }
}

/// A quantized classifier.
#[derive(Debug)]
pub struct Quantized {
    /// The classifier; its provenance has the record.
    pub classifier: Classifier,
    /// How it was quantized, and how near it is.
    pub record: QuantizationRecord,
    /// Images that could not be used, and why.
    pub failed: Vec<(PathBuf, Error)>,
}

/// How a network was quantized: kept in the classifier's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // Each is a setting of its own.
pub struct QuantizationRecord {
    /// How many images it was calibrated on.
    pub images: usize,
    /// SHA-256 over the pixels of these images, in their order.
    pub pixels: String,
    /// Whether biases were corrected.
    pub bias_correction: bool,
    /// Whether weights have 7 bits.
    #[serde(default)]
    pub small_weights: bool,
    /// Whether channels were equalized.
    pub equalization: bool,
    /// Digest of the weights in floats.
    pub weights: String,
    /// The network's outputs on these images, compared with those in floats.
    pub outputs: Fidelity,
    /// The head's logits on these images, compared with those in floats; none if the head was trained on the integers'
    /// outputs.
    pub logits: Option<Fidelity>,
}

impl fmt::Display for QuantizationRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decibels = |fidelity: &Fidelity| {
            let sqnr = fidelity.sqnr;
            sqnr.map_or("no noise".into(), |sqnr| format!("{sqnr:.1} dB"))
        };
        write!(f, "int8, calibrated on {} images: ", self.images)?;
        if let Some(logits) = &self.logits {
            let agreement = 100.0 * logits.agreement.unwrap_or(f64::NAN);
            write!(
                f,
                "the same class as in floats for {agreement:.1} % of them; signal to noise {} of the logits, ",
                decibels(logits)
            )?;
        } else {
            write!(f, "signal to noise ")?;
        }
        write!(f, "{} of the network's outputs", decibels(&self.outputs))
    }
}

/// Quantizes the network of a classifier; the head, the thresholds and all else stay as they are. `images` are files of the
/// training images, whose classes are not needed. Never use images that the classifier is measured on.
///
/// # Errors
/// [`Error::Setting`] if no image is wanted, [`Error::Mismatch`] if the network is quantized already or no image could be
/// read; otherwise as [`Quantize::run`].
pub fn quantize<P: AsRef<Path>>(
    classifier: &Classifier,
    images: &[P],
    config: &QuantizeConfig,
) -> Result<Quantized> {
    let network = network(classifier.backbone(), images, config)?;
    let head = classifier.head();
    let logits = |outputs: &[f32]| -> Result<Vec<f32>> {
        let logits = head.logits(outputs)?;
        Ok(logits.into_iter().map(|z| z as f32).collect())
    };
    let [floats, integers] = network.outputs.each_ref().map(|outputs| logits(outputs));
    let record = QuantizationRecord {
        logits: Some(Fidelity::of(&floats?, &integers?, head.classes())?),
        ..network.record
    };
    let classifier = classifier.with_backbone(network.backbone, record.clone());
    Ok(Quantized {
        classifier,
        record,
        failed: network.failed,
    })
}

/// As [`quantize`] for who has no images: the ranges of activations are those of ReLU6, and biases are not corrected, so that
/// about a third of the answers on hard images differ. The classifier's record of a quantization stays empty.
///
/// # Errors
/// [`Error::Mismatch`] if the network is quantized already, or the head reads logits, whose range only images tell.
pub fn quantize_without_images(classifier: &Classifier) -> Result<Classifier> {
    let backbone = classifier.backbone();
    if backbone.engine().precision() == Precision::Int8 {
        return Err(Error::mismatch("network", "one in floats", "one in int8"));
    }
    if backbone.layer() != Layer::Embedding {
        let expected = "embedding: the range of other outputs is known only of images";
        return Err(Error::mismatch("layer", expected, backbone.layer()));
    }
    let side = backbone.size() as usize;
    // What is measured on it is not used.
    let gray = vec![128; side * side * 3];
    let batch = ImageBatch::from_u8(&gray, [1, side, side])?;
    let weights = backbone.weights().clone().without_classifier();
    let net = Quantize::new()
        .with_bias_correction(false)
        .run(&weights, &batch)?;
    Ok(classifier.with_network(backbone.quantized(net)?))
}

/// A quantized network.
pub(crate) struct Network {
    pub backbone: Backbone,
    /// Without the logits of a head.
    pub record: QuantizationRecord,
    /// What the network in floats and the one in integers give for the calibration images.
    outputs: [Vec<f32>; 2],
    failed: Vec<(PathBuf, Error)>,
}

/// Quantizes a network.
///
/// # Errors
/// As [`quantize`].
pub(crate) fn network<P: AsRef<Path>>(
    backbone: &Backbone,
    images: &[P],
    config: &QuantizeConfig,
) -> Result<Network> {
    if backbone.engine().precision() == Precision::Int8 {
        return Err(Error::mismatch("network", "one in floats", "one in int8"));
    }
    if config.net.equalization() && matches!(backbone.layer(), Layer::Joined(_)) {
        let expected = "embedding or logits: equalization scales the maps of other blocks";
        return Err(Error::mismatch("layer", expected, backbone.layer()));
    }
    if config.images == 0 {
        return Err(Error::Setting {
            setting: "images to calibrate on",
            value: "0".into(),
            expected: "1 or more; some hundred are best".into(),
        });
    }
    let (pixels, failed) = load(backbone, images, config.images);
    let side = backbone.size() as usize;
    let count = pixels.len() / (side * side * 3);
    if count == 0 {
        return Err(Error::mismatch("images to calibrate on", "1 or more", 0));
    }
    let batch = ImageBatch::from_u8(&pixels, [count, side, side])?;
    let net = config.net.run(backbone.weights(), &batch)?;
    let quantized = backbone.quantized(net)?;
    let floats = backbone.forward(&pixels, count)?;
    let integers = quantized.forward(&pixels, count)?;
    let record = QuantizationRecord {
        images: count,
        pixels: files::hex(&Sha256::digest(&pixels)),
        bias_correction: config.net.bias_correction(),
        small_weights: config.net.small_weights(),
        equalization: config.net.equalization(),
        weights: backbone.digest().into(),
        outputs: Fidelity::of(&floats, &integers, backbone.dim())?,
        logits: None,
    };
    Ok(Network {
        backbone: quantized,
        record,
        outputs: [floats, integers],
        failed,
    })
}

/// Which of these files are images that the classifier was trained on, by their contents; `None` if it does not know its
/// images ([`Classifier::pictures`]). Files that cannot be read are not among them.
pub fn trained_on<P: AsRef<Path> + Sync>(
    classifier: &Classifier,
    files: &[P],
) -> Option<Vec<usize>> {
    let known = classifier.pictures()?;
    let digests = threads::map(files.iter().enumerate(), |(at, path)| {
        let bytes = DecodeOptions::default().read(path).ok()?;
        // Only the same contents count, so no hash of what the image shows is needed.
        Some((
            at,
            PictureDigest::new(&Sha256::digest(bytes).into(), [0; 2]),
        ))
    });
    let (places, digests): (Vec<usize>, Vec<PictureDigest>) = digests.into_iter().flatten().unzip();
    let familiar = places.into_iter().zip(known.familiarity(&digests));
    let trained = familiar.filter(|(_, familiarity)| *familiarity == Familiarity::TrainedOn);
    Some(trained.map(|(at, _)| at).collect())
}

/// The pixels of at most `most` images that can be read, spread evenly over all.
fn load<P: AsRef<Path>>(
    backbone: &Backbone,
    images: &[P],
    most: usize,
) -> (Vec<u8>, Vec<(PathBuf, Error)>) {
    let loader = backbone.loader();
    let count = images.len().min(most);
    let (mut pixels, mut failed) = (Vec::new(), Vec::new());
    for i in 0..count {
        let path = images[i * images.len() / count].as_ref();
        match loader.load(path) {
            Ok(image) => pixels.extend(image),
            Err(error) => failed.push((path.to_path_buf(), error.into())),
        }
    }
    (pixels, failed)
}
