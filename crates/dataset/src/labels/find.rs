//! Finding the files that the rows of a table name.

use std::collections::HashMap;
use std::path::Path;

use crate::folder::walk::{file_name, name_as_text};

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    /// The file of this index.
    Found(usize),
    /// No file.
    Missing,
    /// Several files, so none.
    Several,
}

/// The files in a folder by the names that a table may give them.
pub(super) struct Files {
    /// By the path in the folder.
    paths: HashMap<String, Lookup>,
    /// By the path in lower case.
    lower: HashMap<String, Lookup>,
    /// By the path in lower case without its ending.
    stems: HashMap<String, Lookup>,
    /// By the name of the file alone, with and without its ending, in lower case.
    names: HashMap<String, Lookup>,
    /// The name of the folder itself.
    own: String,
}

impl Files {
    /// The files of these names, which are paths in the folder.
    pub(super) fn new<'a>(folder: &Path, names: impl IntoIterator<Item = &'a str>) -> Self {
        let real = folder.canonicalize();
        let own = real.as_deref().unwrap_or(folder);
        let mut files = Self {
            paths: HashMap::new(),
            lower: HashMap::new(),
            stems: HashMap::new(),
            names: HashMap::new(),
            own: name_as_text(file_name(own)),
        };
        for (index, name) in names.into_iter().enumerate() {
            add(&mut files.paths, name.to_owned(), index);
            let lower = name.to_lowercase();
            let stem = without_ending(&lower).to_owned();
            let name = last(&lower).to_owned();
            let name_stem = without_ending(&name).to_owned();
            add(&mut files.names, name, index);
            add(&mut files.names, name_stem, index);
            add(&mut files.stems, stem, index);
            add(&mut files.lower, lower, index);
        }
        files
    }

    /// The file that a table means by `cell`. `common` is the number of folders that all cells of the table begin with.
    pub(super) fn look_up(&self, cell: &str, common: usize) -> Lookup {
        let cell = normal(cell);
        let parts: Vec<&str> = cell.split('/').collect();
        for skipped in 0..parts.len() {
            // A table may name files from another folder than this one: by all that its cells begin with, or by the name
            // of this folder. Other folders are not left out, since files in them may have the same names.
            let fits = skipped <= common || parts[skipped - 1] == self.own;
            let name = parts[skipped..].join("/");
            match self.by_path(&name) {
                Lookup::Missing => {}
                found if fits => return found,
                _ => {}
            }
        }
        match parts[..] {
            [name] => self
                .names
                .get(&name.to_lowercase())
                .copied()
                .unwrap_or(Lookup::Missing),
            _ => Lookup::Missing,
        }
    }

    fn by_path(&self, name: &str) -> Lookup {
        if let Some(found) = self.paths.get(name) {
            return *found;
        }
        let lower = name.to_lowercase();
        let found = self.lower.get(&lower).or_else(|| self.stems.get(&lower));
        let found = found.or_else(|| self.stems.get(without_ending(&lower)));
        found.copied().unwrap_or(Lookup::Missing)
    }
}

fn add(to: &mut HashMap<String, Lookup>, name: String, index: usize) {
    to.entry(name)
        .and_modify(|known| {
            if *known != Lookup::Found(index) {
                *known = Lookup::Several;
            }
        })
        .or_insert(Lookup::Found(index));
}

/// The number of folders that all cells begin with.
pub(super) fn common_folders<'a>(cells: impl IntoIterator<Item = &'a str>) -> usize {
    let mut common: Option<Vec<String>> = None;
    for cell in cells {
        let cell = normal(cell);
        let folders = cell.rsplit_once('/').map_or("", |(folders, _)| folders);
        let folders = folders.split('/').filter(|part| !part.is_empty());
        common = Some(match common {
            None => folders.map(str::to_owned).collect(),
            Some(known) => {
                let same = known.into_iter().zip(folders);
                same.take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
            }
        });
    }
    common.map_or(0, |common| common.len())
}

/// A path with `/` between its parts, from a folder.
fn normal(cell: &str) -> String {
    let cell = cell.replace('\\', "/");
    let parts = cell
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// A path without the ending of its file: `a/b.jpg` is `a/b`.
fn without_ending(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && !last(stem).is_empty() => stem,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Files {
        Files::new(Path::new("photos/train"), names.iter().copied())
    }

    #[test]
    fn names_are_found_in_every_form() {
        let all = files(&[
            "a.JPG",
            "0/1/cafe12.png",
            "dog/001.jpg",
            "cat/001.jpg",
            "x.jpg",
            "x.png",
        ]);
        for (cell, common, found) in [
            ("a.JPG", 0, Lookup::Found(0)),
            ("a.jpg", 0, Lookup::Found(0)),
            ("a", 0, Lookup::Found(0)),
            ("./a.jpeg", 0, Lookup::Found(0)),
            ("train/a.jpg", 0, Lookup::Found(0)),
            ("/kaggle/input/train/a.jpg", 0, Lookup::Found(0)),
            ("images\\a.jpg", 1, Lookup::Found(0)),
            ("test/a.jpg", 0, Lookup::Missing),
            ("cafe12", 0, Lookup::Found(1)),
            ("cat/001.jpg", 0, Lookup::Found(3)),
            ("001.jpg", 0, Lookup::Several),
            ("x", 0, Lookup::Several),
            ("x.png", 0, Lookup::Found(5)),
            ("b.jpg", 0, Lookup::Missing),
            ("", 0, Lookup::Missing),
        ] {
            assert_eq!(all.look_up(cell, common), found, "{cell}");
        }
    }

    #[test]
    fn folders_that_all_cells_have_are_counted() {
        assert_eq!(common_folders(["a/b/c.jpg", "/a/b/d/e.jpg"]), 2);
        assert_eq!(common_folders(["a/b.jpg", "c.jpg"]), 0);
        assert_eq!(common_folders([]), 0);
    }
}
