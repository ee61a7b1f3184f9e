//! Each crate as a dependency of a project outside this workspace: it builds alone and does one useful thing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::support::run;

/// A crate and its features.
type Crate = (&'static str, &'static [&'static str]);

/// The crate under test first, then what else the project names, with features; and whether it names Burn. Built in this
/// order in one target folder: each says what it adds to the build of those before it.
const PROJECTS: [(&[Crate], bool); 5] = [
    (&[("metrics", &[])], false),
    (&[("dataset", &[])], false),
    (&[("attribution", &["burn"])], true),
    (&[("mobilenet", &["bundled"])], true),
    (
        &[
            ("transfer", &[]),
            ("dataset", &[]),
            ("mobilenet", &["bundled"]),
        ],
        true,
    ),
];

#[test]
fn projects_without_burn() {
    build_and_run(false);
}

#[test]
#[ignore = "builds Burn once more: cargo test --test suite outside -- --ignored --nocapture"]
fn projects_with_burn() {
    build_and_run(true);
}

fn build_and_run(with_burn: bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let temporary = tempfile::tempdir().unwrap();
    let cargo = |folder: &Path, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(folder);
        command.env("CARGO_TARGET_DIR", temporary.path().join("target"));
        command.env("TMPDIR", temporary.path());
        run(&mut command)
    };
    println!("| crate alone | packages | seconds to build (debug) |\n|---|---|---|");
    for (crates, _) in PROJECTS.iter().filter(|project| project.1 == with_burn) {
        let name = crates[0].0;
        let folder = temporary.path().join(name);
        fs::create_dir_all(folder.join("src")).unwrap();
        let program = root.join(format!("tests/outside/{name}.rs"));
        fs::copy(program, folder.join("src/main.rs")).unwrap();
        // The versions that are tested here.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        fs::write(folder.join("Cargo.toml"), manifest(root, crates, with_burn)).unwrap();
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

fn manifest(root: &Path, crates: &[Crate], with_burn: bool) -> String {
    let name = crates[0].0;
    let mut lines = format!(
        "[package]\nname = \"outside-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n"
    );
    // Without optimisation the network would take minutes.
    if crates.iter().any(|(name, _)| *name == "mobilenet") {
        lines += "[profile.dev.package.mobilenet]\nopt-level = 3\n\n";
    }
    lines += "[dependencies]\n";
    for (name, features) in crates {
        let path = root.join("crates").join(name);
        let path = path.to_str().unwrap();
        let line = format!("{name} = {{ path = {path:?}, features = {features:?} }}\n");
        lines += &line;
    }
    if with_burn {
        lines +=
            "burn = { version = \"=0.22.1\", default-features = false, features = [\"flex\"] }\n";
    }
    lines
}
