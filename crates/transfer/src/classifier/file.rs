//! The classifier file: see `FORMAT.md`.

use std::path::Path;

use dataset::decode::Bands;
use dataset::{ResizeFilter, ResizePolicy};
use files::{hex, read_at_most, write_bytes};
use mobilenet::{Layer, Precision, Weights};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::calibration::Calibration;
use super::classify::Classifier;
use super::pictures::{PICTURE_BYTES, Pictures};
use super::provenance::Provenance;
use super::reference::{self, Answer};
use super::stored_backbone::{self, BackboneDescription};
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::file_kind::FileKind;
use crate::head::{Dense, FitReport, Head, HeadShape};
use crate::insight::OpenSet;
use crate::seal::Seal;
use crate::tensor_file::{TensorFormat, TensorReader, TensorWriter, bytes_of};

const FORMAT: TensorFormat = TensorFormat {
    kind: FileKind::Classifier,
    version: 2,
    oldest: 1,
    // A hundred times the largest MobileNetV1.
    limit: 1 << 31,
    seal: Seal::LastTensor { since: 2 },
    other_run: "the file of a run",
    advice: "",
};
/// The tensor of the image that the self-test asks about.
const REFERENCE: &str = "reference.pixels";
/// The tensor of what the open-set test compares images with.
const OPEN_SET: &str = "open_set";
/// The tensor of the digests of the pictures that the classifier was made with.
const PICTURES: &str = "pictures";
/// How the digests are made; a reader refuses others, because it would find no picture again.
const PICTURES_VERSION: u32 = 1;
/// The name in messages of a classifier that is read from or written to bytes.
const IN_MEMORY: &str = "(in memory)";

/// What a file says beside its tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    classes: Vec<String>,
    layer: Layer,
    resize: ResizePolicy,
    /// Left out where it is bilinear.
    #[serde(default, skip_serializing_if = "is_default")]
    filter: ResizeFilter,
    /// Left out where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bands: Option<Bands>,
    size: u32,
    head: HeadShape,
    /// Of the head's tensors; not in the first files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head_digest: Option<String>,
    backbone: BackboneDescription,
    reference: Answer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calibration: Option<Calibration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thresholds: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_set: Option<OpenSetDescription>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<FitReport>,
    #[serde(default)]
    provenance: Provenance,
    /// Not in the first files, and not where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pictures: Option<PicturesDescription>,
}

/// What a file says of the tensor [`PICTURES`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PicturesDescription {
    version: u32,
    count: usize,
    complete: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenSetDescription {
    rows: usize,
    neighbors: usize,
    threshold: f64,
}

impl Classifier {
    /// Writes one file, which appears under its name only when it is complete. The same classifier gives the same
    /// bytes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        Ok(write_bytes(path, &self.encode(path, None)?)?)
    }

    /// Does the same as [`save`](Self::save), but without the weights of the backbone. The file is small: it holds
    /// their digest and their `name`, which [`Weights::open`] must accept (`bundled`, or the name of published
    /// weights). A program that loads the file must have these weights.
    ///
    /// # Errors
    /// If the weights of that name are not those of the backbone, and the errors of [`save`](Self::save).
    pub fn save_linked(&self, path: impl AsRef<Path>, name: &str) -> Result<()> {
        let config = self.backbone.weights().config();
        let named = stored_backbone::open_linked(name, config.blocks, config.classes)?;
        if named.digest() != self.backbone.digest() {
            return Err(Error::mismatch(
                format!("weights `{name}`"),
                format!("those of the backbone, digest {}", self.backbone.digest()),
                format!("digest {}", named.digest()),
            ));
        }
        let path = path.as_ref();
        Ok(write_bytes(path, &self.encode(path, Some(name))?)?)
    }

    /// The bytes that [`save`](Self::save) writes.
    ///
    /// # Errors
    /// If the classifier cannot answer for the reference image of the self-test.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.encode(Path::new(IN_MEMORY), None)
    }

    /// Reads a file that [`save`](Self::save) wrote, and compares its answer to the reference image in it with the
    /// stored answer. The backbone is compiled for this machine's CPU, as by [`Backbone::new`].
    ///
    /// # Errors
    /// * The file is not a classifier of a known version, lacks something, or has something that is not expected.
    /// * The file was changed after it was saved. Its seal covers each bit, from version 2 of the format on.
    /// * The classifier answers differently than when it was saved: logits differ by more than 0.001 of the largest (or
    ///   of 1), or probabilities by more than 0.001.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::read(path.as_ref(), Backbone::new)
    }

    /// Does the same as [`load`](Self::load), but Burn runs the backbone on `device`.
    ///
    /// # Errors
    /// The errors of [`load`](Self::load).
    #[cfg(feature = "burn")]
    pub fn load_on(path: impl AsRef<Path>, device: &burn::tensor::Device) -> Result<Self> {
        Self::read(path.as_ref(), |weights| Backbone::on(weights, device))
    }

    /// Does the same as [`load`](Self::load) with the bytes of a file.
    ///
    /// # Errors
    /// The errors of [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::decode(Path::new(IN_MEMORY), bytes, Backbone::new)
    }

    /// Does the same as [`load_on`](Self::load_on) with the bytes of a file.
    ///
    /// # Errors
    /// The errors of [`load`](Self::load).
    #[cfg(feature = "burn")]
    pub fn from_bytes_on(bytes: &[u8], device: &burn::tensor::Device) -> Result<Self> {
        Self::decode(Path::new(IN_MEMORY), bytes, |weights| {
            Backbone::on(weights, device)
        })
    }

    fn read(path: &Path, backbone: impl FnOnce(Weights) -> Result<Backbone>) -> Result<Self> {
        Self::decode(path, &bytes(path)?, backbone)
    }

    /// The bytes of a file; with `linked`, the name of the weights is in place of the weights.
    fn encode(&self, path: &Path, linked: Option<&str>) -> Result<Vec<u8>> {
        let image = reference::image(self.backbone.size());
        let mut tensors = TensorWriter::default();
        let stored = linked.is_none().then_some(&mut tensors);
        let (config, precision) = if let Some(net) = self.backbone.integers() {
            (stored_backbone::put_integers(net, stored)?, Precision::Int8)
        } else {
            let config = stored_backbone::put(self.backbone.weights(), stored)?;
            (config, Precision::default())
        };
        let description = Description {
            version: FORMAT.version,
            classes: self.classes.clone(),
            layer: self.backbone.layer(),
            resize: self.backbone.resize(),
            filter: self.backbone.filter(),
            bands: self.backbone.bands(),
            size: self.backbone.size(),
            head: self.head.shape(),
            head_digest: Some(digest(&self.head)),
            backbone: BackboneDescription {
                config,
                digest: self.backbone.digest().into(),
                name: linked.map(String::from),
                precision,
            },
            reference: Answer::of(self, &image)?,
            calibration: self.calibration,
            thresholds: self.thresholds.clone(),
            open_set: self.open_set.as_ref().map(|known| OpenSetDescription {
                rows: known.rows().len() / self.backbone.dim(),
                neighbors: known.neighbors(),
                threshold: known.threshold(),
            }),
            report: self.report.clone(),
            provenance: self.provenance.clone(),
            pictures: self
                .pictures
                .as_ref()
                .map(|pictures| put_pictures(pictures, &mut tensors)),
        };
        put_head(&self.head, &mut tensors);
        if let (Some(known), Some(about)) = (&self.open_set, &description.open_set) {
            tensors.put(OPEN_SET, &[about.rows, self.backbone.dim()], known.rows());
        }
        tensors.put(REFERENCE, &image_shape(self.backbone.size()), &image);
        FORMAT.encode(path, &description, &tensors)
    }

    pub(super) fn decode(
        path: &Path,
        bytes: &[u8],
        backbone: impl FnOnce(Weights) -> Result<Backbone>,
    ) -> Result<Self> {
        let (about, tensors) = FORMAT.open::<Description>(path, bytes, "")?;
        let named = |error: Error| tensors.caused(error);
        let backbone = stored_backbone::get(&about.backbone, &tensors, path, backbone)?
            .with_resize(about.resize)
            .with_filter(about.filter)
            .with_bands(about.bands)
            .with_layer(about.layer)
            .and_then(|backbone| backbone.with_size(about.size))
            .map_err(named)?;
        let head = get_head(&tensors, about.head)?;
        if about.head_digest.is_some_and(|said| said != digest(&head)) {
            return Err(tensors.error("damaged: the head is not the one that was saved"));
        }
        let image: Vec<u8> = tensors.get(REFERENCE, &image_shape(backbone.size()))?;
        let dim = backbone.dim();
        let open_set = about.open_set.map(|about| {
            let rows = tensors.get(OPEN_SET, &[about.rows, dim])?;
            OpenSet::from_parts(rows, dim, about.neighbors, about.threshold).map_err(named)
        });
        let pictures = about.pictures.map(|about| get_pictures(&tensors, &about));
        let pictures = pictures.transpose()?;
        tensors.finish()?;
        let mut classifier = Self::new(backbone, head, about.classes).map_err(named)?;
        classifier.open_set = open_set.transpose()?;
        if let Some(thresholds) = about.thresholds {
            classifier = classifier.with_thresholds(thresholds).map_err(named)?;
        }
        classifier.calibration = about.calibration;
        classifier.report = about.report;
        classifier.provenance = about.provenance;
        classifier.pictures = pictures;
        let answer = Answer::of(&classifier, &image).map_err(named)?;
        // Integers give the same everywhere.
        let checked = match classifier.backbone.integers() {
            Some(_) => about.reference.check_exactly(&answer),
            None => about.reference.check(&answer),
        };
        checked.map_err(|message| tensors.error(message))?;
        Ok(classifier)
    }
}

/// The bytes of a classifier file, as far as it is not too large to be one.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    Ok(read_at_most(path, FORMAT.limit)?)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_default(filter: &ResizeFilter) -> bool {
    *filter == ResizeFilter::default()
}

fn image_shape(side: u32) -> [usize; 3] {
    [side as usize, side as usize, 3]
}

/// SHA-256 of a head's weights and biases, in order.
fn digest(head: &Head) -> String {
    let mut hash = Sha256::new();
    for layer in head.layers() {
        hash.update(bytes_of(layer.weights()));
        hash.update(bytes_of(layer.bias()));
    }
    hex(&hash.finalize())
}

fn put_pictures(pictures: &Pictures, tensors: &mut TensorWriter) -> PicturesDescription {
    let shape = [pictures.len(), PICTURE_BYTES];
    tensors.put(PICTURES, &shape, &pictures.to_bytes());
    PicturesDescription {
        version: PICTURES_VERSION,
        count: pictures.len(),
        complete: pictures.is_complete(),
    }
}

fn get_pictures(tensors: &TensorReader<'_>, about: &PicturesDescription) -> Result<Pictures> {
    let (found, known) = (about.version, PICTURES_VERSION);
    if found != known {
        let message = format!(
            "the digests of pictures have version {found}, and this program reads version {known}"
        );
        return Err(tensors.error(message));
    }
    let bytes: Vec<u8> = tensors.get(PICTURES, &[about.count, PICTURE_BYTES])?;
    let pictures = Pictures::from_bytes(&bytes, about.complete);
    let pictures = pictures.map_err(|error| tensors.caused(error))?;
    if pictures.len() != about.count {
        return Err(tensors.error("damaged: a digest of a picture is there twice"));
    }
    Ok(pictures)
}

fn put_head(head: &Head, tensors: &mut TensorWriter) {
    for (i, layer) in head.layers().iter().enumerate() {
        let (outputs, inputs) = (layer.outputs(), layer.inputs());
        tensors.put(
            format!("head.{i}.weight"),
            &[outputs, inputs],
            layer.weights(),
        );
        tensors.put(format!("head.{i}.bias"), &[outputs], layer.bias());
    }
}

fn get_head(tensors: &TensorReader<'_>, shape: HeadShape) -> Result<Head> {
    let widths = [Some(shape.inputs), shape.hidden, Some(shape.classes)];
    let widths: Vec<usize> = widths.into_iter().flatten().collect();
    let layer = |(i, width): (usize, &[usize])| {
        let (inputs, outputs) = (width[0], width[1]);
        let weights = tensors.get(&format!("head.{i}.weight"), &[outputs, inputs])?;
        let bias = tensors.get(&format!("head.{i}.bias"), &[outputs])?;
        Dense::new(inputs, weights, bias).map_err(|error| tensors.caused(error))
    };
    let layers: Result<_> = widths.windows(2).enumerate().map(layer).collect();
    Head::new(layers?).map_err(|error| tensors.caused(error))
}
