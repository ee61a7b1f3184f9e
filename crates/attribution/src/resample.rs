//! Maps at another size.

/// Bilinear interpolation with pixel centers at half (`torch.nn.functional.interpolate(align_corners=False)`).
///
/// `from` and `to` are height and width, none of them 0; the map has one channel.
pub(crate) fn bilinear(map: &[f64], from: [usize; 2], to: [usize; 2]) -> Vec<f64> {
    let columns = weights(from[1], to[1]);
    let rows = weights(from[0], to[0]);
    let at = |y: usize, x: usize| map[y * from[1] + x];
    let mut out = Vec::with_capacity(to[0] * to[1]);
    for &(top, bottom, v) in &rows {
        for &(left, right, u) in &columns {
            let upper = (1.0 - u) * at(top, left) + u * at(top, right);
            let lower = (1.0 - u) * at(bottom, left) + u * at(bottom, right);
            out.push((1.0 - v) * upper + v * lower);
        }
    }
    out
}

/// For each output position: the indices of two inputs and the weight of the second.
fn weights(from: usize, to: usize) -> Vec<(usize, usize, f64)> {
    let scale = from as f64 / to as f64;
    (0..to)
        .map(|i| {
            let x = ((i as f64 + 0.5) * scale - 0.5).max(0.0);
            let low = (x as usize).min(from - 1);
            (low, (low + 1).min(from - 1), x - low as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_as_torch_does() {
        // torch 2.15: interpolate([[0, 1], [2, 3]], size=(4, 4), mode="bilinear")
        let expected = [
            0.0, 0.25, 0.75, 1.0, 0.5, 0.75, 1.25, 1.5, 1.5, 1.75, 2.25, 2.5, 2.0, 2.25, 2.75, 3.0,
        ];
        assert_eq!(bilinear(&[0.0, 1.0, 2.0, 3.0], [2, 2], [4, 4]), expected);
        assert_eq!(bilinear(&expected, [4, 4], [4, 4]), expected);
        assert_eq!(bilinear(&[5.0], [1, 1], [2, 3]), [5.0; 6]);
    }
}
