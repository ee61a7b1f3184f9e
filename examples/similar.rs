//! What embeddings tell about a folder of images: look-alikes, copies, doubtful labels, strangers, a map.

mod common;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::network::{NetworkOptions, embed};
use dataset::ImageFolder;
use transfer::insight::{OpenSet, Pca, SimilarImages, label_noise, scatter_plot};
use transfer::{Backbone, Embeddings, HeadConfig};

/// Find what looks like an image in a folder of images, and what else embeddings tell.
///
///   similar --image-dir photos new.jpg           the nearest images, and whether it is a stranger there
///   similar --image-dir photos --copies 0.9      pairs that are nearly the same picture
///   similar --image-dir photos --copies 0.9 --test-dir held-out    ... across the two folders
///   similar --image-dir photos --suspects 20     labels that the other images contradict
///   similar --image-dir photos --map map.png     every image as a dot, in the colour of its class
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Options {
    /// Folder with one sub-folder of images a class
    #[arg(long)]
    image_dir: PathBuf,
    /// Images to look for
    images: Vec<PathBuf>,
    /// How many neighbours to name
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// Name pairs whose cosine is at least this: from 0.9 on nearly always the same picture, changed
    #[arg(long)]
    copies: Option<f64>,
    /// With --copies: compare with this folder instead of within --image-dir
    #[arg(long, requires = "copies")]
    test_dir: Option<PathBuf>,
    /// Name so many images whose label is in doubt
    #[arg(long)]
    suspects: Option<usize>,
    /// Write a map of the images (PNG)
    #[arg(long)]
    map: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkOptions,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let mut sound = true;
    let (backbone, cache) = (options.network.backbone()?, options.network.cache()?);
    let of = |folder: &ImageFolder| -> Result<Embeddings, Box<dyn Error>> {
        Ok(embed(&backbone, folder.images(), &cache, "images")?.embeddings)
    };
    let folder = common::open_folder(&options.image_dir)?;
    let set = of(&folder)?;
    let known = SimilarImages::new(set.values(), set.dim())?;

    if !options.images.is_empty() {
        sound = name_neighbours(options, &backbone, &set, &known)?;
    }
    if let Some(threshold) = options.copies {
        let other = match &options.test_dir {
            Some(path) => of(&common::open_folder(path)?)?,
            None => set.clone(),
        };
        let pairs = known.pairs(&SimilarImages::new(other.values(), other.dim())?, threshold)?;
        let across = options.test_dir.is_some();
        let pairs: Vec<_> = pairs
            .iter()
            .filter(|p| across || p.first < p.second)
            .collect();
        common::say!("{} pairs at {threshold} or above", pairs.len());
        for pair in pairs {
            let (a, b) = (&set.names()[pair.first], &other.names()[pair.second]);
            common::say!("  {:.3}  {a}  {b}", pair.similarity);
        }
    }
    if let Some(count) = options.suspects {
        let report = HeadConfig::new().training(&set).fit()?.report;
        let noise = label_noise(set.targets(), &report.out_of_fold, folder.classes().len())?;
        let (rate, n) = (100.0 * noise.noise_rate(), noise.mislabeled().count());
        common::say!("about {rate:.1} % of the labels are wrong; {n} images count as mislabeled");
        for suspect in noise.ranking.iter().take(count) {
            let (name, likely) = (
                &set.names()[suspect.index],
                &folder.classes()[suspect.likely],
            );
            common::say!("  {:+.3}  {name} looks like {likely}", suspect.margin);
        }
    }
    if let Some(path) = &options.map {
        let pca = Pca::fit(set.values(), set.dim(), 2)?;
        let map = scatter_plot(&pca.project(set.values())?, set.targets(), 800)?;
        common::write_png(path, &map.into())?;
        let shares = pca
            .explained()
            .iter()
            .map(|s| format!("{:.1} %", 100.0 * s));
        let shares = shares.collect::<Vec<_>>().join(" and ");
        common::say!("{}: the axes hold {shares} of the variance", path.display());
    }
    Ok(ExitCode::from(u8::from(!sound)))
}

/// Who is near each image, and whether it is near enough to be of these classes. Whether all of them could be used.
fn name_neighbours(
    options: &Options,
    backbone: &Backbone,
    set: &Embeddings,
    known: &SimilarImages,
) -> Result<bool, Box<dyn Error>> {
    let mut sound = true;
    // Of every ten images one is held back, to learn how far an image of the known classes may be from the rest.
    let (held, rest): (Vec<usize>, Vec<usize>) = (0..set.len()).partition(|i| i % 10 == 9);
    let (held, rest) = (set.select(&held), set.select(&rest));
    let k = 10.min(rest.len());
    let strangers = OpenSet::fit(rest.values(), held.values(), set.dim(), k, 0.95).ok();
    for path in &options.images {
        let pixels = match backbone.loader().load(path) {
            Ok(pixels) => pixels,
            Err(error) => {
                eprintln!("error: {error}");
                sound = false;
                continue;
            }
        };
        let embedding = backbone.forward(&pixels, 1)?;
        common::say!("{}", path.display());
        if let Some(strangers) = &strangers {
            let (score, limit) = (strangers.scores(&embedding)?[0], strangers.threshold());
            let verdict = if score > limit {
                "a stranger here"
            } else {
                "known"
            };
            common::say!(
                "  {verdict}: distance {score:.3}, 95 of 100 known images are within {limit:.3}"
            );
        }
        for near in known.nearest(&embedding, options.top)? {
            common::say!("  {:.3}  {}", near.similarity, set.names()[near.index]);
        }
    }
    Ok(sound)
}
