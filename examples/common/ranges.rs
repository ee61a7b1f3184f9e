//! Numbers of the command line, each within its range: what is outside is refused before anything is computed.

use std::fmt::Display;
use std::ops::RangeInclusive;

use clap::builder::{RangedU64ValueParser, TypedValueParser};

/// The greatest batch: images per call of the network.
pub const MOST_BATCH: u64 = 4096;

/// The greatest number of pixels, images times their area, in one call of the network.
const MOST_PIXELS: usize = 1 << 28;

/// A whole number in a range.
pub fn whole(range: RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

/// A batch: images per call of the network.
pub fn batch() -> RangedU64ValueParser<usize> {
    whole(1..=MOST_BATCH)
}

/// The side of images in pixels.
pub fn side() -> RangedU64ValueParser<usize> {
    whole(32..=4096)
}

/// A number in a range; neither infinite nor NaN.
pub fn number(range: RangeInclusive<f64>) -> impl TypedValueParser<Value = f64> {
    clap::builder::StringValueParser::new().try_map(move |text| {
        let value: f64 = text.parse().map_err(|_| "expected a number".to_string())?;
        if range.contains(&value) {
            return Ok(value);
        }
        Err(outside(&range))
    })
}

fn outside<T: Display>(range: &RangeInclusive<T>) -> String {
    format!("expected {} to {}", range.start(), range.end())
}

/// Refuses more pixels in one call of the network than any machine of today has memory for.
///
/// # Errors
/// If there are more than about 268 million.
pub fn check_pixels(batch: usize, side: usize) -> Result<(), String> {
    if batch.saturating_mul(side).saturating_mul(side) <= MOST_PIXELS {
        return Ok(());
    }
    Err(format!(
        "a batch of {batch} images of {side} x {side} pixels is too large: at most {MOST_PIXELS} pixels at a time"
    ))
}
