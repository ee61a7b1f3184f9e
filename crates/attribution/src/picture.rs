//! Attributions as pictures and as a NumPy file.

use crate::attribution::Attribution;
use crate::error::{Error, Result};
use crate::pixels::Pixels;
use image::{Rgb, RgbImage};

/// Viridis at nine even positions: evenly perceived, dark is little.
const VIRIDIS: [[f64; 3]; 9] = [
    [68.0, 1.0, 84.0],
    [71.0, 44.0, 122.0],
    [59.0, 81.0, 139.0],
    [44.0, 113.0, 142.0],
    [33.0, 144.0, 141.0],
    [39.0, 173.0, 129.0],
    [92.0, 200.0, 99.0],
    [170.0, 220.0, 50.0],
    [253.0, 231.0, 37.0],
];
/// From against (blue) over nothing (white) to for (red).
const DIVERGING: [[f64; 3]; 3] = [
    [33.0, 102.0, 172.0],
    [255.0, 255.0, 255.0],
    [178.0, 24.0, 43.0],
];

/// The map summed over channels and divided by the `percentile` (0 to 100) of its magnitudes, cut to -1 to 1.
///
/// Few pixels often hold most of a map; without the cut the rest would not be seen. A map of zeros stays one.
///
/// # Errors
/// [`Error::Setting`] for a percentile out of range.
pub fn normalised(attribution: &Attribution, percentile: f64) -> Result<Vec<f64>> {
    if !(0.0..=100.0).contains(&percentile) {
        return Err(Error::setting("percentile", "0 to 100", &percentile));
    }
    let map = attribution.per_pixel();
    let mut magnitudes: Vec<f64> = map.iter().map(|v| v.abs()).collect();
    magnitudes.sort_by(f64::total_cmp);
    let rank = (percentile / 100.0 * (magnitudes.len().saturating_sub(1)) as f64).ceil() as usize;
    let largest = magnitudes.last().copied().unwrap_or_default();
    // Where almost everything is zero the percentile is as well: then the largest value is the scale.
    let scale = match magnitudes.get(rank) {
        Some(&at) if at > 0.0 => at,
        _ => largest,
    };
    Ok(map
        .iter()
        .map(|&v| {
            if scale > 0.0 {
                (v / scale).clamp(-1.0, 1.0)
            } else {
                0.0
            }
        })
        .collect())
}

/// The map in colours: red for, blue against, white nothing; viridis where nothing is negative.
///
/// Values are cut at the `percentile` of their magnitudes, see [`normalised`]; a map of zeros is white.
///
/// # Errors
/// [`Error::Setting`] for a percentile out of range.
///
/// ```
/// let why = attribution::Attribution::from_map("mine", vec![-1.0, 0.0, 1.0], [1, 3, 1], 0.0)?;
/// let picture = attribution::heat_map(&why, 100.0)?;
/// assert_eq!(picture.get_pixel(1, 0).0, [255, 255, 255]);
/// # Ok::<(), attribution::Error>(())
/// ```
pub fn heat_map(attribution: &Attribution, percentile: f64) -> Result<RgbImage> {
    let values = normalised(attribution, percentile)?;
    let unsigned = values.iter().all(|&v| v >= 0.0) && values.iter().any(|&v| v > 0.0);
    Ok(picture(attribution, |i| {
        if unsigned {
            colour(&VIRIDIS, values[i])
        } else {
            colour(&DIVERGING, f64::midpoint(values[i], 1.0))
        }
    }))
}

/// The image in grey (channel mean) at 0.3, and over it at 0.7 green for and red against.
///
/// # Errors
/// [`Error::Shape`] where image and map differ in size, [`Error::Setting`] for a percentile out of range.
pub fn overlay(attribution: &Attribution, pixels: &Pixels, percentile: f64) -> Result<RgbImage> {
    let [h, w, c] = pixels.shape();
    let shape = attribution.shape();
    if shape[..2] != [h, w] {
        return Err(Error::Shape {
            what: "the image under the overlay",
            expected: [shape[0], shape[1], c],
            found: [h, w, c],
        });
    }
    let values = normalised(attribution, percentile)?;
    Ok(picture(attribution, |i| {
        let image = &pixels.values()[i * c..(i + 1) * c];
        let grey = image.iter().map(|&v| f64::from(v)).sum::<f64>() / c as f64;
        let (against, ours) = ((-values[i]).max(0.0), values[i].max(0.0));
        [against, ours, 0.0].map(|v| (0.3 * grey + 0.7 * 255.0 * v).round() as u8)
    }))
}

/// The map as a NumPy file (version 1.0): `[3, height, width]`, 32-bit floats, little-endian.
///
/// A map of another number of channels is summed and spread evenly over the three, so that the sum stays.
pub fn npy(attribution: &Attribution) -> Vec<u8> {
    let [h, w, c] = attribution.shape();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (3, {h}, {w}), }}");
    // The data begins at a multiple of 64; the header ends in a new line.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = length - 1).bytes());
    let sums = attribution.per_pixel();
    for channel in 0..3 {
        for (pixel, sum) in attribution.map().chunks_exact(c).zip(&sums) {
            let value = if c == 3 { pixel[channel] } else { sum / 3.0 };
            bytes.extend((value as f32).to_le_bytes());
        }
    }
    bytes
}

fn picture(attribution: &Attribution, colour: impl Fn(usize) -> [u8; 3]) -> RgbImage {
    let [h, w, _] = attribution.shape();
    RgbImage::from_fn(w as u32, h as u32, |x, y| {
        Rgb(colour(y as usize * w + x as usize))
    })
}

/// The colour at `t` (0 to 1) of a table, straight between its entries.
fn colour(table: &[[f64; 3]], t: f64) -> [u8; 3] {
    let position = t.clamp(0.0, 1.0) * (table.len() - 1) as f64;
    let below = (position as usize).min(table.len() - 2);
    let part = position - below as f64;
    std::array::from_fn(|i| {
        (table[below][i] + part * (table[below + 1][i] - table[below][i])).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[f64], channels: usize) -> Attribution {
        let shape = [1, values.len() / channels, channels];
        Attribution::from_map("test", values.to_vec(), shape, 0.0).unwrap()
    }

    #[test]
    fn zeros_are_white_and_negatives_blue() {
        let zeros = heat_map(&map(&[0.0; 6], 3), 99.0).unwrap();
        assert!(zeros.pixels().all(|p| p.0 == [255; 3]));
        let negative = heat_map(&map(&[-1.0, -2.0], 1), 100.0).unwrap();
        assert_eq!(negative.get_pixel(1, 0).0, [33, 102, 172]);
    }

    #[test]
    fn one_value_among_zeros_is_seen() {
        let mut values = [0.0; 1000];
        values[7] = 1e-30;
        let picture = heat_map(&map(&values, 1), 99.0).unwrap();
        assert_eq!(picture.get_pixel(7, 0).0, [253, 231, 37]);
        assert_eq!(picture.get_pixel(8, 0).0, [68, 1, 84]);
    }

    #[test]
    fn the_overlay_is_green_for_and_red_against() {
        let pixels = Pixels::new(vec![100.0; 9], [1, 3, 3]).unwrap();
        let why = map(&[1.0, 0.0, -1.0], 1);
        let picture = overlay(&why, &pixels, 100.0).unwrap();
        assert_eq!(picture.get_pixel(0, 0).0, [30, 209, 30]);
        assert_eq!(picture.get_pixel(1, 0).0, [30, 30, 30]);
        assert_eq!(picture.get_pixel(2, 0).0, [209, 30, 30]);
        let other = Pixels::new(vec![0.0; 6], [2, 1, 3]).unwrap();
        assert!(matches!(
            overlay(&why, &other, 100.0),
            Err(Error::Shape { .. })
        ));
        assert!(matches!(
            overlay(&why, &pixels, f64::NAN),
            Err(Error::Setting { .. })
        ));
    }

    #[test]
    fn npy_has_channels_first() {
        let bytes = npy(&map(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3));
        assert_eq!(bytes.len(), 128 + 24);
        assert_eq!(bytes[127], b'\n');
        let floats: Vec<f32> = bytes[128..]
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        assert_eq!(floats, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
