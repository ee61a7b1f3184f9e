//! The images on which a network is quantized.

use std::error::Error;
use std::path::{Path, PathBuf};

use dataset::HashedSplit;
use transfer::Classifier;
use transfer::quantize::trained_on;

use crate::folders::FolderArgs;
use crate::progress::working;

/// The images of a folder that the classifier was trained on, or, where that is not known, the training part of the folder.
///
/// # Errors
/// If the folder cannot be read or divided.
pub fn calibration_images(
    classifier: &Classifier,
    folder: &Path,
) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let folder = FolderArgs::default().open(folder)?;
    let known = working("comparing images", || {
        trained_on(classifier, folder.images())
    });
    let why = match known {
        Some(known) if !known.is_empty() => {
            let (found, all) = (known.len(), folder.images().len());
            crate::say!(
                "the classifier was trained on {found} of these {all} images: calibrated on some of them"
            );
            let paths = known.iter().map(|&at| folder.images()[at].path.clone());
            return Ok(paths.collect());
        }
        Some(_) => "the classifier was trained on none of these images",
        None => "the classifier does not know which images it was trained on",
    };
    crate::say!(
        "{why}: calibrated on the training part of the folder, on which nothing should be measured"
    );
    let (split, _) = HashedSplit::default().apply_unless_ready(&folder)?;
    Ok(split.training.into_iter().map(|item| item.path).collect())
}
