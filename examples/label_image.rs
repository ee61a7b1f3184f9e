//! Names images: with a classifier of one's own, or with ImageNet's classes.

mod common;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{ArgGroup, Parser};
use common::DeviceName;
use dataset::{DecodeOptions, ResizePolicy, decode_file};
use serde_json::json;
use transfer::{Backbone, Classifier, Layer};

/// Say what is on images: ranked classes with their probabilities.
#[derive(Parser)]
#[command(group(ArgGroup::new("net").required(true).args(["classifier", "weights"])))]
struct Options {
    /// A file that `retrain` wrote
    #[arg(long)]
    classifier: Option<PathBuf>,
    /// ImageNet's classes: `bundled`, or a file or folder with the weights of a MobileNetV1
    #[arg(long)]
    weights: Option<String>,
    /// How many classes to name
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// With --weights, how images become squares: squash, center-crop [default], letterbox or tf1
    #[arg(long, conflicts_with = "classifier")]
    resize: Option<ResizePolicy>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Where Burn runs
    #[arg(long, value_enum, default_value = "flex")]
    device: DeviceName,
    /// Images
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

/// What answers.
enum Net {
    Retrained(Box<Classifier>),
    ImageNet(Box<Backbone>, Vec<String>),
}

fn open(options: &Options) -> Result<Net, Box<dyn Error>> {
    let device = common::device(options.device)?;
    if let Some(path) = &options.classifier {
        return Ok(Net::Retrained(Box::new(Classifier::load(path, &device)?)));
    }
    let weights = common::weights(options.weights.as_deref().unwrap_or("bundled"), None)?;
    let background = weights.background().then(|| "background".to_string());
    let names = include_str!("../assets/imagenet_classes.txt")
        .lines()
        .map(String::from);
    let classes: Vec<String> = background.into_iter().chain(names).collect();
    let backbone = Backbone::new(weights, &device)?
        .with_resize(options.resize.unwrap_or(ResizePolicy::CenterCrop))
        .with_layer(Layer::Logits)?;
    if classes.len() != backbone.dim() {
        let (found, expected) = (backbone.dim(), classes.len());
        return Err(
            format!("these weights have {found} classes, ImageNet's have {expected}").into(),
        );
    }
    Ok(Net::ImageNet(Box::new(backbone), classes))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let net = open(options)?;
    let (backbone, classes) = match &net {
        Net::Retrained(classifier) => (classifier.backbone(), classifier.classes()),
        Net::ImageNet(backbone, classes) => (&**backbone, &classes[..]),
    };
    let decoding =
        DecodeOptions::default().with_upright(backbone.resize() != ResizePolicy::Tf1Squash);
    for image in &options.images {
        let start = Instant::now();
        let decoded = decode_file(image, &decoding)?;
        let decode = start.elapsed();
        let start = Instant::now();
        let pixels = backbone
            .resize()
            .apply(&decoded, backbone.size())
            .into_raw();
        let preprocess = start.elapsed();
        let start = Instant::now();
        let probabilities = match &net {
            Net::Retrained(classifier) => classifier.predict(&pixels, 1)?,
            Net::ImageNet(backbone, _) => softmax(&backbone.forward(&pixels, 1)?),
        };
        let forward = start.elapsed();
        let mut ranked: Vec<(usize, f64)> = probabilities.into_iter().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(options.top);
        if options.json {
            let top = ranked.iter().map(|&(index, probability)| {
                json!({ "index": index, "class": classes[index], "probability": probability })
            });
            println!(
                "{}",
                json!({ "image": image, "top": top.collect::<Vec<_>>() })
            );
            continue;
        }
        println!(
            "{} (decode {decode:.1?}, preprocess {preprocess:.1?}, forward {forward:.1?})",
            image.display()
        );
        for (index, probability) in ranked {
            println!("  {probability:.4}  {}", classes[index]);
        }
    }
    Ok(())
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&z| f64::from(z - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}
