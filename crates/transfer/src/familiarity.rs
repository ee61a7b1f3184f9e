//! How well a classifier knows a picture.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How well a classifier knows a picture: whether the picture is new, or in which part of the classifier's images it
/// was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Familiarity {
    /// The picture was in none of the parts, and does not look like any picture that was trained on.
    New,
    /// The picture was in the test part: nothing was fitted or chosen on it.
    TestPart,
    /// The picture was in the validation part: settings were chosen on it, such as when to stop, or the temperature.
    ValidatedOn,
    /// The picture looks like one that was trained on: probably the same picture, resized or encoded again.
    LooksTrainedOn,
    /// The picture was trained on.
    TrainedOn,
}

impl Familiarity {
    /// Whether predictions for such a picture show how good the classifier is on new pictures: it is new or of the test
    /// part.
    pub fn is_unseen(self) -> bool {
        matches!(self, Self::New | Self::TestPart)
    }
}

/// The number of pictures for each degree of familiarity. `Display` prints one sentence: `651 of these 713 pictures
/// were trained on`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FamiliarityCounts {
    /// Pictures that are [new](Familiarity::New).
    pub new: usize,
    /// Pictures [of the test part](Familiarity::TestPart).
    pub test_part: usize,
    /// Pictures that were [validated on](Familiarity::ValidatedOn).
    pub validated_on: usize,
    /// Pictures that [look like one that was trained on](Familiarity::LooksTrainedOn).
    pub looks_trained_on: usize,
    /// Pictures that were [trained on](Familiarity::TrainedOn).
    pub trained_on: usize,
}

impl FamiliarityCounts {
    /// Counts pictures.
    pub fn of(pictures: &[Familiarity]) -> Self {
        let count = |wanted| pictures.iter().filter(|found| **found == wanted).count();
        Self {
            new: count(Familiarity::New),
            test_part: count(Familiarity::TestPart),
            validated_on: count(Familiarity::ValidatedOn),
            looks_trained_on: count(Familiarity::LooksTrainedOn),
            trained_on: count(Familiarity::TrainedOn),
        }
    }

    /// Number of all pictures.
    pub fn total(&self) -> usize {
        self.unseen() + self.seen()
    }

    /// Number of pictures that show how good the classifier is on new ones ([`Familiarity::is_unseen`]).
    pub fn unseen(&self) -> usize {
        self.new + self.test_part
    }

    /// Number of all other pictures.
    pub fn seen(&self) -> usize {
        self.validated_on + self.looks_trained_on + self.trained_on
    }
}

/// Numbers, together with facts about the pictures that they were measured on. As JSON it has the fields of `numbers`,
/// then `pictures` and `split`, which are left out if they are `None`.
#[derive(Debug, Clone, Serialize)]
pub struct Marked<T> {
    /// The numbers. They must serialize to a JSON object.
    #[serde(flatten)]
    pub numbers: T,
    /// How well the pictures are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Measured>,
    /// Which of the classifier's own pictures these are: `test` or `out-of-fold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<&'static str>,
}

/// How well some pictures are known, and which of them were measured. `Display` prints one sentence: `651 of these 713
/// pictures were trained on: they are left out, and 62 are measured`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// The number of pictures for each degree of familiarity.
    #[serde(flatten)]
    pub counts: FamiliarityCounts,
    /// Whether the pictures that the classifier has seen are measured, too.
    pub included: bool,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (counts, left) = (&self.counts, self.counts.unseen());
        match (counts.seen(), self.included) {
            (0, _) => write!(f, "{counts}"),
            (1, true) => write!(
                f,
                "{counts}: it is included, which makes the scores too high"
            ),
            (_, true) => write!(
                f,
                "{counts}: they are included, which makes the scores too high"
            ),
            (1, false) => write!(f, "{counts}: it is left out, and {left} are measured"),
            (_, false) => write!(f, "{counts}: they are left out, and {left} are measured"),
        }
    }
}

impl fmt::Display for FamiliarityCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.trained_on, "trained on"),
            (self.validated_on, "used to choose settings"),
        ];
        let were = |(count, how): (usize, &str)| match count {
            0 => None,
            1 => Some((count, format!("was {how}"))),
            _ => Some((count, format!("were {how}"))),
        };
        let looks = match self.looks_trained_on {
            0 => None,
            1 => Some((1, "looks like one that was trained on".to_string())),
            n => Some((n, "look like ones that were trained on".to_string())),
        };
        let said = kinds.into_iter().filter_map(were).chain(looks);
        let total = self.total();
        for (at, (count, how)) in said.enumerate() {
            if at == 0 {
                write!(f, "{count} of these {total} pictures {how}")?;
            } else {
                write!(f, ", {count} {how}")?;
            }
        }
        if self.seen() == 0 {
            write!(f, "none of these {total} pictures was trained on")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn counts_are_a_sentence() {
        let pictures = |counts: [usize; 5]| {
            let [new, test_part, validated_on, looks_trained_on, trained_on] = counts;
            FamiliarityCounts {
                new,
                test_part,
                validated_on,
                looks_trained_on,
                trained_on,
            }
        };
        for (counts, said) in [
            (
                [0, 62, 0, 0, 651],
                "651 of these 713 pictures were trained on",
            ),
            ([3, 0, 0, 0, 0], "none of these 3 pictures was trained on"),
            (
                [0, 0, 2, 1, 1],
                "1 of these 4 pictures was trained on, 2 were used to choose settings, 1 looks like one that was trained on",
            ),
            (
                [1, 0, 0, 2, 0],
                "2 of these 3 pictures look like ones that were trained on",
            ),
        ] {
            assert_eq!(pictures(counts).to_string(), said);
        }
        let counts = pictures([1, 2, 3, 4, 5]);
        assert_eq!(
            (counts.unseen(), counts.seen(), counts.total()),
            (3, 12, 15)
        );
    }

    #[test]
    fn what_is_measured_is_a_sentence_and_a_mark_in_json() {
        let counts = FamiliarityCounts {
            test_part: 62,
            trained_on: 651,
            ..FamiliarityCounts::default()
        };
        let [left_out, included] = [false, true].map(|included| Measured { counts, included });
        let said = "651 of these 713 pictures were trained on";
        assert_eq!(
            left_out.to_string(),
            format!("{said}: they are left out, and 62 are measured")
        );
        assert_eq!(
            included.to_string(),
            format!("{said}: they are included, which makes the scores too high")
        );
        let numbers = || BTreeMap::from([("accuracy", 0.5)]);
        let json = |pictures, split| {
            let marked = Marked {
                numbers: numbers(),
                pictures,
                split,
            };
            serde_json::to_string(&marked).unwrap()
        };
        assert_eq!(json(None, None), r#"{"accuracy":0.5}"#);
        assert_eq!(
            json(None, Some("test")),
            r#"{"accuracy":0.5,"split":"test"}"#
        );
        assert_eq!(
            json(Some(included), None),
            r#"{"accuracy":0.5,"pictures":{"new":0,"test_part":62,"validated_on":0,"looks_trained_on":0,"trained_on":651,"included":true}}"#
        );
    }

    #[test]
    fn pictures_are_counted() {
        use Familiarity::{LooksTrainedOn, New, TestPart, TrainedOn, ValidatedOn};
        let counts = FamiliarityCounts::of(&[
            New,
            TrainedOn,
            TestPart,
            TrainedOn,
            ValidatedOn,
            LooksTrainedOn,
        ]);
        assert_eq!((counts.new, counts.trained_on, counts.test_part), (1, 2, 1));
        assert_eq!((counts.validated_on, counts.looks_trained_on), (1, 1));
    }
}
