//! README.md is the front page of the documentation without its links.

/// The front page as Markdown for readers of a repository or a registry.
fn front_page(source: &str) -> String {
    let mut page = String::from("# attribution\n\n");
    let mut in_code = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        let is_fence = line.starts_with("```");
        in_code ^= is_fence;
        match line {
            _ if is_fence && in_code => page += "```rust",
            "#" => continue,
            _ if in_code && line.starts_with("# ") => continue,
            _ if in_code => page += line,
            _ => page += &without_links(line),
        }
        page += "\n";
    }
    page
}

/// `[text](target)` and `[text]` become `text`.
fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((label, after)) = after.split_once(']') else {
            break;
        };
        text += before;
        text += label;
        rest = match after
            .strip_prefix('(')
            .and_then(|target| target.split_once(')'))
        {
            Some((_, after)) => after,
            None => after,
        };
    }
    text + rest
}

#[test]
fn the_readme_is_the_front_page() {
    let page = front_page(include_str!("../../src/lib.rs"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    if std::env::var_os("WRITE_README").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == page,
        "README.md differs from the front page: WRITE_README=1 cargo test -p attribution readme"
    );
}
