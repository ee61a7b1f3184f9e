//! Says why a network gives an image its class.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attribution::{
    Attribution, Baseline, BoxError, GradCam, GradCamPlusPlus, Gradient, GradientXInput,
    GuidedBackpropagation, IntegratedGradients, LayerCam, Method, Model, Occlusion, Pixels, Rise,
    Rule, Score, SmoothGrad, heat_map, npy, overlay,
};
use burn::tensor::Device;
use clap::{Parser, ValueEnum};
use dataset::{DecodeOptions, ResizePolicy, decode_file};
use mobilenet::{CompiledMobileNet, GradientOptions, Output, Weights};
use serde_json::json;

/// Explain what a network sees in images: `attributions.npy` [3,H,W], `heatmap.png` (red for, blue
/// against), `overlay.png` (green for, red against) and `explanation.json`.
///
///   cargo run --release --example explain -- cat.png --weights FOLDER --tolerance 0.01 --output why
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Options {
    /// Images; with several, each gets a sub-folder of its name.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Name or path of a network's weights.
    #[arg(long)]
    weights: PathBuf,
    /// gradient, gradient-x-input, integrated-gradients, smooth-grad, guided-backpropagation,
    /// grad-cam, grad-cam-plus-plus, layer-cam, occlusion or rise.
    #[arg(long, default_value = "integrated-gradients")]
    method: String,
    /// Gradients along the path of integrated gradients.
    #[arg(long, default_value_t = 50)]
    steps: usize,
    /// Refine integrated gradients until the relative error is below this (at most 4096 steps).
    #[arg(long)]
    tolerance: Option<f64>,
    /// Where the path begins: black, white, grey, mean, blur or noise.
    #[arg(long, default_value = "black")]
    baseline: Baseline,
    /// midpoint, left, right, trapezoid or gauss-legendre.
    #[arg(long, default_value = "midpoint")]
    rule: Rule,
    /// The number that is explained.
    #[arg(long, value_enum, default_value_t = Explained::Logit)]
    score: Explained,
    /// Index of the class [default: the one with the largest logit].
    #[arg(long)]
    target: Option<usize>,
    /// squash, center-crop, letterbox or tf1.
    #[arg(long, default_value = "squash")]
    resize: ResizePolicy,
    /// Folder to write to.
    #[arg(long)]
    output: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Explained {
    Logit,
    Probability,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The one table of methods; their names are the methods' own.
fn method(options: &Options) -> Result<Box<dyn Method>, String> {
    let mut integrated = IntegratedGradients::new()
        .with_baseline(options.baseline.clone())
        .with_rule(options.rule)
        .with_steps(options.steps);
    if let Some(tolerance) = options.tolerance {
        integrated = integrated.with_tolerance(tolerance);
    }
    let methods: Vec<Box<dyn Method>> = vec![
        Box::new(integrated),
        Box::new(Gradient::new()),
        Box::new(GradientXInput::new()),
        Box::new(SmoothGrad::new(Gradient::new())),
        Box::new(GuidedBackpropagation::new()),
        Box::new(GradCam::new()),
        Box::new(GradCamPlusPlus::new()),
        Box::new(LayerCam::new()),
        Box::new(Occlusion::new()),
        Box::new(Rise::new()),
    ];
    let names: Vec<_> = methods.iter().map(Method::name).collect();
    let unknown = format!(
        "unknown method \"{}\"; expected one of {}",
        options.method,
        names.join(", ")
    );
    methods
        .into_iter()
        .find(|m| m.name() == options.method)
        .ok_or(unknown)
}

/// The scores of a batch of logits, and what the engine asks for: their gradients.
fn scores(score: &Score, logits: &[f32], classes: usize) -> attribution::Result<Vec<f64>> {
    logits
        .chunks(classes)
        .map(|logits| Ok(evaluate(score, logits)?.0))
        .collect()
}

fn evaluate(score: &Score, logits: &[f32]) -> attribution::Result<(f64, Vec<f64>)> {
    score.evaluate(&logits.iter().map(|&l| f64::from(l)).collect::<Vec<_>>())
}

/// What the methods need of the network. A logit that is not finite is reported by [`scores`].
fn model<'a>(net: &'a CompiledMobileNet, score: &'a Score) -> Model<'a> {
    let classes = net.classes();
    let seed = move |_: usize, logits: &[f32], out: &mut [f32]| {
        if let Ok((_, gradient)) = evaluate(score, logits) {
            out.iter_mut()
                .zip(gradient)
                .for_each(|(o, g)| *o = g as f32);
        }
    };
    let gradient = move |guided: bool| {
        move |pixels: &[f32], [n, h, w, _]: [usize; 4]| -> Result<(Vec<f64>, Vec<f32>), BoxError> {
            let pixels = mobilenet::Pixels::from_f32(pixels, [n, h, w])?;
            let options = GradientOptions::new(Output::Logits).with_guided(guided);
            let answer = net.pixel_gradients(&pixels, options, seed)?;
            Ok((scores(score, &answer.outputs, classes)?, answer.gradients))
        }
    };
    Model::new(gradient(false))
        .with_guided(gradient(true))
        .with_scores(move |pixels, [n, h, w, _]| {
            let logits = net.logits(&mobilenet::Pixels::from_f32(pixels, [n, h, w])?)?;
            Ok(scores(score, &logits, classes)?)
        })
        .with_block(move |pixels, [n, h, w, _]| {
            let pixels = mobilenet::Pixels::from_f32(pixels, [n, h, w])?;
            let options = GradientOptions::new(Output::Logits);
            let answer = net.block_gradients(&pixels, net.config().blocks, options, seed)?;
            let [_, h, w, c] = answer.activations.shape;
            let scores = scores(score, &answer.outputs, classes)?;
            Ok((
                scores,
                [h, w, c],
                answer.activations.values,
                answer.gradients,
            ))
        })
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let method = method(options)?;
    let net = Weights::open(&options.weights)?
        .load(&Device::flex())?
        .compile()?;
    for path in &options.images {
        let image = decode_file(path, &DecodeOptions::default())?;
        let image = options.resize.apply(&image, net.config().input_size as u32);
        let size = [1, image.height() as usize, image.width() as usize];
        let logits = net.logits(&mobilenet::Pixels::from_u8(image.as_raw(), size)?)?;
        let top = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
        let target = options.target.or(top).unwrap_or_default();
        let score = match options.score {
            Explained::Logit => Score::Logit(target),
            Explained::Probability => Score::Probability(target),
        };
        let pixels = Pixels::from(&image);
        let why = method.attribute(&model(&net, &score), &pixels)?;
        let folder = match path.file_stem() {
            Some(stem) if options.images.len() > 1 => options.output.join(stem),
            _ => options.output.clone(),
        };
        write(&folder, &why, &pixels, target)?;
        println!(
            "{}: class {target}, score {:.4} -> {}",
            path.display(),
            why.score(),
            folder.display()
        );
        for warning in why.warnings() {
            println!("  note: {warning}");
        }
    }
    Ok(())
}

fn write(
    folder: &Path,
    why: &Attribution,
    pixels: &Pixels,
    target: usize,
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("attributions.npy"), npy(why))?;
    heat_map(why, 99.0)?.save(folder.join("heatmap.png"))?;
    overlay(why, pixels, 99.0)?.save(folder.join("overlay.png"))?;
    let explanation = json!({
        "method": why.method(),
        "target": target,
        "score": why.score(),
        "baseline_score": why.baseline_score(),
        "steps": why.steps(),
        "convergence_delta": why.convergence_delta(),
        "relative_delta": why.completeness_error(),
        "warnings": why.warnings(),
    });
    fs::write(
        folder.join("explanation.json"),
        serde_json::to_vec_pretty(&explanation)?,
    )?;
    Ok(())
}
