//! Downloads the images of a list of URLs into the folder of one class.

#[path = "common/finish.rs"]
mod finish;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use dataset::download::{Download, read_list};
use finish::finish;
use indicatif::{ProgressBar, ProgressStyle};

/// Download the images of a list of URLs into OUTPUT/CLASS.
///
/// Every URL ends in OUTPUT/manifest.jsonl, with its file or the reason why there is none. Run the
/// same command again after an interruption: what is whole is not asked for again.
///
///   cargo run --release --example download -- --urls boats.txt --class boat --output photos
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Options {
    /// One URL a line, or CSV with the columns url, licence and author.
    #[arg(long)]
    urls: PathBuf,
    /// Name of the class, which becomes a folder.
    #[arg(long)]
    class: String,
    /// The folder of all classes.
    #[arg(long)]
    output: PathBuf,
    /// Keep URLs that contain this text (may be repeated; "" keeps all).
    #[arg(long, default_value = "flickr")]
    keep: Vec<String>,
    /// A picture has more bytes than this.
    #[arg(long, default_value_t = 10_000)]
    min_bytes: u64,
    /// Downloads at once, at most 4 of them from one host.
    #[arg(long, default_value_t = 8)]
    jobs: usize,
    /// Also ask loopback, private and link-local addresses.
    #[arg(long)]
    allow_private_addresses: bool,
}

fn main() -> ExitCode {
    finish(match run(&Options::parse()) {
        Ok(0) => Err("no image arrived; the manifest says why".into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    })
}

/// How many images are in the folder afterwards.
fn run(options: &Options) -> dataset::Result<usize> {
    let entries = read_list(&options.urls)?;
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {msg}");
    let bar = ProgressBar::new(entries.len() as u64);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let records = Download::new()
        .with_url_filter(options.keep.clone())
        .with_min_bytes(options.min_bytes)
        .with_jobs(options.jobs)
        .with_private_addresses(options.allow_private_addresses)
        .run(&entries, &options.class, &options.output, |_| bar.inc(1))?;
    bar.finish_and_clear();
    let arrived = records
        .iter()
        .filter(|record| record.path.is_some())
        .count();
    finish::say!(
        "{arrived} of {} URLs are images in {}",
        records.len(),
        options.output.join(&options.class).display()
    );
    let refusals = records.iter().filter_map(|r| r.refused_by.as_deref());
    let others = refusals.filter(|by| by.starts_with("keep ")).count();
    if others > 0 {
        let texts = options.keep.join("\", \"");
        finish::say!(
            "{others} were not asked for: they do not contain \"{texts}\"; --keep \"\" asks for all"
        );
    }
    let retry = records.iter().filter(|record| record.retry).count();
    if retry > 0 {
        finish::say!("{retry} failures may pass: run the same command again");
    }
    finish::say!(
        "every URL is accounted for in {}",
        options.output.join("manifest.jsonl").display()
    );
    Ok(arrived)
}
