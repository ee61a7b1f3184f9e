//! What the examples share: options, the device, the weights, progress, files to write.

pub mod answers;
pub mod auditing;
pub mod calibration;
pub mod calls;
pub mod classes;
pub mod embedding;
pub mod explaining;
pub mod exporting;
#[cfg(feature = "burn")]
pub mod finetuning;
pub mod finish;
pub mod folders;
pub mod held_out;
pub mod help;
pub mod images;
pub mod inputs;
pub mod interrupt;
pub mod labels;
pub mod model;
pub mod network;
pub mod original;
pub mod outcome;
pub mod page;
pub mod pairs;
pub mod paths;
pub mod progress;
pub mod ranges;
pub mod reading;
pub mod recipe;
pub mod say;
pub mod sheets;
pub mod signed;
pub mod tflite;
pub mod tips;
pub mod touring;
pub mod training;
pub mod variation;
pub mod version;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

#[cfg(feature = "burn")]
use burn::tensor::Device;
use mobilenet::{Engine, Weights};
use transfer::embed::UnusableImage;
use transfer::{Backbone, FileKind};

pub use self::finish::{finish, main};
pub use self::paths::check_outputs;
pub use self::progress::Bar;
pub use self::say::counted;

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
///
/// # Errors
/// As [`engine`].
pub fn backbone(weights: Weights, name: DeviceName) -> Result<Backbone, Box<dyn Error>> {
    let engine = engine(weights.clone(), name)?;
    Ok(Backbone::with_engine(weights, engine)?)
}

/// An engine with these weights on the device of that name.
///
/// # Errors
/// What [`Weights::compile`] and [`device`] find.
pub fn engine(weights: Weights, name: DeviceName) -> Result<Arc<dyn Engine>, Box<dyn Error>> {
    match name {
        DeviceName::Cpu => Ok(Arc::new(weights.compile()?)),
        #[cfg(feature = "burn")]
        name => Ok(Arc::new(mobilenet::BurnEngine::new(
            weights,
            &device(name)?,
        )?)),
        #[cfg(not(feature = "burn"))]
        name => Err(name.is_missing().into()),
    }
}

impl DeviceName {
    /// What to do where this program was built without the device.
    pub fn is_missing(self) -> String {
        let name = format!("{self:?}").to_lowercase();
        format!(
            "this program was built without the device {name}: build it with --features {name}, or use --device cpu"
        )
    }
}

/// The device of Burn's of that name; what needs one on a CPU gets `flex`.
///
/// # Errors
/// Where this program was built without the device, or no GPU is found.
#[cfg(feature = "burn")]
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
        name => Err(name.is_missing().into()),
    }
}

/// Weights by name (`bundled`, or a published one), or from a file or folder. A published one is fetched once, where this
/// program was built with the feature `download`.
///
/// # Errors
/// What is wrong with the name or the file.
pub fn weights(name: &str) -> Result<Weights, Box<dyn Error>> {
    #[cfg(feature = "download")]
    return Weights::open_or_fetch(name, |cache| {
        let fetch = mobilenet::Fetch::new(cache).with_attempts(2);
        fetch.on_event(progress::show_fetch())
    })
    .map_err(|error| match error {
        mobilenet::Error::Fetch { .. } => {
            format!("{name} is not in the cache and cannot be fetched: {error}\n`--weights bundled` needs no network")
                .into()
        }
        error => signed::misplaced(Path::new(name), FileKind::Weights, error),
    });
    #[cfg(not(feature = "download"))]
    Weights::open(name).map_err(|error| {
        if Weights::all().iter().any(|row| row.name == name) && !Path::new(name).exists() {
            return format!("{error}\n{CANNOT_FETCH}, or give `bundled` or a file").into();
        }
        signed::misplaced(Path::new(name), FileKind::Weights, error)
    })
}

/// What to do where published weights cannot be fetched.
#[cfg(not(feature = "download"))]
const CANNOT_FETCH: &str = "this program was built without the network: build it with --features download to fetch weights";

/// Fetches published weights into a folder (`None`: the user's cache), and gives the path of the file. `offline` opens no
/// socket and only checks what is there.
///
/// # Errors
/// What [`mobilenet::Error`] says of the name, the network or the file.
pub fn fetch(
    name: &str,
    folder: Option<PathBuf>,
    offline: bool,
) -> Result<PathBuf, Box<dyn Error>> {
    #[cfg(feature = "download")]
    {
        use mobilenet::Cache;
        let cache = folder.map_or_else(Cache::user, |folder| Ok(Cache::at(folder)))?;
        let fetch = mobilenet::Fetch::new(cache).with_offline(offline);
        Ok(fetch.on_event(progress::show_fetch()).fetch(name)?)
    }
    #[cfg(not(feature = "download"))]
    {
        let _ = (name, folder, offline);
        Err(CANNOT_FETCH.into())
    }
}

/// Names the images that cannot be used.
pub fn say_left_out(failed: &[UnusableImage]) {
    for left_out in failed {
        crate::warn!("left out {}", left_out.error);
    }
}

/// Says that the cache cannot be written, once.
pub fn say_not_kept(error: &transfer::Error) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        crate::warn!(
            "embeddings cannot be kept, so the next run computes them again ({error}); --cache names another folder"
        );
    });
}

/// JSON in which what cannot be seen is escaped as JSON does it, so that it stays JSON on a terminal.
pub fn visible_json(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && files::is_unprintable(c) {
            // None of these is above U+FFFF.
            visible += &format!("\\u{:04x}", u32::from(c));
        } else {
            visible.push(c);
        }
    }
    visible
}

/// Writes JSON to a file, or, where that is `-`, to standard output, as [`visible_json`].
///
/// # Errors
/// Where the file cannot be written.
pub fn write_json(path: &Path, value: &serde_json::Value) -> Result<(), Box<dyn Error>> {
    let text = visible_json(&serde_json::to_string_pretty(value)?);
    if path == Path::new("-") {
        say!("{text}");
    } else {
        files::write_bytes(path, format!("{text}\n").as_bytes())?;
    }
    Ok(())
}
