//! What embeddings tell about a folder of images: look-alikes, copies, doubtful labels, strangers, a map.

mod common;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::DeviceName;
use dataset::{ImageFolder, ResizePolicy};
use transfer::insight::{OpenSet, Pca, SimilarImages, label_noise, out_of_fold, picture};
use transfer::{Backbone, ConvergedConfig, EmbeddingCache, Embeddings, HeadConfig};

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
    /// `bundled`, a published name, or a file or folder with the weights of a MobileNetV1
    #[arg(long, default_value = "bundled")]
    weights: String,
    /// How images become squares: squash, center-crop, letterbox or tf1
    #[arg(long, default_value_t)]
    resize: ResizePolicy,
    /// Folder of embeddings computed so far
    #[arg(long, default_value = "embedding-cache")]
    cache: PathBuf,
    /// Where Burn runs
    #[arg(long, value_enum, default_value = "flex")]
    device: DeviceName,
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let weights = common::weights(&options.weights)?;
    let device = common::device(options.device)?;
    let backbone = Backbone::new(weights, &device)?.with_resize(options.resize);
    let cache = EmbeddingCache::open(&options.cache)?;
    let embed = |folder: &ImageFolder| -> Result<Embeddings, Box<dyn Error>> {
        Ok(common::embed(&backbone, folder.images(), &cache, "images")?.embeddings)
    };
    let folder = common::open_folder(&options.image_dir)?;
    let set = embed(&folder)?;
    let known = SimilarImages::new(set.values(), set.dim())?;

    if !options.images.is_empty() {
        // Of every ten images one is held back, to learn how far an image of the known classes may be from the rest.
        let (held, rest): (Vec<usize>, Vec<usize>) = (0..set.len()).partition(|i| i % 10 == 9);
        let (held, rest) = (set.select(&held), set.select(&rest));
        let k = 10.min(rest.len());
        let strangers = OpenSet::fit(rest.values(), held.values(), set.dim(), k, 0.95).ok();
        for path in &options.images {
            let embedding = backbone.forward(&backbone.loader().load(path)?, 1)?;
            println!("{}", path.display());
            if let Some(strangers) = &strangers {
                let (score, limit) = (strangers.scores(&embedding)?[0], strangers.threshold());
                let verdict = if score > limit {
                    "a stranger here"
                } else {
                    "known"
                };
                println!(
                    "  {verdict}: distance {score:.3}, 95 of 100 known images are within {limit:.3}"
                );
            }
            for near in known.nearest(&embedding, options.top)? {
                println!("  {:.3}  {}", near.similarity, set.names()[near.index]);
            }
        }
    }
    if let Some(threshold) = options.copies {
        let other = match &options.test_dir {
            Some(path) => embed(&common::open_folder(path)?)?,
            None => set.clone(),
        };
        let pairs = known.pairs(&SimilarImages::new(other.values(), other.dim())?, threshold)?;
        let across = options.test_dir.is_some();
        let pairs: Vec<_> = pairs
            .iter()
            .filter(|p| across || p.first < p.second)
            .collect();
        println!("{} pairs at {threshold} or above", pairs.len());
        for pair in pairs {
            let (a, b) = (&set.names()[pair.first], &other.names()[pair.second]);
            println!("  {:.3}  {a}  {b}", pair.similarity);
        }
    }
    if let Some(count) = options.suspects {
        let recipe = ConvergedConfig::new().with_regularisation([0.01]);
        let config = HeadConfig::new().with_recipe(recipe);
        let probabilities = out_of_fold(&set, &config, 5, 0)?;
        let noise = label_noise(set.targets(), &probabilities, folder.classes().len())?;
        let (rate, n) = (100.0 * noise.noise_rate(), noise.mislabelled().count());
        println!("about {rate:.1} % of the labels are wrong; {n} images count as mislabelled");
        for suspect in noise.ranking.iter().take(count) {
            let (name, likely) = (
                &set.names()[suspect.index],
                &folder.classes()[suspect.likely],
            );
            println!("  {:+.3}  {name} looks like {likely}", suspect.margin);
        }
    }
    if let Some(path) = &options.map {
        let pca = Pca::fit(set.values(), set.dim(), 2)?;
        picture(&pca.project(set.values())?, set.targets(), 800)?.save(path)?;
        let shares = pca
            .explained()
            .iter()
            .map(|s| format!("{:.1} %", 100.0 * s));
        let shares = shares.collect::<Vec<_>>().join(" and ");
        println!("{}: the axes hold {shares} of the variance", path.display());
    }
    Ok(())
}
