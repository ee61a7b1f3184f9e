//! The bottleneck files of TensorFlow's `retrain.py`: one text file an image, decimal numbers and commas.

use std::fs;
use std::path::{Path, PathBuf};

use dataset::ImageItem;

use crate::{Embeddings, Error, Result};

/// Larger files are none of these: 2^16 numbers of 25 characters.
const MOST_BYTES: u64 = 25 << 16;

/// `FOLDER/class/file_ARCHITECTURE.txt`, as `retrain.py` names them (`architecture`: `mobilenet_1.0_224`).
fn path(folder: &Path, architecture: &str, item: &ImageItem) -> PathBuf {
    folder.join(format!("{}_{architecture}.txt", item.name))
}

/// Writes the bottleneck file of each embedding; `embeddings` must have its rows' names (`class/file`).
///
/// Numbers are the shortest that read back to the same value. Each file is visible under its name only when whole.
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
    for ((name, row), &class) in embeddings
        .names()
        .iter()
        .zip(embeddings.values().chunks_exact(embeddings.dim()))
        .zip(embeddings.targets())
    {
        let path = path(
            folder,
            architecture,
            &ImageItem {
                path: PathBuf::new(),
                name: name.clone(),
                class,
            },
        );
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(Error::io(parent))?;
        let text: Vec<String> = row.iter().map(f32::to_string).collect();
        crate::files::write_whole(&path, |file| file.write_all(text.join(",").as_bytes()))?;
    }
    Ok(())
}

/// Reads the bottleneck files of images, each of which must hold `dim` finite numbers; the second list has the
/// files that are missing or do not, and why.
///
/// What made the numbers is not in the files: it is for the caller to know the weights and the resize (`retrain.py`:
/// TensorFlow 1's bilinear squash; for MobileNet the 1001 logits). A file that was cut within its last number cannot
/// be told from a whole one.
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
        let path = path(folder, architecture, item);
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
    let length = fs::metadata(path).map_err(Error::io(path))?.len();
    if length > MOST_BYTES {
        return Err(Error::mismatch(
            path.display().to_string(),
            format!("at most {MOST_BYTES} bytes"),
            length,
        ));
    }
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    let numbers: Vec<f32> = text
        .split(',')
        .map_while(|n| n.trim().parse().ok())
        .filter(|v: &f32| v.is_finite())
        .collect();
    let found = text.split(',').count();
    if numbers.len() != dim || found != dim {
        let found = format!("{} of {found} fields that are", numbers.len());
        return Err(Error::mismatch(
            path.display().to_string(),
            format!("{dim} finite numbers"),
            found,
        ));
    }
    Ok(numbers)
}
