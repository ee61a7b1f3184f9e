//! The example `label_image` on folders, lists and broken files, and what it writes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::example;

/// A folder with two pictures, of which one lies deeper and has a name that needs quotes, a broken picture and a text file.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    std::fs::create_dir_all(photos.join("deep")).unwrap();
    let picture =
        image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, 90]));
    picture.save(photos.join("a.png")).unwrap();
    picture.save(photos.join("deep/b, \"c\".png")).unwrap();
    std::fs::write(photos.join("broken.jpg"), b"\xff\xd8\xff\xe0 and no more").unwrap();
    std::fs::write(photos.join("notes.txt"), "no picture").unwrap();
    folder
}

/// `label_image` with the bundled weights, which answer with ImageNet's classes.
fn label_image(folder: &Path, options: &[&str]) -> Command {
    let mut command = example("label_image");
    command.current_dir(folder);
    command.args(["--weights", "bundled", "--top", "2"]);
    command.args(options);
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn run(folder: &Path, options: &[&str]) -> Output {
    label_image(folder, options).output().unwrap()
}

/// The cells of a table; a cell in quotes may have commas and quotes, but in these tests no line breaks.
fn rows(table: &str) -> Vec<Vec<String>> {
    let row = |line: &str| {
        let (mut cells, mut quoted) = (vec![String::new()], false);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    cells.last_mut().unwrap().push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                c => cells.last_mut().unwrap().push(c),
            }
        }
        cells
    };
    table.lines().map(row).collect()
}

#[test]
fn a_folder_stands_for_its_images() {
    let folder = place();
    let output = run(folder.path(), &["photos"]);
    assert_eq!(output.status.code(), Some(1), "one picture is broken");
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    let names: Vec<&str> = out.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(names, ["photos/a.png", "photos/deep/b, \"c\".png"]);
    assert_eq!(out.lines().count(), 2 * 3, "a name and two classes each");
    assert!(errors.contains("left out 1 file in photos"), "{errors}");
    assert!(
        errors.contains("error: ") && errors.contains("broken.jpg"),
        "{errors}"
    );

    let sound = run(folder.path(), &["photos/deep"]);
    assert_eq!(sound.status.code(), Some(0));
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let empty = run(folder.path(), &["empty"]);
    assert_eq!(empty.status.code(), Some(1));
    assert!(text(&empty.stderr).contains("empty: no images in it"));
    // Options that cannot go together are refused before any work.
    assert_eq!(
        run(folder.path(), &["--csv", "--json", "photos"])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(run(folder.path(), &[]).status.code(), Some(2));
}

/// Lists with lines, and as `find -print0` writes them, give the same answers as the files themselves.
#[test]
fn a_list_is_read_from_standard_input() {
    let folder = place();
    let files = ["photos/a.png", "photos/deep/b, \"c\".png"];
    let expected = run(folder.path(), &files);
    assert_eq!(expected.status.code(), Some(0));
    for list in [
        files.join("\n"),
        files.join("\r\n") + "\r\n",
        files.join("\0") + "\0",
    ] {
        let mut command = label_image(folder.path(), &["-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(list.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{list:?}");
        assert_eq!(text(&output.stdout), text(&expected.stdout), "{list:?}");
    }
}

#[test]
fn a_table_has_a_line_for_each_image() {
    let folder = place();
    let output = run(folder.path(), &["--csv", "photos"]);
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    assert!(
        table.contains("\n\"photos/deep/b, \"\"c\"\".png\","),
        "{table}"
    );
    let rows = rows(table);
    let header = [
        "image",
        "class",
        "probability",
        "class_2",
        "probability_2",
        "none_of_these",
        "error",
    ];
    assert_eq!(rows[0], header);
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.len() == header.len()), "{table}");
    let names: Vec<&str> = rows[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(
        names,
        [
            "photos/a.png",
            "photos/broken.jpg",
            "photos/deep/b, \"c\".png"
        ]
    );
    let broken = &rows[2];
    assert!(broken[1..6].iter().all(String::is_empty) && broken[6].contains("broken.jpg"));
    for row in [&rows[1], &rows[3]] {
        let [first, second] = [2, 4].map(|at| row[at].parse::<f64>().unwrap());
        assert!(first >= second && first <= 1.0 && second > 0.0 && row[6].is_empty());
    }
}

#[test]
fn json_has_the_failed_images_too() {
    let folder = place();
    let output = run(folder.path(), &["--json", "photos"]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["top"].as_array().unwrap().len(), 2);
    assert_eq!(lines[1]["image"], "photos/broken.jpg");
    assert!(lines[1]["error"].as_str().unwrap().contains("broken.jpg"));
    assert!(lines[1].get("top").is_none() && lines[2].get("error").is_none());
}

#[test]
fn an_output_is_whole_or_not_there() {
    let folder = place();
    let at = |name: &str| folder.path().join(name);
    let printed = run(folder.path(), &["--csv", "photos"]);
    let output = run(
        folder.path(),
        &["--csv", "--output", "labels.csv", "photos"],
    );
    assert_eq!(output.status.code(), Some(1), "one picture is broken");
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("broken.jpg"));
    assert_eq!(std::fs::read(at("labels.csv")).unwrap(), printed.stdout);

    // Where nothing can be labeled, what was there stays, and nothing unfinished is left.
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    std::fs::create_dir(at("photos/empty")).unwrap();
    let failed = run(
        folder.path(),
        &[
            "--csv",
            "--output",
            "labels.csv",
            "photos/a.png",
            "photos/empty",
        ],
    );
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(std::fs::read(at("labels.csv")).unwrap(), printed.stdout);
    let failed = run(
        folder.path(),
        &["--csv", "--output", "missing/labels.csv", "photos"],
    );
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        text(&failed.stderr).contains("--output"),
        "the option is named"
    );
    let failed = run(folder.path(), &["--output", "photos/a.png", "photos/a.png"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("would replace"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
    assert!(image::open(at("photos/a.png")).is_ok());
}
