//! What embeddings tell about a folder of images: similar images, copies, doubtful labels, images of no known class, a map.

use std::error::Error;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use common::folders::{FolderArgs, TestArgs, say_folder};
use common::help::uses;
use common::inputs::expand;
use common::network::{NetworkOptions, collection};
use common::progress::working;
use common::ranges;
use common::sheets::with_legend;
use common::tips::did_you_mean;
use dataset::encode::write_png;
use serde_json::{Map, json};

/// Find the images of a folder that are most similar to an image, and other things that embeddings tell.
///
/// Of each image that is named, the most similar ones of the folder, and whether it is of a known class. --copies finds pairs
/// that are nearly the same, with --test-dir those with one image in each folder; --suspects finds images whose label is
/// probably wrong; --map draws every image as a dot in the color of its class.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("Find the images that are most similar to one", "similar --image-dir photos new.jpg"),
        (
            "Find pairs of images that are nearly the same",
            "similar --image-dir photos --copies 0.9",
        ),
        ("Find labels that are probably wrong", "similar --image-dir photos --suspects 20"),
    ])
)]
pub(crate) struct Options {
    /// Folder with one sub-folder of images for each class
    #[arg(long)]
    image_dir: PathBuf,
    #[command(flatten)]
    folders: FolderArgs,
    /// Images to compare with those of the folder, folders of them, or - for a list of files on standard input
    images: Vec<PathBuf>,
    /// Number of similar images to name
    #[arg(long, default_value_t = 5, value_parser = ranges::whole(1..=1_000_000))]
    top: usize,
    /// Name pairs whose cosine similarity is at least this; from 0.9 on they are nearly always copies of one picture
    #[arg(long, value_parser = ranges::number(-1.0..=1.0))]
    copies: Option<f64>,
    /// With --copies: a folder whose images are compared with those of --image-dir
    #[command(flatten)]
    test: TestArgs,
    /// List this many images, those whose label is most probably wrong
    #[arg(long)]
    suspects: Option<usize>,
    /// PNG file to write, with a map of the images
    #[arg(long)]
    map: Option<PathBuf>,
    /// Write all that is found as JSON to this file, or with - to standard output in place of the text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkOptions,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let json = options.json.as_deref();
    let alone = json == Some(Path::new("-"));
    common::check_outputs(&[
        ("--map", options.map.as_deref()),
        ("--json", json.filter(|_| !alone)),
    ])?;
    let nothing = options.images.is_empty() && options.copies.is_none();
    if nothing && options.suspects.is_none() && options.map.is_none() {
        return Err(
            "nothing is asked: name an image, or give --copies, --suspects or --map".into(),
        );
    }
    let (mut sound, mut found) = (true, Map::new());
    // JSON on standard output is alone there.
    let say = |text: &dyn Display| {
        if !alone {
            common::say!("{text}");
        }
    };
    let (backbone, cache) = (options.network.backbone()?, options.network.cache()?);
    let folder = options.folders.open(&options.image_dir)?;
    let known = collection(&folder, &backbone, &cache)?;
    let mut images = Vec::new();
    for path in &expand(&options.images)? {
        match known.look_up_file(&backbone, path, options.top) {
            Ok(image) => {
                say(&image);
                images.push(json!(image));
            }
            Err(transfer::Error::Dataset(error)) => {
                common::warn!("error: {error}{}", did_you_mean(path));
                sound = false;
                images.push(json!({ "image": path.to_string_lossy(), "error": error.to_string() }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !images.is_empty() {
        found.insert("images".into(), json!(images));
    }
    if let Some(threshold) = options.copies {
        let copies = match &options.test.list()? {
            Some(other) => {
                say_folder(other);
                let other = collection(other, &backbone, &cache)?;
                working("comparing images", || known.copies_in(&other, threshold))?
            }
            None => working("comparing images", || known.copies(threshold)),
        };
        say(&copies);
        found.insert("copies".into(), json!(copies));
    }
    if let Some(count) = options.suspects {
        let doubts = working("cross-validation", || known.doubts(count))?;
        say(&doubts);
        found.insert("labels".into(), json!(doubts));
    }
    if let Some(path) = &options.map {
        let (map, shares) = working("drawing the map", || known.map(800))?;
        write_png(path, with_legend(&map, folder.classes()))?;
        let words = shares.iter().map(|share| format!("{:.1} %", 100.0 * share));
        let words = words.collect::<Vec<_>>().join(" and ");
        let file = files::shown_path(path);
        say(&format!("{file}: its axes have {words} of the variance"));
        let map = json!({ "file": path.to_string_lossy(), "variance": shares });
        found.insert("map".into(), map);
    }
    if let Some(path) = json {
        common::write_json(path, &found.into())?;
        if !alone {
            common::say!("wrote {}", files::shown_path(path));
        }
    }
    Ok(ExitCode::from(u8::from(!sound)))
}
