use std::fmt::{self, Display, Formatter, Write};
use std::path::Path;

/// Whether a character does something other than being visible: control characters, which command terminals and break
/// lines, and the characters of Unicode that change the direction of writing, which make one name look like another.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
}

/// A name from an untrusted source (of a file, a class, a tensor, or from a server), made safe to show to people: in
/// one line, with unprintable characters escaped as in Rust (`\u{1b}`). A backslash is not escaped.
///
/// ```
/// assert_eq!(files::shown("photo.jpg").to_string(), "photo.jpg");
/// assert_eq!(files::shown("a\u{1b}[2Jb").to_string(), "a\\u{1b}[2Jb");
/// ```
pub fn shown(name: &str) -> Shown<'_> {
    Shown(Kind::Text(name))
}

/// A path, made safe to show to people; see [`shown`]. Bytes that are not UTF-8 are replaced by U+FFFD.
///
/// ```
/// # use std::path::Path;
/// assert_eq!(files::shown_path(Path::new("a\nb.jpg")).to_string(), "a\\u{a}b.jpg");
/// ```
pub fn shown_path(path: &Path) -> Shown<'_> {
    Shown(Kind::Path(path))
}

/// What [`shown`] and [`shown_path`] display.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(Kind<'a>);

#[derive(Debug, Clone, Copy)]
enum Kind<'a> {
    Text(&'a str),
    Path(&'a Path),
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let lossy;
        let text = match self.0 {
            Kind::Text(text) => text,
            Kind::Path(path) => {
                lossy = path.to_string_lossy();
                &lossy
            }
        };
        for c in text.chars() {
            if is_unprintable(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}
