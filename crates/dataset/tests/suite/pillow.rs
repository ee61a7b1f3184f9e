//! Pictures beside Pillow: a corpus that `pillow.py` makes, whole, with extra bytes, and damaged. Where Python has no Pillow,
//! the test says so and is skipped; `PYTHON` names another interpreter than `python3`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use dataset::{DecodeOptions, decode};

/// A row of `corpus.csv`.
struct Row<'a> {
    file: &'a str,
    picture: &'a str,
    damage: &'a str,
    pillow: &'a str,
    size: (u32, u32),
    tolerance: u8,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Self {
        let cells: Vec<&str> = line.split(',').collect();
        let &[file, picture, damage, pillow, width, height, tolerance] = &cells[..] else {
            panic!("{line}");
        };
        Self {
            file,
            picture,
            damage,
            pillow,
            size: (width.parse().unwrap(), height.parse().unwrap()),
            tolerance: tolerance.parse().unwrap(),
        }
    }

    /// The picture is whole, whatever follows it.
    fn is_whole(&self) -> bool {
        self.damage.is_empty() || self.damage.starts_with("extra")
    }

    /// What we make of the file: the right pixels, others, or a refusal; and the details.
    fn ours(&self, folder: &Path) -> (&'static str, String) {
        let bytes = fs::read(folder.join(self.file)).unwrap();
        let right = fs::read(folder.join(format!("{}.rgb", self.picture))).unwrap();
        match decode(&bytes, &DecodeOptions::default()) {
            Err(error) => ("refused", error.to_string()),
            Ok(image) if image.dimensions() != self.size => {
                ("other", format!("{:?} pixels", image.dimensions()))
            }
            Ok(image) => {
                let off = image.iter().zip(&right).map(|(a, b)| a.abs_diff(*b));
                let off = off.max().unwrap_or(0);
                let said = format!("off by {off} levels");
                // In a damaged file, Pillow may be off by as much in the other direction.
                let allowed = if self.is_whole() { 1 } else { 2 };
                (
                    if off <= allowed * self.tolerance {
                        "right"
                    } else {
                        "other"
                    },
                    said,
                )
            }
        }
    }
}

/// Where Pillow is, the corpus is made.
fn corpus(folder: &Path) -> bool {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let has = Command::new(&python)
        .args(["-c", "import numpy, PIL; assert PIL.__version__ >= '12'"])
        .output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "skipped: {} has no NumPy and Pillow 12 or newer; name another with PYTHON",
            python.display()
        );
        return false;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pillow.py");
    let made = Command::new(&python).arg(script).arg(folder).output();
    let made = made.unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    true
}

/// Compressions and colors of TIFFs that need other libraries, or that no program writes, and a TGA of single bits: they are
/// refused by name.
const REFUSED: [&str; 7] = [
    "tiff_zstd_",
    "tiff_lzma_",
    "tiff_group3",
    "tiff_tiff_ccitt",
    "tiff_pillow_LAB",
    "tiff_PA",
    "tga_1.tga",
];

/// No picture that Pillow reads rightly is read wrongly, and none that is whole is refused.
#[test]
fn what_pillow_reads_rightly_is_read_rightly() {
    let folder = tempfile::tempdir().unwrap();
    if !corpus(folder.path()) {
        return;
    }
    let table = fs::read_to_string(folder.path().join("corpus.csv")).unwrap();
    let mut counts: BTreeMap<[&str; 3], usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in table.lines().skip(1).map(Row::parse) {
        let (ours, said) = row.ours(folder.path());
        let state = if row.is_whole() { "whole" } else { "damaged" };
        *counts.entry([state, row.pillow, ours]).or_default() += 1;
        let known = REFUSED.iter().any(|start| row.picture.starts_with(start));
        let may_be_refused = known || !row.is_whole();
        if row.pillow == "right" && (ours == "other" || ours == "refused" && !may_be_refused) {
            wrong.push(format!("{}: {ours}, {said}", row.file));
        }
    }
    for ([state, pillow, ours], count) in &counts {
        eprintln!("{state}: Pillow {pillow}, ours {ours}: {count}");
    }
    assert!(counts.values().sum::<usize>() > 5000, "{counts:?}");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
