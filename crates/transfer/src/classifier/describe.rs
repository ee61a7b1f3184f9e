//! What a report and a model card say about a classifier (feature `report`).

use metrics::report::{LearningCurve, ModelCard, Report};

use super::classify::Classifier;
use crate::finetune::FineTuneRecord;
use crate::head::{ClassWeights, FitReport};

impl Classifier {
    /// Adds to a report what is known about this classifier: its backbone, head and preprocessing, how it was trained
    /// (with learning curves), and a model card. The report must have been made from predictions of this classifier.
    ///
    /// `name` is the name of the classifier, for example of its file; `images` says which images the report is about,
    /// for example by their folder.
    #[must_use]
    pub fn describe(&self, report: Report, name: &str, images: &str) -> Report {
        let backbone = self.backbone();
        let digest: String = backbone.digest().chars().take(16).collect();
        let (network, state) = (self.network(), self.state());
        let (dim, layer) = (backbone.dim(), backbone.layer());
        let mut report = report
            .with_fact("Classifier", name)
            .with_fact("Images", images)
            .with_fact("Backbone", format!("{network}; weights {digest}…; {state}"))
            .with_fact("Head", format!("on the {dim} values of the {layer}"))
            .with_fact("Preprocessing", self.preparation());
        if let Some(fit) = self.report() {
            report = report.with_fact("Trained on", format!("{} images", fit.images));
            if let Some(chosen) = fit.chosen() {
                let frozen = if self.tuned().is_some() {
                    " on the frozen network"
                } else {
                    ""
                };
                let chosen = format!(
                    "C = {}, by cross-validation{frozen}: log loss {:.4} ± {:.4}, accuracy {:.4}",
                    chosen.c, chosen.log_loss, chosen.standard_error, chosen.accuracy
                );
                report = report.with_fact("Regularization", chosen);
            }
        }
        for curve in self.learning_curves() {
            report = report.with_learning_curve(curve);
        }
        let samples = report.evaluation().samples;
        report.with_card(self.model_card(name, images, samples))
    }

    /// A model card of this classifier. `samples` is the number of images that it was evaluated on, and `images` says
    /// which images these are.
    pub fn model_card(&self, name: &str, images: &str, samples: usize) -> ModelCard {
        let classes = self.classes().join(", ");
        let (network, state) = (self.network(), self.state());
        let trained = self.report().map_or_else(String::new, |fit| {
            format!(", trained on {} images", fit.images)
        });
        let dataset = images.trim_end_matches(['/', '\\']);
        let dataset = dataset.rsplit(['/', '\\']).next().unwrap_or_default();
        ModelCard {
            name: name.trim_end_matches(".safetensors").into(),
            intended_use: format!(
                "Classifying images as one of: {classes}. It is meant for images like those it was trained on, and not \
                 for decisions that no person checks."
            ),
            data: format!(
                "A new last layer on a {network}, {state}{trained}. Evaluated on {samples} images of {images}."
            ),
            limits: format!(
                "It knows only {classes}: an image of anything else is classified as one of them, too. The scores hold \
                 for images from the same source as the evaluated ones; other images can be harder."
            ),
            dataset: dataset.into(),
            tags: vec!["mobilenet".into(), "transfer-learning".into()],
            ..ModelCard::default()
        }
    }

    /// How the training went: cross-validation of the head, its steps, and the epochs of fine-tuning, as far as the
    /// classifier file records them.
    pub fn learning_curves(&self) -> Vec<LearningCurve> {
        let fit = self.report();
        let cross_validation = fit.and_then(cross_validation);
        let steps = fit.map(steps).unwrap_or_default();
        let tuning = self.provenance().fine_tuning.as_ref();
        let tuning = tuning.map(FineTuneRecord::learning_curves);
        cross_validation
            .into_iter()
            .chain(steps)
            .chain(tuning.into_iter().flatten())
            .collect()
    }
}

/// The losses that cross-validation compared.
fn cross_validation(fit: &FitReport) -> Option<LearningCurve> {
    if fit.candidates.len() < 2 {
        return None;
    }
    let mut curve = LearningCurve::new("Log loss", "log10 C (left: simpler)")
        .with_title("Log loss in cross-validation");
    for (name, weights) in [
        ("every image counts the same", ClassWeights::None),
        ("every class counts the same", ClassWeights::Balanced),
    ] {
        let candidates = fit.candidates.iter();
        let mut points: Vec<_> = candidates
            .filter(|candidate| candidate.class_weights == weights)
            .map(|candidate| (candidate.c.log10(), candidate.log_loss))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if points.len() > 1 {
            curve = curve.with_series(name, points);
        }
    }
    Some(curve)
}

/// Loss and accuracy during gradient descent.
fn steps(fit: &FitReport) -> Vec<LearningCurve> {
    if fit.history.len() < 2 {
        return Vec::new();
    }
    let steps = || {
        let history = fit.history.iter();
        history.map(|record| (record.step as f64, record))
    };
    let validation = || steps().filter_map(|(x, record)| Some((x, record.validation?)));
    vec![
        LearningCurve::new("Cross-entropy", "step")
            .with_series(
                "training batch",
                steps().map(|(x, r)| (x, r.train_cross_entropy)),
            )
            .with_series(
                "validation",
                validation().map(|(x, v)| (x, v.cross_entropy)),
            ),
        LearningCurve::new("Accuracy", "step")
            .with_series(
                "training batch",
                steps().map(|(x, r)| (x, r.train_accuracy)),
            )
            .with_series("validation", validation().map(|(x, v)| (x, v.accuracy))),
    ]
}
