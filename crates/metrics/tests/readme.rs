//! The README is the front page of the documentation; `UPDATE=1 cargo test -p metrics --test readme` writes it anew.

use std::fmt::Write;

/// The front page as Markdown for people: headings one level deeper, no links into the documentation, and examples
/// without their hidden lines.
fn readme(source: &str) -> String {
    let mut text = String::from("# metrics\n\n");
    let mut code = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        let fence = line.starts_with("```");
        code ^= fence;
        match line {
            "```" if code => text += "```rust\n",
            _ if code && line.starts_with("# ") => {}
            _ if code || fence => writeln!(text, "{line}").unwrap(),
            _ => {
                let deeper = if line.starts_with('#') { "#" } else { "" };
                let line = line.replace("[`", "`").replace("`]", "`");
                writeln!(text, "{deeper}{line}").unwrap();
            }
        }
    }
    text
}

#[test]
fn the_readme_is_the_front_page() {
    let expected = readme(include_str!("../src/lib.rs"));
    if std::env::var_os("UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        std::fs::write(path, &expected).unwrap();
    }
    assert!(
        include_str!("../README.md") == expected || std::env::var_os("UPDATE").is_some(),
        "README.md differs from the front page: run this test with UPDATE=1"
    );
}
