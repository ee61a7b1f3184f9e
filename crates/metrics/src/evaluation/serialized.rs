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
        let (mut intervals, mut undefined) = (serde_json::Map::new(), serde_json::Map::new());
        let mut no_interval = serde_json::Map::new();
        for score in &self.scores {
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
        map.serialize_entry("no_interval", &no_interval)?;
        // As a value, which has its keys in alphabetical order.
        let per_class = serde_json::to_value(&self.per_class).map_err(S::Error::custom)?;
        map.serialize_entry("per_class", &per_class)?;
        map.serialize_entry("no_interval_per_class", &self.no_interval_per_class)?;
        map.end()
    }
}

/// The JSON object; `scores` are all its other entries. Those with a default are missing in older files.
#[derive(Deserialize)]
struct Stored {
    n: usize,
    classes: Vec<String>,
    confusion: ConfusionMatrix,
    #[serde(default)]
    confused_pairs: Vec<ConfusedPair>,
    intervals: HashMap<String, [f64; 2]>,
    undefined: HashMap<String, String>,
    #[serde(default)]
    no_interval: HashMap<String, String>,
    per_class: Vec<ClassScores>,
    #[serde(default)]
    no_interval_per_class: BTreeMap<String, String>,
    #[serde(flatten)]
    scores: HashMap<String, Value>,
}

impl<'de> Deserialize<'de> for Evaluation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut stored = Stored::deserialize(deserializer)?;
        let scores = SCORES.iter().filter_map(|kind| {
            let value = stored.scores.get(kind.name)?.as_f64();
            let interval = stored.intervals.get(kind.name).zip(value);
            Some(Score {
                name: kind.name,
                title: kind.title,
                value,
                reason: stored.undefined.remove(kind.name).unwrap_or_default(),
                interval: interval.map(|(&[low, high], value)| Estimate { value, low, high }),
                no_interval: stored.no_interval.remove(kind.name).unwrap_or_default(),
            })
        });
        Ok(Self {
            scores: scores.collect(),
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
