//! A MobileNet layer by layer: maps, parameters, multiply-adds, time.

mod common;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use mobilenet::{BLOCKS, ImageBatch};

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
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let weights = common::weights(&options.weights)?;
    let config = weights.config().clone();
    let size = options.size.unwrap_or(config.input_size);
    let source = weights.source().to_string();
    let net = weights.compile()?;
    let levels = vec![128u8; options.batch * size * size * 3];
    let pixels = ImageBatch::from_u8(&levels, [options.batch, size, size])?;
    let (alpha, batch, set) = (config.alpha, options.batch, net.instruction_set());
    common::say!("{source}: alpha {alpha}, {batch} images of {size} x {size}, {set}");
    line("", "map", ["parameters", "multiply-adds", "ms"]);

    let mut total = [0; 2];
    let mut row = |name: &str, map: &str, counts: [usize; 2], time: Option<Duration>| {
        total = [total[0] + counts[0], total[1] + counts[1]];
        let [parameters, multiply_adds] = counts.map(|n| n.to_string());
        line(
            name,
            map,
            [&parameters, &multiply_adds, &milliseconds(time)],
        );
    };
    let mut before = Duration::ZERO;
    for block in 0..=config.blocks {
        let (side, channels) = (config.size_after(block, size), config.channels_after(block));
        let area = side * side;
        let counts = if block == 0 {
            [channels * (27 + 4), area * channels * 27]
        } else {
            let inputs = config.channels_after(block - 1);
            let kernels = inputs * 9 + inputs * channels;
            [kernels + 4 * (inputs + channels), area * kernels]
        };
        let until = fastest(options.repeat, || net.features(&pixels, block).map(drop))?;
        let time = until.map(|until| until.saturating_sub(std::mem::replace(&mut before, until)));
        let name = match block.checked_sub(1).and_then(|b| BLOCKS.get(b)) {
            None => "stem, stride 2".into(),
            Some((_, 1)) => format!("block {block}"),
            Some((_, stride)) => format!("block {block}, stride {stride}"),
        };
        row(
            &name,
            &format!("{side} x {side} x {channels}"),
            counts,
            time,
        );
    }
    let (dim, classes) = (net.feature_dim(), net.classes());
    let whole = match classes {
        0 => fastest(options.repeat, || net.embed(&pixels).map(drop))?,
        _ => fastest(options.repeat, || net.logits(&pixels).map(drop))?,
    };
    let (name, outputs, counts) = match classes {
        0 => ("pool", dim, [0, 0]),
        n => ("pool, classifier", n, [(dim + 1) * n, dim * n]),
    };
    let time = whole.map(|time| time.saturating_sub(before));
    row(name, &format!("1 x 1 x {outputs}"), counts, time);
    let [parameters, multiply_adds] = total.map(|n| n.to_string());
    line(
        "total",
        "",
        [&parameters, &multiply_adds, &milliseconds(whole)],
    );
    Ok(())
}

fn line(name: &str, map: &str, [parameters, multiply_adds, time]: [&str; 3]) {
    common::say!("{name:<18}{map:>16}{parameters:>12}{multiply_adds:>16}{time:>12}");
}

fn milliseconds(time: Option<Duration>) -> String {
    time.map_or(String::new(), |t| format!("{:.3}", 1e3 * t.as_secs_f64()))
}

/// The shortest time of several runs.
fn fastest(
    runs: usize,
    work: impl Fn() -> mobilenet::Result<()>,
) -> mobilenet::Result<Option<Duration>> {
    let mut best = None;
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        let time = start.elapsed();
        best = Some(best.map_or(time, |best: Duration| best.min(time)));
    }
    Ok(best)
}
