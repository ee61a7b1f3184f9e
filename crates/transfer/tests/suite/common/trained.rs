//! The bundled backbone with a head, on the real boats and clouds or on drawn ones.

use std::path::{Path, PathBuf};

use dataset::{HashedSplit, ImageFolder, ImageItem, Split};
use mobilenet::Weights;
use transfer::head::LogisticRegression;
use transfer::{Backbone, Classifier, EmbeddingCache, Embeddings, Fitted, HeadConfig};

/// A classifier, what it was trained on, and images for a test.
pub struct Trained {
    pub classifier: Classifier,
    pub training: Embeddings,
    pub validation: Embeddings,
    pub testing: Vec<ImageItem>,
    pub cache: EmbeddingCache,
    /// The folder that the images' names begin in.
    pub root: PathBuf,
}

/// The real ones, or `None` with a word about what is skipped.
pub fn boats_and_clouds() -> Option<Trained> {
    let folder = super::shared("data/boat-cloud")?;
    let open = |part: &str| ImageFolder::open(folder.join(part)).unwrap();
    let (train, test) = (open("train"), open("test"));
    let split = HashedSplit::default().with_testing_percentage(0.0);
    let split = Split {
        testing: test.images().to_vec(),
        ..split.apply(&train).unwrap()
    };
    Some(trained(&split, train.classes(), folder.join("train")))
}

/// The same on drawn images.
pub fn drawn() -> Trained {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drawn");
    dataset::sample::write(&root, 30, 1).unwrap();
    let folder = ImageFolder::open(&root).unwrap();
    let split = HashedSplit::default().with_testing_percentage(30.0);
    trained(&split.apply(&folder).unwrap(), folder.classes(), root)
}

/// Embeddings stay in a cache between runs: they are known by content, so it cannot lie.
fn trained(split: &Split, classes: &[String], root: PathBuf) -> Trained {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embedding-cache");
    let cache = EmbeddingCache::open(cache).unwrap();
    let weights = Weights::open("bundled").unwrap();
    let backbone = Backbone::new(weights).unwrap();
    let embed = |items: &[ImageItem]| backbone.embed(items, &cache, |_| ()).unwrap().embeddings;
    let (training, validation) = (embed(&split.training), embed(&split.validation));
    let recipe = LogisticRegression::new().with_regularization([0.03]);
    let config = HeadConfig::new().with_recipe(recipe);
    let fit = config.training(&training).validation(&validation).fit();
    let Fitted { head, report } = fit.unwrap();
    let classifier = Classifier::new(backbone, head, classes.to_vec()).unwrap();
    Trained {
        classifier: classifier.with_report(report),
        training,
        validation,
        testing: split.testing.clone(),
        cache,
        root,
    }
}
