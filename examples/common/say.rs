//! What the examples print. Names of files, of classes and of whatever a server sent are in it, so that no character of them
//! may command the terminal.

use std::fmt::{self, Arguments, Write as _};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::Mutex;

use crate::progress::above;

/// The first error of standard output.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// As `println!`, but what could command a terminal is escaped, a program whose reader is gone goes on
/// (`retrain | head` still trains), and what cannot be written otherwise (a full disk) is an error of the whole program,
/// which [`finish`](crate::finish) reports.
#[macro_export]
macro_rules! say {
    ($($word:tt)*) => {
        $crate::say::line(format_args!($($word)*))
    };
}

/// As `eprintln!`, but what could command a terminal is escaped.
#[macro_export]
macro_rules! warn {
    ($($word:tt)*) => {
        $crate::say::warning(format_args!($($word)*))
    };
}

/// A number of things: `1 image`, `2 images`.
pub fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// See [`say!`].
pub fn line(text: Arguments<'_>) {
    let text = format!("{}\n", Escaped(&text.to_string()));
    print(text.as_bytes());
}

/// As [`say!`], of bytes that are ours and need no escapes.
pub fn print(bytes: &[u8]) {
    let write = || io::stdout().write_all(bytes);
    let written = if io::stdout().is_terminal() {
        above(write)
    } else {
        write()
    };
    if let Err(error) = written {
        lose(error);
    }
}

/// See [`warn!`].
pub fn warning(text: Arguments<'_>) {
    // Nobody is left to tell where this fails.
    let _ = above(|| writeln!(io::stderr(), "{}", Escaped(&text.to_string())));
}

fn lose(error: io::Error) {
    if error.kind() != ErrorKind::BrokenPipe
        && let Ok(mut lost) = LOST.lock()
    {
        lost.get_or_insert(error);
    }
}

/// The first error of standard output, after all that was said is written.
pub(crate) fn lost() -> Option<io::Error> {
    if let Err(error) = io::stdout().flush() {
        lose(error);
    }
    LOST.lock().ok()?.take()
}

/// Text in which control characters other than line breaks and tabs, and characters that change the direction of writing,
/// are escaped as in Rust.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' | '\t' => f.write_char(c)?,
                c if files::is_unprintable(c) => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
