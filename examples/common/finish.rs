//! How the examples end.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::{ExitCode, Termination};

/// As `println!`, and goes on where nobody listens any more: `retrain | head` still trains.
macro_rules! say {
    ($($word:tt)*) => {
        std::io::Write::write_fmt(
            &mut std::io::stdout(),
            format_args!("{}\n", format_args!($($word)*)),
        )
        .unwrap_or_default()
    };
}
#[allow(unused_imports)]
pub(crate) use say;

/// Ends the program: exit code 1 and the error with its causes, where there is one.
pub fn finish(result: Result<impl Termination, Box<dyn Error>>) -> ExitCode {
    let error = match result {
        Ok(done) => return done.report(),
        Err(error) => error,
    };
    let said = error.to_string();
    eprintln!("error: {said}");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Many errors already name their cause.
        if !said.contains(&error.to_string()) {
            eprintln!("  because: {error}");
        }
        cause = error.source();
    }
    ExitCode::FAILURE
}

/// Writes a file that is there whole or not at all, and names it where that fails.
#[allow(dead_code)] // not every example writes
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let write = || {
        // What is no file, as /dev/stdout, is not to be replaced by one.
        if path.exists() && !path.is_file() {
            return std::fs::write(path, bytes);
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut options = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            options.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut file = options
            .prefix(".part-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| format!("{}: {error}", path.display()).into())
}

/// As [`write_file`], a picture as PNG.
#[allow(dead_code)]
pub fn write_png(path: &Path, picture: &image::DynamicImage) -> Result<(), Box<dyn Error>> {
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png)?;
    write_file(path, png.get_ref())
}
