//! The bottleneck files of `retrain.py`: one text file per image, with decimal numbers separated by commas.

use std::path::{Path, PathBuf};

use dataset::{DecodeOptions, ImageItem};
use files::{create_parent_folder, read_at_most, write_bytes};
use sha2::{Digest, Sha256};

use crate::backbone::Backbone;
use crate::cache::{EmbeddingCache, Key};
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};

/// Larger files are none of these: 2^16 numbers of 25 characters.
const MOST_BYTES: u64 = 25 << 16;

/// Images of an import that are computed too, to see whether the numbers are this network's.
const PROBES: usize = 8;
/// Engines, and TensorFlow, agree to a tenth of this share of the largest value.
const TOLERANCE: f32 = 1e-3;
/// Images that are in memory at once.
const AT_ONCE: usize = 256;

/// What [`Backbone::import_bottlenecks`] did.
#[derive(Debug, Default)]
pub struct Imported {
    /// Images whose values are in the cache, whether they were imported now or had been there before.
    pub images: usize,
    /// Bottleneck files that could not be used, or images that could not be read, and why.
    pub failed: Vec<(PathBuf, Error)>,
}

impl Backbone {
    /// Imports the [bottleneck files](read_bottlenecks) of images into a cache, as embeddings of this backbone. To
    /// check this, up to eight of them are computed as well. If one differs by more than 0.001 of its largest value, or
    /// if none can be compared, all files are refused.
    ///
    /// The imported values may differ from those of this engine in their last bits. Keep them in a cache of their own
    /// if other runs must give the same bytes as before.
    ///
    /// # Errors
    /// If the values are not those of this backbone (other weights, layer or resize), or the cache cannot be used.
    pub fn import_bottlenecks(
        &self,
        folder: &Path,
        architecture: &str,
        items: &[ImageItem],
        cache: &EmbeddingCache,
    ) -> Result<Imported> {
        let there: Vec<&ImageItem> = items
            .iter()
            .filter(|item| path(folder, architecture, &item.name).is_file())
            .collect();
        let step = there.len().div_ceil(PROBES).max(1);
        let probes: Vec<ImageItem> = there.iter().copied().step_by(step).cloned().collect();
        let (found, _) = read_bottlenecks(folder, architecture, &probes, self.dim())?;
        let mut compared = 0;
        let computed = self.embed(&probes, &EmbeddingCache::temporary()?, |_| ())?;
        for (name, row) in found.names().iter().zip(found.values().chunks(self.dim())) {
            let at = computed.embeddings.names().iter().position(|n| n == name);
            let Some(own) = at.and_then(|at| computed.embeddings.row(at)) else {
                continue;
            };
            compared += 1;
            let largest = own.iter().fold(0f32, |max, v| max.max(v.abs()));
            let off = own
                .iter()
                .zip(row)
                .fold(0f32, |max, (a, b)| max.max((a - b).abs()));
            if off > TOLERANCE * largest {
                return Err(Error::file(
                    self::path(folder, architecture, name),
                    format!(
                        "its numbers differ by {off:.1e} from those of this network (largest {largest:.1e}); were these files made \
                         with other weights, another layer (retrain.py: logits) or another resize (retrain.py: tf1)?"
                    ),
                ));
            }
        }
        if compared == 0 && !there.is_empty() {
            return Err(Error::file(
                folder,
                format!(
                    "none of {} files could be compared with the numbers of this network: the files, or their images, \
                     cannot be read",
                    probes.len()
                ),
            ));
        }
        let recipe = self.recipe();
        let mut imported = Imported::default();
        for items in items.chunks(AT_ONCE) {
            let (set, failed) = read_bottlenecks(folder, architecture, items, self.dim())?;
            imported.failed.extend(failed);
            let mut rows = set.names().iter().zip(set.values().chunks(self.dim()));
            let mut records = Vec::new();
            let mut next = rows.next();
            for item in items {
                let Some((_, row)) = next.filter(|(name, _)| **name == item.name) else {
                    continue;
                };
                next = rows.next();
                match DecodeOptions::default().read(&item.path) {
                    Ok(bytes) => {
                        let image: [u8; 32] = Sha256::digest(bytes).into();
                        records.push((Key::new(&image, &recipe), row));
                    }
                    Err(error) => imported.failed.push((item.path.clone(), error.into())),
                }
            }
            imported.images += records.len();
            cache.append(records)?;
        }
        cache.sync()?;
        Ok(imported)
    }
}

/// `FOLDER/class/file_ARCHITECTURE.txt`, as `retrain.py` names them (`architecture`: `mobilenet_1.0_224`).
fn path(folder: &Path, architecture: &str, name: &str) -> PathBuf {
    folder.join(format!("{name}_{architecture}.txt"))
}

/// Writes one bottleneck file for each embedding; the rows of `embeddings` must have names (`class/file`).
///
/// Numbers are written with the fewest digits that read back as the same value. Each file appears under its name only
/// when it is complete.
///
/// # Errors
/// If the embeddings have no names or a file cannot be written.
pub fn write_bottlenecks(folder: &Path, architecture: &str, embeddings: &Embeddings) -> Result<()> {
    if embeddings.names().len() != embeddings.len() {
        return Err(Error::mismatch(
            "names of the embeddings",
            embeddings.len(),
            embeddings.names().len(),
        ));
    }
    let rows = embeddings.values().chunks_exact(embeddings.dim());
    for (name, row) in embeddings.names().iter().zip(rows) {
        let path = path(folder, architecture, name);
        create_parent_folder(&path)?;
        let text: Vec<String> = row.iter().map(f32::to_string).collect();
        write_bytes(&path, text.join(",").as_bytes())?;
    }
    Ok(())
}

/// Reads the bottleneck files of images. Each file must hold `dim` finite numbers. The second list of the result has
/// the files that are missing or do not, and why.
///
/// The files do not say what computed the numbers: the caller must know the weights and the resize policy (for
/// `retrain.py`, TensorFlow 1's bilinear squash, and for MobileNet the 1001 logits). A file that was cut within its
/// last number cannot be told from a complete one.
///
/// # Errors
/// If `dim` is 0.
pub fn read_bottlenecks(
    folder: &Path,
    architecture: &str,
    items: &[ImageItem],
    dim: usize,
) -> Result<(Embeddings, Vec<(PathBuf, Error)>)> {
    let (mut values, mut targets, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut failed = Vec::new();
    for item in items {
        let path = path(folder, architecture, &item.name);
        match read(&path, dim) {
            Ok(row) => {
                values.extend(row);
                targets.push(item.class);
                names.push(item.name.clone());
            }
            Err(error) => failed.push((path, error)),
        }
    }
    Ok((
        Embeddings::new(values, dim, targets)?.with_names(names)?,
        failed,
    ))
}

fn read(path: &Path, dim: usize) -> Result<Vec<f32>> {
    let text = read_at_most(path, MOST_BYTES)?;
    let text = String::from_utf8_lossy(&text);
    let numbers: Vec<f32> = text
        .split(',')
        .map_while(|n| n.trim().parse().ok())
        .filter(|v: &f32| v.is_finite())
        .collect();
    let found = text.split(',').count();
    if numbers.len() != dim || found != dim {
        let found = format!("{} in {found} fields", numbers.len());
        return Err(Error::mismatch(
            files::shown_path(path).to_string(),
            format!("{dim} finite numbers"),
            found,
        ));
    }
    Ok(numbers)
}
