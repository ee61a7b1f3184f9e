//! What the examples share: the device, the weights, progress.
#![allow(dead_code)] // Each example uses some of it.

pub mod answers;
pub mod explaining;
pub mod finetuning;
mod finish;
pub mod images;
pub mod interrupt;
pub mod model;
pub mod network;
pub mod recipe;
pub mod training;
pub mod variation;

use std::borrow::Cow;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use burn::tensor::Device;
use dataset::{ImageFolder, ImageItem, ResizePolicy};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mobilenet::weights::Event;
use mobilenet::{Cache, Fetch, Weights};
use transfer::{Backbone, Classifier};

#[allow(unused_imports)] // each example uses some of it
pub(crate) use self::finish::{finish, say, write_png};

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
    let published = Weights::all().iter().find(|row| row.name == name);
    if let Some(published) = published.filter(|_| !Path::new(name).exists()) {
        let cache = Cache::user()?;
        if !cache.path_of(published).is_file() {
            Fetch::new(cache)
                .with_attempts(2)
                .on_event(show_fetch())
                .fetch(name)
                .map_err(|error| {
                    format!("{name} is not in the cache and cannot be fetched: {error}\n`--weights bundled` needs no network")
                })?;
        }
    }
    Ok(Weights::open(name)?)
}

/// Shows on a bar what is fetched.
pub fn show_fetch() -> impl Fn(&Event) {
    let bar = ProgressBar::hidden();
    let template = "{msg:>12} {wide_bar} {bytes}/{total_bytes}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message("fetching");
    let shown = bar.clone();
    let say = move |text: &str| shown.suspend(|| eprintln!("{text}"));
    move |event| match event {
        Event::Started { url, .. } => {
            say(url);
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        Event::Progress { done, total } => {
            bar.set_length(total.unwrap_or(*done));
            bar.set_position(*done);
        }
        Event::Retrying(why) => say(&format!("once more: {why}")),
        Event::Waiting => say("another program fetches the same: waiting for its end"),
        Event::Finished(_) => bar.finish_and_clear(),
        _ => {}
    }
}

/// A net with ImageNet's classes.
pub fn imagenet(
    weights: Weights,
    resize: ResizePolicy,
    device: DeviceName,
) -> Result<Classifier, Box<dyn Error>> {
    let background = weights.background().then_some("background");
    let names = include_str!("../../assets/imagenet_classes.txt").lines();
    let classes: Vec<String> = background
        .into_iter()
        .chain(names)
        .map(String::from)
        .collect();
    let (found, expected) = (weights.config().classes, classes.len());
    if found != expected {
        let source = weights.source();
        return Err(format!("{source} has {found} classes, ImageNet has {expected}").into());
    }
    let backbone = self::backbone(weights, device)?.with_resize(resize);
    Ok(Classifier::pretrained(backbone, &classes)?)
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
        let (path, bytes, reason) = (skipped.path.display(), skipped.bytes, &skipped.reason);
        eprintln!("left out {path} ({bytes} bytes): {reason}");
    }
}

/// Names the images that cannot be used.
pub fn say_left_out(failed: &[(ImageItem, dataset::Error)]) {
    for (_, error) in failed {
        eprintln!("left out {error}");
    }
}

/// A bar that counts images, with images per second and the time left.
pub fn progress(images: usize, what: impl Into<Cow<'static, str>>) -> ProgressBar {
    let bar = ProgressBar::new(images as u64).with_message(what);
    let template = "{msg:>12} {wide_bar} {pos}/{len} images, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Says before the work what would be said after it: that a result cannot be written to the file of an option, or that
/// two results would be written to one file.
pub fn check_outputs(outputs: &[(&str, Option<&Path>)]) -> Result<(), Box<dyn Error>> {
    let named = outputs
        .iter()
        .filter_map(|(name, path)| Some((*name, (*path)?)));
    let named: Vec<(&str, &Path)> = named.collect();
    for (i, (name, path)) in named.iter().enumerate() {
        if let Some((other, _)) = named[..i].iter().find(|(_, other)| other == path) {
            let path = path.display();
            return Err(format!(
                "{other} and {name} are both {path}: the second would replace the first"
            )
            .into());
        }
        check_output(name, path)?;
    }
    Ok(())
}

fn check_output(name: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let shown = path.display();
    if path.is_dir() {
        return Err(format!("{name} {shown}: a folder; name a file in it").into());
    }
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    tempfile::tempfile_in(folder).map_err(|error| {
        let folder = folder.display();
        format!("{name} {shown}: the folder {folder} cannot be written to ({error}); make it, or choose another")
    })?;
    Ok(())
}
