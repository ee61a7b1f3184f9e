//! Weights by name or path, which are fetched if they are missing.

use std::path::Path;

use super::cache::Cache;
use super::fetch::Fetch;
use super::model_weights::Weights;
use crate::error::Result;

impl Weights {
    /// Does the same as [`Weights::open`], but fetches published weights first if they are not in the user's cache.
    /// `fetch` sets up the download into that cache; [`Fetch::new`] does it with the defaults.
    ///
    /// ```no_run
    /// # fn main() -> mobilenet::Result<()> {
    /// use mobilenet::{Fetch, Weights};
    /// let weights = Weights::open_or_fetch("mobilenet_v1_0.25_224", Fetch::new)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The errors of [`Weights::open`] and [`Fetch::fetch`].
    pub fn open_or_fetch(
        name_or_path: impl AsRef<Path>,
        fetch: impl FnOnce(Cache) -> Fetch,
    ) -> Result<Self> {
        let path = name_or_path.as_ref();
        let published = Self::all().iter().find(|row| Path::new(row.name) == path);
        if let Some(published) = published.filter(|_| !path.exists()) {
            let cache = Cache::user()?;
            if !cache.path_of(published).is_file() {
                fetch(cache).fetch(published.name)?;
            }
        }
        Self::open(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn only_published_names_are_fetched() {
        let fetch = |_| panic!("nothing is to be fetched");
        let error = Weights::open_or_fetch("mobilenet_v7", fetch).unwrap_err();
        assert!(matches!(error, Error::UnknownWeights { .. }), "{error}");
        let error = Weights::open_or_fetch(file!(), fetch);
        assert!(error.is_err());
    }
}
