//! What a shell and `man` know of the program.

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

/// Print the completions of a shell: what the Tab key offers
///
/// For bash, put them into ~/.local/share/bash-completion/completions/mobilenet-transfer; for fish into
/// ~/.config/fish/completions/mobilenet-transfer.fish; for zsh into a file _mobilenet-transfer in a folder of $fpath.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Print the manual page of a command, or write those of all commands into a folder
///
///   mobilenet-transfer man retrain | man -l -
///   mobilenet-transfer man --output ~/.local/share/man/man1
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Pages {
    /// The command [default: the program itself]
    #[arg(conflicts_with = "output")]
    page: Option<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Completions {
    /// Prints them.
    pub fn write(&self, mut program: Command) {
        let (name, mut text) = (program.get_name().to_string(), Vec::new());
        clap_complete::generate(self.shell, &mut program, name, &mut text);
        common::say::print(&text);
    }
}

impl Pages {
    /// Prints the page, or writes the pages.
    pub fn write(&self, program: Command) -> Result<(), Box<dyn Error>> {
        if let Some(folder) = &self.output {
            let commands = program
                .get_subcommands()
                .filter(|command| command.get_name() != "help");
            for command in commands.chain([&program]) {
                let page = Man::new(command.clone());
                common::answers::write(&folder.join(page.get_filename()), rendered(&page)?)?;
            }
            return Ok(());
        }
        let command = match &self.page {
            None => program,
            Some(name) => program
                .find_subcommand(name)
                .cloned()
                .ok_or_else(|| format!("there is no command {name}"))?,
        };
        common::say::print(&rendered(&Man::new(command))?);
        Ok(())
    }
}

fn rendered(page: &Man) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    page.render(&mut text)?;
    Ok(text)
}
