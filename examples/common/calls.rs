//! Commands as a person types them, to be copied from what a program says.

use std::env;
use std::ffi::OsStr;

/// A word of a command: a name, an option, a path.
pub type Word<'a> = &'a dyn AsRef<OsStr>;

/// The command line of these words, of which the first names an example: by the program of all examples, or by Cargo where this
/// is an example that Cargo has built.
pub fn command(words: &[Word<'_>]) -> String {
    let mut words = words.iter().map(|word| (*word).as_ref().to_string_lossy());
    let example = words.next().unwrap_or_default();
    let mut line = if is_example() {
        format!("cargo run --release --example {example} --")
    } else {
        format!("mobilenet-transfer {}", example.replace('_', "-"))
    };
    for word in words {
        line += &format!(" {}", quoted(&word));
    }
    line
}

fn is_example() -> bool {
    let folder = env::current_exe()
        .ok()
        .and_then(|path| Some(path.parent()?.ends_with("examples")));
    folder.unwrap_or(false)
}

/// A word for a shell, in quotes where it needs them.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
