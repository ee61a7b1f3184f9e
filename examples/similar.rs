//! What embeddings tell about a folder of images: similar images, copies, doubtful labels, images of no known class, a map.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::network::{NetworkOptions, embed};
use common::ranges;
use dataset::ImageFolder;
use dataset::encode::write_png;
use transfer::insight::{OpenSet, Pca, SimilarImages, label_noise, scatter_plot};
use transfer::{Backbone, Embeddings, HeadConfig};

/// Find the images of a folder that are most similar to an image, and other things that embeddings tell.
///
///   similar --image-dir photos new.jpg           the most similar images, and whether new.jpg is of a known class
///   similar --image-dir photos --copies 0.9      pairs of images that are nearly the same
///   similar --image-dir photos --copies 0.9 --test-dir held-out    pairs with one image in each folder
///   similar --image-dir photos --suspects 20     images whose label is probably wrong
///   similar --image-dir photos --map map.png     every image as a dot in the color of its class
#[derive(Parser)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Folder with one sub-folder of images for each class
    #[arg(long)]
    image_dir: PathBuf,
    /// Images to compare with those of the folder
    images: Vec<PathBuf>,
    /// Number of similar images to name
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// Name pairs whose cosine similarity is at least this; from 0.9 on they are nearly always copies of one picture
    #[arg(long, value_parser = ranges::number(-1.0..=1.0))]
    copies: Option<f64>,
    /// With --copies: compare with the images of this folder, not with each other
    #[arg(long, requires = "copies")]
    test_dir: Option<PathBuf>,
    /// List this many images, those whose label is most probably wrong
    #[arg(long)]
    suspects: Option<usize>,
    /// PNG file to write, with a map of the images
    #[arg(long)]
    map: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkOptions,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let mut sound = true;
    let (backbone, cache) = (options.network.backbone()?, options.network.cache()?);
    let of = |folder: &ImageFolder| -> Result<Embeddings, Box<dyn Error>> {
        Ok(embed(&backbone, folder.images(), &cache, "images")?.embeddings)
    };
    let folder = common::open_folder(&options.image_dir)?;
    let set = of(&folder)?;
    let known = SimilarImages::new(set.values(), set.dim())?;

    if !options.images.is_empty() {
        sound = name_neighbors(options, &backbone, &set, &known)?;
    }
    if let Some(threshold) = options.copies {
        let (other, pairs) = match &options.test_dir {
            Some(path) => {
                let other = of(&common::open_folder(path)?)?;
                let images = SimilarImages::new(other.values(), other.dim())?;
                (other, known.pairs(&images, threshold)?)
            }
            None => (set.clone(), known.pairs_within(threshold)),
        };
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
        write_png(path, map)?;
        let shares = pca.explained().iter();
        let shares = shares.map(|share| format!("{:.1} %", 100.0 * share));
        let shares = shares.collect::<Vec<_>>().join(" and ");
        common::say!(
            "{}: its axes have {shares} of the variance",
            files::shown_path(&path)
        );
    }
    Ok(ExitCode::from(u8::from(!sound)))
}

/// Names the images that are similar to each image, and says whether it is of a known class. Returns whether all of the
/// images could be used.
fn name_neighbors(
    options: &Options,
    backbone: &Backbone,
    set: &Embeddings,
    known: &SimilarImages,
) -> Result<bool, Box<dyn Error>> {
    let mut sound = true;
    // A folder can have too few images for it.
    let open_set = OpenSet::of(set.values(), set.dim()).ok();
    for path in &options.images {
        let pixels = match backbone.loader().load(path) {
            Ok(pixels) => pixels,
            Err(error) => {
                common::warn!("error: {error}");
                sound = false;
                continue;
            }
        };
        let embedding = backbone.forward(&pixels, 1)?;
        common::say!("{}", files::shown_path(&path));
        if let Some(open_set) = &open_set {
            let (score, limit) = (open_set.scores(&embedding)?[0], open_set.threshold());
            let verdict = if score > limit {
                "of none of the classes"
            } else {
                "of a known class"
            };
            common::say!(
                "  {verdict}: distance {score:.3}; 95 of 100 known images are within {limit:.3}"
            );
        }
        for near in known.nearest(&embedding, options.top)? {
            common::say!("  {:.3}  {}", near.similarity, set.names()[near.index]);
        }
    }
    Ok(sound)
}
