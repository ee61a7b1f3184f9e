//! What the tests across crates share.

use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::Device;

/// Every device that this build has, with its name; of these, where `TEST_DEVICES` is set, those that it names.
#[allow(clippy::vec_init_then_push)] // Which are pushed depends on the features.
#[allow(deprecated)] // Burn will drop `ndarray`; it stays checked as long as it is there.
pub fn devices() -> Vec<(&'static str, Device)> {
    let mut devices = Vec::new();
    devices.push(("flex", Device::flex()));
    #[cfg(feature = "ndarray")]
    devices.push(("ndarray", Device::ndarray()));
    #[cfg(feature = "wgpu")]
    {
        use burn::tensor::{DeviceKind, DeviceType};
        if Device::enumerate(DeviceType::Wgpu).into_vec().is_empty() {
            eprintln!("skipped on wgpu: no adapter is found");
        } else {
            devices.push(("wgpu", Device::wgpu(DeviceKind::DefaultDevice)));
        }
    }
    if let Ok(wanted) = std::env::var("TEST_DEVICES") {
        devices.retain(|(name, _)| wanted.split(',').any(|wanted| wanted == *name));
    }
    devices
}

/// The folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The folder of real weights, images and reference numbers, or `None` with a word about what is skipped.
pub fn shared(what: &str) -> Option<PathBuf> {
    let folder =
        std::env::var_os("SHARED_DIR").map_or_else(|| root().join("../shared"), PathBuf::from);
    if folder.join("golden").is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: {what} (no reference data at {}; set SHARED_DIR)",
        folder.display()
    );
    None
}

/// A picture as RGB pixels.
pub fn picture(path: &Path) -> Vec<u8> {
    image::open(path).unwrap().to_rgb8().into_raw()
}

/// An example, built by `cargo test` beside this test, as a user would run it.
pub fn example(name: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo test --workspace`, which builds it",
        path.display()
    );
    Command::new(path)
}

/// Runs a command that must succeed, and gives what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
