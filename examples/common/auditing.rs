//! What an audit finds in folders of images, in words and as a page.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use dataset::audit::{self, Finding, Step};
use dataset::balance::balance_warnings;
use dataset::encode::write_png;
use dataset::review::{Card, ReviewPage};
use dataset::{DecodeOptions, ImageFolder, decode_file};
use transfer::insight::review_cards;

use crate::calls::{Word, command};
use crate::network::{NetworkOptions, collection};
use crate::progress::working;
use crate::sheets::captioned;
use crate::{Bar, counted};

/// So many files of one finding are printed; `--json` has all.
const PRINTED: usize = 20;

/// So many pairs are in the picture of --pairs.
const MOST_PAIRS: usize = 250;

/// The side of an image in this picture, in pixels.
const CELL: u32 = 256;

/// Says how many images each class has, and what to know of that.
pub fn say_counts(folder: &ImageFolder) {
    for (class, count) in folder.classes().iter().zip(folder.counts()) {
        let part = folder.subsets().and_then(<[_]>::first);
        let part = part.map_or_else(String::new, |part| format!(" ({part})"));
        let class = folder.root().join(class);
        crate::say!("{count:>7} {}{part}", files::shown_path(&class));
    }
    for warning in balance_warnings(folder) {
        crate::say!("warning: {warning}");
    }
}

/// Examines the folders, and shows how far it is.
///
/// # Errors
/// As [`audit::run`].
pub fn find(folders: &[&ImageFolder], decode: &DecodeOptions) -> dataset::Result<Vec<Finding>> {
    let mut bar = Bar::default();
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

/// Prints the findings, with the first files of each.
pub fn say_findings(findings: &[Finding]) {
    for finding in findings {
        crate::say!("{:<14} {}", finding.kind, finding.detail);
        let paths = &finding.paths;
        for path in paths.iter().take(PRINTED) {
            crate::say!("{:14} {}", "", files::shown_path(path));
        }
        if paths.len() > PRINTED {
            crate::say!("{:14} and {} more", "", paths.len() - PRINTED);
        }
    }
    crate::say!("{}", counted(findings.len(), "finding", "findings"));
}

/// Names the images of which the network doubts the label, or whether they belong to the folder, and gives them as cards.
///
/// # Errors
/// What is wrong with the network, the cache or the images.
pub fn find_doubtful(
    network: &NetworkOptions,
    folder: &ImageFolder,
    count: usize,
) -> Result<Vec<Card>, Box<dyn Error>> {
    let (backbone, cache) = (network.backbone()?, network.cache()?);
    let images = collection(folder, &backbone, &cache)?;
    let mut doubts = working("cross-validation", || images.doubts(count))?;
    // What is named here is on the page.
    doubts.suspects.retain(|suspect| suspect.mislabeled);
    let outliers = working("comparing images", || images.outliers(count));
    crate::say!("{doubts}\n{outliers}");
    Ok(review_cards(folder, &doubts, &outliers))
}

/// Writes the page of these cards, and says what to do with it. `files`: the page, and the folder of the images.
///
/// # Errors
/// Where the page cannot be written.
pub fn write_page(
    (path, image_dir): (&Path, &Path),
    folders: &[&ImageFolder],
    decode: &DecodeOptions,
    cards: &[Card],
) -> Result<(), Box<dyn Error>> {
    let classes = folders.iter().flat_map(|folder| folder.classes()).cloned();
    let classes: Vec<_> = classes.collect::<BTreeSet<_>>().into_iter().collect();
    let page = ReviewPage::new(classes).with_decode_options(decode.clone());
    let written = page.write(path, cards)?;
    let next: [Word<'_>; 5] = [
        &"retrain",
        &"--image-dir",
        &image_dir,
        &"--corrections",
        &"TABLE",
    ];
    crate::say!(
        "wrote {} with {} about {}: open it in a browser, decide, and save the table; then\n  {}",
        files::shown_path(path),
        counted(written.shown, "card", "cards"),
        counted(written.images, "image", "images"),
        command(&next)
    );
    if written.left_out > 0 {
        let left_out = counted(written.left_out, "card", "cards");
        crate::say!("{left_out} did not fit on the page");
    }
    Ok(())
}

/// Draws the first two images of each finding that has several, with their names, and says so.
///
/// # Errors
/// Where an image cannot be read any more, or the picture cannot be written.
pub fn write_pairs(
    path: &Path,
    findings: &[Finding],
    folders: &[&ImageFolder],
    decode: DecodeOptions,
) -> Result<(), Box<dyn Error>> {
    let of_several = |finding: &&Finding| finding.paths.len() > 1;
    let pairs: Vec<_> = findings.iter().filter(of_several).collect();
    let shown_path = files::shown_path(path);
    if pairs.is_empty() {
        crate::say!("no images belong together, so {shown_path} is not written");
        return Ok(());
    }
    let decode = decode.with_reduce_to(Some(CELL));
    let mut pictures = Vec::new();
    for finding in pairs.iter().take(MOST_PAIRS) {
        for image in &finding.paths[..2] {
            let mut roots = folders.iter().map(|folder| folder.root());
            let inside = roots.find_map(|root| image.strip_prefix(root).ok());
            let name = files::shown_path(inside.unwrap_or(image));
            let caption = format!("{}: {name}", finding.kind);
            pictures.push((caption, decode_file(image, &decode)?));
        }
    }
    write_png(path, captioned(pictures, 2, CELL))?;
    let shown = match pairs.len() {
        n if n > MOST_PAIRS => format!("the first {MOST_PAIRS} of {n} pairs"),
        n => counted(n, "pair", "pairs"),
    };
    crate::say!("wrote {shown_path} with {shown}");
    Ok(())
}
