//! Commands as a person types them, to be copied from what a program says.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this is an example, and not the program of all examples.
static EXAMPLE: AtomicBool = AtomicBool::new(false);

/// Says that this is an example, and not the program of all examples.
pub(crate) fn is_an_example() {
    EXAMPLE.store(true, Ordering::Relaxed);
}

/// A word of a command: a name, an option, a path.
pub type Word<'a> = &'a dyn AsRef<OsStr>;

/// The command line of these words, of which the first names an example, with the name by which this program was called: by
/// Cargo, as an example, or as the program of all examples.
pub fn command(words: &[Word<'_>]) -> String {
    let mut words = words.iter().map(|word| (*word).as_ref().to_string_lossy());
    let example = words.next().unwrap_or_default();
    let called = env::args_os().next().unwrap_or_default();
    let by_cargo = env::var_os("CARGO_MANIFEST_DIR").is_some();
    let is_example = EXAMPLE.load(Ordering::Relaxed);
    let mut line = program(&example, &called, by_cargo, is_example);
    for word in words {
        line += &format!(" {}", quoted(&word));
    }
    line
}

/// How an example is called where this program was called so.
fn program(example: &str, called: &OsString, by_cargo: bool, is_example: bool) -> String {
    let called = Path::new(called);
    let kebab = example.replace('_', "-");
    match (by_cargo, is_example) {
        (true, true) => format!("cargo run --release --example {example} --"),
        (true, false) => format!("cargo run --release -- {kebab}"),
        (false, true) => {
            let ending = called.extension().unwrap_or_default();
            let beside = called.with_file_name(example).with_extension(ending);
            quoted(&beside.to_string_lossy())
        }
        (false, false) => format!("{} {kebab}", quoted(&called.to_string_lossy())),
    }
}

/// A word for a shell, in quotes where it needs them.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
