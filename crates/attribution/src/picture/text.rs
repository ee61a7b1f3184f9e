//! Text on pictures, in a font of eight by eight pixels.

use font8x8::{BASIC_FONTS, LATIN_FONTS, UnicodeFonts};
use image::{Rgb, RgbImage};

/// Side of a letter in pixels.
const LETTER: u32 = 8;
/// Height of a line of text: a letter and the space around it.
pub(crate) const LINE: u32 = 12;

/// The text in lines of at most `width` letters, broken between words. A word that is longer is broken after a hyphen where
/// that is possible, otherwise anywhere.
pub(crate) fn lines(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.len() <= width => {
                line.push(' ');
                line.extend(word);
                continue;
            }
            _ => {}
        }
        while word.len() > width {
            let hyphen = word[..width].iter().rposition(|&letter| letter == '-');
            let rest = word.split_off(hyphen.map_or(width, |at| at + 1));
            lines.push(word.into_iter().collect());
            word = rest;
        }
        lines.push(word.into_iter().collect());
    }
    lines
}

/// Writes one line of black text with its upper left corner at `x`, `y`, each point of a letter as large as `scale` pixels;
/// what lies outside the picture is left out.
pub(crate) fn write(out: &mut RgbImage, text: &str, [x, y]: [u32; 2], scale: u32) {
    for (i, letter) in text.chars().enumerate() {
        let glyph = BASIC_FONTS
            .get(letter)
            .or_else(|| LATIN_FONTS.get(letter))
            .or_else(|| BASIC_FONTS.get('?'))
            .unwrap_or_default();
        let left = x + i as u32 * LETTER * scale;
        for (point_y, point_x) in
            (0..LETTER * scale).flat_map(|y| (0..LETTER * scale).map(move |x| (y, x)))
        {
            let is_ink = glyph[(point_y / scale) as usize] >> (point_x / scale) & 1 == 1;
            if let (true, Some(pixel)) = (
                is_ink,
                out.get_pixel_mut_checked(left + point_x, y + point_y),
            ) {
                *pixel = Rgb([0; 3]);
            }
        }
    }
}

/// Writes words on a white field in the middle of a picture, half as wide as the picture where they fit. A picture that is
/// too small for the longest word stays as it is.
pub(crate) fn stamp(picture: &mut RgbImage, words: &str) {
    let (width, height) = picture.dimensions();
    let letters = |text: &str| text.chars().count() as u32;
    let scale = (width / (2 * LETTER * letters(words).max(1))).max(1);
    let lines = lines(words, (width / (LETTER * scale)) as usize);
    let across = lines.iter().map(|line| letters(line)).max().unwrap_or(0) * LETTER * scale;
    let down = lines.len() as u32 * LINE * scale;
    let longest = words.split_whitespace().map(letters).max().unwrap_or(0) * LETTER;
    if longest > width || down > height {
        return;
    }
    let (left, top) = ((width - across) / 2, (height - down) / 2);
    let border = LETTER / 2 * scale;
    for y in top.saturating_sub(border)..(top + down + border).min(height) {
        for x in left.saturating_sub(border)..(left + across + border).min(width) {
            picture.put_pixel(x, y, Rgb([255; 3]));
        }
    }
    for (n, line) in lines.iter().enumerate() {
        // In the middle of its line, both ways.
        let x = (width - letters(line) * LETTER * scale) / 2;
        let y = top + (n as u32 * LINE + (LINE - LETTER) / 2) * scale;
        write(picture, line, [x, y], scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_long_words_after_hyphens() {
        assert_eq!(
            lines("integrated gradients of it", 14),
            ["integrated", "gradients of", "it"]
        );
        assert_eq!(
            lines("guided-integrated-gradients", 20),
            ["guided-integrated-", "gradients"]
        );
        assert_eq!(lines("incomprehensible", 7), ["incompr", "ehensib", "le"]);
        assert_eq!(lines("a-b", 1), ["a", "-", "b"]);
        assert!(lines("", 5).is_empty());
    }

    #[test]
    fn words_are_in_the_middle_of_a_picture_that_has_room_for_them() {
        for (width, height) in [(120, 30), (60, 30), (448, 448)] {
            let mut picture = RgbImage::from_pixel(width, height, Rgb([9; 3]));
            stamp(&mut picture, "nothing found");
            let ink: Vec<_> = (picture.enumerate_pixels())
                .filter(|(.., pixel)| pixel.0 == [0; 3])
                .map(|(x, y, _)| (x, y))
                .collect();
            let [left, right] = [true, false]
                .map(|left| ink.iter().filter(|(x, _)| (*x < width / 2) == left).count());
            assert!(left > 50 && right > 50, "{width}: {left} and {right}");
            let across = ink.iter().map(|(x, _)| x).max().unwrap()
                - ink.iter().map(|(x, _)| x).min().unwrap();
            assert!(across >= 2 * width / 5, "{width}: {across}");
        }
        for (width, height) in [(50, 90), (120, 8), (1, 1)] {
            let mut picture = RgbImage::from_pixel(width, height, Rgb([9; 3]));
            stamp(&mut picture, "nothing found");
            assert!(picture.pixels().all(|pixel| pixel.0 == [9; 3]));
        }
    }
}
