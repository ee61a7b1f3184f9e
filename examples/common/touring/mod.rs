//! A tour: steps that are told, done, and put on a page.

pub mod answered;
pub mod folder;
pub mod page;
pub mod steps;

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;

use clap::Parser;

use self::page::Page;
use self::steps::Step;
use crate::calls::{Word, command};

/// A tour so far.
pub struct Tour<'a> {
    /// The page of what was done.
    pub page: Page,
    folder: &'a Path,
}

impl<'a> Tour<'a> {
    /// A tour that writes into that folder, which stands in the commands of its steps as `TOUR`.
    pub fn new(page: Page, folder: &'a Path) -> Self {
        Self { page, folder }
    }

    /// Tells of a step that has no command.
    pub fn tell(&mut self, step: &Step<'_>) {
        self.show(step, None);
    }

    /// Tells of a step, and does it as its command does, of which this is the function.
    ///
    /// # Errors
    /// Where the command is not understood, or cannot be done.
    pub fn take<O: Parser, T>(
        &mut self,
        step: &Step<'_>,
        run: impl FnOnce(&O) -> Result<T, Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let words = step
            .command
            .split(' ')
            .map(|word| match word.strip_prefix("TOUR/") {
                Some(name) => self.folder.join(name).into_os_string(),
                None => word.into(),
            });
        let words: Vec<OsString> = words.collect();
        let shown: Vec<Word<'_>> = words.iter().map(|word| word as Word<'_>).collect();
        self.show(step, Some(&command(&shown)));
        run(&O::try_parse_from(words)?)?;
        Ok(())
    }

    fn show(&mut self, step: &Step<'_>, command: Option<&str>) {
        self.page.add(step, command);
        crate::say!("\n== {}\n{}", step.title, step.text);
        if let Some(command) = command {
            crate::say!("$ {command}\n");
        }
    }
}
