use dataset::RgbImage;

use crate::error::{Error, Result};

/// Colors that most people can tell apart, color-blind or not (Okabe and Ito). They repeat from the ninth class on.
const COLORS: [[u8; 3]; 8] = [
    [0, 114, 178],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [213, 94, 0],
    [240, 228, 66],
    [60, 60, 60],
];

/// The color of a class in a [`scatter_plot`], as RGB. The colors repeat from the ninth class on.
pub fn class_color(class: usize) -> [u8; 3] {
    COLORS[class % COLORS.len()]
}

/// A scatter plot of images: one dot for each of `points` `[n, 2]`, in the color of its class, on a white square of
/// `side` pixels (16 to 8192). The first coordinate grows to the right, the second one upwards. Points that are not
/// finite are left out.
///
/// # Errors
/// [`Error::Mismatch`] if the number of targets is not the number of points, or `side` is out of range.
pub fn scatter_plot(points: &[f64], targets: &[usize], side: u32) -> Result<RgbImage> {
    if targets.len().checked_mul(2) != Some(points.len()) {
        return Err(Error::mismatch(
            "coordinates of a scatter plot",
            2 * targets.len(),
            points.len(),
        ));
    }
    if !(16..=8192).contains(&side) {
        return Err(Error::mismatch(
            "side of a scatter plot",
            "16 to 8192 pixels",
            side,
        ));
    }
    let range = |axis: usize| {
        let values = points.iter().skip(axis).step_by(2).copied();
        values
            .filter(|v| v.is_finite())
            .fold((f64::MAX, f64::MIN), |(low, high), v| {
                (low.min(v), high.max(v))
            })
    };
    let (x_range, y_range) = (range(0), range(1));
    let radius = i64::from(side / 200).max(1);
    let free = f64::from(side) - 4.0 * radius as f64;
    let place = |v: f64, (low, high): (f64, f64)| {
        let share = if high > low {
            (v - low) / (high - low)
        } else {
            0.5
        };
        (2 * radius) + (share * free) as i64
    };
    let mut image = RgbImage::from_pixel(side, side, image::Rgb([255; 3]));
    for (point, &target) in points.chunks_exact(2).zip(targets) {
        if point.iter().all(|v| v.is_finite()) {
            let x = place(point[0], x_range);
            let y = i64::from(side) - 1 - place(point[1], y_range);
            draw_dot(&mut image, x, y, radius, class_color(target));
        }
    }
    Ok(image)
}

fn draw_dot(image: &mut RgbImage, x: i64, y: i64, radius: i64, color: [u8; 3]) {
    for dy in -radius..=radius {
        for dx in -radius..=radius {
            let inside = dx * dx + dy * dy <= radius * radius;
            let (px, py) = ((x + dx) as u32, (y + dy) as u32);
            if let Some(pixel) = image.get_pixel_mut_checked(px, py).filter(|_| inside) {
                *pixel = image::Rgb(color);
            }
        }
    }
}
