//! How the examples begin, and how they end.

use std::error::Error;
use std::process::{ExitCode, Termination};

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, Parser};

use crate::original;

/// Reads the options from the command line, refuses outputs that are inputs, and runs the program.
pub fn main<O: Parser, T: Termination>(
    run: impl FnOnce(&O) -> Result<T, Box<dyn Error>>,
) -> ExitCode {
    crate::calls::is_an_example();
    let (command, matches) = matches::<O>();
    let options = O::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    finish(begin(&command, &matches).and_then(|()| run(&options)))
}

/// What is done before every program: its paths are checked, its threads are bounded, and `--quiet` hides its progress.
///
/// # Errors
/// As [`paths::check`](crate::paths::check).
pub fn begin(command: &Command, matches: &ArgMatches) -> Result<(), Box<dyn Error>> {
    if matches.get_flag("quiet") {
        crate::progress::hide();
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = cores.max(MOST_THREADS);
    let wanted = std::env::var("RAYON_NUM_THREADS").ok();
    if wanted
        .and_then(|n| n.parse().ok())
        .is_some_and(|n: usize| n > most)
    {
        crate::warn!(
            "RAYON_NUM_THREADS is more than the {most} threads that are of use here; these are used"
        );
        rayon::ThreadPoolBuilder::new()
            .num_threads(most)
            .build_global()?;
    }
    crate::paths::check(command, matches)
}

/// More threads than cores only wait for each other, and each has images in memory; some more do no harm.
const MOST_THREADS: usize = 64;

/// The command line of a program.
pub fn matches<O: Parser>() -> (Command, ArgMatches) {
    let mut command = crate::help::arranged(O::command());
    // Sub-commands get the options that they share with it.
    command.build();
    let matches = match original::arguments(&command, std::env::args_os()) {
        Ok(arguments) => {
            let matches = command.clone().try_get_matches_from(arguments);
            matches.unwrap_or_else(|error| crate::tips::with_option(&command, error).exit())
        }
        Err(message) => command
            .clone()
            .error(ErrorKind::UnknownArgument, message)
            .exit(),
    };
    (command, matches)
}

/// Ends the program: exit code 1 and the error with its causes, where there is one.
pub fn finish(result: Result<impl Termination, Box<dyn Error>>) -> ExitCode {
    let lost = crate::say::lost();
    let error = match (result, lost) {
        (Ok(done), None) => return done.report(),
        (Ok(_), Some(error)) => format!("standard output: {error}").into(),
        (Err(error), _) => error,
    };
    let said = error.to_string();
    crate::warn!("error: {said}{}", crate::tips::for_message(&said));
    let mut cause = error.source();
    while let Some(error) = cause {
        // Many errors already name their cause.
        if !said.contains(&error.to_string()) {
            crate::warn!("  because: {error}");
        }
        cause = error.source();
    }
    ExitCode::FAILURE
}
