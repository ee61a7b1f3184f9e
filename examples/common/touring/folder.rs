//! The folder of a tour, and what it shows of its pictures.

use std::error::Error;
use std::path::Path;

use dataset::thumbnail::contact_sheet;
use dataset::{DecodeOptions, ImageFolder, decode_file, encode};

/// What a tour writes into its folder.
const WRITTEN: [&str; 16] = [
    "answers.jsonl",
    "classifier.onnx",
    "classifier.safetensors",
    "embedding-cache",
    "findings.json",
    "images",
    "images.part",
    "index.html",
    "metrics.json",
    "more-images",
    "more-images.part",
    "pictures.jpg",
    "preprocess.py",
    "report.html",
    "review.html",
    "why",
];

/// Refuses a folder that has something else than an earlier tour in it.
///
/// # Errors
/// If there is something else, or the folder cannot be read.
pub fn check_place(folder: &Path) -> Result<(), Box<dyn Error>> {
    let shown = files::shown_path(folder);
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{shown}: {error}"))? {
        let name = entry?.file_name();
        if !WRITTEN.iter().any(|written| name == *written) {
            let name = files::shown_path(Path::new(&name)).to_string();
            return Err(format!(
                "{shown}: there is {name} in it, which is no part of a tour, and a tour replaces files; choose another folder"
            )
            .into());
        }
    }
    Ok(())
}

/// Columns and rows of a sheet of pictures.
const SHEET: (usize, usize) = (8, 2);

/// Writes a JPEG with the first pictures of each class, a row a class, and gives the number of all pictures.
///
/// # Errors
/// Where a picture cannot be read, or the file cannot be written.
pub fn write_sheet(folder: &Path, file: &Path) -> Result<usize, Box<dyn Error>> {
    let folder = ImageFolder::open(folder)?;
    let (columns, rows) = SHEET;
    let mut shown = Vec::new();
    for class in 0..folder.classes().len().min(rows) {
        let of_class = folder.images().iter().filter(|item| item.class == class);
        for item in of_class.take(columns) {
            shown.push(decode_file(&item.path, &DecodeOptions::default())?);
        }
    }
    let sheet = contact_sheet(&shown, columns as u32, 128);
    files::write_bytes(file, &encode::jpeg(&sheet, 85)?)?;
    Ok(folder.images().len())
}
