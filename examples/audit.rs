//! Finds problems in a folder of images.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use common::calls::{Word, command};
use common::folders::{FolderArgs, TestArgs, say_rules};
use common::help::uses;
use common::network::{NetworkOptions, collection};
use common::progress::working;
use common::sheets::captioned;
use dataset::audit::{self, Finding, Kind, Step};
use dataset::balance::balance_warnings;
use dataset::encode::write_png;
use dataset::review::{Card, ReviewPage, cards};
use dataset::split::Subset;
use dataset::{DecodeOptions, ImageFolder, decode_file};
use transfer::insight::review_cards;

/// So many files of one finding are printed; `--json` has all.
const PRINTED: usize = 20;

/// So many pairs are in the picture of --pairs.
const MOST_PAIRS: usize = 250;

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
    for Finding {
        kind,
        paths,
        detail,
    } in &findings
    {
        common::say!("{kind:<14} {detail}");
        for path in paths.iter().take(PRINTED) {
            common::say!("{:14} {}", "", files::shown_path(path));
        }
        if paths.len() > PRINTED {
            common::say!("{:14} and {} more", "", paths.len() - PRINTED);
        }
    }
    common::say!("{}", common::counted(findings.len(), "finding", "findings"));
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&findings)? + "\n";
        common::answers::write(path, json)?;
    }
    let mut doubtful = Vec::new();
    if let Some(count) = options.doubtful {
        doubtful = find_doubtful(options, folders[0], count)?;
    }
    if let Some(path) = &options.page {
        let classes = folders.iter().flat_map(|folder| folder.classes()).cloned();
        let classes: Vec<_> = classes.collect::<BTreeSet<_>>().into_iter().collect();
        // What a person alone can decide comes first.
        doubtful.extend(cards(&findings, &folders));
        let page = ReviewPage::new(classes).with_decode_options(decode.clone());
        let written = page.write(path, &doubtful)?;
        let page = files::shown_path(path);
        let next: [Word<'_>; 5] = [
            &"retrain",
            &"--image-dir",
            &options.image_dir,
            &"--corrections",
            &"TABLE",
        ];
        common::say!(
            "wrote {page} with {} about {}: open it in a browser, decide, and save the table; then\n  {}",
            common::counted(written.shown, "card", "cards"),
            common::counted(written.images, "image", "images"),
            command(&next)
        );
        if written.left_out > 0 {
            let left_out = common::counted(written.left_out, "card", "cards");
            common::say!("{left_out} did not fit on the page");
        }
    }
    if let Some(path) = &options.pairs {
        write_pairs(path, &findings, &folders, decode)?;
    }
    let denied = findings
        .iter()
        .filter(|finding| options.deny.contains(&finding.kind))
        .count();
    if denied > 0 {
        common::warn!(
            "error: {} of a kind listed in --deny",
            common::counted(denied, "finding is", "findings are")
        );
    }
    Ok(ExitCode::from(u8::from(denied > 0)))
}

/// Says how many images each class has, and what to know of that.
fn say_counts(folder: &ImageFolder) {
    for (class, count) in folder.classes().iter().zip(folder.counts()) {
        let part = folder.subsets().and_then(<[_]>::first);
        let part = part.map_or_else(String::new, |part| format!(" ({part})"));
        let class = folder.root().join(class);
        common::say!("{count:>7} {}{part}", files::shown_path(&class));
    }
    for warning in balance_warnings(folder) {
        common::say!("warning: {warning}");
    }
}

/// Examines the folders, and shows how far it is.
fn find(folders: &[&ImageFolder], decode: &DecodeOptions) -> Result<Vec<Finding>, dataset::Error> {
    let mut bar = common::Bar::default();
    let findings = audit::run_with_options(folders, decode, |progress| {
        let what = match progress.step {
            Step::Hashing => "reading",
            _ => "comparing",
        };
        bar.count(what, progress.done, progress.total);
    });
    bar.clear();
    findings
}

/// Draws the first two images of each finding that has several.
fn write_pairs(
    path: &Path,
    findings: &[Finding],
    folders: &[&ImageFolder],
    decode: DecodeOptions,
) -> Result<(), Box<dyn Error>> {
    let of_several = |finding: &&Finding| finding.paths.len() > 1;
    let pairs: Vec<_> = findings.iter().filter(of_several).collect();
    if pairs.is_empty() {
        let path = files::shown_path(path);
        common::say!("no images belong together, so {path} is not written");
        return Ok(());
    }
    let decode = decode.with_reduce_to(Some(256));
    let mut pictures = Vec::new();
    for finding in pairs.iter().take(MOST_PAIRS) {
        for image in &finding.paths[..2] {
            let inside = folders
                .iter()
                .find_map(|folder| image.strip_prefix(folder.root()).ok());
            let name = files::shown_path(inside.unwrap_or(image));
            let caption = format!("{}: {name}", finding.kind);
            pictures.push((caption, decode_file(image, &decode)?));
        }
    }
    write_png(path, captioned(pictures, 2, 256))?;
    let shown = match pairs.len() {
        n if n > MOST_PAIRS => format!("the first {MOST_PAIRS} of {n} pairs"),
        n => common::counted(n, "pair", "pairs"),
    };
    common::say!("wrote {} with {shown}", files::shown_path(path));
    Ok(())
}

/// Names the images of which the network doubts the label, or whether they belong to the folder.
fn find_doubtful(
    options: &Options,
    folder: &ImageFolder,
    count: usize,
) -> Result<Vec<Card>, Box<dyn Error>> {
    let (backbone, cache) = (options.network.backbone()?, options.network.cache()?);
    let images = collection(folder, &backbone, &cache)?;
    let mut doubts = working("cross-validation", || images.doubts(count))?;
    // What is named here is on the page.
    doubts.suspects.retain(|suspect| suspect.mislabeled);
    let outliers = working("comparing images", || images.outliers(count));
    common::say!("{doubts}\n{outliers}");
    Ok(review_cards(folder, &doubts, &outliers))
}
