//! The examples as commands of one program: `mobilenet-transfer retrain` is the example `retrain`.
#![allow(dead_code)] // The examples' own `main`.
#![allow(clippy::duplicate_mod)] // The tour is made of examples, too.

#[path = "../audit.rs"]
mod audit;
#[path = "../compare.rs"]
mod compare;
#[cfg(feature = "download")]
#[path = "../download.rs"]
mod download;
#[path = "../embed.rs"]
mod embed;
#[path = "../evaluate.rs"]
mod evaluate;
#[path = "../explain.rs"]
mod explain;
#[path = "../explore.rs"]
mod explore;
#[path = "../export.rs"]
mod export;
#[cfg(feature = "flex")]
#[path = "../finetune.rs"]
mod finetune;
#[path = "../inspect.rs"]
mod inspect;
#[path = "../label_image.rs"]
mod label_image;
#[path = "../quantize.rs"]
mod quantize;
#[path = "../retrain.rs"]
mod retrain;
#[path = "../similar.rs"]
mod similar;
#[path = "../speed.rs"]
mod speed;
#[path = "../tour.rs"]
mod tour;
#[path = "../weights.rs"]
mod weights;

mod manual;

use std::process::ExitCode;

use clap::{FromArgMatches, Parser, Subcommand};
use common::help::uses;

/// Retrain MobileNet on a folder of your own images, measure the classifier, ask it, and see why it answers so.
///
/// `mobilenet-transfer COMMAND --help` explains each command, and begins with its common uses.
#[derive(Parser)]
#[command(
    arg_required_else_help = true,
    after_help = uses(&[
        ("Retrain on your own images, one sub-folder for each class", "mobilenet-transfer retrain --image-dir photos"),
        ("Ask the classifier", "mobilenet-transfer label-image --classifier classifier.safetensors photo.jpg"),
        (
            "Measure it on other images, with a page of all numbers",
            "mobilenet-transfer evaluate --classifier classifier.safetensors --image-dir more-photos --report report.html",
        ),
    ])
)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[command(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant)] // There is one.
enum Command {
    Tour(tour::Options),
    Retrain(retrain::Options),
    LabelImage(label_image::Options),
    Evaluate(evaluate::Options),
    Audit(audit::Options),
    Compare(compare::Options),
    #[cfg(feature = "download")]
    Download(download::Options),
    Embed(embed::Options),
    Explain(explain::Options),
    Explore(explore::Options),
    Export(export::Options),
    #[cfg(feature = "flex")]
    Finetune(finetune::Options),
    Inspect(inspect::Options),
    Quantize(quantize::Options),
    Similar(similar::Options),
    Speed(speed::Options),
    Weights(weights::Options),
    Completions(manual::Completions),
    Man(manual::Pages),
}

fn main() -> ExitCode {
    let (command, matches) = common::finish::matches::<Program>();
    let program = Program::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Err(error) = common::finish::begin(&command, &matches) {
        return common::finish(Err::<(), _>(error));
    }
    match &program.command {
        Command::Tour(options) => common::finish(tour::run(options)),
        Command::Retrain(options) => common::finish(retrain::run(options)),
        Command::LabelImage(options) => common::finish(label_image::run(options)),
        Command::Evaluate(options) => common::finish(evaluate::run(options)),
        Command::Audit(options) => common::finish(audit::run(options)),
        Command::Compare(options) => common::finish(compare::run(options)),
        #[cfg(feature = "download")]
        Command::Download(options) => common::finish(download::run(options)),
        Command::Embed(options) => common::finish(embed::run(options)),
        Command::Explain(options) => common::finish(explain::run(options)),
        Command::Explore(options) => common::finish(explore::run(options)),
        Command::Export(options) => common::finish(export::run(options)),
        #[cfg(feature = "flex")]
        Command::Finetune(options) => common::finish(finetune::run(options)),
        Command::Inspect(options) => common::finish(inspect::run(options)),
        Command::Quantize(options) => common::finish(quantize::run(options)),
        Command::Similar(options) => common::finish(similar::run(options)),
        Command::Speed(options) => common::finish(speed::run(options)),
        Command::Weights(options) => common::finish(weights::run(options)),
        Command::Completions(options) => {
            options.write(command);
            common::finish(Ok(()))
        }
        Command::Man(options) => common::finish(options.write(command)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::Program;

    #[test]
    fn every_example_is_a_command() {
        let command = common::help::arranged(Program::command());
        command.clone().debug_assert();
        let commands: Vec<_> = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        for entry in std::fs::read_dir(examples).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .file_stem()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('_', "-");
                let missing = match &name[..] {
                    "download" => cfg!(not(feature = "download")),
                    "finetune" => cfg!(not(feature = "flex")),
                    _ => false,
                };
                assert!(
                    missing || commands.contains(&&name[..]),
                    "{name}: {commands:?}"
                );
            }
        }
    }
}
