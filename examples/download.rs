//! Downloads the images of a list of URLs into the folder of a class.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use common::help::uses;
use common::progress::Counter;
use dataset::download::{Counts, Download, UrlList};

/// Download the images of a list of URLs into the folder OUTPUT/CLASS.
///
/// The file OUTPUT/manifest.jsonl says for every URL which file it gave, or why it gave none. After an interruption, run the
/// same command again: files that are complete are not downloaded again.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        (
            "Download a list of pictures of boats",
            "download --urls boats.txt --class boat --output photos",
        ),
        (
            "Take every URL, not only those of Flickr",
            "download --urls boats.txt --class boat --output photos --keep ''",
        ),
        (
            "Be patient with slow servers",
            "download --urls boats.txt --class boat --output photos --lowest-rate 0 --deadline 3600",
        ),
    ])
)]
pub(crate) struct Options {
    /// File with one URL per line, or a table (CSV, TSV, JSON lines) with a column of URLs and, optionally, columns license,
    /// author, class (sorts into folders) and md5, sha1 or sha256 (compared with what arrives)
    #[arg(long)]
    urls: PathBuf,
    /// Name of the class, and of its folder [default: the list's column of classes]
    #[arg(long)]
    class: Option<String>,
    /// Folder that contains the folders of all classes
    #[arg(long)]
    output: PathBuf,
    /// Download only URLs that contain this text. The option may be repeated; "" keeps all URLs.
    #[arg(long, default_value = "flickr")]
    keep: Vec<String>,
    /// Refuse files of at most this many bytes
    #[arg(long, default_value_t = 10_000)]
    min_bytes: u64,
    /// Number of downloads at a time; at most 4 of them are from one host
    #[arg(long, default_value_t = 8, value_parser = common::ranges::whole(1..=64))]
    jobs: usize,
    /// Give a file up after this number of seconds, with all redirects and tries
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    deadline: u64,
    /// Give a file up that arrives more slowly, in bytes per second over 30 seconds; 0 allows any rate
    #[arg(long, default_value_t = 1000)]
    lowest_rate: u64,
    /// Also allow loopback, private and link-local addresses
    #[arg(long)]
    allow_private_addresses: bool,
}

fn main() -> ExitCode {
    common::main(run)
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let list = UrlList::open(&options.urls)?;
    if list.entries.is_empty() {
        let path = files::shown_path(&options.urls);
        return Err(format!("{path}: no URLs in it").into());
    }
    for remark in &list.remarks {
        common::say!("{remark}");
    }
    let bar = Counter::new("downloading", "URLs", list.entries.len());
    let classes = list.by_class(options.class.as_deref())?;
    let download = Download::new()
        .with_url_filter(options.keep.clone())
        .with_min_bytes(options.min_bytes)
        .with_jobs(options.jobs)
        .with_deadline(Duration::from_secs(options.deadline))
        .with_lowest_rate(options.lowest_rate, Duration::from_secs(30))
        .with_private_addresses(options.allow_private_addresses);
    let mut records = Vec::new();
    for (class, entries) in &classes {
        records.extend(download.run(entries, class, &options.output, |_| bar.one_more())?);
    }
    drop(bar);
    let folder = match classes.keys().next() {
        Some(class) if classes.len() == 1 => options.output.join(class),
        _ => options.output.clone(),
    };
    let counts = Counts::of(&records);
    let urls = |count| common::counted(count, "URL", "URLs");
    common::say!(
        "{} of {} gave an image, in {}",
        counts.images,
        urls(counts.urls),
        files::shown_path(&folder)
    );
    if counts.filtered_out > 0 {
        common::say!(
            "not downloaded, because \"{}\" is not in it: {}; --keep \"\" downloads all",
            options.keep.join("\" or \""),
            urls(counts.filtered_out)
        );
    }
    if counts.to_be_retried > 0 {
        common::say!(
            "{} failed for a cause that may pass: run the same command again",
            urls(counts.to_be_retried)
        );
    }
    let manifest = options.output.join("manifest.jsonl");
    let manifest = files::shown_path(&manifest);
    common::say!("what became of every URL is in {manifest}");
    if counts.images == 0 {
        return Err("no image was downloaded; the manifest says why".into());
    }
    Ok(())
}
