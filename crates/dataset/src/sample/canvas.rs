//! The tools for drawing scenes: a canvas of floats, shapes with soft edges, and smooth noise.

use image::{Rgb, RgbImage};

/// Red, green and blue, each 0 to 1.
pub(super) type Color = [f32; 3];

/// A point; x to the right, y down, in pixels.
pub(super) type Point = [f32; 2];

pub(super) fn mix(a: Color, b: Color, t: f32) -> Color {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t)
}

/// 0 below `from`, 1 above `to`, smooth between.
pub(super) fn smoothstep(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pixels: Vec<Color>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            pixels: vec![[0.0; 3]; width * height],
        }
    }

    /// Changes every pixel: `(x, y, color) -> color`.
    pub(super) fn shade(&mut self, change: impl Fn(f32, f32, Color) -> Color) {
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let (x, y) = (i % self.width, i / self.width);
            *pixel = change(x as f32 + 0.5, y as f32 + 0.5, *pixel);
        }
    }

    /// Fills a polygon; `color` is given the point and the color that was there.
    pub(super) fn polygon(&mut self, corners: &[Point], color: impl Fn(Point, Color) -> Color) {
        let Some(&last) = corners.last() else { return };
        let top = corners.iter().fold(f32::MAX, |t, c| t.min(c[1])).max(0.0) as usize;
        let bottom = corners.iter().fold(0.0_f32, |b, c| b.max(c[1])).ceil() as usize;
        for y in top..bottom.min(self.height) {
            // Three lines per row of pixels, with exact ends, are enough for smooth edges.
            let mut cover = vec![0.0_f32; self.width];
            for line in [0.17, 0.5, 0.83] {
                let at = y as f32 + line;
                let mut crossings = Vec::new();
                let mut from = last;
                for &to in corners {
                    if (from[1] <= at) != (to[1] <= at) {
                        let t = (at - from[1]) / (to[1] - from[1]);
                        crossings.push(from[0] + (to[0] - from[0]) * t);
                    }
                    from = to;
                }
                crossings.sort_by(f32::total_cmp);
                for pair in crossings.chunks_exact(2) {
                    let (left, right) = (pair[0].max(0.0), pair[1].min(self.width as f32));
                    for (x, cover) in cover.iter_mut().enumerate().skip(left as usize) {
                        let part = right.min(x as f32 + 1.0) - left.max(x as f32);
                        if part <= 0.0 {
                            break;
                        }
                        *cover += part / 3.0;
                    }
                }
            }
            for (x, &cover) in cover.iter().enumerate().filter(|(_, c)| **c > 0.0) {
                let pixel = &mut self.pixels[y * self.width + x];
                let point = [x as f32 + 0.5, y as f32 + 0.5];
                *pixel = mix(*pixel, color(point, *pixel), cover.min(1.0));
            }
        }
    }

    /// A line of a given width.
    pub(super) fn line(&mut self, from: Point, to: Point, width: f32, color: Color) {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = (dx * dx + dy * dy).sqrt().max(1e-3);
        let (nx, ny) = (-dy / length * width / 2.0, dx / length * width / 2.0);
        let corners = [
            [from[0] + nx, from[1] + ny],
            [to[0] + nx, to[1] + ny],
            [to[0] - nx, to[1] - ny],
            [from[0] - nx, from[1] - ny],
        ];
        self.polygon(&corners, |_, _| color);
    }

    /// Replaces each pixel by the mean of it and its neighbors, this many times.
    pub(super) fn blur(&mut self, times: usize) {
        let (w, h) = (self.width, self.height);
        for _ in 0..times {
            let from = self.pixels.clone();
            for (i, pixel) in self.pixels.iter_mut().enumerate() {
                let (x, y) = (i % w, i / w);
                let mut sum = [0.0; 3];
                let mut count = 0.0;
                for row in from
                    .chunks_exact(w)
                    .take((y + 2).min(h))
                    .skip(y.saturating_sub(1))
                {
                    for color in row.iter().take((x + 2).min(w)).skip(x.saturating_sub(1)) {
                        sum = std::array::from_fn(|c| sum[c] + color[c]);
                        count += 1.0;
                    }
                }
                *pixel = sum.map(|s| s / count);
            }
        }
    }

    pub(super) fn into_image(self) -> RgbImage {
        let pixel = |c: &Color| Rgb(c.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8));
        RgbImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            pixel(&self.pixels[y as usize * self.width + x as usize])
        })
    }
}

/// Smooth noise: random values on a grid of integers, and smooth values between them.
#[derive(Clone, Copy)]
pub(super) struct Noise(pub(super) u64);

impl Noise {
    /// A random value from 0 to 1 for a point of the grid.
    pub(super) fn grid(self, x: i32, y: i32) -> f32 {
        // SplitMix64's finalizer.
        let mut z =
            self.0 ^ ((x as u64) << 32 | u64::from(y as u32)).wrapping_mul(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 24) as f32
    }

    pub(super) fn at(self, x: f32, y: f32) -> f32 {
        // Positive from here on, so that cutting off rounds down (`floor` is a slow call).
        let (x, y) = (x + 64.0, y + 64.0);
        let (x0, y0) = (x as i32, y as i32);
        let (tx, ty) = (x - x0 as f32, y - y0 as f32);
        let (tx, ty) = (tx * tx * (3.0 - 2.0 * tx), ty * ty * (3.0 - 2.0 * ty));
        let row = |y| {
            let left = self.grid(x0, y);
            left + (self.grid(x0 + 1, y) - left) * tx
        };
        let top = row(y0);
        top + (row(y0 + 1) - top) * ty
    }

    /// The sum of five layers, each twice as fine and half as strong as the one before; 0 to 1, around one half.
    pub(super) fn layers(self, x: f32, y: f32) -> f32 {
        let (mut sum, mut weight, mut scale) = (0.0, 0.5, 1.0);
        for layer in 0..5 {
            sum += weight * Self(self.0.wrapping_add(layer)).at(x * scale, y * scale);
            weight /= 2.0;
            scale *= 2.0;
        }
        sum / 0.96875
    }
}
