//! The commit that a release is built from, for `--version`. A build elsewhere than in a git repository has none.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Who works on the code builds after every commit: that shall not compile the programs anew.
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    // The repository of another project may be around this one.
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize();
    let top = git(&["rev-parse", "--show-toplevel"]).map(|top| Path::new(&top).canonicalize());
    if !matches!((here, top), (Ok(here), Some(Ok(top))) if here == top) {
        return;
    }
    // What changes with every commit.
    if let Some(log) =
        git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|path| Path::new(path).exists())
    {
        println!("cargo::rerun-if-changed={log}");
    }
    if let Some(commit) = git(&["show", "--no-patch", "--format=commit %h of %cs"]) {
        println!("cargo::rustc-env=BUILT_FROM={commit}");
    }
}

/// What git says; `None` where there is no git, or no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_string())
}
