//! Inside a crate files form a tree: none imports another in a circle, and each imports by path, not through the front
//! page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::CRATES;

use crate::support::root;

/// The files of a crate by the path of their module: `head::config` is `src/head/config.rs`, `head` is
/// `src/head/mod.rs`, and the front page is the empty path.
struct Sources {
    files: BTreeMap<Vec<String>, String>,
}

impl Sources {
    fn of(name: &str) -> Self {
        let root = root().join(format!("crates/{name}/src"));
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    let text = fs::read_to_string(&path).unwrap();
                    files.insert(module(path.strip_prefix(&root).unwrap()), text);
                }
            }
        }
        assert!(files.contains_key(&Vec::new()), "{name} has no front page");
        Self { files }
    }

    /// The file that a path leads to, and what of the path is left: names inside that file.
    fn resolve<'a>(&self, path: &'a [String]) -> (Vec<String>, &'a [String]) {
        let length = (0..=path.len())
            .rev()
            .find(|&n| self.files.contains_key(&path[..n]));
        let length = length.unwrap_or(0);
        (path[..length].to_vec(), &path[length..])
    }

    /// What each file imports from its own crate, as the path is written.
    fn imports(&self) -> Vec<(Vec<String>, Vec<String>)> {
        let mut all = Vec::new();
        for (module, text) in &self.files {
            for path in uses(text) {
                let mut path = &path[..];
                let mut base = match path.first().map(String::as_str) {
                    Some("crate") => Vec::new(),
                    Some("self" | "super") => module.clone(),
                    // A child, by its name alone, in the 2018 edition's uniform paths.
                    Some(first)
                        if self
                            .files
                            .contains_key(&[&module[..], &[first.into()]].concat()) =>
                    {
                        all.push((module.clone(), [&module[..], path].concat()));
                        continue;
                    }
                    _ => continue,
                };
                while let Some(first @ ("crate" | "self" | "super")) =
                    path.first().map(String::as_str)
                {
                    if first == "super" {
                        base.pop();
                    }
                    path = &path[1..];
                }
                all.push((module.clone(), [&base[..], path].concat()));
            }
        }
        all
    }
}

/// `head/config.rs` and `head/mod.rs` to `[head, config]` and `[head]`.
fn module(path: &Path) -> Vec<String> {
    let path: PathBuf = path.with_extension("");
    let mut parts: Vec<String> = path
        .iter()
        .map(|part| part.to_str().unwrap().to_string())
        .collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts
}

/// The paths of the private `use` statements of a file, braces multiplied out. Re-exports (`pub use`) only hand names
/// on; statements inside a module of tests count as little as tests do.
fn uses(text: &str) -> Vec<Vec<String>> {
    let code = ["mod ", "pub(super) mod "]
        .into_iter()
        .fold(text, |code, item| {
            let tests = format!("#[cfg(test)]\n{item}");
            code.split(&tests).next().unwrap_or_default()
        });
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rsplit('\n').next().unwrap_or_default();
        if line.trim().is_empty()
            && let Some((tree, _)) = code[at + 4..].split_once(';')
        {
            let tree: String = tree
                .lines()
                .map(|l| l.split("//").next().unwrap_or_default())
                .collect();
            expand(&[], tree.trim(), &mut found);
        }
    }
    found
}

/// `a::{b, c::d}` to `a::b` and `a::c::d`.
fn expand(before: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let Some((first, inside)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or_default();
        let parts = name.split("::").map(|part| part.trim().to_string());
        found.push(
            before
                .iter()
                .cloned()
                .chain(parts.filter(|part| !part.is_empty()))
                .collect(),
        );
        return;
    };
    let prefix = first.split("::").map(|part| part.trim().to_string());
    let before: Vec<String> = before
        .iter()
        .cloned()
        .chain(prefix.filter(|part| !part.is_empty()))
        .collect();
    let inside = inside.trim_end().strip_suffix('}').unwrap_or(inside);
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in inside.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&before, &inside[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inside[start..].trim().is_empty() {
        expand(&before, &inside[start..], found);
    }
}

/// Files that reach themselves by following imports.
fn circles(edges: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Vec<&Vec<String>> {
    let reaches_itself = |start: &Vec<String>| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<_> = edges[start].iter().collect();
        while let Some(file) = next.pop() {
            if file == start {
                return true;
            }
            if seen.insert(file) {
                next.extend(edges.get(file).into_iter().flatten());
            }
        }
        false
    };
    edges.keys().filter(|file| reaches_itself(file)).collect()
}

#[test]
fn files_form_a_tree() {
    for name in CRATES {
        let sources = Sources::of(name);
        let mut edges: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
        for (from, path) in sources.imports() {
            let (to, _) = sources.resolve(&path);
            if to != from && !to.is_empty() {
                edges.entry(from).or_default().insert(to);
            }
        }
        let names: Vec<_> = circles(&edges).iter().map(|file| file.join("::")).collect();
        assert!(
            names.is_empty(),
            "{name}: these files import each other in circles: {names:?}"
        );
        assert!(
            edges.len() > 1 || sources.files.len() < 4,
            "{name}: no imports were found"
        );
    }
}

#[test]
fn imports_name_the_file() {
    for name in CRATES {
        let sources = Sources::of(name);
        let front: Vec<_> = sources
            .imports()
            .into_iter()
            .filter(|(from, path)| !from.is_empty() && sources.resolve(path).0.is_empty())
            .map(|(from, path)| format!("{}: {}", from.join("::"), path.join("::")))
            .collect();
        assert!(
            front.is_empty(),
            "{name}: imported through the front page: {front:#?}"
        );
    }
}

#[test]
fn circles_are_found() {
    let paths =
        uses("use crate::{a::{B, c::D as E}, f};\npub use self::g::H;\n    use super::i;\n");
    let paths: Vec<_> = paths.iter().map(|path| path.join("::")).collect();
    assert_eq!(
        paths,
        ["crate::a::B", "crate::a::c::D", "crate::f", "super::i"]
    );
    let name = |text: &str| vec![text.to_string()];
    let edges = BTreeMap::from([
        (name("a"), BTreeSet::from([name("b")])),
        (name("b"), BTreeSet::from([name("c")])),
        (name("c"), BTreeSet::from([name("b")])),
    ]);
    assert_eq!(circles(&edges), [&name("b"), &name("c")]);
}
