//! Classifier files that are signed with [minisign](https://jedisct1.github.io/minisign/) (feature `signature`).

use std::fmt;
use std::path::{Path, PathBuf};

use files::read_at_most;
use minisign_verify::{PublicKey, Signature};
use mobilenet::Weights;

use super::classify::Classifier;
use super::file;
use crate::backbone::Backbone;
use crate::error::{Error, Result};

/// More bytes than a key or a signature has.
const LONGEST: u64 = 1 << 16;

/// The public minisign key with which classifier files must be signed.
///
/// The seal of a file shows that it was not changed; a signature shows who wrote it. Sign files with minisign:
/// `minisign -G` makes a pair of keys once, and `minisign -Sm boats.safetensors` writes `boats.safetensors.minisig`
/// beside the file.
///
/// ```no_run
/// # fn main() -> transfer::Result<()> {
/// use transfer::Classifier;
/// use transfer::classifier::RequiredKey;
/// let key = RequiredKey::open("minisign.pub")?;
/// let classifier = Classifier::load_signed("boats.safetensors", &key)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RequiredKey(PublicKey);

impl RequiredKey {
    /// Reads a public key from a file that `minisign -G` wrote.
    ///
    /// # Errors
    /// If the file cannot be read or holds no public key.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = text(path)?;
        let key = PublicKey::decode(&text).map_err(|error| {
            let message = format!("not a public key of minisign: {error}");
            Error::file_caused(path, message, error)
        })?;
        Ok(Self(key))
    }

    /// Reads the key from the text that minisign prints: 56 characters of base64.
    ///
    /// # Errors
    /// [`Error::Setting`] if the text is not a public key.
    pub fn from_base64(key: &str) -> Result<Self> {
        let expected = "the 56 characters of a public key of minisign, or the file of one";
        let key = PublicKey::from_base64(key.trim());
        key.map(Self)
            .map_err(|_| Error::setting("required key", "no such key", expected))
    }

    /// The bytes of a classifier file, whose signature in `PATH.minisig` is by this key.
    fn verified(&self, path: &Path) -> Result<Vec<u8>> {
        let bytes = file::bytes(path)?;
        let beside = signature_of(path);
        if !beside.is_file() {
            let message = format!(
                "not signed: {} is missing, and a signature is required (`minisign -Sm` writes one)",
                beside.display()
            );
            return Err(Error::file(path, message));
        }
        let signature = Signature::decode(&text(&beside)?).map_err(|error| {
            let message = format!("not a signature of minisign: {error}");
            Error::file_caused(&beside, message, error)
        })?;
        self.0.verify(&bytes, &signature, false).map_err(|error| {
            let message = format!(
                "{} is not a signature of this file by the required key: {error}",
                beside.display()
            );
            Error::file_caused(path, message, error)
        })?;
        Ok(bytes)
    }
}

impl fmt::Debug for RequiredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequiredKey")
    }
}

impl Classifier {
    /// Does the same as [`load`](Self::load) if the file is signed with this key. The signature is in the file with the
    /// same name and `.minisig` appended. It is verified before any content of the file is used. If a file is
    /// [linked](Self::save_linked) to weights, the signature does not cover the weights, but it covers their digest.
    ///
    /// # Errors
    /// The errors of [`load`](Self::load), and if the file has no signature, or one made with another key or for other
    /// bytes.
    pub fn load_signed(path: impl AsRef<Path>, key: &RequiredKey) -> Result<Self> {
        Self::read_signed(path.as_ref(), key, Backbone::new)
    }

    /// Does the same as [`load_signed`](Self::load_signed), but Burn runs the backbone on `device`.
    ///
    /// # Errors
    /// The errors of [`load_signed`](Self::load_signed).
    #[cfg(feature = "burn")]
    pub fn load_signed_on(
        path: impl AsRef<Path>,
        key: &RequiredKey,
        device: &burn::tensor::Device,
    ) -> Result<Self> {
        Self::read_signed(path.as_ref(), key, |weights| Backbone::on(weights, device))
    }

    fn read_signed(
        path: &Path,
        key: &RequiredKey,
        backbone: impl FnOnce(Weights) -> Result<Backbone>,
    ) -> Result<Self> {
        Self::decode(path, &key.verified(path)?, backbone)
    }
}

fn signature_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

fn text(path: &Path) -> Result<String> {
    String::from_utf8(read_at_most(path, LONGEST)?).map_err(|error| {
        let message = format!("not UTF-8: {error}");
        Error::file_caused(path, message, error)
    })
}
