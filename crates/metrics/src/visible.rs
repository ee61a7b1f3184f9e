//! Text from files and strangers, so that a reader sees all of it.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character is invisible and changes how the text around it is read: control characters, line separators,
/// the marks, embeddings, overrides and isolates of bidirectional text, and what XML does not allow.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with its hidden characters written as escapes, such as `\n` and `\u{202e}`. Without such characters the
/// text stays as it is.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        push_visible(&mut shown, c);
    }
    Cow::Owned(shown)
}

/// Appends a character, or the escape of a hidden one.
pub(crate) fn push_visible(shown: &mut String, c: char) {
    match c {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        c if is_hidden(c) => {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        }
        c => shown.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_others_stay() {
        for (text, shown) in [
            ("boat", "boat"),
            ("café 船 سفينة 👩‍🚒", "café 船 سفينة 👩‍🚒"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("photo\u{202e}gpj.exe", "photo\\u{202e}gpj.exe"),
            ("\u{2066}x\u{2069}\u{200f}", "\\u{2066}x\\u{2069}\\u{200f}"),
            (
                "two\r\nlines\t\u{85}\u{0}",
                "two\\r\\nlines\\t\\u{85}\\u{0}",
            ),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
