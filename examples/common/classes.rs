//! Names of classes, as an option: a list, or a file of them.

use std::error::Error;
use std::path::Path;

use transfer::classifier::read_labels;

/// The classes of `A,B,..`, or, where that is the name of a file, those in it, one on each line.
///
/// # Errors
/// Where the file cannot be read.
pub fn classes(text: &str) -> Result<Vec<String>, Box<dyn Error>> {
    if Path::new(text).is_file() {
        return Ok(read_labels(text)?);
    }
    Ok(text
        .split(',')
        .map(|name| name.trim().to_string())
        .collect())
}
