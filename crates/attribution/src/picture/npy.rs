//! Attributions as NumPy files.

use crate::attribution::Attribution;

/// The map as a NumPy file (version 1.0): `[3, height, width]`, 32-bit floats, little-endian.
///
/// A map with one or two channels, or more than three, is summed over its channels and divided equally among three, so
/// that the sum is the same.
pub fn npy(attribution: &Attribution) -> Vec<u8> {
    let [h, w, c] = attribution.shape();
    let mut bytes = files::npy_header(&[3, h, w]);
    let sums = attribution.per_pixel();
    for channel in 0..3 {
        for (pixel, sum) in attribution.map().chunks_exact(c).zip(&sums) {
            let value = if c == 3 { pixel[channel] } else { sum / 3.0 };
            bytes.extend((value as f32).to_le_bytes());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_come_first() {
        let map = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let bytes = npy(&Attribution::new("test", map, [1, 2, 3], 0.0).unwrap());
        assert_eq!(bytes.len(), 128 + 24);
        assert_eq!(bytes[127], b'\n');
        let floats: Vec<f32> = bytes[128..]
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        assert_eq!(floats, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
