//! How a cache of embeddings is filled, and what is written of it.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use dataset::ImageItem;
use transfer::table::{EmbeddingTable, TableFormat};
use transfer::{Backbone, EmbeddingCache};

use crate::network::NetworkOptions;
use crate::progress::working;
use crate::{Bar, counted};

/// Computes the embeddings of images that the cache lacks, and says how many; gives how many images cannot be used.
///
/// # Errors
/// As [`Backbone::fill`].
pub fn fill(
    backbone: &Backbone,
    items: &[ImageItem],
    cache: &EmbeddingCache,
) -> Result<usize, Box<dyn Error>> {
    let (start, mut bar) = (Instant::now(), Bar::default());
    let filled = backbone.fill(items, cache, |done| {
        bar.count("embedding", done, items.len());
    })?;
    bar.clear();
    crate::say_left_out(&filled.failed);
    let (seconds, computed) = (start.elapsed().as_secs_f64(), filled.computed);
    crate::say!(
        "{}, {computed} computed in {seconds:.1} s ({:.0} images/s), {} left out",
        counted(items.len(), "image", "images"),
        computed as f64 / seconds,
        filled.failed.len()
    );
    Ok(filled.failed.len())
}

/// Takes the embeddings of images from files as those of `retrain.py`, and says how many.
///
/// # Errors
/// As [`Backbone::import_bottlenecks`].
pub fn import(
    backbone: &Backbone,
    from: &Path,
    items: &[ImageItem],
    cache: &EmbeddingCache,
) -> Result<(), Box<dyn Error>> {
    let architecture = backbone.weights().config().architecture();
    let import = || backbone.import_bottlenecks(from, &architecture, items, cache);
    let imported = working("reading files", import)?;
    for (_, error) in &imported.failed {
        crate::warn!("left out {error}");
    }
    crate::say!(
        "{} taken from {}, {} left out",
        counted(imported.images, "image", "images"),
        files::shown_path(from),
        imported.failed.len()
    );
    Ok(())
}

/// The table that is to be written, and its format, which without an option its ending names.
///
/// # Errors
/// Where the ending names no format, this program cannot write it, or one of its files cannot be written.
pub fn table(
    output: Option<&Path>,
    format: Option<TableFormat>,
) -> Result<Option<(&Path, TableFormat)>, Box<dyn Error>> {
    let Some(output) = output else {
        return Ok(None);
    };
    let format = format.map_or_else(|| TableFormat::of_path(output), Ok)?;
    for path in EmbeddingTable::files(format, output)? {
        let name = if path == *output {
            "--output"
        } else {
            "the file with the names beside --output"
        };
        crate::check_outputs(&[(name, Some(&path))])?;
    }
    EmbeddingTable::check(format, output)?;
    Ok(Some((output, format)))
}

/// Embeds a stream of Apache Arrow from standard input. Nothing but the stream goes to standard output.
///
/// # Errors
/// What is wrong with the network or the stream, and where this program was built without the feature `arrow`.
#[cfg(feature = "arrow")]
pub fn stream(network: &NetworkOptions) -> Result<(), Box<dyn Error>> {
    let backbone = network.backbone()?;
    let output = std::io::BufWriter::new(std::io::stdout().lock());
    let counts = backbone.embed_stream(std::io::stdin().lock(), output)?;
    let rows = counted(counts.rows, "image", "images");
    crate::warn!("{rows}, {} with an error", counts.failed);
    Ok(())
}

/// As with the feature `arrow`, without which there is no stream.
///
/// # Errors
/// Always.
#[cfg(not(feature = "arrow"))]
pub fn stream(_: &NetworkOptions) -> Result<(), Box<dyn Error>> {
    Err("--arrow-stream needs a program that was built with --features arrow".into())
}
