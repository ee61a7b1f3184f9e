//! Pictures of anything but boats and clouds: four photographs, drawn scenes, textures.

use std::path::Path;

use image::{Rgb, RgbImage};

/// In the workspace's `tests/fixtures`.
pub const PHOTOGRAPHS: [&str; 4] = ["astronaut.png", "cat.png", "coffee.png", "rocket.png"];

const SIDE: u32 = 224;

/// Photographs first, then scenes, then textures.
pub fn all() -> Vec<RgbImage> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let photograph = |name| image::open(fixtures.join(name)).unwrap().to_rgb8();
    let scenes = [house, face, flower, car, page, bricks];
    let textures = [checks, stripes, noise, dots, rings, marble];
    let drawn = scenes.iter().chain(&textures);
    let drawn =
        drawn.flat_map(|draw| (0..3).map(|variant| paint(|x, y| draw(x, y, variant as f32))));
    PHOTOGRAPHS
        .map(photograph)
        .into_iter()
        .chain(drawn)
        .collect()
}

/// Coordinates from 0 to 1, y down; colors from 0 to 1.
fn paint(color: impl Fn(f32, f32) -> [f32; 3]) -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let grain = 0.03 * (hash(x as f32, y as f32) - 0.5);
        let scale = |v: u32| (v as f32 + 0.5) / SIDE as f32;
        Rgb(color(scale(x), scale(y)).map(|c| ((c + grain) * 255.0).clamp(0.0, 255.0) as u8))
    })
}

fn hash(x: f32, y: f32) -> f32 {
    let v = (x * 12.9898 + y * 78.233).sin() * 43_758.547;
    v - v.floor()
}

/// Noise that is smooth over a cell.
fn smooth(x: f32, y: f32) -> f32 {
    let (i, j) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - i), ease(y - j));
    let row = |j: f32| hash(i, j) * (1.0 - u) + hash(i + 1.0, j) * u;
    row(j) * (1.0 - v) + row(j + 1.0) * v
}

fn inside(x: f32, y: f32, left: f32, top: f32, right: f32, bottom: f32) -> bool {
    (left..right).contains(&x) && (top..bottom).contains(&y)
}

fn round(x: f32, y: f32, cx: f32, cy: f32, radius: f32) -> bool {
    (x - cx).hypot(y - cy) < radius
}

fn house(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let windows = [(0.3, 0.5), (0.6, 0.5), (0.3, 0.7)];
    match () {
        () if windows
            .iter()
            .any(|&(l, t)| inside(x, y, l, t, l + 0.12, t + 0.1)) =>
        {
            [0.2, 0.25, 0.35]
        }
        () if inside(x, y, 0.6, 0.68, 0.72, 0.9) => [0.35, 0.2, 0.1],
        () if inside(x, y, 0.2, 0.42, 0.82, 0.9) => [0.8, 0.7 - 0.2 * variant, 0.5],
        () if y > 0.15 && y < 0.42 && (x - 0.51).abs() < (y - 0.15) * 1.35 => [0.55, 0.2, 0.15],
        () => [0.25, 0.45 + 0.2 * smooth(x * 40.0, y * 40.0), 0.2],
    }
}

fn face(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let skin = [
        0.9 - 0.2 * variant,
        0.7 - 0.18 * variant,
        0.55 - 0.15 * variant,
    ];
    match () {
        () if round(x, y, 0.38, 0.45, 0.03) || round(x, y, 0.62, 0.45, 0.03) => [0.1; 3],
        () if round(x, y, 0.38, 0.45, 0.06) || round(x, y, 0.62, 0.45, 0.06) => [0.95; 3],
        () if (x - 0.5).abs() < 0.15 && (y - 0.7 + (x - 0.5).powi(2)).abs() < 0.02 => {
            [0.6, 0.15, 0.15]
        }
        () if (x - 0.5).hypot((y - 0.52) * 0.8) < 0.28 => skin,
        () if round(x, y, 0.5, 0.38, 0.36) => [0.25, 0.15, 0.08],
        () => [0.5, 0.3 + 0.3 * y, 0.3],
    }
}

fn flower(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let (dx, dy) = (x - 0.5, y - 0.4);
    let petal = 0.2 + 0.1 * (dy.atan2(dx) * (5.0 + variant)).cos();
    match dx.hypot(dy) {
        d if d < 0.08 => [0.95, 0.8, 0.1],
        d if d < petal => [0.9, 0.2 + 0.2 * variant, 0.5],
        _ if dx.abs() < 0.015 && y > 0.4 => [0.1, 0.4, 0.1],
        _ => [0.15, 0.35 + 0.3 * smooth(x * 15.0, y * 15.0), 0.1],
    }
}

fn car(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let wheels = [0.3, 0.7];
    let wheel = |radius| wheels.iter().any(|&cx| round(x, y, cx, 0.7, radius));
    match () {
        () if wheel(0.04) => [0.7; 3],
        () if wheel(0.09) => [0.08; 3],
        () if inside(x, y, 0.36, 0.42, 0.64, 0.54) => [0.6, 0.75, 0.8],
        () if inside(x, y, 0.12, 0.54, 0.88, 0.7) || inside(x, y, 0.32, 0.38, 0.68, 0.54) => {
            [0.8, 0.1 + 0.3 * variant, 0.1]
        }
        () if y > 0.74 => [0.3; 3],
        () => [0.6, 0.55, 0.45 + 0.1 * smooth(x * 8.0, y * 8.0)],
    }
}

fn page(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let line = (y * (20.0 + 6.0 * variant)).fract();
    let letter = hash((x * 60.0).floor(), (y * (20.0 + 6.0 * variant)).floor());
    let ink = inside(x, y, 0.1, 0.08, 0.9, 0.92) && line < 0.5 && letter > 0.35;
    if ink { [0.1; 3] } else { [0.96, 0.95, 0.9] }
}

fn bricks(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let rows = 10.0 + 4.0 * variant;
    let row = (y * rows).floor();
    let along = x * rows / 2.0 + if row % 2.0 == 0.0 { 0.5 } else { 0.0 };
    if (y * rows).fract() < 0.1 || along.fract() < 0.05 {
        return [0.75; 3];
    }
    let shade = 0.2 * hash(along.floor(), row);
    [0.55 + shade, 0.25 + shade, 0.2]
}

fn checks(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let n = 4.0 + 6.0 * variant;
    let odd = ((x * n).floor() + (y * n).floor()) % 2.0 != 0.0;
    if odd {
        [0.9, 0.85, 0.7]
    } else {
        [0.3, 0.15, 0.1]
    }
}

fn stripes(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let along = x * variant + y * (2.0 - variant);
    if (along * 9.0).fract() < 0.5 {
        [0.8, 0.1, 0.2]
    } else {
        [0.95; 3]
    }
}

fn noise(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let cell = 224.0 / (1.0 + 3.0 * variant);
    let at = |seed: f32| hash((x * cell).floor() + seed, (y * cell).floor());
    [at(0.0), at(50.0), at(90.0)]
}

fn dots(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let n = 6.0 + 3.0 * variant;
    if round((x * n).fract(), (y * n).fract(), 0.5, 0.5, 0.3) {
        [0.9, 0.7, 0.1]
    } else {
        [0.2, 0.1, 0.4]
    }
}

fn rings(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let d = (x - 0.3).hypot(y - 0.6) + 0.03 * smooth(x * 5.0, y * 5.0);
    let wave = 0.5 + 0.5 * (d * (60.0 + 30.0 * variant)).sin();
    [0.45 + 0.25 * wave, 0.3 + 0.15 * wave, 0.15]
}

fn marble(x: f32, y: f32, variant: f32) -> [f32; 3] {
    let turbulence: f32 = (0..5)
        .map(|o| smooth(x * 2f32.powi(o + 2), y * 2f32.powi(o + 2)) / 2f32.powi(o))
        .sum();
    let vein = ((x + turbulence) * (8.0 + 4.0 * variant)).sin().abs();
    [0.3 + 0.6 * vein, 0.35 + 0.5 * vein, 0.3 + 0.3 * vein]
}
