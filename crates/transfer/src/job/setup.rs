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
