//! Classifier files, and which of them are taken.

use std::error::Error;
use std::fmt::Display;
use std::path::Path;

use transfer::classifier::RequiredKey;
use transfer::{Classifier, FileKind};

use super::DeviceName;
#[cfg(feature = "burn")]
use super::device;

/// Whose classifier files are taken.
#[derive(Clone, Default, clap::Args)]
pub struct SignatureOptions {
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
