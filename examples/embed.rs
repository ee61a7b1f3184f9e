//! Fills an embedding cache, on one machine or on several, and writes what is in it for other programs.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::embedding::{fill, import, stream, table};
use common::folders::FolderArgs;
use common::help::uses;
use common::network::{NetworkOptions, merge};
use common::progress::working;
use dataset::split::Shard;
use transfer::bottlenecks::write_bottlenecks;
use transfer::table::{EmbeddingTable, TableFormat};

/// Compute the embeddings of a folder of images and keep them in a cache, for retrain and other programs.
///
/// Embeddings that are in the cache already are not computed again, so a run that was stopped continues. To divide a large
/// folder among several machines, give each machine a part (--shard 1/2, --shard 2/2) and a cache of its own, and then merge
/// the caches in order: --merge part1 part2.
///
/// If all processors have the same instruction set, the merged cache has the same bytes as the cache of a single run. If not,
/// the embeddings may differ in their last bits, so each machine computes those again that it did not compute itself.
///
/// With --arrow-stream, an engine that distributes tables over machines can use this program as its worker.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("Fill the cache for retrain and other programs", "embed --image-dir photos"),
        (
            "Write the embeddings as a table",
            "embed --image-dir photos --output photos.npy",
        ),
        (
            "Be the worker of another engine",
            "embed --arrow-stream < images.arrows > embeddings.arrows",
        ),
        (
            "Do half of the work on this machine",
            "embed --image-dir photos --cache part1 --shard 1/2",
        ),
    ])
)]
pub(crate) struct Options {
    /// Folder with one sub-folder of images for each class
    #[arg(long, required_unless_present_any = ["merge", "arrow_stream"])]
    image_dir: Option<PathBuf>,
    #[command(flatten)]
    folders: FolderArgs,
    /// Embed only part I of N equal parts of the images, such as 2/5
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Copy the embeddings of these caches into --cache, in this order; nothing is computed
    #[arg(long, value_name = "CACHE", num_args = 1.., conflicts_with = "image_dir")]
    merge: Vec<PathBuf>,
    /// Read images from standard input and write embeddings to standard output, both as streams of Apache Arrow: a column
    /// `image` of bytes becomes `embedding` and `error`, and the other columns stay (in programs that were built with
    /// --features arrow)
    #[arg(long, conflicts_with_all = ["image_dir", "merge"])]
    arrow_stream: bool,
    #[command(flatten)]
    network: NetworkOptions,
    /// Write the embeddings also as a table: to FILE, whose ending names the format, and for npy the names to a file beside it
    /// that ends in .csv
    #[arg(
        long,
        value_name = "FILE",
        requires = "image_dir",
        conflicts_with = "import_bottlenecks"
    )]
    output: Option<PathBuf>,
    /// Format of the table: npy (float32 [images, dim]), csv (file, class, e0, e1 ...) or parquet (in programs that were
    /// built with --features parquet) [default: by the ending of --output]
    #[arg(long, requires = "output")]
    format: Option<TableFormat>,
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
    if options.arrow_stream {
        return stream(&options.network);
    }
    let table = table(options.output.as_deref(), options.format)?;
    let cache = merge(&options.network, &options.merge)?;
    let Some(image_dir) = &options.image_dir else {
        common::say!(
            "{} in {}",
            common::counted(cache.len(), "record", "records"),
            files::shown_path(cache.path())
        );
        return Ok(());
    };
    let backbone = options.network.backbone()?;
    let folder = options.folders.open(image_dir)?;
    let items = options.shard.of(folder.images());
    if let Some(from) = &options.import_bottlenecks {
        return import(&backbone, from, items, &cache);
    }
    let failed = fill(&backbone, items, &cache)?;
    let parts = items.chunks(1000);
    let parts = parts.map(|some| -> transfer::Result<_> {
        Ok(backbone.embed(some, &cache, |_| ())?.embeddings)
    });
    if let Some((output, format)) = table {
        let rows = items.len() - failed;
        let table = EmbeddingTable::new(rows, backbone.dim());
        let table = table.with_classes(folder.classes().to_vec());
        let written = working("writing", || table.write(format, output, parts.clone()))?;
        for path in written {
            common::say!("wrote {}", files::shown_path(&path));
        }
    }
    if let Some(to) = &options.export_bottlenecks {
        let architecture = backbone.weights().config().architecture();
        working("writing", || {
            let mut parts = parts;
            parts.try_for_each(|part| write_bottlenecks(to, &architecture, &part?))
        })?;
        common::say!("as text, for {architecture}, in {}", files::shown_path(to));
    }
    Ok(())
}
