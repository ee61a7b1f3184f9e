//! A MobileNet layer by layer: maps, parameters, multiply-adds, time.

mod common;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use mobilenet::{BLOCKS, Pixels};

/// Show a network layer by layer: shape of the map, parameters, multiply-adds, time on this machine.
///
/// Parameters are those of kernels, batch normalisations (scale, offset, mean, variance) and the classifier.
/// Multiply-adds are those of the convolutions and the classifier, for one image. Time is that of the compiled net on
/// all cores, the smallest of --repeat runs; a layer's is the time up to it less the time up to the layer before.
#[derive(Parser)]
struct Options {
    /// `bundled`, a published name, or a file or folder with the weights of a MobileNetV1
    #[arg(long, default_value = "bundled")]
    weights: String,
    /// Side of the images in pixels [default: what the weights were trained on]
    #[arg(long)]
    size: Option<usize>,
    /// Images at once
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Runs, of which the fastest counts; 0 leaves the time out
    #[arg(long, default_value_t = 20)]
    repeat: usize,
    /// Where Burn holds the weights before they are compiled
    #[arg(long, value_enum, default_value = "flex")]
    device: common::DeviceName,
}

struct Row {
    name: String,
    shape: [usize; 3],
    parameters: usize,
    multiply_adds: usize,
    time: Option<Duration>,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let weights = common::weights(&options.weights)?;
    let config = weights.config().clone();
    let size = options.size.unwrap_or(config.input_size);
    let source = weights.source().to_string();
    let net = weights.load(&common::device(options.device)?)?.compile()?;
    let levels = vec![128u8; options.batch * size * size * 3];
    let pixels = Pixels::from_u8(&levels, [options.batch, size, size])?;

    let fastest =
        |work: &dyn Fn() -> mobilenet::Result<()>| -> mobilenet::Result<Option<Duration>> {
            let mut best = None;
            for _ in 0..options.repeat {
                let start = Instant::now();
                work()?;
                let time = start.elapsed();
                best = Some(best.map_or(time, |best: Duration| best.min(time)));
            }
            Ok(best)
        };
    let mut rows = Vec::new();
    let mut before = Duration::ZERO;
    for block in 0..=config.blocks {
        let (side, channels) = (config.size_after(block, size), config.channels_after(block));
        let area = side * side;
        let (parameters, multiply_adds) = if block == 0 {
            (channels * (27 + 4), area * channels * 27)
        } else {
            let inputs = config.channels_after(block - 1);
            let kernels = inputs * 9 + inputs * channels;
            (kernels + 4 * (inputs + channels), area * kernels)
        };
        let until = fastest(&|| net.features(&pixels, block).map(|_| ()))?;
        let time = until.map(|until| until.saturating_sub(std::mem::replace(&mut before, until)));
        let name = match block.checked_sub(1).and_then(|b| BLOCKS.get(b)) {
            None => "stem, stride 2".into(),
            Some((_, 1)) => format!("block {block}"),
            Some((_, stride)) => format!("block {block}, stride {stride}"),
        };
        rows.push(Row {
            name,
            shape: [side, side, channels],
            parameters,
            multiply_adds,
            time,
        });
    }
    let (dim, classes) = (net.feature_dim(), net.classes());
    let (name, time) = if classes > 0 {
        (
            "pool, classifier",
            fastest(&|| net.logits(&pixels).map(|_| ()))?,
        )
    } else {
        ("pool", fastest(&|| net.embed(&pixels).map(|_| ()))?)
    };
    rows.push(Row {
        name: name.into(),
        shape: [1, 1, if classes > 0 { classes } else { dim }],
        parameters: if classes > 0 { (dim + 1) * classes } else { 0 },
        multiply_adds: dim * classes,
        time: time.map(|time| time.saturating_sub(before)),
    });

    println!(
        "{source}: alpha {}, {} images of {size} x {size}, {}",
        config.alpha,
        options.batch,
        net.instruction_set()
    );
    println!(
        "{:<18}{:>16}{:>12}{:>16}{:>12}",
        "", "map", "parameters", "multiply-adds", "ms"
    );
    let line =
        |name: &str, map: &str, parameters: usize, multiply_adds: usize, time: Option<Duration>| {
            let time = time.map_or(String::new(), |t| format!("{:.3}", 1e3 * t.as_secs_f64()));
            println!("{name:<18}{map:>16}{parameters:>12}{multiply_adds:>16}{time:>12}");
        };
    for row in &rows {
        let [height, width, channels] = row.shape;
        let map = format!("{height} x {width} x {channels}");
        line(&row.name, &map, row.parameters, row.multiply_adds, row.time);
    }
    let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum();
    line(
        "total",
        "",
        sum(|r| r.parameters),
        sum(|r| r.multiply_adds),
        time,
    );
    Ok(())
}
