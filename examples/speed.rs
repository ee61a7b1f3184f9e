//! How many images per second MobileNetV1 processes on this machine.
//!
//! ```text
//! cargo run --release --example speed -- --batch 32
//! cargo run --release --example speed --features flex -- --weights bundled --device flex
//! cargo run --release --example speed -- --task gradient --batch 8 --json
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use common::help::uses;
use common::{DeviceName, ranges};
use mobilenet::{ImageBatch, MobileNetConfig, Weights};
use transfer::throughput::Work;

/// Measure the forward pass, or the gradient with respect to the pixels, in images per second.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("Measure this machine", "speed"),
        ("Measure one image at a time", "speed --batch 1"),
        (
            "Measure a device of Burn's, where it is built in",
            "speed --weights bundled --device flex",
        ),
    ])
)]
pub(crate) struct Options {
    /// `bundled`, a published name, or a file or folder with weights [default: random weights]
    #[arg(long, conflicts_with = "alpha")]
    weights: Option<String>,
    /// Width multiplier of a network with random weights
    #[arg(long, default_value_t = 1.0, value_parser = ranges::number(0.01..=4.0))]
    alpha: f64,
    /// Side of the images in pixels [default: the size that the weights were trained on, or 224]
    #[arg(long, value_parser = ranges::side())]
    input_size: Option<usize>,
    /// Batch size: images per call.
    #[arg(long, help_heading = "Network", default_value_t = 32, value_parser = ranges::batch())]
    batch: usize,
    /// Number of threads; 0 is one for each core.
    #[arg(long, help_heading = "Measurement", default_value_t = 0, value_parser = ranges::whole(0..=256))]
    threads: usize,
    /// Seconds to measure.
    #[arg(long, default_value_t = 5.0, value_parser = ranges::number(0.0..=3600.0))]
    seconds: f64,
    /// What to compute: logits, or the gradient of the probability of one class with respect to the pixels
    #[arg(long, value_enum, default_value = "forward")]
    task: Task,
    /// Device on which the network runs
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    /// Print the result as a JSON object in the last line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Task {
    Forward,
    Gradient,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let weights = if let Some(name) = &options.weights {
        common::weights(name)?
    } else {
        let config = MobileNetConfig::new().with_alpha(options.alpha);
        Weights::random(&config, 0)?
    };
    let size = options.input_size.unwrap_or(weights.config().input_size);
    ranges::check_pixels(options.batch, size)?;
    let shape = [options.batch, size, size];
    let pixels: Vec<u8> = (0..shape.iter().product::<usize>() * 3)
        .map(|i| (i * 7919 % 256) as u8)
        .collect();
    let engine = common::engine(weights, options.device)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()?;
    let images = ImageBatch::from_u8(&pixels, shape)?;
    let work = match options.task {
        Task::Forward => Work::Forward,
        Task::Gradient => Work::Gradient,
    };
    let at_least = Duration::from_secs_f64(options.seconds);
    let time = pool.install(|| work.median_time(&*engine, &images, at_least))?;
    let seconds = time.as_secs_f64();
    let images_per_second = shape[0] as f64 / seconds;
    let name = engine.name();
    let instruction_set = name.strip_prefix("compiled ").unwrap_or("burn");
    common::say!(
        "{images_per_second:.1} images/s ({:.2} ms per batch of {}), {} threads, {instruction_set}",
        seconds * 1e3,
        shape[0],
        pool.current_num_threads()
    );
    if options.json {
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
