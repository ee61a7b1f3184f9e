//! Names that fit into a picture.

use crate::visible::visible;

/// About how wide a text is at 13 pixels, in pixels. Characters of East Asian scripts are wide.
pub(super) fn pixels(text: &str) -> i32 {
    text.chars().map(width).sum()
}

fn width(c: char) -> i32 {
    if c < '\u{1100}' { 8 } else { 14 }
}

/// A name of at most this many pixels, with its beginning and its end: names of classes often differ in one of the two
/// only. Hidden characters are shown as escapes.
pub(super) fn shorten(name: &str, most: i32) -> String {
    let name = visible(name);
    if pixels(&name) <= most {
        return name.into_owned();
    }
    let half = (most - width('…')) / 2;
    let fitting = |characters: &mut dyn Iterator<Item = char>| {
        let mut left = half;
        let fits = |c: &char| {
            left -= width(*c);
            left >= 0
        };
        characters.take_while(fits).collect::<Vec<char>>()
    };
    let (start, end) = (fitting(&mut name.chars()), fitting(&mut name.chars().rev()));
    let end = end.into_iter().rev();
    start.into_iter().chain(['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_beginning_and_end() {
        assert_eq!(shorten("vehicles", 128), "vehicles");
        let short = shorten("photographs_of_vehicles_seen_from_above", 128);
        assert_eq!(short, "photogr…m_above");
        for name in ["船".repeat(40), "\u{202e}".repeat(40), "x".repeat(17)] {
            assert!(pixels(&shorten(&name, 128)) <= 128, "{name}");
        }
        assert!(shorten(&"\u{202e}".repeat(40), 128).starts_with("\\u{202"));
    }
}
