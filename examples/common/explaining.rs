//! The options of explanations, and a classifier as a model to explain.

use attribution::methods::{self, MethodInfo, MethodSettings, Rule};
use attribution::{Baseline, Model, Score};
use clap::builder::{PossibleValue, PossibleValuesParser};
use transfer::Classifier;

/// How explanations are made.
#[derive(clap::Args)]
pub struct Settings {
    /// The score that is explained [default: logit with --weights, probability with --classifier]
    #[arg(long, value_parser = ["logit", "probability"])]
    pub score: Option<String>,
    /// Number of gradients along the path of (blur, guided) integrated gradients
    #[arg(long, default_value_t = 50)]
    pub steps: usize,
    /// Refine integrated gradients until the error of their sum is below this fraction of the score difference, with at
    /// most 4096 gradients
    #[arg(long, value_name = "FRACTION")]
    pub tolerance: Option<f64>,
    /// Refine integrated gradients until the estimated error of the map is below this fraction of its norm: about three
    /// times the steps of --tolerance, at most 4096
    #[arg(long, value_name = "FRACTION")]
    pub map_tolerance: Option<f64>,
    /// Where the path begins: black, white, grey, mean, blur or noise
    #[arg(long, default_value = "black")]
    pub baseline: Baseline,
    /// Quadrature rule along the path: midpoint, left, right, trapezoid or gauss-legendre
    #[arg(long, default_value = "midpoint")]
    pub rule: Rule,
    /// Block that the CAM methods use, 0 (the stem) to 13 [default: the last]. Early blocks give sharper maps, late ones
    /// know more about the class
    #[arg(long)]
    pub block: Option<usize>,
    /// Seed of the methods that draw and of the noise baseline
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// The names of the methods, with a description of each for `--help`.
pub fn method_names() -> PossibleValuesParser {
    let value = |method: &MethodInfo| PossibleValue::new(method.name).help(method.description);
    PossibleValuesParser::new(methods::all().iter().map(value))
}

impl Settings {
    /// The settings of the methods.
    pub fn of_methods(&self) -> MethodSettings {
        let mut settings = MethodSettings::new();
        settings.baseline = self.baseline.clone();
        settings.rule = self.rule;
        settings.steps = self.steps;
        settings.tolerance = self.tolerance;
        settings.map_tolerance = self.map_tolerance;
        settings.seed = self.seed;
        settings
    }
}

/// A classifier with all abilities that the methods may need, for this score of its logits.
pub fn model(classifier: &Classifier, block: usize, score: Score) -> Model<'static> {
    let of = move |logits: &[f64]| score.evaluate(logits);
    Model::new(classifier.gradient_of(of.clone()))
        .with_scores(classifier.scores_of(of.clone()))
        .with_guided(classifier.guided_gradient_of(of.clone()))
        .with_block(classifier.block_gradient_of(block, of))
        .with_confidence(classifier.scores_of(|logits| Score::Confidence.evaluate(logits)))
}
