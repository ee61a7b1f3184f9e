//! The scenes: sky, clouds, coast, sea, rocks, and a boat on half of them.

use image::RgbImage;

use super::boat::boat;
use super::canvas::{Canvas, Color, mix, smoothstep};
use super::random::Random;
use super::subject::Subject;

/// Width of a scene in pixels.
const WIDTH: usize = 256;
/// Height of a scene in pixels.
const HEIGHT: usize = 192;

/// Zenith, horizon, sea near, sea far, and the light on clouds and sails.
const WEATHER: [[Color; 5]; 5] = [
    // A clear day.
    [
        [0.20, 0.43, 0.78],
        [0.68, 0.82, 0.93],
        [0.07, 0.25, 0.42],
        [0.30, 0.50, 0.65],
        [0.98, 0.98, 0.97],
    ],
    // Overcast.
    [
        [0.55, 0.59, 0.64],
        [0.76, 0.78, 0.80],
        [0.25, 0.31, 0.34],
        [0.48, 0.53, 0.56],
        [0.86, 0.87, 0.88],
    ],
    // Evening.
    [
        [0.24, 0.25, 0.46],
        [0.95, 0.62, 0.38],
        [0.16, 0.16, 0.28],
        [0.66, 0.45, 0.38],
        [1.00, 0.80, 0.66],
    ],
    // Before a storm.
    [
        [0.17, 0.21, 0.29],
        [0.50, 0.55, 0.58],
        [0.10, 0.17, 0.20],
        [0.27, 0.35, 0.38],
        [0.72, 0.75, 0.78],
    ],
    // The tropics.
    [
        [0.12, 0.50, 0.82],
        [0.72, 0.90, 0.95],
        [0.04, 0.45, 0.52],
        [0.28, 0.68, 0.72],
        [1.00, 1.00, 0.98],
    ],
];

pub(super) fn draw(subject: Subject, index: u64, seed: u64) -> RgbImage {
    // Image `i` of a class has the stream `2 i + class` of the seed.
    let mut rng = Random::new(seed, index.wrapping_mul(2).wrapping_add(subject as u64));
    let mut canvas = Canvas::new(WIDTH, HEIGHT);

    let [zenith, horizon, near, far, light] = WEATHER[rng.below(WEATHER.len())]
        .map(|color| color.map(|v| (v + rng.uniform(-0.05, 0.05)).clamp(0.0, 1.0)));
    let sea_level = HEIGHT as f32 * rng.uniform(0.45, 0.78);
    sky(&mut canvas, zenith, horizon, sea_level);
    // Half of the boats sail under clouds like those of the other class.
    let cloudy = match subject {
        Subject::Cloud => rng.uniform(0.45, 1.0),
        Subject::Boat if rng.chance(0.5) => rng.uniform(0.2, 1.0),
        Subject::Boat => 0.0,
    };
    if cloudy > 0.0 {
        clouds(
            &mut canvas,
            &mut rng,
            cloudy,
            light,
            mix(zenith, horizon, 0.5),
            sea_level,
        );
    }
    if rng.chance(0.35) {
        coast(&mut canvas, &mut rng, sea_level, horizon);
    }
    sea(&mut canvas, &mut rng, near, far, sea_level);
    for _ in 0..rng.below(3) {
        rock(&mut canvas, &mut rng, sea_level, far);
    }
    if subject == Subject::Boat {
        boat(&mut canvas, &mut rng, sea_level, light, horizon);
    }
    finish(&mut canvas, &mut rng);
    canvas.into_image()
}

fn sky(canvas: &mut Canvas, zenith: Color, horizon: Color, sea_level: f32) {
    canvas.shade(|_, y, _| {
        let t = (y / sea_level).min(1.0);
        mix(zenith, horizon, t * t)
    });
}

fn clouds(
    canvas: &mut Canvas,
    rng: &mut Random,
    amount: f32,
    light: Color,
    shade: Color,
    sea_level: f32,
) {
    let noise = rng.noise();
    let scale = rng.uniform(24.0, 60.0);
    let flat = rng.uniform(1.2, 2.6);
    let dark = mix(shade, [0.35, 0.37, 0.42], 0.6);
    let threshold = 0.66 - 0.24 * amount;
    canvas.shade(|x, y, under| {
        if y > sea_level {
            return under;
        }
        // Clouds are flatter and closer together near the horizon.
        let far = 1.0 + 1.5 * (y / sea_level) * (y / sea_level);
        let (u, v) = (x / scale * far.sqrt(), y / scale * flat * far.sqrt());
        let density = noise.layers(u, v);
        let cover = smoothstep(threshold, threshold + 0.12, density);
        // The light comes from above: a place is bright where there is less cloud a little higher up.
        let above = noise.layers(u, v - 0.25);
        let lit = smoothstep(-0.16, 0.14, density - above);
        mix(under, mix(dark, light, 0.25 + 0.75 * lit), cover * 0.95)
    });
}

fn coast(canvas: &mut Canvas, rng: &mut Random, sea_level: f32, haze: Color) {
    let noise = rng.noise();
    let (height, width) = (rng.uniform(4.0, 22.0), rng.uniform(30.0, 90.0));
    let land = rng.color(&[[0.25, 0.33, 0.22], [0.36, 0.33, 0.30], [0.45, 0.42, 0.34]]);
    let land = mix(land, haze, rng.uniform(0.2, 0.7));
    canvas.shade(|x, y, under| {
        let ridge = sea_level - height * (2.2 * noise.layers(x / width, 0.5) - 0.7).max(0.0);
        mix(under, land, smoothstep(ridge - 0.7, ridge + 0.7, y))
    });
}

fn sea(canvas: &mut Canvas, rng: &mut Random, near: Color, far: Color, sea_level: f32) {
    let noise = rng.noise();
    let swell = rng.uniform(0.15, 0.5);
    let foam = if rng.chance(0.4) {
        rng.uniform(0.74, 0.82)
    } else {
        2.0
    };
    canvas.shade(|x, y, under| {
        if y < sea_level - 0.5 {
            return under;
        }
        let depth = ((y - sea_level) / (HEIGHT as f32 - sea_level)).clamp(0.0, 1.0);
        // Near waves are longer, and further apart, than distant ones.
        let length = 3.0 + 26.0 * depth;
        let wave = noise.layers(x / length, (y - sea_level) / (0.8 + 5.0 * depth));
        let water = mix(far, near, depth.sqrt());
        let water = water.map(|v| v * (1.0 + swell * (wave - 0.5)));
        let water = mix(water, [0.92; 3], 0.8 * smoothstep(foam, foam + 0.06, wave));
        mix(
            under,
            water,
            smoothstep(sea_level - 0.5, sea_level + 0.5, y),
        )
    });
}

/// A rock or a buoy: something in the water that is not a boat.
fn rock(canvas: &mut Canvas, rng: &mut Random, sea_level: f32, far: Color) {
    let y = sea_level + rng.uniform(0.02, 0.6) * (HEIGHT as f32 - sea_level);
    let x = rng.uniform(0.05, 0.95) * WIDTH as f32;
    let width = rng.uniform(6.0, 46.0);
    let height = width * rng.uniform(0.2, 0.6);
    let stone = rng.color(&[
        [0.22, 0.20, 0.19],
        [0.38, 0.35, 0.32],
        [0.55, 0.52, 0.48],
        [0.60, 0.22, 0.16],
    ]);
    let stone = mix(stone, far, rng.uniform(0.0, 0.4));
    let mut corners = vec![[x - width / 2.0, y]];
    for step in 1..8 {
        let t = step as f32 / 8.0;
        let arch = 4.0 * t * (1.0 - t);
        corners.push([
            x + width * (t - 0.5),
            y - height * arch * rng.uniform(0.6, 1.1),
        ]);
    }
    corners.push([x + width / 2.0, y]);
    let noise = rng.noise();
    canvas.polygon(&corners, |[px, py], _| {
        stone.map(|v| v * (0.7 + 0.6 * noise.layers(px / 5.0, py / 4.0)))
    });
}

/// What the lens and the sensor of a camera do: exposure, blur, grain.
fn finish(canvas: &mut Canvas, rng: &mut Random) {
    let exposure = rng.uniform(0.75, 1.15);
    let times = rng.below(2);
    canvas.blur(times);
    let (grain, noise) = (rng.uniform(0.01, 0.05), rng.noise());
    canvas.shade(|x, y, color| {
        let step = (noise.grid(x as i32, y as i32) - 0.5) * grain;
        color.map(|v| v * exposure + step)
    });
}
