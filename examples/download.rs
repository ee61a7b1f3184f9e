//! Downloads the images of a list of URLs into the folder of a class.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use common::help::uses;
use common::progress::Counter;
use dataset::download::{Download, Entry, UrlList};

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
    let UrlList { entries, remarks } = UrlList::open(&options.urls)?;
    if entries.is_empty() {
        let path = files::shown_path(&options.urls);
        return Err(format!("{path}: no URLs in it").into());
    }
    for remark in remarks {
        common::say!("{remark}");
    }
    let classes = classes(options, &entries)?;
    let bar = Counter::new("downloading", "URLs", entries.len());
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
    let folders: Vec<_> = classes
        .keys()
        .map(|class| options.output.join(class))
        .collect();
    let folder = match &folders[..] {
        [folder] => folder,
        _ => &options.output,
    };
    let arrived = records
        .iter()
        .filter(|record| record.path.is_some())
        .count();
    common::say!(
        "{arrived} of {} gave an image, in {}",
        common::counted(records.len(), "URL", "URLs"),
        files::shown_path(folder)
    );
    let refusals = records.iter().filter_map(|r| r.refused_by.as_deref());
    let others = refusals.filter(|by| by.starts_with("keep ")).count();
    if others > 0 {
        let texts = options.keep.join("\" or \"");
        common::say!(
            "not downloaded, because \"{texts}\" is not in it: {}; --keep \"\" downloads all",
            common::counted(others, "URL", "URLs")
        );
    }
    let retry = records.iter().filter(|record| record.retry).count();
    if retry > 0 {
        common::say!(
            "{} failed for a cause that may pass: run the same command again",
            common::counted(retry, "URL", "URLs")
        );
    }
    common::say!(
        "what became of every URL is in {}",
        files::shown_path(&options.output.join("manifest.jsonl"))
    );
    if arrived == 0 {
        return Err("no image was downloaded; the manifest says why".into());
    }
    Ok(())
}

/// The URLs of each class: of the class that was given, or of the list's column.
fn classes(
    options: &Options,
    entries: &[Entry],
) -> Result<BTreeMap<String, Vec<Entry>>, Box<dyn Error>> {
    let mut classes: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        let Some(class) = options.class.as_ref().or(entry.class.as_ref()) else {
            let path = files::shown_path(&options.urls);
            let url = files::shown(&entry.url);
            return Err(
                format!("{path}: no class for {url}: give --class, or a column class").into(),
            );
        };
        classes
            .entry(class.clone())
            .or_default()
            .push(entry.clone());
    }
    Ok(classes)
}
