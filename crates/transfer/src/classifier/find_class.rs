use super::classify::Classifier;
use crate::error::{Error, Result};

/// The most names that an error lists.
const MOST_NAMES: usize = 8;
/// How similar a name must be to be listed: Jaro-Winkler, 0 to 1.
const SIMILAR: f64 = 0.8;

impl Classifier {
    /// The index of a class that is given by its name or by its index, as on a command line. A class with exactly this
    /// name comes first; otherwise a number is an index, counted from 0.
    ///
    /// ```
    /// # fn main() -> transfer::Result<()> {
    /// use transfer::{Backbone, Classifier};
    /// let classifier = Classifier::imagenet(Backbone::new(mobilenet::Weights::open("bundled")?)?)?;
    /// assert_eq!(classifier.find_class("Egyptian cat")?, 286);
    /// assert_eq!(classifier.find_class("286")?, 286);
    /// let error = classifier.find_class("egyptian").unwrap_err().to_string();
    /// assert!(error.contains("\"Egyptian cat\""));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no such class. Its text lists similar names, or all names if there are only a
    /// few.
    pub fn find_class(&self, class: &str) -> Result<usize> {
        find(self.classes(), class)
    }
}

/// The place of a class among these, by its exact name, or else by its index.
fn find(classes: &[String], wanted: &str) -> Result<usize> {
    if let Some(named) = classes.iter().position(|name| name == wanted) {
        return Ok(named);
    }
    let index = wanted.parse().ok().filter(|index| *index < classes.len());
    index.ok_or_else(|| {
        let near = near(classes, wanted);
        let last = classes.len().saturating_sub(1);
        let mut expected = format!("the name of a class or its index, 0 to {last}");
        if !near.is_empty() {
            let all = near.len() == classes.len();
            let near: Vec<_> = near.iter().map(|name| format!("{name:?}")).collect();
            let which = if all {
                "the names are"
            } else {
                "near names are"
            };
            expected += &format!("; {which} {}", near.join(", "));
        }
        Error::setting("class", format!("{wanted:?}"), expected)
    })
}

/// All names where they are few; otherwise first those that have what is wanted as a word, then those that contain it, then
/// those that are spelled like it, the most similar first.
fn near<'a>(classes: &'a [String], wanted: &str) -> Vec<&'a str> {
    if classes.len() <= MOST_NAMES {
        return classes.iter().map(String::as_str).collect();
    }
    let wanted = wanted.trim().to_lowercase();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        let contains = !wanted.is_empty() && name.contains(&wanted);
        let has_word = name
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| word == wanted);
        // ImageNet's names are lists of synonyms: `tench, Tinca tinca`.
        let synonyms = name.split(", ").chain([name.as_str()]);
        let spelled = synonyms.map(|synonym| strsim::jaro_winkler(synonym, &wanted));
        f64::from(u8::from(contains) + u8::from(has_word)) + spelled.fold(0.0, f64::max)
    };
    let likenesses = classes.iter().map(|name| (likeness(name), name.as_str()));
    let mut near: Vec<_> = likenesses
        .filter(|(likeness, _)| *likeness >= SIMILAR)
        .collect();
    // A stable sort: of two that are alike the first stays first.
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.truncate(MOST_NAMES);
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_string()).collect()
    }

    #[test]
    fn an_exact_name_wins_and_a_number_is_an_index() {
        let classes = names(&["7", "cat", "0", "boat"]);
        for (wanted, index) in [("7", 0), ("0", 2), ("1", 1), ("boat", 3), ("3", 3)] {
            assert_eq!(find(&classes, wanted).unwrap(), index, "{wanted}");
        }
        for wanted in ["4", "-1", "Boat", "", "cat ", "\u{1b}[2J"] {
            let error = find(&classes, wanted).unwrap_err();
            assert!(matches!(error, Error::Setting { .. }), "{error}");
            let text = error.to_string();
            assert!(
                text.ends_with("0 to 3; the names are \"7\", \"cat\", \"0\", \"boat\""),
                "{text}"
            );
            assert!(!text.contains('\u{1b}'), "{text:?}");
        }
    }

    #[test]
    fn an_unknown_name_lists_near_names_the_nearest_first() {
        let classes: Vec<String> = mobilenet::imagenet::classes(true)
            .map(String::from)
            .collect();
        let text = |wanted: &str| find(&classes, wanted).unwrap_err().to_string();
        let misspelled = text("egyptain cat");
        assert!(
            misspelled.contains("near names are \"Egyptian cat\""),
            "{misspelled}"
        );
        let synonym = text("Tinka tinca");
        assert!(
            synonym.contains("near names are \"tench, Tinca tinca\""),
            "{synonym}"
        );
        let part = text("tench");
        assert!(
            part.contains("near names are \"tench, Tinca tinca\""),
            "{part}"
        );
        let word = text("cat");
        assert!(
            word.contains("tabby cat") && !word.contains("catamaran"),
            "{word}"
        );
        assert!(word.matches('"').count() <= 2 * (1 + MOST_NAMES));
        let none = text("qqqq");
        assert!(none.ends_with("0 to 1000"), "{none}");
        assert!(find(&[], "0").is_err());
    }
}
