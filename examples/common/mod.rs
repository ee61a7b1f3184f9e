//! What the examples share: the device, the weights, progress.
#![allow(dead_code)] // Each example uses some of it.

use std::error::Error;
use std::time::Duration;

use burn::tensor::Device;
use indicatif::{ProgressBar, ProgressStyle};
use mobilenet::Weights;

/// Where Burn runs.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum DeviceName {
    /// Burn's own CPU backend.
    Flex,
    /// The older CPU backend.
    Ndarray,
    /// A GPU.
    Wgpu,
}

/// The device of that name, if this program was built with it.
#[allow(deprecated)] // Burn will drop `ndarray`; it is offered as long as it is there.
pub fn device(name: DeviceName) -> Result<Device, Box<dyn Error>> {
    match name {
        #[cfg(feature = "flex")]
        DeviceName::Flex => Ok(Device::flex()),
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

/// Weights by name (`bundled`), or from a file or folder; `architecture` is `retrain.py`'s way of saying which.
pub fn weights(name: &str, architecture: Option<&str>) -> Result<Weights, Box<dyn Error>> {
    let Some(architecture) = architecture else {
        return Ok(Weights::open(name)?);
    };
    let alpha = architecture
        .strip_prefix("mobilenet_")
        .and_then(|rest| rest.split('_').next())
        .and_then(|alpha| alpha.parse().ok())
        .ok_or_else(|| {
            format!(
                "architecture `{architecture}`: expected mobilenet_ALPHA_SIZE, as mobilenet_1.0_224"
            )
        })?;
    Ok(Weights::open(name)?.require_alpha(alpha)?)
}

/// A bar that counts images and says how many a second.
pub fn progress(images: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(images as u64).with_message(what);
    let template = "{msg:>12} {wide_bar} {pos}/{len} images, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Ends the program: exit code 1 and the error with its causes, where there is one.
pub fn finish(result: Result<(), Box<dyn Error>>) -> std::process::ExitCode {
    let Err(error) = result else {
        return std::process::ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    std::process::ExitCode::FAILURE
}
