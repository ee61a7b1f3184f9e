use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::unfinished::Unfinished;
use crate::write::{Target, folder_of, target};

/// Finds out whether [`write_whole`](crate::write_whole) could write a file to `path`, without writing it. A program
/// that works for hours should call this before it starts. Existing files and folders are not changed.
///
/// # Errors
/// If `path` is a folder, or if the folder of the file is missing or cannot be written to.
pub fn check_writable(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let found = match target(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "this is a folder; give the path of a file in it",
        )),
        found => found,
    };
    let Target::File { path: file, .. } = found.map_err(Error::at(path))? else {
        return Ok(());
    };
    let folder = folder_of(&file);
    // Dropping it removes it.
    let tried = Unfinished::new_in(folder).map(drop).map_err(|error| {
        let folder = folder.display();
        io::Error::new(
            error.kind(),
            format!(
                "the folder {folder} cannot be written to ({error}); create it, or choose another folder"
            ),
        )
    });
    tried.map_err(Error::at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_looked_at_before_a_file_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        check_writable(folder.join("new")).unwrap();
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
        std::fs::write(folder.join("old"), "old").unwrap();
        check_writable(folder.join("old")).unwrap();
        assert_eq!(std::fs::read(folder.join("old")).unwrap(), b"old");
        let said = |path: &Path| check_writable(path).unwrap_err().to_string();
        assert!(said(folder).contains("this is a folder; give the path of a file in it"));
        let missing = folder.join("missing");
        let expected = format!("the folder {} cannot be written to", missing.display());
        assert!(said(&missing.join("new")).contains(&expected));
        #[cfg(unix)]
        check_writable("/dev/null").unwrap();
    }
}
