//! Names images: with a classifier of one's own, or with ImageNet's classes.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{ArgGroup, Parser};
use common::DeviceName;
use common::signed::{SignatureOptions, misplaced};
use dataset::ResizePolicy;
use serde_json::json;
use transfer::Classifier;

/// Say what is on images: ranked classes with their probabilities.
#[derive(Parser)]
#[command(
    group(ArgGroup::new("net").required(true).args(["classifier", "weights"])),
    after_help = "Examples:\n  label_image --classifier classifier.safetensors photo.jpg\n  \
                  label_image --weights bundled --top 3 --json *.jpg"
)]
pub(crate) struct Options {
    /// A file that `retrain` wrote
    #[arg(long)]
    classifier: Option<PathBuf>,
    /// ImageNet's classes: `bundled`, a published name, or a file or folder with the weights of a MobileNetV1
    #[arg(long)]
    weights: Option<String>,
    /// How many classes to name
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// With --weights, how images become squares: squash, center-crop [default], letterbox or tf1
    #[arg(long, conflicts_with = "classifier")]
    resize: Option<ResizePolicy>,
    /// Print one JSON object for each image, each on a line of its own
    #[arg(long)]
    json: bool,
    /// What runs the network
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    #[command(flatten)]
    signature: SignatureOptions,
    /// Images
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let classifier = match (&options.classifier, &options.weights) {
        (Some(path), _) => options.signature.classifier(path, options.device)?,
        (None, name) => {
            let weights = common::weights(name.as_deref().unwrap_or("bundled"))?;
            let resize = options.resize.unwrap_or(ResizePolicy::CenterCrop);
            let backbone = common::backbone(weights, options.device)?;
            Classifier::imagenet(backbone.with_resize(resize))?
        }
    };
    let backbone = classifier.backbone();
    let loader = backbone.loader();
    let mut end = ExitCode::SUCCESS;
    for image in &options.images {
        let start = Instant::now();
        let decoded = match loader.decode(image) {
            Ok(decoded) => decoded,
            Err(error) => {
                common::warn!("error: {}", misplaced(image, "an image", error));
                end = ExitCode::FAILURE;
                continue;
            }
        };
        let decode = start.elapsed();
        let start = Instant::now();
        let pixels = backbone.square(&decoded).into_raw();
        let preprocess = start.elapsed();
        let start = Instant::now();
        let answer = classifier.answer(&pixels)?;
        let forward = start.elapsed();
        let mut ranked = answer.ranked;
        ranked.truncate(options.top);
        if options.json {
            let top = ranked.iter().map(|top| {
                json!({ "index": top.index, "class": top.class, "probability": top.probability })
            });
            let (top, image) = (top.collect::<Vec<_>>(), image.display().to_string());
            let mut line = json!({ "image": image, "top": top });
            if classifier.can_reject() {
                line["none_of_these"] = json!(answer.rejection);
            }
            common::say!("{line}");
            continue;
        }
        common::say!(
            "{} (decode {decode:.1?}, preprocess {preprocess:.1?}, forward {forward:.1?})",
            image.display()
        );
        if let Some(rejection) = answer.rejection {
            common::say!("  {rejection}");
        }
        for top in ranked {
            common::say!("  {:.4}  {}", top.probability, top.class);
        }
    }
    Ok(end)
}
