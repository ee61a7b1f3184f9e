//! Weights by name or path.

use std::path::Path;

#[cfg(feature = "cache")]
use super::cache::Cache;
use super::file::File;
use super::model_weights::Weights;
use super::one_of_folder::only_weights_of;
use super::registry::{self, Published};
use super::{bundled, read};
#[cfg(not(feature = "cache"))]
use crate::error::Error;
use crate::error::Result;

impl Weights {
    /// Every published set of weights that is known by name.
    pub fn all() -> &'static [Published] {
        registry::ALL
    }

    /// Opens `bundled`, a file, a folder that holds one set of weights, or published weights ([`Weights::all`]) by
    /// their name, if they are in the user's cache. The format is recognized by the content. Nothing is fetched;
    /// `Fetch`, with the feature `fetch`, does that.
    ///
    /// # Errors
    /// [`Error::UnknownWeights`](crate::Error::UnknownWeights) if there is neither such a file nor such a name, or the
    /// published weights are not in the cache. Otherwise the error says what is wrong with the file, and names the file and the tensor. A *missing*
    /// tensor is reported only when the net is made, because the net may be cut off before it.
    pub fn open(name_or_path: impl AsRef<Path>) -> Result<Self> {
        let path = name_or_path.as_ref();
        if path.exists() {
            return read::read(File::read(&only_weights_of(path)?)?);
        }
        let name = files::shown_path(path).to_string();
        if name == "bundled" {
            return bundled::open();
        }
        registry::find(&name)?;
        published(&name)
    }
}

#[cfg(feature = "cache")]
fn published(name: &str) -> Result<Weights> {
    Cache::user()?.open(name)
}

#[cfg(not(feature = "cache"))]
fn published(name: &str) -> Result<Weights> {
    Err(Error::UnknownWeights {
        name: name.into(),
        message: "this program opens published weights by name only with the feature `cache` of mobilenet".into(),
    })
}
