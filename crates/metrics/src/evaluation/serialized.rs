use std::collections::{BTreeMap, HashMap};

use serde::de::Deserializer;
use serde::ser::{Error as _, SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::confusion::{ConfusedPair, ConfusionMatrix};
use crate::evaluation::result::{ClassScores, Evaluation, Score};
use crate::evaluation::table::SCORES;
use crate::uncertainty::Estimate;

impl Serialize for Evaluation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("n", &self.samples)?;
        map.serialize_entry("classes", &self.classes)?;
        map.serialize_entry("confusion", &self.confusion)?;
        map.serialize_entry("confused_pairs", &self.confused_pairs)?;
        serialize_scores(&mut map, &self.scores)?;
        // As a value, which has its keys in alphabetical order.
        let per_class = serde_json::to_value(&self.per_class).map_err(S::Error::custom)?;
        map.serialize_entry("per_class", &per_class)?;
        map.serialize_entry("no_interval_per_class", &self.no_interval_per_class)?;
        map.end()
    }
}

/// Writes each score under its name, and then `intervals`, `undefined` and `no_interval`.
pub(crate) fn serialize_scores<M: SerializeMap>(
    map: &mut M,
    scores: &[Score],
) -> Result<(), M::Error> {
    let (mut intervals, mut undefined) = (serde_json::Map::new(), serde_json::Map::new());
    let mut no_interval = serde_json::Map::new();
    for score in scores {
        map.serialize_entry(score.name, &score.value)?;
        if let Some(interval) = score.interval {
            intervals.insert(score.name.into(), vec![interval.low, interval.high].into());
        }
        if score.value.is_none() {
            undefined.insert(score.name.into(), score.reason.clone().into());
        }
        if !score.no_interval.is_empty() {
            no_interval.insert(score.name.into(), score.no_interval.clone().into());
        }
    }
    map.serialize_entry("intervals", &intervals)?;
    map.serialize_entry("undefined", &undefined)?;
    map.serialize_entry("no_interval", &no_interval)
}

/// What [`serialize_scores`] wrote; `values` are all other entries of the object. Those with a default are missing in older
/// files.
#[derive(Deserialize)]
pub(crate) struct StoredScores {
    intervals: HashMap<String, [f64; 2]>,
    undefined: HashMap<String, String>,
    #[serde(default)]
    no_interval: HashMap<String, String>,
    #[serde(flatten)]
    values: HashMap<String, Value>,
}

impl StoredScores {
    /// The scores of these names and titles; those that the file does not have are left out.
    pub fn read(mut self, kinds: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<Score> {
        let scores = kinds.filter_map(|(name, title)| {
            let value = self.values.get(name)?.as_f64();
            let interval = self.intervals.get(name).zip(value);
            Some(Score {
                name,
                title,
                value,
                reason: self.undefined.remove(name).unwrap_or_default(),
                interval: interval.map(|(&[low, high], value)| Estimate { value, low, high }),
                no_interval: self.no_interval.remove(name).unwrap_or_default(),
            })
        });
        scores.collect()
    }
}

/// The JSON object; `scores` are its other entries. Those with a default are missing in older files.
#[derive(Deserialize)]
struct Stored {
    n: usize,
    classes: Vec<String>,
    confusion: ConfusionMatrix,
    #[serde(default)]
    confused_pairs: Vec<ConfusedPair>,
    per_class: Vec<ClassScores>,
    #[serde(default)]
    no_interval_per_class: BTreeMap<String, String>,
    #[serde(flatten)]
    scores: StoredScores,
}

impl<'de> Deserialize<'de> for Evaluation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let kinds = SCORES.iter().map(|kind| (kind.name, kind.title));
        Ok(Self {
            scores: stored.scores.read(kinds),
            samples: stored.n,
            classes: stored.classes,
            confusion: stored.confusion,
            confused_pairs: stored.confused_pairs,
            per_class: stored.per_class,
            no_interval_per_class: stored.no_interval_per_class,
            calibration: None,
            risk_coverage: None,
            rankings: Vec::new(),
        })
    }
}
