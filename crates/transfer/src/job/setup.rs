//! The settings that both jobs have, and the steps that they share.

use std::ops::ControlFlow;
use std::path::PathBuf;

use dataset::ImageItem;
use dataset::split::Subset;
use metrics::Predictions;
use mobilenet::Weights;

use super::event::JobEvent;
use super::images::{DividedImages, ImageSource};
use super::test_images::TestImages;
use crate::backbone::Backbone;
use crate::cache::EmbeddingCache;
use crate::classifier::{Classifier, Pictures, Provenance, RejectOption};
use crate::embed::{Embedded, UnusableImage};
use crate::error::Result;

/// The settings that both jobs have. Only the images must be given.
pub(crate) struct Setup<'a> {
    pub(crate) images: ImageSource,
    pub(crate) backbone: Option<Backbone>,
    pub(crate) reject: Option<RejectOption>,
    pub(crate) keep_pictures: bool,
    pub(crate) include_training: bool,
    pub(crate) cache: Option<PathBuf>,
    pub(crate) summaries: Option<PathBuf>,
    pub(crate) on_event: Box<dyn FnMut(JobEvent<'_>) + 'a>,
    pub(crate) stop_when: Box<dyn Fn() -> bool + 'a>,
    /// Whether [`JobEvent::NotKept`] was reported.
    told_not_kept: bool,
}

/// The methods of the builder of a job that set what both jobs have.
macro_rules! shared_settings {
    ($a:lifetime) => {
        /// Sets when the classifier answers "none of the classes" ([`Classifier::answer`]). With `None` it always answers
        /// with a class. Default: [`RejectOption::new`]. Choices for which there is too little data are skipped
        /// ([`Classifier::with_reject_option`]).
        pub fn with_reject_option(mut self, option: impl Into<Option<RejectOption>>) -> Self {
            self.setup.reject = option.into();
            self
        }

        /// Whether to measure the classifier on all test images, also on those that it was trained on or that look like
        /// one of these ([`Familiarity`](crate::familiarity::Familiarity)). The numbers then make it look better than it
        /// is. Default: `false`, these images are left out.
        pub fn include_training(mut self, include: bool) -> Self {
            self.setup.include_training = include;
            self
        }

        /// Whether the classifier keeps digests of its pictures, 25 bytes for each
        /// ([`Pictures`](crate::classifier::Pictures)). Without them, a person who has a picture cannot find out from the
        /// file whether it was trained on, but nothing warns if the classifier is measured on pictures that it was trained
        /// on. Default: `true`.
        pub fn keep_pictures(mut self, keep: bool) -> Self {
            self.setup.keep_pictures = keep;
            self
        }

        /// Keeps embeddings in this folder, so that a second run computes only new ones. Where it cannot be written to, what
        /// is in it is used, and the job reports it ([`JobEvent::NotKept`]).
        pub fn with_cache(mut self, folder: impl Into<std::path::PathBuf>) -> Self {
            self.setup.cache = Some(folder.into());
            self
        }

        /// Writes event files for TensorBoard into this folder. Default: `None`, there are none.
        pub fn with_summaries(mut self, folder: impl Into<Option<std::path::PathBuf>>) -> Self {
            self.setup.summaries = folder.into();
            self
        }

        /// Sets a function that is called with each event, for progress bars and logs.
        pub fn on_event(mut self, on_event: impl FnMut(JobEvent<'_>) + $a) -> Self {
            self.setup.on_event = Box::new(on_event);
            self
        }

        /// Sets a function that is called repeatedly during the training. If it returns `true`, the training ends with the
        /// best head, or the best epoch, so far. The classifier is then calibrated and measured as usual.
        pub fn stop_when(mut self, stop_when: impl Fn() -> bool + $a) -> Self {
            self.setup.stop_when = Box::new(stop_when);
            self
        }
    };
}
pub(crate) use shared_settings;

impl Setup<'_> {
    pub(crate) fn new(images: ImageSource) -> Self {
        Self {
            images,
            backbone: None,
            reject: Some(RejectOption::new()),
            keep_pictures: true,
            include_training: false,
            cache: None,
            summaries: None,
            on_event: Box::new(|_| ()),
            stop_when: Box::new(|| false),
            told_not_kept: false,
        }
    }

    /// Checks the settings that need no image.
    pub(crate) fn check(&self) -> Result<()> {
        self.reject.as_ref().map_or(Ok(()), RejectOption::check)
    }

    /// Lists and divides the images, and reports them.
    pub(crate) fn open_images(&mut self) -> Result<DividedImages> {
        let images = self.images.clone().open()?;
        (self.on_event)(JobEvent::Images {
            folder: &images.folder,
            split: &images.split,
        });
        Ok(images)
    }

    /// The cache in the folder that was given, or one that is deleted at the end.
    pub(crate) fn open_cache(&self) -> Result<EmbeddingCache> {
        match &self.cache {
            Some(folder) => EmbeddingCache::open(folder),
            None => EmbeddingCache::temporary(),
        }
    }

    /// The network that was given, or the bundled one.
    pub(crate) fn network(&self) -> Result<Backbone> {
        match &self.backbone {
            Some(backbone) => Ok(backbone.clone()),
            None => Backbone::new(Weights::open("bundled")?),
        }
    }

    /// Embeds the images of a part, and reports progress and the images that are left out.
    pub(crate) fn embed(
        &mut self,
        backbone: &Backbone,
        part: Subset,
        items: &[ImageItem],
        cache: &EmbeddingCache,
    ) -> Result<Embedded> {
        let (total, on_event) = (items.len(), &mut self.on_event);
        let progress = |done| on_event(JobEvent::Embedding { part, done, total });
        let embedded = backbone.embed_recognizably(items, cache, progress)?;
        for UnusableImage { item, error } in &embedded.failed {
            (self.on_event)(JobEvent::LeftOut { item, error });
        }
        if let Some(error) = cache.unwritten().filter(|_| !self.told_not_kept) {
            self.told_not_kept = true;
            (self.on_event)(JobEvent::NotKept(&error));
        }
        Ok(embedded)
    }

    /// Compares the test images with the pictures that the training learns from, and reports those that it has seen.
    pub(crate) fn test_images(&mut self, known: &Pictures, test: &Embedded) -> Result<TestImages> {
        let included = self.include_training;
        let found = TestImages::of(known, test, included).check()?;
        if found.counts.seen() > 0 {
            let counts = &found.counts;
            (self.on_event)(JobEvent::TestSeen { counts, included });
        }
        Ok(found)
    }

    /// The classifier with the digests of its pictures, unless it is to keep none.
    pub(crate) fn with_pictures(
        &self,
        classifier: Classifier,
        known: Pictures,
        test: &Embedded,
    ) -> Classifier {
        if self.keep_pictures {
            classifier.with_pictures(known.with(Subset::Testing, &test.pictures))
        } else {
            classifier
        }
    }
}

/// Whether a training goes on, as its functions for events say it.
pub(crate) fn go_on_unless(stop: bool) -> ControlFlow<()> {
    if stop {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// Where a classifier comes from that is made of these training, validation and test images, and how good it is on the
/// test images. `split` says how they were divided.
pub(crate) fn provenance(
    split: String,
    images: [&Embedded; 3],
    test: Option<&Predictions>,
) -> Provenance {
    let [training, validation, testing] = images;
    let mut provenance = Provenance::default()
        .with_split(split)
        .with_images("training", training)
        .with_images("validation", validation)
        .with_images("test", testing);
    let Some(test) = test else {
        return provenance;
    };
    // Some may be left out, because they are trained on.
    if let Some(images) = provenance.images.get_mut("test") {
        images.count = test.len();
    }
    let (accuracy, loss) = (test.confusion().accuracy(), test.log_loss());
    provenance
        .with_metric("test accuracy", accuracy.unwrap_or(f64::NAN))
        .with_metric("test log loss", loss.unwrap_or(f64::NAN))
}
