//! The arrows between the crates, and what each must do without, from Cargo's own view of the workspace.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::support::root;

pub const CRATES: [&str; 5] = ["attribution", "dataset", "metrics", "mobilenet", "transfer"];
/// The crate that any other may use: it writes files whole.
const LEAF: &str = "files";

pub fn workspace() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_string()])
        .exec()
        .unwrap()
}

pub fn package<'a>(workspace: &'a Metadata, name: &str) -> &'a Package {
    let found = workspace.packages.iter().find(|p| p.name == name);
    found.unwrap_or_else(|| panic!("no crate {name} in the workspace"))
}

/// Names of what a crate needs to be built, with its optional dependencies or without.
fn needs(package: &Package, optional: bool) -> BTreeSet<&str> {
    package
        .dependencies
        .iter()
        .filter(|d| d.kind != DependencyKind::Development && (optional || !d.optional))
        .map(|d| d.name.as_str())
        .collect()
}

#[test]
fn arrows_point_one_way() {
    let workspace = workspace();
    for name in CRATES {
        let allowed: &[&str] = match name {
            "transfer" => &["dataset", "metrics", "mobilenet"],
            _ => &[],
        };
        for sibling in CRATES {
            assert!(
                !needs(package(&workspace, name), true).contains(sibling)
                    || allowed.contains(&sibling),
                "{name} must not depend on {sibling}"
            );
        }
    }
    let leaf = needs(package(&workspace, LEAF), true);
    assert!(CRATES.iter().all(|name| !leaf.contains(name)));
    let root = needs(package(&workspace, "mobilenet-transfer"), false);
    assert!(CRATES.iter().all(|name| root.contains(name)));
}

#[test]
fn no_library_chooses_a_backend() {
    let workspace = workspace();
    for name in CRATES {
        let package = package(&workspace, name);
        let burn = package
            .dependencies
            .iter()
            .filter(|d| d.name == "burn" && d.kind != DependencyKind::Development);
        for burn in burn {
            assert!(
                !burn.uses_default_features,
                "{name}: burn's default features"
            );
            for feature in ["flex", "ndarray", "wgpu", "cuda", "candle", "tch"] {
                assert!(
                    !burn.features.iter().any(|f| f == feature),
                    "{name} turns on burn/{feature}"
                );
            }
        }
    }
    for name in ["dataset", "metrics"] {
        assert!(
            !needs(package(&workspace, name), true).contains("burn"),
            "{name} needs Burn"
        );
    }
}

/// Burn comes by a feature: who leaves it out classifies, trains heads and explains without it.
#[test]
fn burn_can_be_left_out() {
    let workspace = workspace();
    for name in ["attribution", "mobilenet", "transfer"] {
        let package = package(&workspace, name);
        assert!(!needs(package, false).contains("burn"), "{name} needs Burn");
        let default = on_by_default(package);
        assert!(default.contains("dep:burn"), "{name}: Burn is no default");
    }
}

/// A program that only classifies compiles few packages, and neither Burn nor threads are among them.
#[test]
fn little_is_needed_without_default_features() {
    for (name, most) in [("mobilenet", 40), ("transfer", 68)] {
        let packages = tree(name, &["--no-default-features", "-e", "normal,build"]);
        assert!(packages.len() <= most, "{name}: {packages:?}");
        for left_out in ["burn", "rayon", "tempfile", "metrics"] {
            assert!(!packages.contains(left_out), "{name} needs {left_out}");
        }
    }
}

/// The first command of README waits for nothing that it does not use: no backend of Burn, no network, nothing of tests.
#[test]
fn the_examples_are_built_soon() {
    let packages = tree("mobilenet-transfer", &["-e", "normal,build,dev"]);
    assert!(packages.len() <= 160, "{}: {packages:?}", packages.len());
    for left_out in ["burn", "criterion", "hdf5-pure", "proptest", "reqwest"] {
        assert!(!packages.contains(left_out), "the examples need {left_out}");
    }
}

/// Names of what Cargo would build for a package.
fn tree(package: &str, options: &[&str]) -> BTreeSet<String> {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", package, "--prefix", "none"])
        .args(options)
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let names: BTreeSet<String> = names.map(str::to_string).collect();
    assert!(names.contains(package), "{tree}");
    names
}

/// Features that are on by default, with those that they turn on.
fn on_by_default(package: &Package) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec!["default".to_string()];
    while let Some(feature) = left.pop() {
        if found.insert(feature.clone()) {
            left.extend(
                package
                    .features
                    .get(&feature)
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
        }
    }
    found
}

#[test]
fn network_plotting_and_hdf5_are_asked_for() {
    let workspace = workspace();
    for name in CRATES {
        let package = package(&workspace, name);
        for heavy in ["reqwest", "plotters", "hdf5-pure"] {
            assert!(
                !needs(package, false).contains(heavy),
                "{name} brings {heavy} unasked"
            );
            assert!(
                !on_by_default(package).contains(&format!("dep:{heavy}")),
                "a default feature of {name} brings {heavy}"
            );
        }
    }
    assert!(!needs(package(&workspace, "metrics"), true).contains("image"));
}

/// `lib.rs` is a crate's front page: docs, modules, re-exports.
#[test]
fn front_pages_hold_no_code() {
    for name in CRATES {
        let path = root().join(format!("crates/{name}/src/lib.rs"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("//!"), "{name} has no front page");
        for word in ["fn ", "struct ", "enum ", "impl ", "trait "] {
            let code = text
                .lines()
                .find(|line| !line.trim_start().starts_with("//") && line.contains(word));
            assert!(code.is_none(), "{name}/src/lib.rs has code: {code:?}");
        }
    }
}
