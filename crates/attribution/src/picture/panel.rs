//! Several pictures side by side.

use crate::picture::colors::{DIVERGING, INFERNO, color};
use crate::picture::drawing::byte;
use crate::picture::text::{LINE, lines, write};
use image::{Rgb, RgbImage, imageops};

/// Space between pictures, in pixels.
const GAP: u32 = 8;
/// Width of a color bar.
const BAR: u32 = 14;
/// The ends of the scale of magnitudes.
const WORDS: [&str; 2] = ["much", "little"];

/// Several pictures in rows, with captions, and optionally with color bars beside them; the text is black on white.
///
/// ```
/// let mut panel = attribution::picture::Panel::new(2);
/// panel.add("image", image::RgbImage::new(64, 64));
/// panel.add("grad-cam", image::RgbImage::new(64, 64));
/// panel.add("rise", image::RgbImage::new(64, 64));
/// let picture = panel.with_bars("against", "for").draw();
/// assert!(picture.width() > 2 * 64 && picture.height() > 2 * 64);
/// ```
#[derive(Debug, Clone)]
pub struct Panel {
    columns: u32,
    pictures: Vec<(String, RgbImage)>,
    bars: Option<[String; 2]>,
}

impl Panel {
    /// A panel with this number of columns; 0 becomes 1.
    pub fn new(columns: u32) -> Self {
        Self {
            columns: columns.max(1),
            pictures: Vec::new(),
            bars: None,
        }
    }

    /// Adds a picture. A caption that is wider than its picture is broken between words or after hyphens.
    pub fn add(&mut self, caption: impl Into<String>, picture: RgbImage) {
        self.pictures.push((caption.into(), picture));
    }

    /// Adds the two color scales on the right. These words label the two ends of the signed scale.
    #[must_use]
    pub fn with_bars(mut self, least: impl Into<String>, most: impl Into<String>) -> Self {
        self.bars = Some([least.into(), most.into()]);
        self
    }

    /// Draws the panel. All cells are as large as the largest picture.
    pub fn draw(&self) -> RgbImage {
        let largest = |side: fn(&RgbImage) -> u32| {
            self.pictures
                .iter()
                .map(|(_, p)| side(p))
                .max()
                .unwrap_or(0)
        };
        let (width, height) = (largest(RgbImage::width), largest(RgbImage::height));
        let captions: Vec<Vec<String>> = self
            .pictures
            .iter()
            .map(|(caption, _)| lines(caption, (width / 8) as usize))
            .collect();
        let text = captions.iter().map(Vec::len).max().unwrap_or(0) as u32 * LINE;
        let columns = self.columns.min(self.pictures.len().max(1) as u32);
        let rows = (self.pictures.len() as u32).div_ceil(columns).max(1);
        let (across, down) = (width + GAP, height + GAP / 2 + text + GAP);
        let bars = self.bars.as_ref().map_or(0, |ends| {
            let words = ends.iter().map(String::as_str).chain(WORDS);
            let longest = words.map(|w| w.chars().count()).max();
            (longest.unwrap_or(0) as u32 * 8).max(BAR) + GAP
        });
        let mut out = RgbImage::from_pixel(
            GAP + columns * across + bars,
            GAP + rows * down,
            Rgb([255; 3]),
        );
        for (i, ((_, picture), caption)) in self.pictures.iter().zip(&captions).enumerate() {
            let (column, row) = (i as u32 % columns, i as u32 / columns);
            let (x, y) = (GAP + column * across, GAP + row * down);
            imageops::replace(&mut out, picture, i64::from(x), i64::from(y));
            for (n, line) in caption.iter().enumerate() {
                let y = y + height + GAP / 2 + n as u32 * LINE;
                write(&mut out, line, [x, y], 1);
            }
        }
        if let Some([least, most]) = &self.bars {
            let x = GAP + columns * across;
            let length = (height / 2).saturating_sub(2 * LINE + GAP / 2).max(1);
            draw_bar(&mut out, [x, GAP], length, &DIVERGING, [most, least]);
            let y = GAP + height / 2 + GAP / 2;
            draw_bar(&mut out, [x, y], length, &INFERNO, WORDS);
        }
        out
    }
}

/// Draws a color bar of this length, with a word above and one below it, at `x`, `y`.
fn draw_bar(
    out: &mut RgbImage,
    [x, y]: [u32; 2],
    length: u32,
    scale: &[[f64; 3]; 9],
    [top, bottom]: [&str; 2],
) {
    write(out, top, [x, y], 1);
    for line in 0..length {
        let t = 1.0 - f64::from(line) / f64::from(length.max(2) - 1);
        for column in 0..BAR {
            if let Some(pixel) = out.get_pixel_mut_checked(x + column, y + LINE + line) {
                *pixel = Rgb(byte(color(scale, t)));
            }
        }
    }
    write(out, bottom, [x, y + LINE + length + 3], 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_panel_and_a_tiny_one_are_drawn() {
        assert_eq!(Panel::new(0).draw().dimensions(), (16, 20));
        let mut panel = Panel::new(3).with_bars("a", "b");
        panel.add("x", RgbImage::new(1, 1));
        assert!(panel.draw().pixels().any(|p| p.0 == [0; 3]));
    }
}
