//! Names for the files that are downloaded.

use std::collections::{HashMap, HashSet};

use super::list::Entry;

/// The name of each entry's file without its extension: the last part of the URL's path, without special characters, and
/// with a number if two are the same. It depends on nothing but the list, so that an interrupted download gives the same
/// names as one that was not.
pub(super) fn stems(entries: &[&Entry]) -> Vec<String> {
    let mut taken = HashSet::new();
    // The first number that may be free: trying all numbers again for each of many equal names would take too long.
    let mut next: HashMap<String, u64> = HashMap::new();
    entries
        .iter()
        .map(|entry| {
            let path = entry.url.split(['?', '#']).next().unwrap_or_default();
            let last = path
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
            let harmless = |c: char| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '%' | '+' => c,
                _ => '_',
            };
            let mut stem: String = stem.chars().take(80).map(harmless).collect();
            if stem.is_empty() {
                stem = "image".into();
            }
            // File systems that ignore case must not merge two names.
            let mut name = stem.clone();
            if !taken.insert(name.to_lowercase()) {
                let number = next.entry(name.to_lowercase()).or_insert(2);
                loop {
                    name = format!("{stem}~{number}");
                    *number += 1;
                    if taken.insert(name.to_lowercase()) {
                        break;
                    }
                }
            }
            name
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Entry, stems};

    fn named<'a>(urls: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let entry = |url: &str| Entry {
            url: url.into(),
            ..Entry::default()
        };
        let entries: Vec<_> = urls.into_iter().map(entry).collect();
        stems(&entries.iter().collect::<Vec<_>>())
    }

    #[test]
    fn equal_names_are_numbered_in_order() {
        let urls = [
            "a/x.jpg",
            "b/X.jpg",
            "c/x~2.jpg",
            "d/x.png",
            "e/x_2.jpg",
            "f/x_2.gif",
        ];
        assert_eq!(named(urls), ["x", "X~2", "x_2", "x~3", "x_2~2", "x_2~3"]);
    }

    /// Trying every number for every name would take 20 thousand million tries: hours.
    #[test]
    fn many_equal_names_take_no_time() {
        let names = named(std::iter::repeat_n("a/photo.jpg", 200_000));
        assert_eq!(names[199_999], "photo~200000");
    }
}
