//! Why a picture is of a class, as an overlay for it.

use attribution::methods::GradCam;
use attribution::picture::Drawing;
use attribution::{Method, Model, Pixels, Score};
use dataset::RgbImage;
use transfer::Classifier;

use crate::page::Result;

/// Grad-CAM of the logit of a class at the network's last block, at the resolution of the block and in the colors of
/// `attribution`: what matters covers the picture, what does not is transparent. Empty where nothing was found.
pub(crate) fn overlay(classifier: &Classifier, square: &RgbImage, class: usize) -> Result<Vec<u8>> {
    let score = Score::Logit(class);
    let last = classifier.backbone().weights().config().blocks;
    let of = move |logits: &[f64]| score.evaluate(logits);
    let model = Model::new(classifier.gradient_of(of.clone()))
        .with_block(classifier.block_gradient_of(last, of));
    let why = GradCam::new()
        .with_native_resolution(true)
        .attribute(&model, &Pixels::from(square))?;
    if why.found_nothing() {
        return Ok(Vec::new());
    }
    let drawing = Drawing::suited_to(&why);
    let (colors, values) = (drawing.heat_map(&why)?, drawing.values(&why)?);
    let pixels = colors.pixels().zip(values);
    Ok(pixels
        .flat_map(|(color, value)| {
            let [red, green, blue] = color.0;
            [
                red,
                green,
                blue,
                (value.clamp(0.0, 1.0) * 255.0).round() as u8,
            ]
        })
        .collect())
}
