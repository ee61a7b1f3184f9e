//! Explains an image for a classifier.

use std::error::Error;
use std::path::Path;

use attribution::methods::{MethodInfo, MethodSettings};
use attribution::model::Progress;
use attribution::{Explanation, Pixels};
use image::RgbImage;
use transfer::Classifier;

use crate::model::{ScoreName, model};
use crate::progress::Bar;

/// How explanations are made.
#[derive(clap::Args)]
#[command(next_help_heading = "Explanation")]
pub struct Explain {
    /// Method of explanation
    #[arg(long, value_enum, default_value = "integrated-gradients")]
    pub method: MethodInfo,
    /// Draw these methods as well (separated by commas), side by side, into `comparison.png`
    #[arg(long, value_delimiter = ',', hide_possible_values = true)]
    compare: Vec<MethodInfo>,
    /// The score that is explained [default: logit with --weights, probability with --classifier]
    #[arg(long, value_enum)]
    pub score: Option<ScoreName>,
    /// Block of the CAM methods, 0 (the stem) to 13; early ones are sharper, late ones know more [default: the last]
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=13))]
    block: Option<u8>,
    #[command(flatten)]
    settings: MethodSettings,
}

impl Explain {
    /// Explains a class of the image in a file (`None`: the class with the highest score), writes the result into a folder,
    /// prints it, and gives the overlay. `score` is explained where the options name none.
    pub fn image(
        &self,
        classifier: &Classifier,
        (path, class): (&Path, Option<usize>),
        folder: &Path,
        score: ScoreName,
    ) -> Result<RgbImage, Box<dyn Error>> {
        let backbone = classifier.backbone();
        let image = backbone.square(&backbone.loader().decode(path)?);
        let ranked = classifier.rank(&classifier.predict(image.as_raw(), 1)?);
        let class = class.unwrap_or(ranked[0].index);
        let score = self.score.unwrap_or(score).of(class);
        let pixels = Pixels::from(&image);
        let attribute = |m: &MethodInfo| {
            let mut bar = Bar::default();
            let model = model(classifier, self.block.map(usize::from), score.clone());
            let model = model.on_progress(|Progress { done, total }| {
                if total != Some(1) {
                    let total = total.unwrap_or(done);
                    bar.count(m.name, done, total).set_length(total as u64);
                }
            });
            m.build(&self.settings).attribute(&model, &pixels)
        };
        let why = attribute(&self.method)?;
        let compared = self.compare.iter().filter(|m| m.name != self.method.name);
        let others = compared.map(|m| Ok((m.name, attribute(m)?)));
        let others = others.collect::<attribution::Result<_>>()?;
        let name = &classifier.classes()[class];
        let explanation = Explanation::new(&why, &image, class, name).with_others(others);
        explanation.write(folder)?;
        let [path, folder] = [path, folder].map(files::shown_path);
        crate::say!("{path}: {explanation}\n  written into {folder}");
        Ok(explanation.overlay()?)
    }
}
