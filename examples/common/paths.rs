//! No output of a program is one of its inputs.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};

/// Options that name what is written. All others that hold a path name what is read.
pub const OUTPUTS: [&str; 14] = [
    "answers",
    "cache",
    "card",
    "export_bottlenecks",
    "find_rate",
    "json",
    "map",
    "metrics",
    "output",
    "page",
    "pairs",
    "report",
    "snippet",
    "summaries_dir",
];

/// Folders whose images are read: what is written into them would be taken for images, or for a class.
const IMAGE_FOLDERS: [&str; 4] = ["calibration_dir", "image_dir", "misclassified", "test_dir"];

/// A path of the command line.
struct Named {
    id: String,
    /// As the user writes the option.
    name: String,
    path: PathBuf,
}

/// Refuses an output that is an input or lies in a folder of input images, and two outputs in one place.
///
/// # Errors
/// If there is one, with the names of the two options.
pub fn check(command: &Command, matches: &ArgMatches) -> Result<(), Box<dyn Error>> {
    let (outputs, inputs): (Vec<Named>, Vec<Named>) = paths(command, matches)
        .into_iter()
        .partition(|named| OUTPUTS.contains(&named.id.as_str()));
    let places = outputs
        .iter()
        .map(|output| (output.name.as_str(), output.path.as_path()));
    check_different(&places.collect::<Vec<_>>())?;
    for output in &outputs {
        let shown = files::shown_path(&output.path);
        for input in &inputs {
            let (read, written) = (&input.name, &output.name);
            // A training goes on in its own file, which is replaced when it is whole.
            if same(&input.path, &output.path)
                && (input.id.as_str(), output.id.as_str()) != ("from", "output")
            {
                return Err(format!(
                    "{read} and {written} are both {shown}: the result would replace what is read; choose another place"
                )
                .into());
            }
            if IMAGE_FOLDERS.contains(&input.id.as_str()) && inside(&output.path, &input.path) {
                return Err(format!(
                    "{written} {shown} lies in the folder of {read}: it would be taken for images of that; choose another place"
                )
                .into());
            }
        }
    }
    Ok(())
}

/// Says before the work what would be said after it: that a result cannot be written to the file of an option, or that
/// two results would be written to one file.
///
/// # Errors
/// If that is so.
pub fn check_outputs(outputs: &[(&str, Option<&Path>)]) -> Result<(), Box<dyn Error>> {
    let given = outputs
        .iter()
        .filter_map(|&(name, path)| Some((name, path?)));
    let given: Vec<_> = given.collect();
    check_different(&given)?;
    for (name, path) in given {
        files::check_writable(path).map_err(|error| format!("{name} {error}"))?;
    }
    Ok(())
}

/// Refuses two outputs in one place.
fn check_different(outputs: &[(&str, &Path)]) -> Result<(), Box<dyn Error>> {
    for (i, (name, path)) in outputs.iter().enumerate() {
        if let Some((other, _)) = outputs[..i].iter().find(|(_, other)| same(other, path)) {
            let path = files::shown_path(path);
            let twice = format!("{other} and {name} are both {path}: one would replace the other");
            return Err(twice.into());
        }
    }
    Ok(())
}

/// Every path among the options of a command that was given or is a default.
fn paths(command: &Command, matches: &ArgMatches) -> Vec<Named> {
    if let Some((name, matches)) = matches.subcommand() {
        return command
            .find_subcommand(name)
            .map_or_else(Vec::new, |command| paths(command, matches));
    }
    let mut found = Vec::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let name = match argument.get_long() {
            Some(long) => format!("--{long}"),
            None => id.to_uppercase(),
        };
        let mut add = |path: &Path| {
            found.push(Named {
                id: id.into(),
                name: name.clone(),
                path: path.into(),
            });
        };
        if let Ok(Some(values)) = matches.try_get_many::<PathBuf>(id) {
            values.for_each(|path| add(path));
        } else if let Ok(Some(values)) = matches.try_get_many::<String>(id) {
            // A name, or a path where there is one.
            values
                .map(Path::new)
                .filter(|path| path.exists())
                .for_each(add);
        }
    }
    found
}

fn same(a: &Path, b: &Path) -> bool {
    match (real(a), real(b)) {
        // Two outputs may go to one device.
        (Some(a), Some(b)) => a == b && (a.is_file() || a.is_dir() || !a.exists()),
        _ => a == b,
    }
}

fn inside(path: &Path, folder: &Path) -> bool {
    match (real(path), real(folder)) {
        (Some(path), Some(folder)) => path.starts_with(folder),
        _ => false,
    }
}

/// The path without links. Its end may be missing.
fn real(path: &Path) -> Option<PathBuf> {
    if let Ok(real) = path.canonicalize() {
        return Some(real);
    }
    let name = path.file_name()?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    Some(real(folder.unwrap_or(Path::new(".")))?.join(name))
}
