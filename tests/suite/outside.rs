//! Each crate as a dependency of a project outside this workspace: it builds alone and does one useful thing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::support::{root, run};

/// A project: its program in `tests/outside`, and the crates that it names, with their features. The default features are
/// left out.
struct Project {
    program: &'static str,
    crates: &'static [(&'static str, &'static [&'static str])],
}

/// Built in this order in one target folder: each says what it adds to the build of those before it.
const WITHOUT_BURN: [Project; 5] = [
    Project {
        program: "metrics",
        crates: &[("metrics", &[])],
    },
    Project {
        program: "dataset",
        crates: &[("dataset", &["rayon"])],
    },
    Project {
        program: "mobilenet",
        crates: &[("mobilenet", &["bundled", "rayon"])],
    },
    // The whole job in ten lines.
    Project {
        program: "retrain",
        crates: &[
            ("transfer", &["train", "rayon"]),
            ("dataset", &[]),
            ("mobilenet", &["bundled"]),
        ],
    },
    // Five lines that ask the classifier which the one before has written.
    Project {
        program: "classify",
        crates: &[("transfer", &[])],
    },
];

const WITH_BURN: [Project; 2] = [
    Project {
        program: "attribution",
        crates: &[("attribution", &["burn"])],
    },
    Project {
        program: "transfer",
        crates: &[
            ("transfer", &["burn", "train"]),
            ("dataset", &[]),
            ("mobilenet", &["bundled"]),
        ],
    },
];

#[test]
fn projects_without_burn() {
    build_and_run(&WITHOUT_BURN, false);
}

#[test]
#[ignore = "builds Burn once more: cargo test --test suite outside -- --ignored --nocapture"]
fn projects_with_burn() {
    build_and_run(&WITH_BURN, true);
}

fn build_and_run(projects: &[Project], with_burn: bool) {
    let root = root();
    let temporary = tempfile::tempdir().unwrap();
    let cargo = |folder: &Path, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(folder);
        command.env("CARGO_TARGET_DIR", temporary.path().join("target"));
        command.env("TMPDIR", temporary.path());
        run(&mut command)
    };
    println!("| project | packages | seconds to build (debug) |\n|---|---|---|");
    for Project {
        program: name,
        crates,
    } in projects
    {
        let folder = temporary.path().join(name);
        fs::create_dir_all(folder.join("src")).unwrap();
        let program = root.join(format!("tests/outside/{name}.rs"));
        fs::copy(program, folder.join("src/main.rs")).unwrap();
        // The versions that are tested here.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        fs::write(
            folder.join("Cargo.toml"),
            manifest(root, name, crates, with_burn),
        )
        .unwrap();
        let tree = cargo(&folder, &["tree", "--edges", "normal", "--prefix", "none"]);
        let mut packages: Vec<_> = tree
            .lines()
            .map(|line| line.trim_end_matches(" (*)"))
            .collect();
        packages.sort_unstable();
        packages.dedup();
        let start = Instant::now();
        cargo(&folder, &["build", "--quiet"]);
        // One of them is the project itself.
        let (count, seconds) = (packages.len() - 1, start.elapsed().as_secs());
        println!("| {name} | {count} | {seconds} |");
        let said = cargo(&folder, &["run", "--quiet"]);
        assert!(!said.trim().is_empty(), "{name} said nothing");
        let burn = packages.iter().any(|package| package.starts_with("burn"));
        assert_eq!(
            burn, with_burn,
            "{name}: Burn comes along only where it is named"
        );
    }
}

fn manifest(root: &Path, name: &str, crates: &[(&str, &[&str])], with_burn: bool) -> String {
    let mut lines = format!(
        "[package]\nname = \"outside-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n"
    );
    // Without optimization the network would take minutes.
    if crates
        .iter()
        .any(|(name, _)| matches!(*name, "mobilenet" | "transfer"))
    {
        lines += "[profile.dev.package.mobilenet]\nopt-level = 3\n\n";
    }
    lines += "[dependencies]\n";
    for (name, features) in crates {
        let path = root.join("crates").join(name);
        let path = path.to_str().unwrap();
        let line = format!(
            "{name} = {{ path = {path:?}, default-features = false, features = {features:?} }}\n"
        );
        lines += &line;
    }
    if with_burn {
        lines +=
            "burn = { version = \"=0.22.1\", default-features = false, features = [\"flex\"] }\n";
    }
    lines
}
