//! Backbone, head, classes and preprocessing as one thing, and as one file.

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::Device;
use dataset::ResizePolicy;
use mobilenet::{Precision, Weights};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::files::write_whole;
use crate::head::HeadShape;
use crate::{Backbone, Dense, Error, FitReport, Head, Layer, Result};

/// The one metadata key of a classifier file; several would come in any order.
const KEY: &str = "classifier";

/// How far a loaded classifier's answer to the reference image may be from the one in the file: probabilities by
/// this, logits by this times the largest of them (or 1). Ten times what engines differ by, far less than a wrong
/// weight makes.
const TOLERANCE: f64 = 1e-3;

/// A class with its probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Index of the class.
    pub index: usize,
    /// Its name.
    pub class: String,
    /// 0 to 1.
    pub probability: f64,
}

/// What a file says beside its tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// Version of the format.
    version: u32,
    classes: Vec<String>,
    layer: Layer,
    resize: ResizePolicy,
    size: u32,
    head: HeadShape,
    /// Configuration of the backbone, as mobilenet writes it.
    backbone: String,
    /// Digest of the backbone's weights.
    digest: String,
    /// Answer to the reference image, the tensor `reference.pixels`.
    reference: Answer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<FitReport>,
}

/// What a classifier says of one image.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    logits: Vec<f64>,
    probabilities: Vec<f64>,
}

impl Answer {
    /// Compares what was found with what is in the file.
    fn check(&self, found: &Self) -> Result<(), String> {
        let largest = self.logits.iter().fold(1.0, |max: f64, z| max.max(z.abs()));
        let parts = [
            ("logits", &self.logits, &found.logits, TOLERANCE * largest),
            (
                "probabilities",
                &self.probabilities,
                &found.probabilities,
                TOLERANCE,
            ),
        ];
        for (what, expected, found, allowed) in parts {
            let pairs = expected.iter().zip(found);
            // A value that is no number is as far off as can be.
            let off = pairs
                .map(|(a, b)| (a - b).abs())
                .map(|d| if d.is_nan() { f64::INFINITY } else { d });
            let off = off.fold(0.0, f64::max);
            if expected.len() != found.len() || off > allowed {
                return Err(format!(
                    "its self-test failed: {what} of the reference image are off by {off:.1e}, {allowed:.1e} is \
                     allowed; the file is damaged, or this device computes wrongly (another engine can be forced)"
                ));
            }
        }
        Ok(())
    }
}

/// Names images: a backbone, a head trained on it, the classes and how images are prepared.
#[derive(Debug)]
pub struct Classifier {
    backbone: Backbone,
    head: Head,
    classes: Vec<String>,
    report: Option<FitReport>,
}

impl Classifier {
    /// Puts the parts together.
    ///
    /// # Errors
    /// Where the head was trained on another number of values or of classes.
    pub fn new(backbone: Backbone, head: Head, classes: Vec<String>) -> Result<Self> {
        if head.dim() != backbone.dim() {
            return Err(Error::mismatch(
                "inputs of the head",
                backbone.dim(),
                head.dim(),
            ));
        }
        if head.classes() != classes.len() {
            return Err(Error::mismatch(
                "class names",
                head.classes(),
                classes.len(),
            ));
        }
        Ok(Self {
            backbone,
            head,
            classes,
            report: None,
        })
    }

    /// Keeps how the head came to be, for the file.
    pub fn with_report(mut self, report: FitReport) -> Self {
        self.report = Some(report);
        self
    }

    /// The frozen part.
    pub fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    /// The trained part.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How the head came to be, if it is known.
    pub fn report(&self) -> Option<&FitReport> {
        self.report.as_ref()
    }

    /// Probabilities `[n, classes]` for pixels `[n, size, size, 3]`, RGB, 0 to 255.
    ///
    /// # Errors
    /// Where the length does not fit.
    pub fn predict(&self, pixels: &[u8], n: usize) -> Result<Vec<f64>> {
        self.head.probabilities(&self.backbone.forward(pixels, n)?)
    }

    fn answer(&self, image: &[u8]) -> Result<Answer> {
        let output = self.backbone.forward(image, 1)?;
        Ok(Answer {
            logits: self.head.logits(&output)?,
            probabilities: self.head.probabilities(&output)?,
        })
    }

    /// All classes for an image file, the most probable first.
    ///
    /// # Errors
    /// Where the file is no image that can be used.
    pub fn classify(&self, path: impl AsRef<Path>) -> Result<Vec<Prediction>> {
        Ok(self.rank(&self.predict(&self.backbone.loader().load(path)?, 1)?))
    }

    /// A row of probabilities as named classes, the most probable first; equals stay in the classes' order.
    pub fn rank(&self, probabilities: &[f64]) -> Vec<Prediction> {
        let mut ranked: Vec<_> = self
            .classes
            .iter()
            .zip(probabilities)
            .enumerate()
            .map(|(index, (class, &probability))| Prediction {
                index,
                class: class.clone(),
                probability,
            })
            .collect();
        ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        ranked
    }

    /// Writes one file, visible under its name only when whole. Same classifier, same bytes.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let bytes = self.to_bytes(path.as_ref())?;
        write_whole(path.as_ref(), |file| file.write_all(&bytes))
    }

    fn to_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        let wrong = |e: &dyn std::fmt::Display| Error::File {
            path: path.into(),
            message: e.to_string(),
        };
        let reference = reference_image(self.backbone.size());
        let description = Description {
            version: 1,
            classes: self.classes.clone(),
            layer: self.backbone.layer(),
            resize: self.backbone.resize(),
            size: self.backbone.size(),
            head: self.head.shape(),
            backbone: serde_json::to_string(self.backbone.weights().config())
                .map_err(|e| wrong(&e))?,
            digest: self.backbone.digest().into(),
            reference: self.answer(&reference)?,
            report: self.report.clone(),
        };
        let backbone = self.backbone.weights().to_safetensors(Precision::Single)?;
        let backbone = SafeTensors::deserialize(&backbone).map_err(|e| wrong(&e))?;
        let head: Vec<(String, Vec<usize>, Vec<u8>)> = self
            .head
            .layers()
            .iter()
            .enumerate()
            .flat_map(|(i, layer)| {
                [
                    (
                        format!("head.{i}.weight"),
                        vec![layer.outputs(), layer.inputs()],
                        bytes_of(layer.weights()),
                    ),
                    (
                        format!("head.{i}.bias"),
                        vec![layer.outputs()],
                        bytes_of(layer.bias()),
                    ),
                ]
            })
            .collect();
        let view = |dtype, shape: Vec<usize>, bytes| {
            TensorView::new(dtype, shape, bytes).map_err(|e| wrong(&e))
        };
        let mut views: Vec<(String, TensorView<'_>)> = backbone
            .tensors()
            .into_iter()
            .map(|(name, view)| (format!("backbone.{name}"), view))
            .collect();
        for (name, shape, bytes) in &head {
            views.push((name.clone(), view(Dtype::F32, shape.clone(), bytes)?));
        }
        let side = self.backbone.size() as usize;
        views.push((
            "reference.pixels".into(),
            view(Dtype::U8, vec![side, side, 3], &reference)?,
        ));
        let json = serde_json::to_string(&description).map_err(|e| wrong(&e))?;
        safetensors::serialize(views, Some(HashMap::from([(KEY.to_string(), json)])))
            .map_err(|e| wrong(&e))
    }

    /// Reads a file that [`save`](Self::save) wrote and asks it about the reference image in it.
    ///
    /// # Errors
    /// Where the file is not a classifier, lacks something, or answers otherwise than when it was saved.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let wrong = |message: String| Error::File {
            path: path.into(),
            message,
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| {
            wrong(format!(
                "not a classifier file (no safetensors header: {e})"
            ))
        })?;
        let json = header.metadata().as_ref().and_then(|m| m.get(KEY));
        let json = json.ok_or_else(|| {
            wrong("not a classifier file (no `classifier` in its metadata)".into())
        })?;
        let about: Description = serde_json::from_str(json)
            .map_err(|e| wrong(format!("its description is damaged: {e}")))?;
        if about.version != 1 {
            return Err(wrong(format!(
                "version {} of the format; this program reads 1",
                about.version
            )));
        }
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| wrong(e.to_string()))?;

        let views: Vec<_> = tensors
            .tensors()
            .into_iter()
            .filter_map(|(name, view)| Some((name.strip_prefix("backbone.")?.to_string(), view)))
            .collect();
        let metadata = HashMap::from([("mobilenet".to_string(), about.backbone)]);
        let weights =
            safetensors::serialize(views, Some(metadata)).map_err(|e| wrong(e.to_string()))?;
        let weights = Weights::from_safetensors(&path.display().to_string(), &weights)?;
        let mut backbone = Backbone::new(weights, device)?
            .with_resize(about.resize)
            .with_layer(about.layer)?;
        if backbone.digest() != about.digest {
            return Err(wrong(
                "the backbone's weights are not those it was saved with".into(),
            ));
        }
        backbone.set_size(about.size)?;

        let floats = |name: String| -> Result<Vec<f32>> {
            let view = tensors.tensor(&name).map_err(|e| wrong(e.to_string()))?;
            if view.dtype() != Dtype::F32 {
                return Err(wrong(format!(
                    "tensor `{name}` is {:?}, not F32",
                    view.dtype()
                )));
            }
            let words = view.data().chunks_exact(4);
            Ok(words
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect())
        };
        let HeadShape {
            inputs,
            hidden,
            classes,
        } = about.head;
        let layers = hidden
            .iter()
            .map(|_| inputs)
            .chain([hidden.unwrap_or(inputs)])
            .enumerate()
            .map(|(i, inputs)| {
                Dense::new(
                    inputs,
                    floats(format!("head.{i}.weight"))?,
                    floats(format!("head.{i}.bias"))?,
                )
            })
            .collect::<Result<Vec<_>>>()?;
        let head = Head::new(layers)?;
        if head.classes() != classes {
            return Err(wrong(format!(
                "{} outputs of the head, {classes} in its description",
                head.classes()
            )));
        }
        let classifier = Self {
            report: about.report,
            ..Self::new(backbone, head, about.classes)?
        };

        let reference = tensors
            .tensor("reference.pixels")
            .map_err(|e| wrong(e.to_string()))?;
        let found = classifier.answer(reference.data())?;
        about.reference.check(&found).map_err(wrong)?;
        Ok(classifier)
    }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Waves of three colours: every level and many frequencies, the same everywhere.
fn reference_image(side: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity((side * side * 3) as usize);
    for y in 0..side {
        for x in 0..side {
            pixels.extend([(x * x + y) as u8, (x + y * y / 7) as u8, (x * y / 5) as u8]);
        }
    }
    pixels
}
