//! What somebody who is refused may have meant.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use transfer::FileKind;

/// How similar a name must be to be named, 0 to 1.
const SIMILAR: f64 = 0.7;

/// The refusal of a command line, with the option that takes a path that was given without one.
pub(crate) fn with_option(command: &Command, mut error: Error) -> Error {
    let given = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) if error.kind() == ErrorKind::UnknownArgument => {
            PathBuf::from(text)
        }
        _ => return error,
    };
    let (id, what) = match FileKind::of(&given) {
        Some(FileKind::Classifier) => ("classifier", "a classifier file"),
        Some(FileKind::Predictions) => ("predictions", "a file of predictions"),
        _ if given.is_dir() => ("image_dir", "a folder of images"),
        _ => return error,
    };
    let called = std::env::args().nth(1).unwrap_or_default();
    let command = command.find_subcommand(&called).unwrap_or(command);
    let mut arguments = command.get_arguments();
    let option = arguments.find(|argument| argument.get_id() == id);
    if let Some(option) = option.and_then(|argument| argument.get_long()) {
        let shown = files::shown_path(&given);
        let tip = StyledStr::from(format!("{what} is given as '--{option} {shown}'"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// The path of something that is there and is spelled nearly like a path that leads to nothing.
pub fn near(path: &Path) -> Option<PathBuf> {
    if path.exists() {
        return None;
    }
    let name = path.file_name()?;
    let folder = path.parent()?;
    let shown = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    if !shown.exists() {
        return Some(near(folder)?.join(name)).filter(|path| path.exists());
    }
    let name = name.to_string_lossy().to_lowercase();
    let likeness = |other: &PathBuf| {
        let other = other.file_name().unwrap_or_default().to_string_lossy();
        strsim::normalized_damerau_levenshtein(&other.to_lowercase(), &name)
    };
    let entries = fs::read_dir(shown).ok()?.flatten();
    let entries = entries.map(|entry| folder.join(entry.file_name()));
    let near = entries.map(|path| (likeness(&path), path));
    let near = near.filter(|(likeness, _)| *likeness >= SIMILAR);
    // Of two that are alike the first by name, whatever the order of the system.
    let near = near.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    near.map(|(_, path)| path)
}

/// Words to put behind a message about a path that leads to nothing; empty where nothing is spelled nearly like it.
pub fn did_you_mean(path: &Path) -> String {
    match near(path) {
        Some(near) => format!("; did you mean {}?", files::shown_path(&near)),
        None => String::new(),
    }
}

/// The same for the paths of a command line that a message names.
pub(crate) fn for_message(message: &str) -> String {
    let named = |path: &&PathBuf| message.contains(&files::shown_path(path).to_string());
    crate::paths::inputs()
        .iter()
        .filter(named)
        .map(|path| did_you_mean(path))
        .collect()
}
