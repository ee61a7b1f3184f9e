//! Folders that are the parts of a split already: `train`, `val` and `test` on top, with the classes inside.

use std::path::{Path, PathBuf};

use super::walk::{Entry, file_name, look_at, sorted_entries};
use crate::error::{Error, Result};
use crate::split::subset::Subset;

/// The sub-folders of a folder that are the parts of a split, in the order of the parts. `None` where they are classes.
///
/// They are parts where each of them has the name of another part, one is for training, and inside are folders, the classes.
///
/// # Errors
/// Where the names are those of parts and it cannot be told what they hold: two have the same meaning, or there are images in
/// them and no folders.
pub(super) fn find(root: &Path, folders: &[PathBuf]) -> Result<Option<Vec<(Subset, PathBuf)>>> {
    let mut parts = Vec::new();
    for folder in folders {
        let Some(subset) = file_name(folder).to_str().and_then(Subset::of_name) else {
            return Ok(None);
        };
        parts.push((subset, folder.clone()));
    }
    parts.sort();
    if parts.len() < 2 || parts[0].0 != Subset::Training {
        return Ok(None);
    }
    let unclear = |what: String| {
        Err(Error::UnclearParts {
            path: root.to_path_buf(),
            what,
        })
    };
    let name = |path: &Path| files::shown_path(Path::new(file_name(path))).to_string();
    if let Some(two) = parts.windows(2).find(|two| two[0].0 == two[1].0) {
        let (first, second, subset) = (name(&two[0].1), name(&two[1].1), two[0].0);
        return unclear(format!(
            "{first} and {second} may both be the images for {subset}"
        ));
    }
    let mut without_classes = Vec::new();
    for (_, folder) in &parts {
        let mut entries = sorted_entries(folder)?.into_iter();
        if !entries.any(|entry| matches!(look_at(&entry, &[]), Ok(Entry::Folder))) {
            without_classes.push(name(folder));
        }
    }
    // Classes may well be called `train` and `test`, but then none of them has folders inside.
    let training = &parts[0].1;
    match &without_classes[..] {
        [] => Ok(Some(parts)),
        some if without_classes[0] == name(training) => unclear(format!(
            "their names are those of the parts of a split, but there are no folders of classes in {}; if a table has the \
             labels, give it (`ImageFolder::labeled`, --labels)",
            some.join(" and ")
        )),
        some => unclear(format!(
            "their names are those of the parts of a split, but there are no folders of classes in {}, so that the images \
             there have no labels; give {} alone",
            some.join(" and "),
            files::shown_path(training)
        )),
    }
}
