//! The figures on the real boats and clouds (1,342 images for training, 337 held out): skipped aloud where they are
//! not there. Embeddings are kept in the target folder; `--nocapture` prints the figures.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use dataset::{HashedSplit, ImageFolder, ImageItem, ResizePolicy};
use mobilenet::Weights;
use transfer::head::{GradientDescent, Head, LogisticRegression};
use transfer::{Backbone, EmbeddingCache, Embeddings, Fitted, HeadConfig, Layer};

/// Embeddings as TensorFlow 1 prepared images.
struct Boats {
    folder: ImageFolder,
    backbone: Backbone,
    cache: EmbeddingCache,
    testing: Embeddings,
}

impl Boats {
    fn open(alpha: &str, layer: Layer) -> Option<Self> {
        let data = crate::common::shared("data/boat-cloud")?;
        let weights = crate::common::shared(&format!("weights/mobilenet_v1_{alpha}_224"))?;
        let backbone = Backbone::new(Weights::open(weights).unwrap()).unwrap();
        let backbone = backbone.with_resize(ResizePolicy::Tf1Squash);
        let backbone = backbone.with_layer(layer).unwrap();
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("boats-{alpha}-{layer}"));
        let cache = EmbeddingCache::open(cache).unwrap();
        let test = ImageFolder::open(data.join("test")).unwrap();
        let testing = backbone.embed(test.images(), &cache, |_| ()).unwrap();
        assert_eq!(testing.embeddings.len(), 337);
        Some(Self {
            folder: ImageFolder::open(data.join("train")).unwrap(),
            backbone,
            cache,
            testing: testing.embeddings,
        })
    }

    fn embed(&self, items: &[ImageItem]) -> Embeddings {
        let embedded = self.backbone.embed(items, &self.cache, |_| ()).unwrap();
        embedded.embeddings
    }

    fn accuracy(&self, head: &Head) -> f64 {
        let predictions = head
            .predictions(&self.testing, self.folder.classes())
            .unwrap();
        predictions.confusion().accuracy().unwrap()
    }
}

/// The folds that scikit-learn's figures are from.
fn folds(items: &Embeddings) -> Option<Vec<usize>> {
    let csv = fs::read_to_string(crate::common::shared("golden/head/folds.csv")?).unwrap();
    let folds: HashMap<&str, usize> = csv
        .lines()
        .skip(1)
        .filter_map(|line| line.rsplit_once(','))
        .map(|(name, fold)| (name, fold.trim().parse().unwrap()))
        .collect();
    let fold = |name: &String| {
        let stem = name.rsplit_once('.').map_or(&name[..], |(stem, _)| stem);
        *folds.get(&name[..]).or_else(|| folds.get(stem)).unwrap()
    };
    Some(items.names().iter().map(fold).collect())
}

#[test]
fn the_default_head_at_alpha_1() {
    let Some(boats) = Boats::open("1.0", Layer::Embedding) else {
        return;
    };
    let training = boats.embed(boats.folder.images());
    assert_eq!(training.len(), 1342);
    let Some(folds) = folds(&training) else {
        return;
    };
    let config = HeadConfig::new();
    let recipe = LogisticRegression::new().with_fold_of(folds);
    let folded = config.clone().with_recipe(recipe);
    let Fitted { head, report } = folded.training(&training).fit().unwrap();
    let chosen = report.chosen().unwrap();
    let (loss, error) = (chosen.log_loss, 1.96 * chosen.standard_error);
    let accuracy = boats.accuracy(&head);
    eprintln!(
        "alpha 1.0, folds.csv: C = {}, {:?}, cross-validated log loss {loss:.4} +- {error:.4}, accuracy {:.4}; on the \
         337: {accuracy:.4}",
        chosen.c, chosen.class_weights, chosen.accuracy
    );
    assert!(loss <= 0.112, "{loss}");
    assert!(accuracy >= 0.979, "{accuracy}");

    let Fitted { head, report } = config.training(&training).fit().unwrap();
    let accuracy = boats.accuracy(&head);
    let chosen = report.chosen().unwrap();
    eprintln!(
        "alpha 1.0, folds of its own: C = {}, on the 337: {accuracy:.4}",
        chosen.c
    );
    assert!(accuracy >= 0.979, "{accuracy}");
}

#[test]
fn the_default_head_at_alpha_a_quarter() {
    let Some(boats) = Boats::open("0.25", Layer::Embedding) else {
        return;
    };
    let training = boats.embed(boats.folder.images());
    let Fitted { head, report } = HeadConfig::new().training(&training).fit().unwrap();
    let accuracy = boats.accuracy(&head);
    let chosen = report.chosen().unwrap();
    eprintln!(
        "alpha 0.25: C = {}, {:?}, on the 337: {accuracy:.4}",
        chosen.c, chosen.class_weights
    );
    assert!(accuracy >= 0.958, "{accuracy}");
}

#[test]
fn the_parity_recipe_on_embeddings_and_on_logits() {
    for (layer, expected) in [(Layer::Embedding, 0.976), (Layer::Logits, 0.957)] {
        let Some(boats) = Boats::open("1.0", layer) else {
            return;
        };
        let split = HashedSplit::default().with_retrain_py_paths("");
        let split = split.apply(&boats.folder).unwrap();
        assert_eq!(split.training.len(), 1095);
        let (training, validation) = (boats.embed(&split.training), boats.embed(&split.validation));
        let accuracies: Vec<f64> = (0..10)
            .map(|seed| {
                let config = HeadConfig::new().with_recipe(GradientDescent::parity());
                let config = config.with_seed(seed);
                let fit = config.training(&training).validation(&validation).fit();
                boats.accuracy(&fit.unwrap().head)
            })
            .collect();
        let mean = accuracies.iter().sum::<f64>() / 10.0;
        let [low, high] =
            [f64::min, f64::max].map(|f| accuracies.iter().copied().fold(accuracies[0], f));
        eprintln!("parity on {layer}, 10 seeds: {mean:.4} ({low:.4} to {high:.4})");
        assert!((mean - expected).abs() <= 0.005, "{layer}: {mean}");
    }
}
