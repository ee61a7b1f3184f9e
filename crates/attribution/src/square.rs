//! Squares of an image: what occlusion, faithfulness and infidelity replace.

use crate::pixels::Pixels;
use std::ops::Range;

/// The pixels of a square: one range of indices for each of its rows. Pixels beyond the edges of the image are left out.
pub(crate) fn lines(
    [top, left]: [usize; 2],
    side: usize,
    [height, width]: [usize; 2],
) -> impl Iterator<Item = Range<usize>> {
    let (bottom, right) = ((top + side).min(height), (left + side).min(width));
    (top..bottom).map(move |y| y * width + left..y * width + right)
}

/// Appends the image with these pixels of another image in it.
pub(crate) fn push_replaced(
    images: &mut Vec<f32>,
    image: &Pixels,
    other: &Pixels,
    lines: impl IntoIterator<Item = Range<usize>>,
) {
    let channels = image.shape()[2];
    let start = images.len();
    images.extend_from_slice(image.values());
    for line in lines {
        let line = line.start * channels..line.end * channels;
        images[start..][line.clone()].copy_from_slice(&other.values()[line]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_cut_off_at_the_edges_and_replaced_in_all_channels() {
        let ranges = |corner| lines(corner, 2, [3, 4]).collect::<Vec<_>>();
        assert_eq!(ranges([0, 1]), [1..3, 5..7]);
        assert_eq!(ranges([2, 3]), vec![11..12; 1]);
        let level = |value: f32| Pixels::new(vec![value; 24], [3, 4, 2]).unwrap();
        let mut images = vec![7.0];
        push_replaced(
            &mut images,
            &level(0.0),
            &level(1.0),
            lines([2, 3], 2, [3, 4]),
        );
        assert_eq!(images, [vec![7.0], vec![0.0; 22], vec![1.0; 2]].concat());
    }
}
