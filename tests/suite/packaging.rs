//! What a registry wants of each crate: a README that is its front page, and facts about it.
//!
//! `UPDATE=1 cargo test --test suite packaging` writes the READMEs anew.

use std::fmt::Write;
use std::fs;

use crate::architecture::{package, workspace};

use crate::support::root;

/// The crates that a registry would get: all but the root package.
const PUBLISHED: [&str; 6] = [
    "attribution",
    "dataset",
    "files",
    "metrics",
    "mobilenet",
    "transfer",
];

/// The front page as Markdown for people: headings one level deeper, no links into the documentation, and examples
/// without their hidden lines.
fn readme(name: &str, source: &str) -> String {
    let mut text = format!("# {name}\n\n");
    let mut code = false;
    let page = source.lines().map_while(|line| line.strip_prefix("//!"));
    for line in page.map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        let fence = line.starts_with("```");
        code ^= fence;
        match line {
            _ if code && fence => text += "```rust\n",
            _ if code && (line == "#" || line.starts_with("# ")) => {}
            _ if code || fence => writeln!(text, "{line}").unwrap(),
            _ => writeln!(text, "{}", plain(line)).unwrap(),
        }
    }
    text
}

/// Without links into the documentation, which a README cannot follow; a heading is one level deeper.
fn plain(line: &str) -> String {
    let deeper = if line.starts_with('#') { "#" } else { "" };
    let mut text = line.to_string();
    // `[name](path::to::item)` and [`name`], but not links to pages.
    while let Some(start) = text
        .find("](")
        .filter(|at| !text[at + 2..].starts_with("http"))
    {
        let Some(end) = text[start..].find(')') else {
            break;
        };
        text.replace_range(start + 1..=start + end, "");
    }
    format!("{deeper}{}", text.replace("[`", "`").replace("`]", "`"))
}

#[test]
fn each_readme_is_the_front_page() {
    let root = root().join("crates");
    for name in PUBLISHED {
        let front = fs::read_to_string(root.join(name).join("src/lib.rs")).unwrap();
        let (path, expected) = (root.join(name).join("README.md"), readme(name, &front));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "crates/{name}/README.md differs from the front page: run this test with UPDATE=1"
        );
    }
}

#[test]
fn each_crate_says_what_a_registry_asks() {
    let workspace = workspace();
    for name in PUBLISHED {
        let package = package(&workspace, name);
        assert!(
            package
                .description
                .as_ref()
                .is_some_and(|text| text.len() > 20),
            "{name}: description"
        );
        assert_eq!(
            package.license.as_deref(),
            Some("MIT OR Apache-2.0"),
            "{name}"
        );
        assert_eq!(
            package.readme.as_ref().map(|path| path.as_str()),
            Some("README.md"),
            "{name}"
        );
        assert!(
            (1..=5).contains(&package.keywords.len()),
            "{name}: keywords"
        );
        assert!(
            (1..=5).contains(&package.categories.len()),
            "{name}: categories"
        );
        assert!(package.rust_version.is_some(), "{name}: rust-version");
        let docs = &package.metadata["docs"]["rs"];
        assert!(docs.is_object(), "{name}: how docs.rs builds it");
        assert!(package.publish.is_none(), "{name} cannot be published");
    }
}

#[test]
fn links_into_the_documentation_become_words() {
    assert_eq!(
        plain("* [`Head`](head::Head) of [`cache`], see [the paper](https://a.b/c)"),
        "* `Head` of `cache`, see [the paper](https://a.b/c)"
    );
    assert_eq!(plain("# Conventions"), "## Conventions");
    assert_eq!(
        readme(
            "x",
            "//! A.\n//! ```no_run\n//! # hidden\n//! shown\n//! ```\nmod a;"
        ),
        "# x\n\nA.\n```rust\nshown\n```\n"
    );
}
