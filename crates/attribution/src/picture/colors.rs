//! Color scales that are perceptually uniform and readable with color blindness.

/// Inferno at nine equidistant positions: black is little, yellow is much.
pub(crate) const INFERNO: [[f64; 3]; 9] = [
    [0.0, 0.0, 4.0],
    [31.0, 12.0, 72.0],
    [85.0, 15.0, 109.0],
    [136.0, 34.0, 106.0],
    [186.0, 54.0, 85.0],
    [227.0, 89.0, 51.0],
    [249.0, 140.0, 10.0],
    [249.0, 201.0, 50.0],
    [252.0, 255.0, 164.0],
];

/// From negative (blue) over zero (white) to positive (red): ColorBrewer's RdBu.
pub(crate) const DIVERGING: [[f64; 3]; 9] = [
    [33.0, 102.0, 172.0],
    [67.0, 147.0, 195.0],
    [146.0, 197.0, 222.0],
    [209.0, 229.0, 240.0],
    [255.0, 255.0, 255.0],
    [253.0, 219.0, 199.0],
    [244.0, 165.0, 130.0],
    [214.0, 96.0, 77.0],
    [178.0, 24.0, 43.0],
];

/// The color at `t` (0 to 1) of a scale, by linear interpolation between its entries.
pub(crate) fn color(scale: &[[f64; 3]; 9], t: f64) -> [f64; 3] {
    let position = t.clamp(0.0, 1.0) * 8.0;
    let below = (position as usize).min(7);
    let part = position - below as f64;
    std::array::from_fn(|i| scale[below][i] + part * (scale[below + 1][i] - scale[below][i]))
}

/// The `percentile` (0 to 100) of values by linear interpolation, as in NumPy; 0 where there are no values.
pub(crate) fn percentile(values: &[f64], percentile: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = percentile / 100.0 * sorted.len().saturating_sub(1) as f64;
    let at = |i: usize| sorted.get(i).or(sorted.last()).copied().unwrap_or_default();
    let low = place.floor();
    at(low as usize) + (place - low) * (at(low as usize + 1) - at(low as usize))
}
