//! What the examples share: the device, the weights, files to write.
#![allow(dead_code)] // Each example uses some of it.

pub mod answers;
pub mod explaining;
pub mod finetuning;
mod finish;
pub mod images;
pub mod interrupt;
pub mod model;
pub mod network;
pub mod progress;
pub mod recipe;
pub mod training;
pub mod variation;

use std::error::Error;
use std::path::Path;

use burn::tensor::Device;
use dataset::ImageFolder;
use mobilenet::{Fetch, Weights};
use transfer::embed::UnusableImage;
use transfer::{Backbone, Classifier};

#[allow(unused_imports)] // each example uses some of it
pub(crate) use self::finish::{finish, say};
#[allow(unused_imports)] // each example uses some of it
pub use self::progress::{Bar, show_fetch};

/// What runs the network.
#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
pub enum DeviceName {
    /// The engine compiled for this machine's CPU: the fastest there.
    Cpu,
    /// Burn's CPU backend.
    Flex,
    /// Burn's older CPU backend.
    Ndarray,
    /// Burn on a GPU.
    Wgpu,
}

/// A backbone of these weights on the device of that name.
pub fn backbone(weights: Weights, name: DeviceName) -> Result<Backbone, Box<dyn Error>> {
    Ok(match name {
        DeviceName::Cpu => Backbone::new(weights)?,
        name => Backbone::on(weights, &device(name)?)?,
    })
}

/// The classifier of a file, on the device of that name.
pub fn classifier(path: &Path, name: DeviceName) -> Result<Classifier, Box<dyn Error>> {
    Ok(match name {
        DeviceName::Cpu => Classifier::load(path)?,
        name => Classifier::load_on(path, &device(name)?)?,
    })
}

/// The device of Burn's of that name, if this program was built with it; what needs one on a CPU gets `flex`.
#[allow(deprecated)] // Burn will drop `ndarray`; it is offered as long as it is there.
pub fn device(name: DeviceName) -> Result<Device, Box<dyn Error>> {
    match name {
        #[cfg(feature = "flex")]
        DeviceName::Cpu | DeviceName::Flex => Ok(Device::flex()),
        #[cfg(feature = "ndarray")]
        DeviceName::Ndarray => Ok(Device::ndarray()),
        #[cfg(feature = "wgpu")]
        DeviceName::Wgpu => {
            use burn::tensor::{DeviceKind, DeviceType};
            if Device::enumerate(DeviceType::Wgpu).into_vec().is_empty() {
                return Err(
                    "no GPU adapter is found (Vulkan, Metal or DirectX 12 is needed)".into(),
                );
            }
            Ok(Device::wgpu(DeviceKind::DefaultDevice))
        }
        #[allow(unreachable_patterns)] // Where every backend is in.
        name => {
            let name = format!("{name:?}").to_lowercase();
            Err(
                format!("this program was built without the device {name}: add --features {name}")
                    .into(),
            )
        }
    }
}

/// Weights by name (`bundled`, or a published one, which is fetched once), or from a file or folder.
pub fn weights(name: &str) -> Result<Weights, Box<dyn Error>> {
    let fetch = |cache| Fetch::new(cache).with_attempts(2).on_event(show_fetch());
    Weights::open_or_fetch(name, fetch).map_err(|error| match error {
        mobilenet::Error::Fetch { .. } => {
            format!("{name} is not in the cache and cannot be fetched: {error}\n`--weights bundled` needs no network")
                .into()
        }
        error => error.into(),
    })
}

/// Opens a folder of images and names what is left out.
pub fn open_folder(path: &Path) -> Result<ImageFolder, Box<dyn Error>> {
    let folder = ImageFolder::open(path)?;
    say_skipped(&folder);
    Ok(folder)
}

/// Names what is left out of a folder.
pub fn say_skipped(folder: &ImageFolder) {
    for skipped in folder.skipped() {
        eprintln!("left out {skipped}");
    }
}

/// Names the images that cannot be used.
pub fn say_left_out(failed: &[UnusableImage]) {
    for left_out in failed {
        eprintln!("left out {}", left_out.error);
    }
}

/// Says before the work what would be said after it: that a result cannot be written to the file of an option, or that
/// two results would be written to one file.
pub fn check_outputs(outputs: &[(&str, Option<&Path>)]) -> Result<(), Box<dyn Error>> {
    let named = outputs
        .iter()
        .filter_map(|&(name, path)| Some((name, path?)));
    let named: Vec<(&str, &Path)> = named.collect();
    for (i, (name, path)) in named.iter().enumerate() {
        if let Some((other, _)) = named[..i].iter().find(|(_, other)| other == path) {
            let path = path.display();
            let twice =
                format!("{other} and {name} are both {path}: the second would replace the first");
            return Err(twice.into());
        }
        files::check_writable(path).map_err(|error| format!("{name} {error}"))?;
    }
    Ok(())
}
