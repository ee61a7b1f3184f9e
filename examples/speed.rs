//! How many images per second MobileNetV1 processes on this machine.
//!
//! ```text
//! cargo run --release --example speed -- --batch 32
//! cargo run --release --example speed --features flex -- --weights bundled --device flex
//! cargo run --release --example speed -- --task gradient --batch 8 --json
//! MOBILENET_ISA=avx2 cargo run --release --example speed -- --precision int8
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use common::help::uses;
use common::{DeviceName, ranges};
use mobilenet::quantized::QuantizedNet;
use mobilenet::{
    CompileOptions, Engine, ImageBatch, InstructionSet, MobileNetConfig, Precision, Weights,
};
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
    /// Numbers that the network computes with: f32, or int8 (a network of random integers) on the CPU
    #[arg(long, default_value_t = Precision::F32, value_parser = str::parse::<Precision>)]
    precision: Precision,
    /// With --precision int8: bits of a weight, 8 or 7; those of 7 are faster on processors that have AVX2 but no VNNI
    #[arg(long, default_value_t = 8, value_parser = ranges::whole(7..=8))]
    weight_bits: usize,
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
    let engine = engine(options)?;
    let size = options.input_size.unwrap_or(engine.config().input_size);
    ranges::check_pixels(options.batch, size)?;
    let shape = [options.batch, size, size];
    let pixels: Vec<u8> = (0..shape.iter().product::<usize>() * 3)
        .map(|i| (i * 7919 % 256) as u8)
        .collect();
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
    let set = engine.instruction_set();
    let instruction_set = set.map_or("burn", InstructionSet::name);
    let precision = engine.precision();
    common::say!(
        "{images_per_second:.1} images/s ({:.2} ms per batch of {}), {} threads, {precision}, {instruction_set}",
        seconds * 1e3,
        shape[0],
        pool.current_num_threads()
    );
    if options.json {
        let summary = serde_json::json!({
            "images_per_second": images_per_second,
            "threads": pool.current_num_threads(),
            "batch": shape[0],
            "precision": precision,
            "instruction_set": instruction_set,
        });
        common::say!("{summary}");
    }
    Ok(())
}

/// The network to measure.
fn engine(options: &Options) -> Result<Arc<dyn Engine>, Box<dyn Error>> {
    let config = MobileNetConfig::new().with_alpha(options.alpha);
    let weights = match &options.weights {
        Some(name) => common::weights(name)?,
        None if options.precision == Precision::Int8 && options.device == DeviceName::Cpu => {
            let mut net = QuantizedNet::random(&config, 0)?;
            if options.weight_bits == 7 {
                let weights = net.layers.iter_mut().flat_map(|layer| &mut layer.weights);
                weights.for_each(|weight| *weight /= 2);
            }
            return Ok(Arc::new(net.compile()?));
        }
        None => Weights::random(&config, 0)?,
    };
    if options.precision == Precision::F32 {
        return common::engine(weights, options.device);
    }
    if options.device != DeviceName::Cpu {
        return Err(format!("--precision {} needs --device cpu", options.precision).into());
    }
    // Says what floats can be compiled to.
    let compile = CompileOptions::new().with_precision(options.precision);
    Ok(Arc::new(weights.compile_with(&compile)?))
}
