//! Distortions of training images, as options under `retrain.py`'s names.

use std::error::Error;

use dataset::ImageItem;
use dataset::augment::Distortions;
use transfer::{Backbone, EmbeddingCache, Embeddings, Variation};

#[derive(clap::Args)]
pub struct VariationOptions {
    /// Mirror half of the training images
    #[arg(long, help_heading = "Distortions of training images")]
    flip_left_right: bool,
    /// Per cent of margin that is cropped at random
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.0,
        value_parser = percent,
        help_heading = "Distortions of training images"
    )]
    random_crop: f64,
    /// Per cent by which images are scaled up at random
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.0,
        value_parser = percent,
        help_heading = "Distortions of training images"
    )]
    random_scale: f64,
    /// Per cent by which images are made brighter or darker at random
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.0,
        value_parser = percent,
        help_heading = "Distortions of training images"
    )]
    random_brightness: f64,
    /// Distorted variants of each training image, embedded once; left out, the parity recipe distorts anew in every
    /// step, as retrain.py did, and the converged recipe has 4
    #[arg(
        long,
        value_name = "K",
        help_heading = "Distortions of training images"
    )]
    variants: Option<usize>,
}

fn percent(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "expected a number")?;
    if (0.0..=1000.0).contains(&value) {
        Ok(value)
    } else {
        Err("expected 0 to 1000".into())
    }
}

/// What distortions are asked for.
pub enum Distorted {
    No,
    /// So many variants of each image.
    Variants(Variation, usize),
    /// Anew in every step.
    OnTheFly(Variation),
}

impl VariationOptions {
    pub fn distorted(&self, parity: bool) -> Result<Distorted, Box<dyn Error>> {
        let distortions = Distortions {
            flip_left_right: self.flip_left_right,
            random_crop: self.random_crop,
            random_scale: self.random_scale,
            random_brightness: self.random_brightness,
        };
        match (distortions.is_any(), self.variants) {
            (false, None) => Ok(Distorted::No),
            (false, Some(_)) => Err("--variants of what? add --flip-left-right or another".into()),
            (true, None) if parity => Ok(Distorted::OnTheFly(distortions.into())),
            (true, variants) => Ok(Distorted::Variants(
                distortions.into(),
                variants.unwrap_or(4),
            )),
        }
    }
}

/// Says what embedding so many varied images will cost.
pub fn say_cost(
    backbone: &Backbone,
    items: &[ImageItem],
    variation: &Variation,
    images: usize,
) -> Result<(), Box<dyn Error>> {
    let minutes = backbone.estimate(items, variation, images)?.as_secs_f64() / 60.0;
    super::say!("distortions: {images} images to embed at most, about {minutes:.1} minutes");
    Ok(())
}

/// The variants' embeddings, behind a progress bar.
pub fn embed_variants(
    backbone: &Backbone,
    items: &[ImageItem],
    (variation, variants, seed): (&Variation, usize, u64),
    cache: &EmbeddingCache,
) -> Result<Embeddings, Box<dyn Error>> {
    say_cost(backbone, items, variation, items.len() * variants)?;
    let bar = super::progress(items.len() * variants, "variants");
    let done = |done| bar.set_position(done as u64);
    let embedded = backbone.embed_variants(items, variation, variants, seed, cache, done)?;
    bar.finish_and_clear();
    super::say_left_out(&embedded.failed);
    super::say!(
        "{} variants computed, {} images left out, the others were there",
        embedded.computed,
        embedded.failed.len()
    );
    Ok(embedded.embeddings)
}
