//! Looks for what is wrong in a folder of images.

#[path = "common/finish.rs"]
mod finish;

use std::error::Error;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use dataset::audit::{self, Finding, Kind};
use dataset::balance::balance_warnings;
use dataset::thumbnail::contact_sheet;
use dataset::{DecodeOptions, ImageFolder, decode_file};
use finish::finish;

/// Look for what is wrong in a folder of images: unreadable, mismatched, blurred, dark files,
/// duplicates, and above all the same picture in two classes or in training and test.
///
///   cargo run --release --example audit -- --image-dir photos --test-dir held-out --deny leakage
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Options {
    /// One sub-folder of images for each class.
    #[arg(long)]
    image_dir: PathBuf,
    /// Held-out images, whose pictures must not be in the first folder.
    #[arg(long)]
    test_dir: Option<PathBuf>,
    /// Exit with 1 where one of these kinds is found (comma between).
    #[arg(long, value_delimiter = ',')]
    deny: Vec<Kind>,
    /// Write the findings as a JSON list.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Draw the pairs of pictures side by side (PNG).
    #[arg(long)]
    pairs: Option<PathBuf>,
}

fn main() -> ExitCode {
    let clean = run(&Options::parse());
    finish(clean.map(|clean| ExitCode::from(u8::from(!clean))))
}

/// Whether nothing that is denied was found.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let mut folders = vec![ImageFolder::list(&options.image_dir)?];
    if let Some(path) = &options.test_dir {
        folders.push(ImageFolder::list(path)?);
    }
    for folder in &folders {
        for (class, count) in folder.classes().iter().zip(folder.counts()) {
            finish::say!("{:>7} {}", count, folder.root().join(class).display());
        }
        for warning in balance_warnings(folder) {
            finish::say!("warning: {warning}");
        }
    }
    let findings = audit::run(&folders.iter().collect::<Vec<_>>())?;
    for Finding {
        kind,
        paths,
        detail,
    } in &findings
    {
        finish::say!("{kind:<14} {detail}");
        for path in paths {
            finish::say!("{:14} {}", "", path.display());
        }
    }
    finish::say!("{} findings", findings.len());
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&findings)? + "\n";
        files::write_bytes(path, json.as_bytes())?;
    }
    if let Some(path) = &options.pairs {
        let pairs = findings.iter().filter(|finding| finding.paths.len() > 1);
        let decode = DecodeOptions::default().with_reduce_to(Some(256));
        let mut images = Vec::new();
        for path in pairs.flat_map(|finding| &finding.paths[..2]) {
            images.push(decode_file(path, &decode)?);
        }
        finish::write_png(path, &contact_sheet(&images, 2, 256).into())?;
    }
    let denied = findings
        .iter()
        .filter(|finding| options.deny.contains(&finding.kind))
        .count();
    if denied > 0 {
        eprintln!("error: {denied} findings of a kind that is denied");
    }
    Ok(denied == 0)
}
