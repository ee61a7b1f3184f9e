//! Distortions of training images, as options under `retrain.py`'s names.

use dataset::augment::Distortions;
use transfer::retrain::Variants;
use transfer::variation::Variation;

use crate::ranges::{number, whole};

/// How training images are varied.
#[derive(clap::Args)]
#[command(next_help_heading = "Distortions of training images")]
pub struct VariationOptions {
    /// Mirror half of the training images
    #[arg(long)]
    flip_left_right: bool,
    /// Percent of the margin that is cropped at random
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.0,
        value_parser = number(0.0..=1000.0)
    )]
    random_crop: f64,
    /// Percent by which images are scaled up at random
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.0,
        value_parser = number(0.0..=1000.0)
    )]
    random_scale: f64,
    /// Percent by which images are made brighter or darker at random
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.0,
        value_parser = number(0.0..=1000.0)
    )]
    random_brightness: f64,
    /// Distorted variants of each training image, embedded once [default: 4; the parity recipe distorts anew in every
    /// step, as retrain.py did]
    #[arg(
        long,
        value_name = "K",
        value_parser = whole(1..=1000)
    )]
    variants: Option<usize>,
}

impl VariationOptions {
    /// How training images are varied, if they are. `parity`: the recipe has steps, so that images can be distorted anew
    /// in each of them.
    pub fn variation(&self, parity: bool) -> Result<Option<(Variation, Variants)>, String> {
        let distortions = Distortions {
            flip_left_right: self.flip_left_right,
            random_crop: self.random_crop,
            random_scale: self.random_scale,
            random_brightness: self.random_brightness,
        };
        let variants = match (distortions.is_any(), self.variants) {
            (false, None) => return Ok(None),
            (false, Some(_)) => {
                return Err(
                    "--variants needs a distortion: add --flip-left-right or another".into(),
                );
            }
            (true, None) if parity => Variants::EveryStep,
            (true, variants) => Variants::PerImage(variants.unwrap_or(4)),
        };
        Ok(Some((distortions.into(), variants)))
    }
}
