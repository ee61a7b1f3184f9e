//! The classifier that is explained: as options, and as a model.

use std::error::Error;
use std::path::PathBuf;

use attribution::{Model, Score};
use dataset::ResizePolicy;
use transfer::Classifier;

use crate::DeviceName;
use crate::network::LimitOptions;
use crate::signed::SignatureOptions;

/// The classifier: a file of ours, or published weights with ImageNet's classes.
#[derive(clap::Args)]
#[group(skip)]
pub struct ModelOptions {
    /// A classifier file that `retrain` wrote
    #[arg(long, value_name = "FILE", required_unless_present = "weights")]
    pub classifier: Option<PathBuf>,
    /// Explain the classes of a network: ImageNet's of `bundled` and published names, or those of a file or folder with the
    /// weights of a MobileNetV1, such as retrain.py's retrained_graph.pb
    #[arg(long, value_name = "NAME|PATH", conflicts_with = "classifier")]
    pub weights: Option<String>,
    /// With --weights, how images become squares: squash, center-crop, letterbox or tf1 [default: center-crop; tf1 for a
    /// network that retrain.py retrained]
    #[arg(long, conflicts_with = "classifier")]
    resize: Option<ResizePolicy>,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: DeviceName,
    /// Whose classifier files are taken.
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// How large images may be.
    #[command(flatten)]
    pub limits: LimitOptions,
}

impl ModelOptions {
    /// Opens the classifier.
    ///
    /// # Errors
    /// What is wrong with the file or the weights.
    pub fn open(&self) -> Result<Classifier, Box<dyn Error>> {
        let classifier = if let Some(file) = &self.classifier {
            self.signature.classifier(file, self.device)?
        } else {
            let network = self.weights.as_deref().unwrap_or("bundled");
            self.signature.network(network, self.resize, self.device)?
        };
        Ok(classifier.with_max_pixels(self.limits.max_pixels))
    }
}

/// Says what the input of an exported network is. `levels`: pixel levels, which the exported model normalizes itself.
pub fn say_input(classifier: &Classifier, levels: bool) {
    let backbone = classifier.backbone();
    let (resize, size) = (backbone.resize(), backbone.size());
    crate::say!("images: {resize} to {size} x {size} pixels");
    if levels {
        crate::say!("input: levels 0 to 255, red green blue");
    } else {
        let config = backbone.weights().config();
        let (mean, std) = (config.mean, config.std);
        crate::say!("input: (level - {mean}) / {std}, red green blue");
    }
}

/// What is explained of a class.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum ScoreName {
    /// The logit of the class.
    Logit,
    /// Its probability.
    Probability,
}

impl ScoreName {
    /// The score of that name for a class.
    pub fn of(self, class: usize) -> Score {
        match self {
            Self::Logit => Score::Logit(class),
            Self::Probability => Score::Probability(class),
        }
    }
}

/// A classifier with all abilities that the methods may need. The CAM methods use `block`, or the last one.
pub fn model(classifier: &Classifier, block: Option<usize>, score: Score) -> Model<'static> {
    let last = classifier.backbone().weights().config().blocks;
    let of = move |logits: &[f64]| score.evaluate(logits);
    Model::new(classifier.gradient_of(of.clone()))
        .with_scores(classifier.scores_of(of.clone()))
        .with_guided(classifier.guided_gradient_of(of.clone()))
        .with_block(classifier.block_gradient_of(block.unwrap_or(last), of))
        .with_confidence(classifier.scores_of(|logits| Score::Confidence.evaluate(logits)))
}
