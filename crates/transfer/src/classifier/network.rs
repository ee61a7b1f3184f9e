use std::path::{Path, PathBuf};

use dataset::ResizePolicy;
use files::read_at_most;
use mobilenet::Weights;
use mobilenet::weights::DenseLayer;

use super::classify::Classifier;
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::preprocess::resize_in;

/// Longest file of labels that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// What files of labels beside a network are called, the name of the codelab's first.
const LABELS: [&str; 3] = ["retrained_labels.txt", "labels.txt", "output_labels.txt"];

impl Classifier {
    /// A classifier of another program, from its network: the layer that was trained behind the net
    /// ([`Weights::head`](mobilenet::Weights::head)), such as `retrain.py`'s, or the net's own last layer, with these names of
    /// its classes. An [export](crate::export::Export) has the names in it, and its thresholds are used. Without names it is
    /// ImageNet's, where the net has 1000 or 1001 classes and no other layer behind them.
    ///
    /// Images are resized as the backbone does; [`usual_resize`](Self::usual_resize) is what the file says, or what most
    /// programs did.
    ///
    /// # Errors
    /// Where the names are missing, or are not as many as the classes; where the net has no classifier; where thresholds in
    /// the file are not from 0 to 1, or not as many as the classes.
    pub fn from_network(backbone: Backbone, labels: Option<&[String]>) -> Result<Self> {
        let metadata = backbone.weights().metadata().cloned();
        let own = metadata.as_ref().map(|metadata| &metadata.classes[..]);
        let own = own.filter(|classes| !classes.is_empty());
        let classifier = Self::named(backbone, labels.or(own))?;
        match metadata.map(|metadata| metadata.thresholds) {
            Some(thresholds) if !thresholds.is_empty() => classifier.with_thresholds(thresholds),
            _ => Ok(classifier),
        }
    }

    fn named(backbone: Backbone, labels: Option<&[String]>) -> Result<Self> {
        let weights = backbone.weights();
        let own = weights.config().classes;
        let classes = weights.head().map_or(own, DenseLayer::outputs);
        let wrong = |message: String| Err(Error::file(weights.source(), message));
        match labels {
            _ if classes == 0 => {
                wrong("this network has no classifier; train one on it with retrain".into())
            }
            Some(labels) if labels.len() != classes => wrong(format!(
                "it has {classes} classes, and there are {} labels; the file of labels has one line for each class, in the order \
                 of the network",
                labels.len()
            )),
            Some(labels) if weights.head().is_some() => {
                Self::from_retrained_backbone(backbone, labels.to_vec())
            }
            Some(labels) => Self::pretrained(backbone, labels),
            None if weights.head().is_none() && matches!(own, 1000 | 1001) => {
                Self::imagenet(backbone)
            }
            None => wrong(format!(
                "it has {classes} classes, and their names are not in it: give a file with one name per line, in the order of the \
                 network (--labels-file), or put it beside the network as {} or {}",
                LABELS[0], LABELS[1]
            )),
        }
    }

    /// How images are resized for a network: as its file says where it is an [export](crate::export::Export), as
    /// `label_image.py` does where it was retrained by `retrain.py`, otherwise the middle of the image.
    pub fn usual_resize(weights: &Weights) -> ResizePolicy {
        let stored = weights.metadata().and_then(resize_in);
        stored.unwrap_or(match weights.head() {
            Some(_) => ResizePolicy::Tf1Squash,
            None => ResizePolicy::CenterCrop,
        })
    }
}

/// The file of labels beside a file of weights, or in a folder of weights, if there is one: `retrained_labels.txt`,
/// `labels.txt` or `output_labels.txt`.
pub fn labels_beside(weights: impl AsRef<Path>) -> Option<PathBuf> {
    let weights = weights.as_ref();
    let folder = if weights.is_dir() {
        weights
    } else if weights.is_file() {
        weights.parent()?
    } else {
        return None;
    };
    let files = LABELS.iter().map(|name| folder.join(name));
    files.into_iter().find(|file| file.is_file())
}

/// Reads names of classes, one per line; empty lines at the end do not count. A number in front of the name, as in `0 boat`
/// (Teachable Machine) or `0:boat`, is left out where all lines have theirs.
///
/// # Errors
/// If the file cannot be read, has more than 1 MiB, is not UTF-8 or has no names.
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = path.as_ref();
    let text = read_at_most(path, LONGEST)?;
    let text = String::from_utf8(text).map_err(|error| {
        let message = format!("labels must be UTF-8: {error}");
        Error::file_caused(path, message, error)
    })?;
    let lines = text.trim_start_matches('\u{feff}').trim_end().lines();
    let labels: Vec<&str> = lines.map(str::trim_end).collect();
    if labels.iter().all(|label| label.is_empty()) {
        return Err(Error::file(
            path,
            "no names in it; expected one on each line",
        ));
    }
    let numbered = labels.iter().enumerate().map(|(at, label)| {
        let rest = label.strip_prefix(&at.to_string())?;
        let name = rest.trim_start_matches([':', ' ', '\t']);
        (name.len() < rest.len() && !name.is_empty()).then_some(name)
    });
    let names: Option<Vec<&str>> = numbered.collect();
    let names = names.unwrap_or(labels);
    Ok(names.into_iter().map(str::to_owned).collect())
}
