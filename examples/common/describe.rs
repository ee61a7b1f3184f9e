//! What a classifier says of itself in a report: facts, how it learned, its model card.

use std::path::Path;

use dataset::ResizePolicy;
use metrics::Predictions;
use metrics::report::{LearningCurve, ModelCard, Report};
use transfer::finetune::FineTuneRecord;
use transfer::{ClassWeights, Classifier, FitReport};

/// Adds what is known of the classifier of that name, which was asked about the images in a folder.
pub fn describe(
    mut report: Report,
    classifier: &Classifier,
    name: &str,
    images: &Path,
    predictions: &Predictions,
) -> Report {
    let backbone = classifier.backbone();
    let config = backbone.weights().config();
    let base = format!(
        "MobileNetV1, alpha {:?}, {} px",
        config.alpha, config.input_size
    );
    let digest: String = backbone.digest().chars().take(16).collect();
    let resize = match backbone.resize() {
        ResizePolicy::Squash => "squashed",
        ResizePolicy::CenterCrop => "middle cut out",
        ResizePolicy::Letterbox => "with bars",
        ResizePolicy::Tf1Squash => "squashed as TensorFlow 1 does",
    };
    let size = backbone.size();
    let tuning = classifier.provenance().fine_tuning.as_ref();
    // Where no epoch was better the net is as it was.
    let learnt = tuning.filter(|tuning| tuning.kept.is_some());
    let state = match learnt.map(|tuning| tuning.config.blocks()) {
        None | Some(0) => "frozen".to_string(),
        Some(1) => "last block fine-tuned".to_string(),
        Some(blocks) => format!("last {blocks} blocks fine-tuned"),
    };
    report = report
        .with_fact("Classifier", name)
        .with_fact("Images", images.display().to_string())
        .with_fact("Backbone", format!("{base}; weights {digest}…; {state}"))
        .with_fact(
            "Head",
            format!(
                "on the {} values of the {}",
                backbone.dim(),
                backbone.layer()
            ),
        )
        .with_fact(
            "Preprocessing",
            format!("upright, {resize} to {size} × {size} px"),
        );
    let mut trained = String::new();
    if let Some(fit) = classifier.report() {
        trained = format!(", trained on {} images", fit.images);
        report = report.with_fact("Trained on", format!("{} images", fit.images));
        if let Some(chosen) = fit.chosen() {
            let chosen = format!(
                "C = {}, by cross-validation{}: log loss {:.4} ± {:.4}, accuracy {:.4}",
                chosen.c,
                if learnt.is_some() {
                    " on the frozen network"
                } else {
                    ""
                },
                chosen.log_loss,
                chosen.standard_error,
                chosen.accuracy
            );
            report = report.with_fact("Regularisation", chosen);
        }
        for curve in curves(fit) {
            report = report.with_learning_curve(curve);
        }
    }
    if let Some(tuning) = tuning {
        report = report.with_learning_curve(curve_of(tuning));
    }
    let classes = classifier.classes().join(", ");
    report.with_card(ModelCard {
        name: name.trim_end_matches(".safetensors").into(),
        intended_use: format!(
            "Naming an image as one of: {classes}. For images like those it was trained on; not for decisions \
             that nobody looks at."
        ),
        data: format!("A new last layer on a {base}, {state}{trained}. Evaluated on {} images of {}.", predictions.len(), images.display()),
        limits: format!(
            "It knows nothing but {classes}: an image of anything else is called one of them as well. The numbers \
             hold for images from where the evaluated ones come from; others can be harder."
        ),
        dataset: images.file_name().unwrap_or_default().to_string_lossy().into(),
        tags: vec!["mobilenet".into(), "transfer-learning".into()],
        ..ModelCard::default()
    })
}

/// The losses of a fine-tuning.
fn curve_of(tuning: &FineTuneRecord) -> LearningCurve {
    let ends = || {
        let epochs = tuning.history.iter();
        epochs.map(|epoch| ((epoch.epoch + 1) as f64, epoch))
    };
    let before = tuning.before.map(|found| (0.0, found.cross_entropy));
    let after = ends().filter_map(|(x, epoch)| Some((x, epoch.validation?.cross_entropy)));
    let training = ends().map(|(x, epoch)| (x, epoch.train_loss));
    LearningCurve::new("Loss during fine-tuning", "epoch")
        .with_series("training", training)
        .with_series("validation", before.into_iter().chain(after))
}

/// What cross-validation judged, and the looks at a training by steps.
fn curves(fit: &FitReport) -> Vec<LearningCurve> {
    let curve = |metric: &str, step: &str, series: Vec<(&str, Vec<(f64, f64)>)>| {
        let empty = LearningCurve::new(metric, step);
        let series = series.into_iter();
        series.fold(empty, |curve, (name, points)| {
            curve.with_series(name, points)
        })
    };
    let mut curves = Vec::new();
    if fit.candidates.len() > 1 {
        let of = |weights: &ClassWeights| {
            let chosen = fit
                .candidates
                .iter()
                .filter(|c| c.class_weights == *weights);
            let mut points: Vec<_> = chosen.map(|c| (c.c.log10(), c.log_loss)).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points
        };
        let mut series = vec![
            ("every image counts the same", of(&ClassWeights::None)),
            ("every class counts the same", of(&ClassWeights::Balanced)),
        ];
        series.retain(|(_, points)| points.len() > 1);
        curves.push(curve(
            "Log loss in cross-validation",
            "log10 C (left: simpler)",
            series,
        ));
    }
    if fit.history.len() > 1 {
        let steps = || {
            fit.history
                .iter()
                .map(|record| (record.step as f64, record))
        };
        let of_validation = || steps().filter_map(|(x, r)| Some((x, r.validation?)));
        curves.push(curve(
            "Cross-entropy",
            "step",
            vec![
                (
                    "training batch",
                    steps().map(|(x, r)| (x, r.train_cross_entropy)).collect(),
                ),
                (
                    "validation",
                    of_validation().map(|(x, v)| (x, v.cross_entropy)).collect(),
                ),
            ],
        ));
        curves.push(curve(
            "Accuracy",
            "step",
            vec![
                (
                    "training batch",
                    steps().map(|(x, r)| (x, r.train_accuracy)).collect(),
                ),
                (
                    "validation",
                    of_validation().map(|(x, v)| (x, v.accuracy)).collect(),
                ),
            ],
        ));
    }
    curves
}
