//! A first look at a folder of images: counts, thumbnails, contact sheet, filters.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::folders::{FolderArgs, say_folder};
use common::help::uses;
use common::network::DecodingOptions;
use common::progress::Counter;
use common::ranges;
use common::sheets::captioned;
use dataset::balance::balance_warnings;
use dataset::encode::write_png;
use dataset::thumbnail::thumbnail;
use dataset::{decode_file, filters};

use rayon::prelude::*;

/// Have a first look at a folder of images: the number of images per class, thumbnails, a contact sheet, filters.
///
/// It writes OUTPUT/contact.png, OUTPUT/thumbnails/CLASS/*.jpg and, of the first image of each class,
/// OUTPUT/CLASS-{gray,equalized,gamma,log}.png: in gray, with an equalized histogram, after gamma correction, and after
/// logarithmic correction.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("Look at a folder", "explore --image-dir photos --output looked-at"),
        (
            "Show more of each class",
            "explore --image-dir photos --output looked-at --per-class 100",
        ),
        (
            "Make larger thumbnails",
            "explore --image-dir photos --output looked-at --side 512 --quality 95",
        ),
    ])
)]
pub(crate) struct Options {
    /// Folder with one sub-folder of images for each class
    #[arg(long)]
    image_dir: PathBuf,
    #[command(flatten)]
    folders: FolderArgs,
    #[command(flatten)]
    decoding: DecodingOptions,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Longer side of a thumbnail, in pixels
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(16..=4096))]
    side: u32,
    /// JPEG quality of the thumbnails, 1 to 100
    #[arg(long, default_value_t = 85, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Number of images of each class on the contact sheet
    #[arg(long, default_value_t = 24, value_parser = ranges::whole(0..=1000))]
    per_class: usize,
    /// Exponent of the gamma correction: above 1 the image becomes darker, below 1 brighter
    #[arg(long, default_value_t = 0.5, value_parser = ranges::number(0.01..=100.0))]
    gamma: f64,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let folder = options.folders.read(&options.image_dir)?;
    for (class, count) in folder.classes().iter().zip(folder.counts()) {
        common::say!("{count:>7} {class}");
    }
    say_folder(&folder);
    for warning in balance_warnings(&folder) {
        common::say!("warning: {warning}");
    }

    let thumbnails = options.output.join("thumbnails");
    std::fs::create_dir_all(&thumbnails)
        .map_err(|error| format!("{}: {error}", files::shown_path(&thumbnails)))?;
    let decode = options.decoding.options();
    let bar = Counter::new("thumbnails", "images", folder.images().len());
    folder.images().par_iter().for_each(|item| {
        let path = thumbnails.join(format!("{}.jpg", item.name));
        let small = decode_file(&item.path, &decode).map(|image| thumbnail(&image, options.side));
        let jpeg = small.and_then(|image| dataset::encode::jpeg(&image, options.quality));
        let written = jpeg.and_then(|jpeg| {
            files::create_parent_folder(&path)?;
            Ok(files::write_bytes(&path, &jpeg)?)
        });
        if let Err(error) = written {
            common::warn!("left out: {error}");
        }
        bar.one_more();
    });
    drop(bar);
    common::say!("the thumbnails are in {}", files::shown_path(&thumbnails));

    let mut shown = Vec::new();
    for (index, class) in folder.classes().iter().enumerate() {
        let of_class = folder.images().iter().filter(|item| item.class == index);
        let images: Vec<_> = of_class
            .take(options.per_class)
            .filter_map(|item| decode_file(&item.path, &decode).ok())
            .collect();
        if let Some(first) = images.first() {
            let gray = filters::rgb2gray(first);
            for (name, filtered) in [
                ("equalized", filters::equalize_hist(&gray)),
                ("gamma", filters::adjust_gamma(&gray, options.gamma)),
                ("log", filters::adjust_log(&gray)),
                ("gray", gray),
            ] {
                let path = options.output.join(format!("{class}-{name}.png"));
                // A name may be too long for it; the other classes still have theirs.
                if let Err(error) = write_png(path, filtered) {
                    common::warn!("left out: {error}");
                }
            }
        }
        let small = images.iter().map(|image| thumbnail(image, 128));
        shown.extend(small.map(|small| (files::shown(class).to_string(), small)));
    }
    let sheet = options.output.join("contact.png");
    write_png(&sheet, captioned(shown, 8, 128))?;
    common::say!("contact sheet and filters: {}", files::shown_path(&sheet));
    Ok(())
}
