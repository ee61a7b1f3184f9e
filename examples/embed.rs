//! Fills an embedding cache, on one machine or on several.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::network::NetworkOptions;
use dataset::split::Shard;
use transfer::EmbeddingCache;
use transfer::bottlenecks::write_bottlenecks;

/// Compute the embeddings of a folder of images and keep them in a cache, for retrain and other programs.
///
/// Embeddings that are in the cache already are not computed again, so a run that was stopped continues. To divide a large
/// folder among several machines, give each machine a part and a cache of its own, and then merge the caches in order:
///
///   embed --image-dir photos --cache part1 --shard 1/2
///   embed --image-dir photos --cache part2 --shard 2/2
///   embed --merge part1 part2 --cache embedding-cache
///
/// If all processors have the same instruction set, the merged cache has the same bytes as the cache of a single run. If not,
/// the embeddings may differ in their last bits, so each machine computes those again that it did not compute itself.
#[derive(Parser)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Folder with one sub-folder of images for each class
    #[arg(long, required_unless_present = "merge")]
    image_dir: Option<PathBuf>,
    /// Embed only part I of N equal parts of the images, such as 2/5
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Copy the embeddings of these caches into --cache, in this order; nothing is computed
    #[arg(long, value_name = "CACHE", num_args = 1.., conflicts_with = "image_dir")]
    merge: Vec<PathBuf>,
    #[command(flatten)]
    network: NetworkOptions,
    /// Write each embedding also as a text file into this folder, named and written as retrain.py's bottlenecks
    #[arg(long, value_name = "DIR", requires = "image_dir")]
    export_bottlenecks: Option<PathBuf>,
    /// Read the embeddings from such files. Some are computed and compared, to find out whether the files are this
    /// network's (those of retrain.py are, with --layer logits --resize tf1)
    #[arg(
        long,
        value_name = "DIR",
        requires = "image_dir",
        conflicts_with = "export_bottlenecks"
    )]
    import_bottlenecks: Option<PathBuf>,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    // All of them are opened before the first one is merged, so that a wrong path changes nothing.
    let parts = options.merge.iter().map(EmbeddingCache::open_existing);
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let cache = options.network.cache()?;
    for (part, path) in parts.iter().zip(&options.merge) {
        let merged = cache.merge(part)?;
        let (added, known, broken) = (merged.added, merged.known, merged.broken);
        let path = files::shown_path(&path);
        common::say!("{path}: {added} records added, {known} known, {broken} broken");
    }
    let Some(image_dir) = &options.image_dir else {
        common::say!(
            "{} records in {}",
            cache.len(),
            files::shown_path(&cache.path())
        );
        return Ok(());
    };
    let backbone = options.network.backbone()?;
    let folder = common::open_folder(image_dir)?;
    let items = options.shard.of(folder.images());
    let architecture = backbone.weights().config().architecture();
    if let Some(from) = &options.import_bottlenecks {
        let imported = backbone.import_bottlenecks(from, &architecture, items, &cache)?;
        for (_, error) in &imported.failed {
            common::warn!("left out {error}");
        }
        let (images, failed) = (imported.images, imported.failed.len());
        common::say!(
            "{images} images taken from {}, {failed} left out",
            files::shown_path(&from)
        );
        return Ok(());
    }
    let start = Instant::now();
    let mut bar = common::Bar::default();
    let filled = backbone.fill(items, &cache, |done| {
        bar.count("embedding", done, items.len());
    })?;
    bar.clear();
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
        common::say!("as text, for {architecture}, in {}", files::shown_path(&to));
    }
    Ok(())
}
