//! Classifier files, and which of them are taken.

use std::error::Error;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use dataset::ResizePolicy;
use transfer::classifier::{RequiredKey, labels_beside, read_labels};
use transfer::{Classifier, FileKind};

use super::DeviceName;
#[cfg(feature = "burn")]
use super::device;

/// Whose classifier files are taken, and the names of the classes of others.
#[derive(Clone, Default, clap::Args)]
pub struct SignatureOptions {
    /// Names of the classes, one per line, of a network that another program trained, such as retrain.py's
    /// retrained_graph.pb [default: retrained_labels.txt or labels.txt beside it]
    #[arg(long, value_name = "FILE")]
    pub labels_file: Option<PathBuf>,
    /// Take only classifier files that are signed by this public key of minisign: a file, or the key itself. The signature
    /// is beside the classifier, with `.minisig` behind its name
    #[arg(long, value_name = "KEY")]
    pub require_signature: Option<String>,
}

impl SignatureOptions {
    /// The classifier of a file, on the device of that name.
    ///
    /// # Errors
    /// What [`Classifier::load`] or [`Classifier::load_signed`] and the device find.
    pub fn classifier(&self, path: &Path, name: DeviceName) -> Result<Classifier, Box<dyn Error>> {
        let key = match &self.require_signature {
            None => None,
            Some(file) if Path::new(file).is_file() => Some(RequiredKey::open(file)?),
            Some(key) => Some(RequiredKey::from_base64(key)?),
        };
        // A file of another program.
        if key.is_none() && FileKind::of(path).is_none() && path.exists() {
            let network = path
                .to_str()
                .ok_or("the path of the classifier must be UTF-8")?;
            return self.retrained(network, name);
        }
        if let Some(labels) = &self.labels_file {
            let (labels, path) = (files::shown_path(labels), files::shown_path(path));
            return Err(
                format!("--labels-file {labels}: {path} has the names of its classes").into(),
            );
        }
        match (name, &key) {
            (DeviceName::Cpu, None) => Ok(Classifier::load(path)?),
            (DeviceName::Cpu, Some(key)) => Ok(Classifier::load_signed(path, key)?),
            #[cfg(feature = "burn")]
            (name, None) => Ok(Classifier::load_on(path, &device(name)?)?),
            #[cfg(feature = "burn")]
            (name, Some(key)) => Ok(Classifier::load_signed_on(path, key, &device(name)?)?),
            #[cfg(not(feature = "burn"))]
            (name, _) => Err(name.is_missing().into()),
        }
    }

    /// A classifier that another program retrained.
    fn retrained(&self, network: &str, device: DeviceName) -> Result<Classifier, Box<dyn Error>> {
        let classifier = self.network(network, None, device)?;
        let weights = classifier.backbone().weights();
        let is_own = weights.head().is_some() || weights.metadata().is_some();
        let is_named = self.labels_file.is_some() || labels_beside(network).is_some();
        if is_own || is_named {
            return Ok(classifier);
        }
        let network = files::shown_path(Path::new(network));
        Err(format!(
            "{network}: a network with ImageNet's classes, no classifier of other ones; label_image and explain take it as \
             --weights"
        )
        .into())
    }

    /// A classifier of another program from its network (`bundled`, a published name, a file or a folder), with the names in
    /// `labels_file` or beside it, otherwise ImageNet's. Images are resized as that program did, if nothing else is said.
    ///
    /// # Errors
    /// What [`weights`](crate::weights), [`backbone`](crate::backbone) and [`Classifier::from_network`] find.
    pub fn network(
        &self,
        network: &str,
        resize: Option<ResizePolicy>,
        device: DeviceName,
    ) -> Result<Classifier, Box<dyn Error>> {
        let weights = crate::weights(network)?;
        let resize = resize.unwrap_or(Classifier::usual_resize(&weights));
        let exported = weights
            .metadata()
            .is_some_and(|about| !about.classes.is_empty());
        // What an export says of itself is certain; a file beside it may be another network's.
        let beside = || labels_beside(network).filter(|_| !exported);
        let file = self.labels_file.clone().or_else(beside);
        let labels = file.as_ref().map(read_labels).transpose()?;
        let backbone = crate::backbone(weights, device)?.with_resize(resize);
        let classifier = Classifier::from_network(backbone, labels.as_deref())?;
        let classes = crate::counted(classifier.classes().len(), "class", "classes");
        let shown = files::shown_path(Path::new(network));
        if let Some(file) = file {
            let file = files::shown_path(&file);
            crate::warn!(
                "{shown}: {classes} with the names in {file}; images are resized as {resize}"
            );
        } else if exported {
            let thresholds = match classifier.thresholds() {
                Some(_) => "its thresholds are used",
                None => "it has no thresholds",
            };
            crate::warn!(
                "{shown}: an export with {classes}; images are resized as {resize}, and {thresholds}; an export has no test \
                 for images that resemble none of the training images"
            );
        }
        Ok(classifier)
    }
}

/// An error about a file that was taken for another kind: where it is one of this project's files, which command takes
/// it.
pub fn misplaced(
    path: &Path,
    expected: impl Display,
    error: impl Into<Box<dyn Error>>,
) -> Box<dyn Error> {
    let expected = expected.to_string();
    match FileKind::of(path).filter(|kind| kind.to_string() != expected) {
        Some(kind) => {
            let path = files::shown_path(path);
            format!("{path}: not {expected}: it is {kind}; {}", kind.taken_by()).into()
        }
        None => error.into(),
    }
}
