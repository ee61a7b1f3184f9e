//! No output of a program is one of its inputs.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::{Arg, ArgMatches, Command};
use dataset::decode::ImageFormat;
use transfer::FileKind;

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
const IMAGE_FOLDERS: [&str; 5] = [
    "calibration_dir",
    "image_dir",
    "images",
    "misclassified",
    "test_dir",
];

/// Every path of the command line, kept for what is written beside an output and for folders that outputs lie in.
static GIVEN: OnceLock<Vec<Named>> = OnceLock::new();

/// A path of the command line.
struct Named {
    id: String,
    /// As the user writes the option.
    name: String,
    path: PathBuf,
    /// Whether a folder is written.
    folder: bool,
}

impl Named {
    fn is_output(&self) -> bool {
        OUTPUTS.contains(&self.id.as_str())
    }

    /// Whether an output may lie in a folder of images: beside the folders of the classes, where it is no image, or as a
    /// cache, which is known as such.
    fn may_lie_in(&self, folder: &Path) -> bool {
        let beside = real(&self.path).as_deref().and_then(Path::parent) == real(folder).as_deref();
        let ending = self.path.extension().unwrap_or_default();
        let ending = ending.to_string_lossy().to_lowercase();
        let is_image = |format: ImageFormat| format.extensions().contains(&ending.as_str());
        let is_file = !self.folder && !ImageFormat::ALL.into_iter().any(is_image);
        beside && (is_file || self.id == "cache")
    }
}

/// Refuses an output that is an input or lies in a folder of input images, and two outputs in one place.
///
/// # Errors
/// If there is one, with the names of the two options.
pub fn check(command: &Command, matches: &ArgMatches) -> Result<(), Box<dyn Error>> {
    let given = GIVEN.get_or_init(|| paths(command, matches));
    let outputs: Vec<&Named> = given.iter().filter(|named| named.is_output()).collect();
    let places = outputs
        .iter()
        .map(|output| (output.name.as_str(), output.path.as_path()));
    check_different(&places.collect::<Vec<_>>())?;
    for output in outputs {
        let shown = files::shown_path(&output.path);
        for input in given.iter().filter(|named| !named.is_output()) {
            let (read, written) = (&input.name, &output.name);
            // A training goes on in its own file, which is replaced when it is whole.
            if (input.id.as_str(), output.id.as_str()) != ("from", "output") {
                check_kept(input, written, &output.path)?;
            }
            if IMAGE_FOLDERS.contains(&input.id.as_str())
                && inside(&output.path, &input.path)
                && !output.may_lie_in(&input.path)
            {
                return Err(format!(
                    "{written} {shown} lies in the folder of {read}: it would be taken for images of that; choose another place"
                )
                .into());
            }
        }
    }
    Ok(())
}

/// Refuses to write where something is read.
fn check_kept(input: &Named, written: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    if !same(&input.path, path) {
        return Ok(());
    }
    let (read, shown) = (&input.name, files::shown_path(path));
    Err(format!(
        "{read} and {written} are both {shown}: the result would replace what is read; choose another place"
    )
    .into())
}

/// What in a folder is no image of the user's: what is named on the command line, and caches of embeddings.
pub fn own(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let given = GIVEN.get().map(Vec::as_slice).unwrap_or_default();
    let is_own = |path: &PathBuf| {
        let is_it =
            |named: &Named| named.path.file_name() == path.file_name() && same(&named.path, path);
        let named = given.iter().any(is_it);
        named || (path.is_dir() && FileKind::of(path).is_some())
    };
    entries.map(|entry| entry.path()).filter(is_own).collect()
}

/// The paths of the command line that are read.
pub(crate) fn inputs() -> Vec<PathBuf> {
    let given = GIVEN.get().map(Vec::as_slice).unwrap_or_default();
    let inputs = given.iter().filter(|named| !named.is_output());
    inputs.map(|named| named.path.clone()).collect()
}

/// Says before the work what would be said after it: that a result cannot be written to the file of an option or beside it
/// (these have names without dashes), that two results would be written to one file, or that one would replace what is
/// read.
///
/// # Errors
/// If that is so.
pub fn check_outputs(outputs: &[(&str, Option<&Path>)]) -> Result<(), Box<dyn Error>> {
    let given = outputs
        .iter()
        .filter_map(|&(name, path)| Some((name, path?)));
    let given: Vec<_> = given.collect();
    check_different(&given)?;
    let inputs = GIVEN.get().map(Vec::as_slice).unwrap_or_default();
    let inputs = || inputs.iter().filter(|named| !named.is_output());
    for (name, path) in given {
        // Options are compared with each other before the program begins.
        if !name.starts_with("--") {
            inputs().try_for_each(|input| check_kept(input, name, path))?;
        }
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
                folder: is_folder(argument),
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

/// Whether the path of an option is that of a folder, by what its help calls it.
fn is_folder(argument: &Arg) -> bool {
    let names = argument.get_value_names().unwrap_or_default();
    names.iter().any(|name| name == "DIR")
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
