//! The examples as commands of one program: `mobilenet-transfer retrain` is the example `retrain`.
#![allow(dead_code)] // The examples' own `main`.

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
#[path = "../retrain.rs"]
mod retrain;
#[path = "../similar.rs"]
mod similar;
#[path = "../speed.rs"]
mod speed;
#[path = "../weights.rs"]
mod weights;

use std::process::ExitCode;

use clap::{FromArgMatches, Parser, Subcommand};

/// Retrain MobileNet on a folder of your own images, measure the classifier, ask it, and see why it answers so.
///
/// Without any image at hand, `mobilenet-transfer retrain` draws some and retrains on those. `COMMAND --help` explains each
/// command.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[command(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant)] // There is one.
enum Command {
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
    Similar(similar::Options),
    Speed(speed::Options),
    Weights(weights::Options),
}

fn main() -> ExitCode {
    let (command, matches) = common::finish::matches::<Program>();
    let program = Program::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Err(error) = common::finish::begin(&command, &matches) {
        return common::finish(Err::<(), _>(error));
    }
    match &program.command {
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
        Command::Similar(options) => common::finish(similar::run(options)),
        Command::Speed(options) => common::finish(speed::run(options)),
        Command::Weights(options) => common::finish(weights::run(options)),
    }
}
