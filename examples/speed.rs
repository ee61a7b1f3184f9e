//! How many images a second does MobileNetV1 handle on this machine?
//!
//! ```text
//! cargo run --release --example speed -- --batch 32
//! cargo run --release --example speed -- --weights mobilenet_v1_1.0_224 --device flex
//! cargo run --release --example speed -- --task gradient --batch 8 --json
//! ```

mod common;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use clap::{Parser, ValueEnum};
use common::DeviceName;
use mobilenet::{BurnEngine, Engine, GradientOptions, ImageBatch, Layer, MobileNetConfig, Weights};

/// Measure the forward pass, or the gradient with respect to the pixels, in images a second.
#[derive(Parser)]
struct Arguments {
    /// Published name or path of the weights; without it, random ones.
    #[arg(long, conflicts_with = "alpha")]
    weights: Option<String>,
    /// Width multiplier of a net with random weights.
    #[arg(long, default_value_t = 1.0)]
    alpha: f64,
    /// Side of the images in pixels; default: what the weights were trained on, or 224.
    #[arg(long)]
    input_size: Option<usize>,
    /// Images handed over at once.
    #[arg(long, default_value_t = 32, value_parser = up_to::<1, 4096>)]
    batch: usize,
    /// Threads; default: one a core.
    #[arg(long, default_value_t = 0, value_parser = up_to::<0, 256>)]
    threads: usize,
    /// How long to measure.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Logits, or the gradient of one class's probability with respect to the pixels.
    #[arg(long, value_enum, default_value = "forward")]
    task: Task,
    /// What runs the network.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    /// Print an object as the last line.
    #[arg(long)]
    json: bool,
}

fn up_to<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    let value = text.parse().ok();
    let value = value.filter(|value| (LEAST..=MOST).contains(value));
    value.ok_or_else(|| format!("expected {LEAST} to {MOST}"))
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Task {
    Forward,
    Gradient,
}

fn main() -> ExitCode {
    common::finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let weights = match &arguments.weights {
        Some(name) => common::weights(name)?,
        None => {
            let config = MobileNetConfig::new().with_alpha(arguments.alpha);
            Weights::of(&config.init(&Device::flex())?)?
        }
    };
    let size = arguments.input_size.unwrap_or(weights.config().input_size);
    let shape = [arguments.batch, size, size];
    let pixels: Vec<u8> = (0..shape.iter().product::<usize>() * 3)
        .map(|i| (i * 7919 % 256) as u8)
        .collect();
    let engine: Box<dyn Engine> = match arguments.device {
        DeviceName::Cpu => Box::new(weights.compile()?),
        name => Box::new(BurnEngine::new(weights, &common::device(name)?)?),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads)
        .build()?;
    let task = || once(&*engine, arguments.task, &pixels, shape);
    let seconds = pool.install(|| measure(arguments.seconds, task))?;
    let images_per_second = shape[0] as f64 / seconds;
    let name = engine.name();
    let instruction_set = name.strip_prefix("compiled ").unwrap_or("burn");
    common::say!(
        "{images_per_second:.1} images/s ({:.2} ms a batch of {}), {} threads, {instruction_set}",
        seconds * 1e3,
        shape[0],
        pool.current_num_threads()
    );
    if arguments.json {
        let summary = serde_json::json!({
            "images_per_second": images_per_second,
            "threads": pool.current_num_threads(),
            "batch": shape[0],
            "instruction_set": instruction_set,
        });
        common::say!("{summary}");
    }
    Ok(())
}

/// Median seconds of a call, after one to warm up.
fn measure(
    seconds: f64,
    run: impl Fn() -> Result<(), Box<dyn Error>> + Sync,
) -> Result<f64, String> {
    run().map_err(|e| e.to_string())?;
    let start = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || start.elapsed() < Duration::from_secs_f64(seconds.max(0.0)) {
        let start = Instant::now();
        run().map_err(|e| e.to_string())?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn once(
    engine: &dyn Engine,
    task: Task,
    pixels: &[u8],
    shape: [usize; 3],
) -> Result<(), Box<dyn Error>> {
    let pixels = ImageBatch::from_u8(pixels, shape)?;
    match task {
        Task::Forward if engine.config().classes > 0 => {
            engine.forward(&pixels, Layer::Logits)?;
        }
        Task::Forward => {
            engine.forward(&pixels, Layer::Embedding)?;
        }
        Task::Gradient => {
            let options = GradientOptions::new(Layer::Logits);
            engine.pixel_gradients(&pixels, options, &|_, logits, gradient| {
                // d p0 / d logit = p0 (1 - p) at class 0, -p0 p elsewhere.
                let max = logits.iter().copied().fold(f32::MIN, f32::max);
                let sum: f32 = logits.iter().map(|x| (x - max).exp()).sum();
                let probability = |x: f32| (x - max).exp() / sum;
                let first = probability(logits[0]);
                for (i, (gradient, &logit)) in gradient.iter_mut().zip(logits).enumerate() {
                    *gradient = first * (f32::from(u8::from(i == 0)) - probability(logit));
                }
            })?;
        }
    }
    Ok(())
}
