//! Turns a classifier into one that computes with 8-bit integers, and measures what that costs.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::answers::{Images, file_name, leave_out_seen};
use common::calibration::calibration_images;
use common::help::uses;
use common::pairs::verdict;
use common::{Bar, counted};
use metrics::Bootstrap;
use mobilenet::quantized::Quantize;
use transfer::quantize::{QuantizeConfig, quantize};

/// Make a classifier of 8-bit integers: half of the file, and several times as fast where the processor has
/// instructions for them.
///
/// Weights and activations become integers; the head, the classes and the thresholds stay. Rounding the weights shifts
/// what each channel says on average, and the shifts add up from layer to layer. So the program runs some hundred
/// training images through both networks and corrects each layer's biases by the difference. It needs no labels. Of
/// --calibration-dir it takes only the images that the classifier was trained on, so that test images stay unseen; where
/// the classifier does not know them, or none is there, the training part (divided by the names of the files, as `retrain`
/// does), which it says.
///
/// It prints for how many of these images the answer is the same as in floats ("the same class"), and how large the
/// outputs are against the error (signal to noise: 20 dB is an error of a tenth, 40 dB of a hundredth). With --image-dir
/// it asks both classifiers about images with known classes: the interval of the difference of their accuracies says what
/// the integers cost, and McNemar's test whether that can be chance.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        (
            "Quantize a classifier",
            "quantize --classifier classifier.safetensors --calibration-dir photos --output int8.safetensors",
        ),
        (
            "Measure on other images what it costs",
            "quantize --classifier classifier.safetensors --calibration-dir photos --output int8.safetensors --image-dir more-photos",
        ),
    ])
)]
pub(crate) struct Options {
    /// A file that `retrain` wrote
    #[arg(long, value_name = "FILE")]
    classifier: PathBuf,
    /// The folder that it was trained on, with one sub-folder for each class
    #[arg(long, value_name = "DIR")]
    calibration_dir: PathBuf,
    /// How many of these images are used, at most
    #[arg(long, default_value_t = 100, value_parser = common::ranges::whole(1..=100_000))]
    calibration_images: usize,
    /// Leave the biases as they are: to see what the correction is worth
    #[arg(long)]
    no_bias_correction: bool,
    /// Bits of a weight: 8, or 7, which is faster on processors that have AVX2 but no VNNI, and less exact
    #[arg(long, default_value_t = 8, value_parser = common::ranges::whole(7..=8))]
    weight_bits: usize,
    /// Before depthwise convolutions, give each channel its own range, not 0 to 6
    #[arg(long)]
    equalization: bool,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    images: Images,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    common::check_outputs(&[("--output", Some(&options.output))])?;
    let (first, signature) = (&options.classifier, &options.images.signature);
    let classifier = signature.classifier(first, options.images.device)?;
    let images = calibration_images(&classifier, &options.calibration_dir)?;
    let net = Quantize::new()
        .with_bias_correction(!options.no_bias_correction)
        .with_small_weights(options.weight_bits == 7)
        .with_equalization(options.equalization);
    let config = QuantizeConfig::new()
        .with_net(net)
        .with_images(options.calibration_images);
    let quantized = quantize(&classifier, &images, &config)?;
    for (_, error) in &quantized.failed {
        common::warn!("left out {error}");
    }
    common::say!("{}", quantized.record);
    quantized.classifier.save(&options.output)?;
    let bytes = std::fs::metadata(&options.output)?.len();
    common::say!(
        "wrote {}: {bytes} bytes",
        files::shown_path(&options.output)
    );
    if options.images.image_dir.is_some() {
        compare(options)?;
    }
    Ok(())
}

/// Asks both classifiers about images whose classes are known.
fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut first = options.images.ask(&options.classifier, None)?;
    let mut second = options.images.ask(&options.output, None)?;
    let include = options.images.include_training;
    leave_out_seen(&mut [&mut first, &mut second], include)?;
    let mut bar = Bar::default();
    let comparison = first.predictions.compare_with_progress(
        &second.predictions,
        &Bootstrap::new(),
        |done, total| {
            bar.count_of("resampling", "replicates", done, total);
        },
    )?;
    bar.clear();
    let images = counted(second.predictions.len(), "image", "images");
    let names = [&options.classifier, &options.output].map(|path| file_name(path));
    common::say!("\nFirst: {}, second: {}; {images}\n", names[0], names[1]);
    common::say!("{}", comparison.to_string().trim_end());
    common::say!("\n{}", verdict(&comparison, [&names[0], &names[1]]));
    Ok(())
}
