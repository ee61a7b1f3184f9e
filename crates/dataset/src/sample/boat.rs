//! Boats: sailing boats, motor boats, fishing boats.

use super::canvas::{Canvas, Color, Point, mix};
use super::random::Random;

const HULLS: [Color; 7] = [
    [0.92, 0.92, 0.90],
    [0.20, 0.24, 0.34],
    [0.62, 0.16, 0.14],
    [0.18, 0.36, 0.52],
    [0.42, 0.28, 0.18],
    [0.16, 0.17, 0.18],
    [0.55, 0.60, 0.60],
];

/// A boat at its place in the scene.
struct Boat {
    /// The middle of its waterline, in pixels.
    place: Point,
    /// Its length in pixels.
    length: f32,
    /// 1 if the bow is on the right, -1 if it is on the left.
    facing: f32,
    tilt: f32,
    /// How much of the haze its colors have, 0 to 1.
    pale: f32,
    haze: Color,
    hull: Color,
    /// The heights of the hull below and above the waterline, and of the bow above the deck, in boat lengths.
    draft: f32,
    deck: f32,
    bow: f32,
}

/// Draws a boat on the sea.
pub(super) fn boat(
    canvas: &mut Canvas,
    rng: &mut Random,
    sea_level: f32,
    light: Color,
    haze: Color,
) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let boat = Boat::random(rng, [width, height], sea_level, haze);
    match rng.below(4) {
        kind @ (0 | 1) => boat.sails(canvas, rng, light, kind == 0),
        2 => boat.cabins(canvas, rng),
        _ => boat.wheelhouse(canvas, rng),
    }
    boat.hull(canvas);
    boat.reflection(canvas);
}

impl Boat {
    fn random(rng: &mut Random, [width, height]: [f32; 2], sea_level: f32, haze: Color) -> Self {
        // Near boats are large, distant ones are small and pale.
        let nearness = rng.uniform(0.0, 1.0);
        let length = 20.0 + 100.0 * nearness * rng.uniform(0.6, 1.0);
        let y = sea_level
            + 2.0
            + (0.12 + 0.5 * nearness) * (height - sea_level) * rng.uniform(0.5, 1.0);
        let x = rng.uniform(0.2, 0.8) * width;
        let facing = if rng.chance(0.5) { 1.0 } else { -1.0 };
        let tilt = rng.uniform(-0.09, 0.09);
        let pale = (1.0 - nearness) * rng.uniform(0.1, 0.55);
        Self {
            place: [x, y],
            length,
            facing,
            tilt,
            pale,
            haze,
            hull: mix(rng.color(&HULLS), haze, pale),
            draft: rng.uniform(0.05, 0.10),
            deck: rng.uniform(0.08, 0.15),
            bow: rng.uniform(0.02, 0.08),
        }
    }

    /// A point of the boat, in boat lengths from the middle of its waterline with v upward, on the canvas.
    fn at(&self, u: f32, v: f32) -> Point {
        let [x, y] = self.place;
        let (u, v) = (u * self.length * self.facing, v * self.length);
        [x + u + v * self.tilt, y - v + u * self.tilt]
    }

    fn tint(&self, color: Color) -> Color {
        mix(color, self.haze, self.pale)
    }

    fn dark(&self) -> Color {
        self.hull.map(|v| v * 0.6)
    }

    /// Fills a polygon whose corners are points of the boat.
    fn fill<const N: usize>(&self, canvas: &mut Canvas, corners: [[f32; 2]; N], color: Color) {
        canvas.polygon(&corners.map(|[u, v]| self.at(u, v)), |_, _| color);
    }

    /// Draws a line between two points of the boat; `width` is in boat lengths, but at least `least` pixels.
    fn line(
        &self,
        canvas: &mut Canvas,
        [from, to]: [[f32; 2]; 2],
        (width, least): (f32, f32),
        color: Color,
    ) {
        let [from, to] = [from, to].map(|[u, v]| self.at(u, v));
        canvas.line(from, to, (self.length * width).max(least), color);
    }

    /// One mast with a mainsail, and perhaps a jib.
    fn sails(&self, canvas: &mut Canvas, rng: &mut Random, light: Color, jib: bool) {
        let deck = self.deck;
        let mast = rng.uniform(0.75, 1.25);
        let foot = rng.uniform(-0.05, 0.12);
        let cloth = self.tint(mix(
            rng.color(&[[0.96, 0.95, 0.92], [0.75, 0.30, 0.22], [0.30, 0.42, 0.60]]),
            light,
            0.5,
        ));
        let wood = self.tint([0.3, 0.27, 0.24]);
        self.line(canvas, [[foot, deck], [foot, mast]], (0.018, 1.0), wood);
        let belly = rng.uniform(0.02, 0.08);
        let boom = rng.uniform(0.35, 0.5);
        let mainsail = [
            [foot - 0.015, mast * 0.98],
            [foot - boom * 0.45 - belly, mast * 0.5],
            [foot - boom, deck + 0.07],
            [foot - 0.015, deck + 0.06],
        ];
        self.fill(canvas, mainsail, cloth);
        if jib {
            let corners = [
                [foot + 0.02, mast * 0.85],
                [0.48, deck + 0.03],
                [foot + 0.04, deck + 0.05],
            ];
            self.fill(canvas, corners, cloth.map(|v| v * 0.9));
        }
    }

    /// A motor boat or a ferry: one to three cabins, one on top of the other, and a mast.
    fn cabins(&self, canvas: &mut Canvas, rng: &mut Random) {
        let cabin =
            self.tint(rng.color(&[[0.93, 0.93, 0.92], [0.80, 0.76, 0.68], [0.5, 0.55, 0.6]]));
        let mut floor = self.deck;
        let (mut from, mut to) = (rng.uniform(-0.42, -0.2), rng.uniform(0.05, 0.25));
        for _ in 0..=rng.below(3) {
            let roof = floor + rng.uniform(0.08, 0.13);
            let walls = [[from, floor], [from, roof], [to - 0.03, roof], [to, floor]];
            self.fill(canvas, walls, cabin);
            let panes = [[from + 0.03, roof - 0.04], [to - 0.05, roof - 0.04]];
            self.line(canvas, panes, (0.03, 0.0), self.dark());
            floor = roof;
            from += 0.05;
            to -= 0.07;
        }
        let mast = [[from + 0.05, floor], [from + 0.05, floor + 0.15]];
        self.line(canvas, mast, (0.0, 1.0), self.dark());
    }

    /// A fishing boat: a wheelhouse at one end, a mast and its ropes at the other.
    fn wheelhouse(&self, canvas: &mut Canvas, rng: &mut Random) {
        let deck = self.deck;
        let house =
            self.tint(rng.color(&[[0.92, 0.92, 0.9], [0.70, 0.45, 0.25], [0.30, 0.45, 0.50]]));
        let at = rng.uniform(-0.3, 0.1);
        let roof = deck + rng.uniform(0.14, 0.22);
        let walls = [[at, deck], [at, roof], [at + 0.18, roof], [at + 0.2, deck]];
        self.fill(canvas, walls, house);
        let pane = roof - 0.06;
        let panes = [[at + 0.03, pane], [at + 0.15, pane]];
        self.line(canvas, panes, (0.04, 0.0), self.dark());
        let mast = rng.uniform(0.35, 0.6);
        let rope = self.tint([0.25, 0.23, 0.2]);
        let foot = at + 0.24;
        self.line(canvas, [[foot, deck], [foot, mast]], (0.014, 0.9), rope);
        self.line(
            canvas,
            [[foot, mast], [0.46, deck + 0.08]],
            (0.008, 0.7),
            rope,
        );
        self.line(
            canvas,
            [[foot, mast * 0.9], [-0.45, deck]],
            (0.008, 0.7),
            rope,
        );
    }

    fn hull(&self, canvas: &mut Canvas) {
        let Self {
            draft, deck, bow, ..
        } = *self;
        let corners = [
            [-0.48, deck * 0.9],
            [0.1, deck * 0.85],
            [0.52, deck + bow],
            [0.40, -draft * 0.3],
            [-0.44, -draft * 0.3],
        ];
        self.fill(canvas, corners, self.hull);
        let stripe = [[-0.47, deck * 0.75], [0.48, deck * 0.9 + bow * 0.6]];
        self.line(canvas, stripe, (0.012, 0.7), self.dark());
    }

    /// The reflection in the water, and the foam at the waterline.
    fn reflection(&self, canvas: &mut Canvas) {
        let draft = self.draft;
        let color = mix(self.hull, [0.1, 0.14, 0.18], 0.5);
        let corners = [
            [-0.44, -draft * 0.3],
            [0.40, -draft * 0.3],
            [0.3, -draft * 1.8],
            [-0.36, -draft * 1.8],
        ];
        let corners = corners.map(|[u, v]| self.at(u, v));
        canvas.polygon(&corners, |_, under| mix(under, color, 0.45));
        let waterline = [[-0.46, -draft * 0.3], [0.42, -draft * 0.3]];
        self.line(canvas, waterline, (0.02, 0.8), self.tint([0.88; 3]));
    }
}
