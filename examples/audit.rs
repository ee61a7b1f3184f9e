//! Finds problems in a folder of images.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::auditing::{find, find_doubtful, say_counts, say_findings, write_page, write_pairs};
use common::folders::{FolderArgs, TestArgs, say_rules};
use common::help::uses;
use common::network::NetworkOptions;
use dataset::audit::{Finding, Kind};
use dataset::review;
use dataset::split::Subset;

/// Find problems in a folder of images: the same image in two classes or in both training and test, duplicates, files that
/// cannot be read, wrong file extensions, and images that are tiny, very long, blurred, dark or of one color.
///
/// The kinds of findings, the most serious first: leakage, label-conflict, unreadable, ending (wrong file extension), tiny,
/// aspect, one-color, blurred, dark, duplicate, near-duplicate.
#[derive(Parser)]
#[command(
    after_help = uses(&[
        ("See what is wrong with a folder", "audit --image-dir photos"),
        (
            "Decide about the findings and about doubtful labels on a page",
            "audit --image-dir photos --doubtful 100 --page review.html",
        ),
        (
            "Fail where test images are trained on",
            "audit --image-dir photos --test-dir held-out --deny leakage",
        ),
    ])
)]
pub(crate) struct Options {
    /// Folder with one sub-folder of images for each class
    #[arg(long)]
    image_dir: PathBuf,
    #[command(flatten)]
    folders: FolderArgs,
    /// A folder with the test images: an image that is in both folders is a finding of the kind leakage.
    #[command(flatten)]
    test: TestArgs,
    /// Exit with status 1 if there is a finding of one of these kinds (separated by commas)
    #[arg(long, value_delimiter = ',')]
    deny: Vec<Kind>,
    /// File to write the findings to, as a JSON list
    #[arg(long)]
    json: Option<PathBuf>,
    /// HTML page to write, on which you decide about the images in the findings. It saves a table of labels and a script
    /// that moves the files
    #[arg(long)]
    page: Option<PathBuf>,
    /// PNG file to write, with the first two images of each pair or group side by side
    #[arg(long)]
    pairs: Option<PathBuf>,
    /// Also find, by what the network sees, the images whose label is doubtful and those that resemble no other one: at most
    /// this many of each. They are on the page, too
    #[arg(long, value_name = "N")]
    doubtful: Option<usize>,
    #[command(flatten)]
    network: NetworkOptions,
}

fn main() -> ExitCode {
    common::main(run)
}

/// Prints and writes the findings; exit code 1 where one is of a kind that is denied.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    common::check_outputs(&[
        ("--json", options.json.as_deref()),
        ("--page", options.page.as_deref()),
        ("--pairs", options.pairs.as_deref()),
    ])?;
    let folder = options.folders.list(&options.image_dir)?;
    say_rules(&folder);
    let mut folders = match folder.subsets() {
        Some(_) => Subset::ALL.map(|subset| folder.part(subset)).into(),
        None => vec![folder],
    };
    if let Some(test) = options.test.list()? {
        say_rules(&test);
        folders.push(test);
    }
    folders.iter().for_each(say_counts);
    let folders: Vec<_> = folders.iter().collect();
    if folders.iter().all(|folder| folder.images().is_empty()) {
        return Err(format!(
            "{}: no image in a sub-folder for its class, so there is nothing to look at; give the folder above, or --labels for \
             a folder without sub-folders",
            files::shown_path(&options.image_dir)
        )
        .into());
    }
    let decode = options.network.decoding.options();
    let findings = find(&folders, &decode)?;
    say_findings(&findings);
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&findings)? + "\n";
        common::answers::write(path, json)?;
    }
    let mut cards = match options.doubtful {
        Some(count) => find_doubtful(&options.network, folders[0], count)?,
        None => Vec::new(),
    };
    if let Some(path) = &options.page {
        // What a person alone can decide comes first.
        cards.extend(review::cards(&findings, &folders));
        write_page((path, &options.image_dir), &folders, &decode, &cards)?;
    }
    if let Some(path) = &options.pairs {
        write_pairs(path, &findings, &folders, decode)?;
    }
    let denied = |finding: &&Finding| options.deny.contains(&finding.kind);
    let denied = findings.iter().filter(denied).count();
    if denied > 0 {
        let denied = common::counted(denied, "finding is", "findings are");
        common::warn!("error: {denied} of a kind listed in --deny");
    }
    Ok(ExitCode::from(u8::from(denied > 0)))
}
