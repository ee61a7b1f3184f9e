//! Explains images for a classifier.

use std::collections::HashSet;
use std::error::Error;
use std::path::Path;

use attribution::methods::{MethodInfo, MethodSettings};
use attribution::model::Progress;
use attribution::{Explanation, Pixels};
use image::RgbImage;
use metrics::{Bootstrap, EvaluationOptions};
use transfer::Classifier;

use crate::answers::{Images, file_name, jpeg, leave_out_seen, write};
use crate::inputs::Input;
use crate::model::{ScoreName, model};
use crate::progress::Bar;
use crate::tips::did_you_mean;

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

    /// Explains images, each in a folder of its name where there are several; `class` as for [`image`](Self::image). Those
    /// that cannot be explained are named with the reason; gives whether there is none.
    pub fn images(
        &self,
        classifier: &Classifier,
        images: &[Input],
        class: Option<usize>,
        output: &Path,
        score: ScoreName,
    ) -> bool {
        let (mut names, mut sound, mut bar) = (HashSet::new(), true, Bar::default());
        for (done, Input { path, name }) in images.iter().enumerate() {
            bar.count("explaining", done, images.len());
            // `a.jpg` has the folder `a`, so that of `a.png` is `a.png`.
            let folders = [name.with_extension(""), name.clone()];
            let new = folders.into_iter().find(|name| names.insert(name.clone()));
            let result = match new {
                None => {
                    let path = files::shown_path(path);
                    Err(format!("{path}: another image has this name").into())
                }
                Some(new) => {
                    let folder = match images {
                        [_] => output.to_path_buf(),
                        _ => output.join(new),
                    };
                    self.image(classifier, (path, class), &folder, score)
                }
            };
            if let Err(error) = result {
                crate::warn!("error: {error}{}", did_you_mean(path));
                sound = false;
            }
        }
        sound
    }

    /// Explains the predicted class of every mistake on a folder of images of the classifier in `file`, and writes the
    /// report of the evaluation beside the explanations. Mistakes that cannot be explained are named with the reason; gives
    /// whether there is none.
    ///
    /// # Errors
    /// What is wrong with the classifier, the folder of images or the folder that is written to.
    pub fn mistakes(
        &self,
        images: &Images,
        file: &Path,
        output: &Path,
    ) -> Result<bool, Box<dyn Error>> {
        let mut answers = images.ask(file, None)?;
        leave_out_seen(&mut [&mut answers], images.include_training)?;
        let (predictions, classifier) = (&answers.predictions, answers.classifier.as_ref());
        let classifier = classifier.ok_or("no classifier was asked")?;
        let folder = images.image_dir.as_deref().unwrap_or(Path::new(""));
        let wanted = EvaluationOptions::new().with_intervals(Bootstrap::new());
        let title = format!("Mistakes of {}, and why", file_name(file));
        let report = predictions.report(&wanted)?.with_title(title);
        let report = answers.describe(report, file, images);
        let report = answers.with_pictures(report, images, false)?;
        let mut report = report.with_overlay_note(format!(
            "Beside each mistake, {} of the predicted class: where the network looked; the brighter a place, the more it \
             counts.",
            self.method.name
        ));
        let (mut bar, mut folders, mut sound) = (Bar::default(), HashSet::new(), true);
        let mistakes: Vec<usize> = predictions.mistakes().collect();
        for (done, &mistake) in mistakes.iter().enumerate() {
            bar.count("explaining", done, mistakes.len());
            let name = &predictions.files().ok_or("the predictions name no files")?[mistake];
            let image = answers.path(folder, name)?;
            let predicted = predictions.predicted()[mistake];
            let mut to = output.join(name).with_extension("");
            if !folders.insert(to.clone()) {
                to = output.join(name); // `a.jpg` has the folder `a`, so this is `a.png`.
            }
            let image = (image.as_path(), Some(predicted));
            match self.image(classifier, image, &to, ScoreName::Probability) {
                Ok(overlay) => report = report.with_overlay(mistake, jpeg(&overlay)?),
                Err(error) => {
                    crate::warn!("error: {error}");
                    sound = false;
                }
            }
        }
        bar.clear();
        crate::say!("{}", crate::counted(mistakes.len(), "mistake", "mistakes"));
        std::fs::create_dir_all(output)
            .map_err(|error| format!("{}: {error}", files::shown_path(output)))?;
        write(&output.join("report.html"), report.html()?)?;
        Ok(sound)
    }
}
