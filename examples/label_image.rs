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
use transfer::{Backbone, Classifier, Layer, softmax};

/// Say what is on images: ranked classes with their probabilities.
#[derive(Parser)]
#[command(
    group(ArgGroup::new("net").required(true).args(["classifier", "weights"])),
    after_help = "Examples:\n  label_image --classifier classifier.safetensors photo.jpg\n  \
                  label_image --weights bundled --top 3 --json *.jpg"
)]
struct Options {
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

impl Net {
    fn open(options: &Options) -> Result<Self, Box<dyn Error>> {
        let device = common::device(options.device)?;
        if let Some(path) = &options.classifier {
            return Ok(Self::Retrained(Box::new(Classifier::load(path, &device)?)));
        }
        let weights = common::weights(options.weights.as_deref().unwrap_or("bundled"))?;
        let classes = common::imagenet_classes(&weights)?;
        let backbone = Backbone::new(weights, &device)?
            .with_resize(options.resize.unwrap_or(ResizePolicy::CenterCrop))
            .with_layer(Layer::Logits)?;
        Ok(Self::ImageNet(Box::new(backbone), classes))
    }

    fn parts(&self) -> (&Backbone, &[String]) {
        match self {
            Self::Retrained(classifier) => (classifier.backbone(), classifier.classes()),
            Self::ImageNet(backbone, classes) => (backbone, classes),
        }
    }

    fn probabilities(&self, pixels: &[u8]) -> Result<Vec<f64>, transfer::Error> {
        match self {
            Self::Retrained(classifier) => classifier.predict(pixels, 1),
            Self::ImageNet(backbone, _) => {
                let logits = backbone.forward(pixels, 1)?.into_iter();
                let mut values: Vec<f64> = logits.map(f64::from).collect();
                softmax(&mut values, 1.0);
                Ok(values)
            }
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let net = Net::open(options)?;
    let (backbone, classes) = net.parts();
    let decoding =
        DecodeOptions::default().with_upright(backbone.resize() != ResizePolicy::Tf1Squash);
    for image in &options.images {
        let start = Instant::now();
        let decoded = decode_file(image, &decoding)?;
        let decode = start.elapsed();
        let start = Instant::now();
        let pixels = backbone.square(&decoded).into_raw();
        let preprocess = start.elapsed();
        let start = Instant::now();
        let probabilities = net.probabilities(&pixels)?;
        let forward = start.elapsed();
        let mut ranked: Vec<_> = probabilities.into_iter().zip(classes).enumerate().collect();
        ranked.sort_by(|(_, (a, _)), (_, (b, _))| b.total_cmp(a));
        ranked.truncate(options.top);
        if options.json {
            let top = ranked.iter().map(|(index, (probability, class))| {
                json!({ "index": index, "class": class, "probability": probability })
            });
            let top: Vec<_> = top.collect();
            println!("{}", json!({ "image": image, "top": top }));
            continue;
        }
        println!(
            "{} (decode {decode:.1?}, preprocess {preprocess:.1?}, forward {forward:.1?})",
            image.display()
        );
        for (_, (probability, class)) in ranked {
            println!("  {probability:.4}  {class}");
        }
    }
    Ok(())
}
