//! The scenes themselves.

use image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Subject;
use super::canvas::{Canvas, Colour, Noise, Point, mix, smoothstep};

const WIDTH: usize = 256;
const HEIGHT: usize = 192;

/// Zenith, horizon, sea near, sea far, and the light on clouds and sails.
const WEATHER: [[Colour; 5]; 5] = [
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

/// What a picture's random numbers come from.
struct Dice(ChaCha8Rng);

impl Dice {
    fn between(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.0.random::<f32>()
    }

    fn chance(&mut self, probability: f32) -> bool {
        self.0.random::<f32>() < probability
    }

    fn noise(&mut self) -> Noise {
        Noise(self.0.random())
    }

    fn colour(&mut self, choices: &[Colour]) -> Colour {
        let choice = choices[self.0.random_range(0..choices.len())];
        choice.map(|v| (v + self.between(-0.06, 0.06)).clamp(0.0, 1.0))
    }
}

pub(super) fn draw(subject: Subject, index: u64, seed: u64) -> RgbImage {
    // Both classes draw from one stream each of the seed: picture `i` in stream `2 i + class`.
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(index.wrapping_mul(2).wrapping_add(subject as u64));
    let mut dice = Dice(random);
    let mut canvas = Canvas::new(WIDTH, HEIGHT);

    let [zenith, horizon, near, far, light] = WEATHER[dice.0.random_range(0..WEATHER.len())]
        .map(|colour| colour.map(|v| (v + dice.between(-0.05, 0.05)).clamp(0.0, 1.0)));
    let sea_level = HEIGHT as f32 * dice.between(0.45, 0.78);
    sky(&mut canvas, zenith, horizon, sea_level);
    // Half of the boats sail under clouds like those of the other class.
    let cloudy = match subject {
        Subject::Cloud => dice.between(0.45, 1.0),
        Subject::Boat if dice.chance(0.5) => dice.between(0.2, 1.0),
        Subject::Boat => 0.0,
    };
    if cloudy > 0.0 {
        clouds(
            &mut canvas,
            &mut dice,
            cloudy,
            light,
            mix(zenith, horizon, 0.5),
            sea_level,
        );
    }
    if dice.chance(0.35) {
        coast(&mut canvas, &mut dice, sea_level, horizon);
    }
    sea(&mut canvas, &mut dice, near, far, sea_level);
    for _ in 0..dice.0.random_range(0..3) {
        rock(&mut canvas, &mut dice, sea_level, far);
    }
    if subject == Subject::Boat {
        boat(&mut canvas, &mut dice, sea_level, light, horizon);
    }
    finish(&mut canvas, &mut dice);
    canvas.into_image()
}

fn sky(canvas: &mut Canvas, zenith: Colour, horizon: Colour, sea_level: f32) {
    canvas.shade(|_, y, _| {
        let t = (y / sea_level).min(1.0);
        mix(zenith, horizon, t * t)
    });
}

fn clouds(
    canvas: &mut Canvas,
    dice: &mut Dice,
    amount: f32,
    light: Colour,
    shade: Colour,
    sea_level: f32,
) {
    let noise = dice.noise();
    let scale = dice.between(24.0, 60.0);
    let flat = dice.between(1.2, 2.6);
    let dark = mix(shade, [0.35, 0.37, 0.42], 0.6);
    let threshold = 0.66 - 0.24 * amount;
    canvas.shade(|x, y, under| {
        if y > sea_level {
            return under;
        }
        // Clouds lie flatter and closer together towards the horizon.
        let far = 1.0 + 1.5 * (y / sea_level) * (y / sea_level);
        let (u, v) = (x / scale * far.sqrt(), y / scale * flat * far.sqrt());
        let density = noise.layers(u, v);
        let cover = smoothstep(threshold, threshold + 0.12, density);
        // Lit from above: bright where there is less cloud a little higher up.
        let above = noise.layers(u, v - 0.25);
        let lit = smoothstep(-0.16, 0.14, density - above);
        mix(under, mix(dark, light, 0.25 + 0.75 * lit), cover * 0.95)
    });
}

fn coast(canvas: &mut Canvas, dice: &mut Dice, sea_level: f32, haze: Colour) {
    let noise = dice.noise();
    let (height, width) = (dice.between(4.0, 22.0), dice.between(30.0, 90.0));
    let land = dice.colour(&[[0.25, 0.33, 0.22], [0.36, 0.33, 0.30], [0.45, 0.42, 0.34]]);
    let land = mix(land, haze, dice.between(0.2, 0.7));
    canvas.shade(|x, y, under| {
        let ridge = sea_level - height * (2.2 * noise.layers(x / width, 0.5) - 0.7).max(0.0);
        mix(under, land, smoothstep(ridge - 0.7, ridge + 0.7, y))
    });
}

fn sea(canvas: &mut Canvas, dice: &mut Dice, near: Colour, far: Colour, sea_level: f32) {
    let noise = dice.noise();
    let swell = dice.between(0.15, 0.5);
    let foam = if dice.chance(0.4) {
        dice.between(0.74, 0.82)
    } else {
        2.0
    };
    canvas.shade(|x, y, under| {
        if y < sea_level - 0.5 {
            return under;
        }
        let depth = ((y - sea_level) / (HEIGHT as f32 - sea_level)).clamp(0.0, 1.0);
        // Waves are longer, and further apart, the nearer they are.
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

/// A rock or a buoy: something on the water that is no boat.
fn rock(canvas: &mut Canvas, dice: &mut Dice, sea_level: f32, far: Colour) {
    let y = sea_level + dice.between(0.02, 0.6) * (HEIGHT as f32 - sea_level);
    let x = dice.between(0.05, 0.95) * WIDTH as f32;
    let width = dice.between(6.0, 46.0);
    let height = width * dice.between(0.2, 0.6);
    let stone = dice.colour(&[
        [0.22, 0.20, 0.19],
        [0.38, 0.35, 0.32],
        [0.55, 0.52, 0.48],
        [0.60, 0.22, 0.16],
    ]);
    let stone = mix(stone, far, dice.between(0.0, 0.4));
    let mut corners = vec![[x - width / 2.0, y]];
    for step in 1..8 {
        let t = step as f32 / 8.0;
        let arch = 4.0 * t * (1.0 - t);
        corners.push([
            x + width * (t - 0.5),
            y - height * arch * dice.between(0.6, 1.1),
        ]);
    }
    corners.push([x + width / 2.0, y]);
    let noise = dice.noise();
    canvas.polygon(&corners, |[px, py], _| {
        stone.map(|v| v * (0.7 + 0.6 * noise.layers(px / 5.0, py / 4.0)))
    });
}

const HULLS: [Colour; 7] = [
    [0.92, 0.92, 0.90],
    [0.20, 0.24, 0.34],
    [0.62, 0.16, 0.14],
    [0.18, 0.36, 0.52],
    [0.42, 0.28, 0.18],
    [0.16, 0.17, 0.18],
    [0.55, 0.60, 0.60],
];

fn boat(canvas: &mut Canvas, dice: &mut Dice, sea_level: f32, light: Colour, haze: Colour) {
    // Near boats are large, far ones small and pale.
    let nearness = dice.between(0.0, 1.0);
    let length = 20.0 + 100.0 * nearness * dice.between(0.6, 1.0);
    let y = sea_level
        + 2.0
        + (0.12 + 0.5 * nearness) * (HEIGHT as f32 - sea_level) * dice.between(0.5, 1.0);
    let x = dice.between(0.2, 0.8) * WIDTH as f32;
    let facing = if dice.chance(0.5) { 1.0 } else { -1.0 };
    let tilt = dice.between(-0.09, 0.09);
    let pale = (1.0 - nearness) * dice.between(0.1, 0.55);
    let tint = |colour: Colour| mix(colour, haze, pale);
    // A point of the boat (in lengths, y up from the waterline) on the canvas.
    let place = |u: f32, v: f32| -> Point {
        let (u, v) = (u * length * facing, v * length);
        [x + u + v * tilt, y - v + u * tilt]
    };
    let hull = tint(dice.colour(&HULLS));
    let dark = hull.map(|v| v * 0.6);

    let draft = dice.between(0.05, 0.10);
    let deck = dice.between(0.08, 0.15);
    let bow = dice.between(0.02, 0.08);
    let kind = dice.0.random_range(0..4);
    match kind {
        // One mast, one or two sails.
        0 | 1 => {
            let mast = dice.between(0.75, 1.25);
            let foot = dice.between(-0.05, 0.12);
            let cloth = tint(mix(
                dice.colour(&[[0.96, 0.95, 0.92], [0.75, 0.30, 0.22], [0.30, 0.42, 0.60]]),
                light,
                0.5,
            ));
            canvas.line(
                place(foot, deck),
                place(foot, mast),
                (length * 0.018).max(1.0),
                tint([0.3, 0.27, 0.24]),
            );
            let belly = dice.between(0.02, 0.08);
            let boom = dice.between(0.35, 0.5);
            canvas.polygon(
                &[
                    place(foot - 0.015, mast * 0.98),
                    place(foot - boom * 0.45 - belly, mast * 0.5),
                    place(foot - boom, deck + 0.07),
                    place(foot - 0.015, deck + 0.06),
                ],
                |_, _| cloth,
            );
            if kind == 0 {
                let jib = cloth.map(|v| v * 0.9);
                canvas.polygon(
                    &[
                        place(foot + 0.02, mast * 0.85),
                        place(0.48, deck + 0.03),
                        place(foot + 0.04, deck + 0.05),
                    ],
                    |_, _| jib,
                );
            }
        }
        // A motor boat or a ferry: cabins in steps.
        2 => {
            let cabin =
                tint(dice.colour(&[[0.93, 0.93, 0.92], [0.80, 0.76, 0.68], [0.5, 0.55, 0.6]]));
            let mut floor = deck;
            let (mut from, mut to) = (dice.between(-0.42, -0.2), dice.between(0.05, 0.25));
            for _ in 0..dice.0.random_range(1..4) {
                let roof = floor + dice.between(0.08, 0.13);
                canvas.polygon(
                    &[
                        place(from, floor),
                        place(from, roof),
                        place(to - 0.03, roof),
                        place(to, floor),
                    ],
                    |_, _| cabin,
                );
                canvas.line(
                    place(from + 0.03, roof - 0.04),
                    place(to - 0.05, roof - 0.04),
                    length * 0.03,
                    dark,
                );
                floor = roof;
                from += 0.05;
                to -= 0.07;
            }
            canvas.line(
                place(from + 0.05, floor),
                place(from + 0.05, floor + 0.15),
                1.0,
                dark,
            );
        }
        // A fishing boat: a wheelhouse at one end, a mast with a derrick.
        _ => {
            let house =
                tint(dice.colour(&[[0.92, 0.92, 0.9], [0.70, 0.45, 0.25], [0.30, 0.45, 0.50]]));
            let at = dice.between(-0.3, 0.1);
            let roof = deck + dice.between(0.14, 0.22);
            canvas.polygon(
                &[
                    place(at, deck),
                    place(at, roof),
                    place(at + 0.18, roof),
                    place(at + 0.2, deck),
                ],
                |_, _| house,
            );
            let pane = roof - 0.06;
            canvas.line(
                place(at + 0.03, pane),
                place(at + 0.15, pane),
                length * 0.04,
                dark,
            );
            let mast = dice.between(0.35, 0.6);
            let rope = tint([0.25, 0.23, 0.2]);
            canvas.line(
                place(at + 0.24, deck),
                place(at + 0.24, mast),
                (length * 0.014).max(0.9),
                rope,
            );
            canvas.line(
                place(at + 0.24, mast),
                place(0.46, deck + 0.08),
                (length * 0.008).max(0.7),
                rope,
            );
            canvas.line(
                place(at + 0.24, mast * 0.9),
                place(-0.45, deck),
                (length * 0.008).max(0.7),
                rope,
            );
        }
    }
    canvas.polygon(
        &[
            place(-0.48, deck * 0.9),
            place(0.1, deck * 0.85),
            place(0.52, deck + bow),
            place(0.40, -draft * 0.3),
            place(-0.44, -draft * 0.3),
        ],
        |_, _| hull,
    );
    canvas.line(
        place(-0.47, deck * 0.75),
        place(0.48, deck * 0.9 + bow * 0.6),
        (length * 0.012).max(0.7),
        dark,
    );
    // The reflection, and the foam at the bow.
    let reflection = mix(hull, [0.1, 0.14, 0.18], 0.5);
    canvas.polygon(
        &[
            place(-0.44, -draft * 0.3),
            place(0.40, -draft * 0.3),
            place(0.3, -draft * 1.8),
            place(-0.36, -draft * 1.8),
        ],
        |_, under| mix(under, reflection, 0.45),
    );
    canvas.line(
        place(-0.46, -draft * 0.3),
        place(0.42, -draft * 0.3),
        (length * 0.02).max(0.8),
        tint([0.88; 3]),
    );
}

/// The lens and the sensor: exposure, blur, grain.
fn finish(canvas: &mut Canvas, dice: &mut Dice) {
    let exposure = dice.between(0.75, 1.15);
    let times = dice.0.random_range(0..2);
    canvas.blur(times);
    let (grain, noise) = (dice.between(0.01, 0.05), dice.noise());
    canvas.shade(|x, y, colour| {
        let step = (noise.grid(x as i32, y as i32) - 0.5) * grain;
        colour.map(|v| v * exposure + step)
    });
}
