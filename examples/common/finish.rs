//! How the examples print, and how they end.

use std::error::Error;
use std::process::{ExitCode, Termination};

/// As `println!`, but goes on where nobody reads the output any more: `retrain | head` still trains.
#[macro_export]
macro_rules! say {
    ($($word:tt)*) => {
        std::io::Write::write_fmt(
            &mut std::io::stdout(),
            format_args!("{}\n", format_args!($($word)*)),
        )
        .unwrap_or_default()
    };
}

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
