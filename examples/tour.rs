//! The whole job on pictures that are drawn for it, step by step, in under a minute, with a page that links what came out.
#![allow(dead_code)] // The steps' own `main`.

#[path = "audit.rs"]
mod audit;
#[path = "evaluate.rs"]
mod evaluate;
#[path = "explain.rs"]
mod explain;
#[path = "export.rs"]
mod export;
#[path = "label_image.rs"]
mod label_image;
#[path = "retrain.rs"]
mod retrain;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::help::uses;
use common::progress::working;
use common::ranges::whole;
use common::touring::Tour;
use common::touring::answered::Answered;
use common::touring::folder::{check_place, write_sheet};
use common::touring::page::Page;
use common::touring::steps::{ASK, AUDIT, DRAW, EVALUATE, EXPLAIN, EXPORT, INTRO, RETRAIN, Step};
use dataset::ImageFolder;
use dataset::sample::write_once;

/// See the whole job in under a minute, on pictures that are drawn for it.
///
/// It audits a folder of pictures, retrains on it, measures the classifier on other pictures, asks it about the one where it is
/// most wrong, explains that answer, and exports the classifier. Each step says what it is for and which command does it. The
/// folder OUTPUT then has a page, index.html, that links all that was written.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("Take the tour", "tour"),
        ("Take it in another folder", "tour --output my-tour"),
        ("Take a short one", "tour --pictures 100"),
    ])
)]
pub(crate) struct Options {
    /// Number of pictures to draw of each of the two classes
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = whole(20..=5000))]
    pictures: usize,
    /// Folder to write to
    #[arg(long, value_name = "DIR", default_value = "tour")]
    output: PathBuf,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    check_place(&options.output)?;
    let start = Instant::now();
    let at = |name: &str| options.output.join(name);
    let page = Page::new("From a folder of pictures to a classifier");
    let mut tour = Tour::new(page, &options.output);

    tour.tell(&DRAW);
    working("drawing", || {
        write_once(at("images"), options.pictures, 1)?;
        write_once(at("more-images"), options.pictures / 2, 2)
    })?;
    let drawn = write_sheet(&at("images"), &at("pictures.jpg"))?;

    tour.take(&AUDIT, audit::run)?;
    tour.take(&RETRAIN, retrain::run)?;
    tour.take(&EVALUATE, evaluate::run)?;
    let folder = ImageFolder::list(at("images"))?;
    let answered = Answered::read(&at("answers.jsonl"), folder.classes())?;
    let picture = format!("more-images/{}", answered.worst);
    let about_it = |step: Step<'_>| format!("{} TOUR/{picture}", step.command);
    tour.take(
        &Step {
            text: &answered.about_worst,
            command: &about_it(ASK),
            picture: Some(&picture),
            ..ASK
        },
        label_image::run,
    )?;
    tour.take(
        &Step {
            command: &about_it(EXPLAIN),
            ..EXPLAIN
        },
        explain::run,
    )?;
    tour.take(&EXPORT, export::run)?;

    let seconds = start.elapsed().as_secs_f64();
    let numbers = answered.numbers(drawn, seconds);
    tour.page.write(&at("index.html"), INTRO, &numbers)?;
    let page = at("index.html");
    let page = files::shown_path(&page);
    common::say!("\nThat took {seconds:.0} s. Open {page} in a browser: it links all of this.");
    Ok(())
}
