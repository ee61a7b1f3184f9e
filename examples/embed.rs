//! Fills an embedding cache: on one machine or shared among several.

mod common;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Instant;

use clap::Parser;
use common::network::NetworkOptions;
use mobilenet::MobileNetConfig;
use transfer::{EmbeddingCache, write_bottlenecks};

/// Compute the embeddings of a folder of images and keep them in a cache, for retrain and others to use.
///
/// What is in the cache already is not computed again, so a run that was stopped just goes on. To share a large folder
/// among machines or jobs, give each its part and a cache of its own, then merge them in order:
///
///   embed --image-dir photos --cache part1 --shard 1/2
///   embed --image-dir photos --cache part2 --shard 2/2
///   embed --merge part1 part2 --cache embedding-cache
///
/// The merged cache has the bytes of one that a single run would have written, where the processors have the same
/// instruction set; where they differ, images count as new on the others, for their last bits may differ.
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Options {
    /// Folder with one sub-folder of images a class
    #[arg(long, required_unless_present = "merge")]
    image_dir: Option<PathBuf>,
    /// Only part I of N of the images, as 2/5
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Take over these caches, in this order, in place of computing
    #[arg(long, value_name = "CACHE", num_args = 1.., conflicts_with = "image_dir")]
    merge: Vec<PathBuf>,
    #[command(flatten)]
    network: NetworkOptions,
    /// Write each image's numbers there as a text file too, as retrain.py names and reads its bottlenecks
    #[arg(long, value_name = "DIR", requires = "image_dir")]
    export_bottlenecks: Option<PathBuf>,
    /// Take the numbers from such files, in place of computing; some are computed to see whether they are this network's
    /// (retrain.py's are, with --layer logits --resize tf1)
    #[arg(
        long,
        value_name = "DIR",
        requires = "image_dir",
        conflicts_with = "export_bottlenecks"
    )]
    import_bottlenecks: Option<PathBuf>,
}

/// Part `index` (from 1) of `count`.
#[derive(Debug, Clone, Copy)]
struct Shard {
    index: usize,
    count: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let parts = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err(format!("`{text}`: expected I/N with I from 1 to N, as 2/5")),
        }
    }
}

impl Shard {
    /// Neighbors stay together: shards merged in order have the order of the whole.
    fn of<T>(self, items: &[T]) -> &[T] {
        let at = |part: usize| part * items.len() / self.count;
        &items[at(self.index - 1)..at(self.index)]
    }
}

fn main() -> ExitCode {
    common::finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    // Opening makes a cache: a slip of the pen would be an empty one.
    for part in &options.merge {
        if !part.join("embeddings.bin").is_file() {
            return Err(format!(
                "{}: no embedding cache (embeddings.bin is missing)",
                part.display()
            )
            .into());
        }
    }
    let cache = options.network.cache()?;
    for part in &options.merge {
        let merged = cache.merge(&EmbeddingCache::open(part)?)?;
        let (added, known, broken) = (merged.added, merged.known, merged.broken);
        common::say!(
            "{}: {added} records added, {known} known, {broken} broken",
            part.display()
        );
    }
    let Some(image_dir) = &options.image_dir else {
        common::say!("{} records in {}", cache.len(), cache.path().display());
        return Ok(());
    };
    let backbone = options.network.backbone()?;
    let folder = common::open_folder(image_dir)?;
    let items = options.shard.of(folder.images());
    let architecture = architecture(backbone.weights().config());
    if let Some(from) = &options.import_bottlenecks {
        let imported = backbone.import_bottlenecks(from, &architecture, items, &cache)?;
        for (_, error) in &imported.failed {
            eprintln!("left out {error}");
        }
        let (images, failed) = (imported.images, imported.failed.len());
        common::say!(
            "{images} images taken from {}, {failed} left out",
            from.display()
        );
        return Ok(());
    }
    let start = Instant::now();
    let bar = common::progress(items.len(), "embedding");
    let filled = backbone.fill(items, &cache, |done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    common::say_left_out(&filled.failed);
    let (seconds, computed) = (start.elapsed().as_secs_f64(), filled.computed);
    common::say!(
        "{} images, {computed} computed in {seconds:.1} s ({:.0} images/s), {} left out",
        items.len(),
        computed as f64 / seconds,
        filled.failed.len()
    );
    if let Some(to) = &options.export_bottlenecks {
        for some in items.chunks(1000) {
            let embedded = backbone.embed(some, &cache, |_| ())?;
            write_bottlenecks(to, &architecture, &embedded.embeddings)?;
        }
        common::say!("as text, for {architecture}, in {}", to.display());
    }
    Ok(())
}

/// `retrain.py`'s name of a network, which is part of the names of its files: `mobilenet_0.50_224`.
fn architecture(config: &MobileNetConfig) -> String {
    let size = config.input_size;
    match config.alpha {
        1.0 => format!("mobilenet_1.0_{size}"),
        alpha => format!("mobilenet_{alpha:.2}_{size}"),
    }
}
