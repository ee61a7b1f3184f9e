//! What the examples share of explanations: the methods by name, a classifier as a model, files and pictures.

use std::error::Error;
use std::fs;
use std::path::Path;

use attribution::{
    Attribution, Baseline, BlurIntegratedGradients, Drawing, ExpectedGradients, GradCam,
    GradCamPlusPlus, Gradient, GradientXInput, GuidedBackpropagation, GuidedIntegratedGradients,
    IntegratedGradients, LayerCam, Method, Model, Occlusion, Panel, Pixels, Rise, Rule, Score,
    ScoreCam, Sign, SmoothGrad, Xrai, npy,
};
use image::RgbImage;
use serde_json::json;
use transfer::Classifier;

/// How explanations are made.
#[derive(clap::Args)]
pub struct Settings {
    /// The number that is explained [default: logit with --weights, probability with --classifier]
    #[arg(long, value_enum)]
    pub score: Option<Explained>,
    /// Gradients along the path of the integrated gradients
    #[arg(long, default_value_t = 50)]
    pub steps: usize,
    /// Refine integrated gradients until the sum is off by less than this part of the score difference, in at most
    /// 4096 steps
    #[arg(long, value_name = "PART")]
    pub tolerance: Option<f64>,
    /// Refine integrated gradients until the map itself is off by less than this part of its norm: about three times
    /// the steps of --tolerance, in at most 4096
    #[arg(long, value_name = "PART")]
    pub map_tolerance: Option<f64>,
    /// Where the path begins: black, white, grey, mean, blur or noise
    #[arg(long, default_value = "black")]
    pub baseline: Baseline,
    /// midpoint, left, right, trapezoid or gauss-legendre
    #[arg(long, default_value = "midpoint")]
    pub rule: Rule,
    /// Block that the CAM family looks at, 0 (the stem) to 13: early ones are sharper, late ones know more [default: the last]
    #[arg(long)]
    pub block: Option<usize>,
    /// Seed of the methods and the baseline that draw
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Explained {
    Logit,
    Probability,
}

impl Settings {
    /// The one table of methods; their names are the methods' own.
    fn methods(&self) -> Vec<Box<dyn Method>> {
        let mut baseline = self.baseline.clone();
        if let Baseline::Noise { seed, .. } = &mut baseline {
            *seed = self.seed;
        }
        let mut integrated = IntegratedGradients::new()
            .with_baseline(baseline.clone())
            .with_rule(self.rule)
            .with_steps(self.steps);
        if let Some(tolerance) = self.tolerance {
            integrated = integrated.with_tolerance(tolerance);
        }
        if let Some(tolerance) = self.map_tolerance {
            integrated = integrated.with_map_tolerance(tolerance);
        }
        let seed = self.seed;
        let noise = Baseline::Noise { count: 10, seed };
        let guided = GuidedIntegratedGradients::new()
            .with_baseline(baseline)
            .with_steps(self.steps);
        vec![
            Box::new(integrated.clone()),
            Box::new(Gradient::new()),
            Box::new(GradientXInput::new()),
            Box::new(SmoothGrad::new(Gradient::new()).with_seed(seed)),
            Box::new(SmoothGrad::squared(Gradient::new()).with_seed(seed)),
            Box::new(SmoothGrad::variance(Gradient::new()).with_seed(seed)),
            Box::new(ExpectedGradients::new(noise).with_seed(seed)),
            Box::new(BlurIntegratedGradients::new().with_steps(self.steps)),
            Box::new(guided),
            Box::new(GuidedBackpropagation::new()),
            Box::new(GradCam::new()),
            Box::new(GradCamPlusPlus::new()),
            Box::new(LayerCam::new()),
            Box::new(ScoreCam::new()),
            Box::new(Occlusion::new()),
            Box::new(Rise::new().with_seed(seed)),
            Box::new(Xrai::new(integrated)),
        ]
    }

    /// The method of that name.
    pub fn method(&self, name: &str) -> Result<Box<dyn Method>, String> {
        let methods = self.methods();
        let names: Vec<_> = methods.iter().map(Method::name).collect();
        let unknown = format!(
            "unknown method \"{name}\"; expected one of {}",
            names.join(", ")
        );
        methods
            .into_iter()
            .find(|m| m.name() == name)
            .ok_or(unknown)
    }

    /// All that the methods may need of a classifier, for the score of one class.
    pub fn model(&self, classifier: &Classifier, target: usize) -> Result<Model<'static>, String> {
        let (classes, blocks) = (
            classifier.classes().len(),
            classifier.backbone().weights().config().blocks,
        );
        if target >= classes {
            return Err(format!(
                "--target {target}: the classes are 0 to {}",
                classes - 1
            ));
        }
        let block = self.block.unwrap_or(blocks);
        if block > blocks {
            return Err(format!(
                "--block {block}: this net has blocks 0 to {blocks}"
            ));
        }
        let score = match self.score {
            Some(Explained::Probability) => Score::Probability(target),
            _ => Score::Logit(target),
        };
        let of = move |logits: &[f64]| score.evaluate(logits);
        Ok(Model::new(classifier.gradient_of(of.clone()))
            .with_scores(classifier.scores_of(of.clone()))
            .with_guided(classifier.guided_gradient_of(of.clone()))
            .with_block(classifier.block_gradient_of(block, of))
            .with_confidence(classifier.scores_of(|logits| Score::Confidence.evaluate(logits))))
    }
}

/// Where the net looks. Maps that differ from pixel to pixel are drawn by magnitude and smoothed, since the signs of
/// neighbours cancel; those of regions are smooth already.
pub fn drawing(why: &Attribution) -> Drawing {
    let [h, w, channels] = why.shape();
    if channels == 1 {
        return Drawing::new();
    }
    let smoothing = h.min(w) as f64 / 64.0;
    Drawing::new()
        .with_sign(Sign::Absolute)
        .with_smoothing(smoothing)
}

/// Writes what the example `explain` promises into a folder.
pub fn write(
    folder: &Path,
    why: &Attribution,
    image: &RgbImage,
    (target, class): (usize, &str),
) -> Result<(), Box<dyn Error>> {
    let pixels = Pixels::from(image);
    let drawing = drawing(why);
    let (heat, overlay) = (
        Drawing::new().heat_map(why)?,
        drawing.overlay(why, &pixels)?,
    );
    let mut panel = Panel::new(4);
    panel.add(format!("{class} {:.3}", why.score()), image.clone());
    panel.add(why.method(), heat.clone());
    panel.add("where it looks", overlay.clone());
    panel.add(
        "largest 5, 15 and 30 %",
        drawing.contours(why, &pixels, &[0.05, 0.15, 0.3])?,
    );
    let panel = panel.with_bars("against", "for").draw();
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(|e| at(&e))?;
    fs::write(folder.join("attributions.npy"), npy(why)).map_err(|e| at(&e))?;
    for (name, picture) in [("heatmap", &heat), ("overlay", &overlay), ("panel", &panel)] {
        picture.save(folder.join(name).with_extension("png"))?;
    }
    let explanation = json!({
        "method": why.method(),
        "target": target,
        "class": class,
        "score": why.score(),
        "baseline_score": why.baseline_score(),
        "steps": why.steps(),
        "evaluations": why.evaluations(),
        "convergence_delta": why.convergence_delta(),
        "relative_delta": why.completeness_error(),
        "map_error": why.map_error(),
        "warnings": why.warnings(),
    });
    let text = serde_json::to_string_pretty(&explanation)? + "\n";
    Ok(fs::write(folder.join("explanation.json"), text).map_err(|e| at(&e))?)
}
