//! Changes of color.

use image::RgbImage;

/// The weights of torchvision and Pillow.
fn luma(pixel: [f32; 3]) -> f32 {
    0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
}

pub(super) fn jittered(
    image: &RgbImage,
    factors: [f32; 3],
    hue: f32,
    order: [usize; 4],
) -> RgbImage {
    let mut pixels: Vec<[f32; 3]> = image.pixels().map(|p| p.0.map(f32::from)).collect();
    for step in order {
        // Contrast blends with the mean gray of the image that the steps before it made.
        let mean = match step {
            1 => pixels.iter().map(|p| f64::from(luma(*p))).sum::<f64>() / pixels.len() as f64,
            _ => 0.0,
        };
        for pixel in &mut pixels {
            let blend = |other: f32, factor: f32| {
                pixel.map(|v| (other + (v - other) * factor).clamp(0.0, 255.0))
            };
            *pixel = match step {
                0 => blend(0.0, factors[0]),
                1 => blend(mean as f32, factors[1]),
                2 => blend(luma(*pixel), factors[2]),
                _ => turn_hue(*pixel, hue),
            };
        }
    }
    let bytes = pixels
        .iter()
        .flat_map(|p| p.map(|v| v.round() as u8))
        .collect();
    RgbImage::from_raw(image.width(), image.height(), bytes).unwrap_or_default()
}

/// Turns the hue by a part of the whole circle; value and saturation stay.
fn turn_hue([r, g, b]: [f32; 3], by: f32) -> [f32; 3] {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = max - min;
    if chroma == 0.0 {
        return [r, g, b];
    }
    let sixth = if max == r {
        (g - b) / chroma
    } else if max == g {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    let hue = (sixth + 6.0 * by).rem_euclid(6.0);
    [5.0_f32, 3.0, 1.0].map(|n| {
        let k = (n + hue) % 6.0;
        max - chroma * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}
