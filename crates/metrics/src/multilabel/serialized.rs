use serde::de::Deserializer;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::evaluation::{StoredScores, serialize_scores};
use crate::multilabel::result::{LabelScores, MultilabelEvaluation};
use crate::multilabel::table::{LABEL_SCORES, SCORES};

impl Serialize for MultilabelEvaluation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("n", &self.samples)?;
        map.serialize_entry("labels", &self.labels)?;
        serialize_scores(&mut map, &self.scores)?;
        map.serialize_entry("per_label", &self.per_label)?;
        map.end()
    }
}

impl Serialize for LabelScores {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("support", &self.support)?;
        // JSON has no infinity: `null` is the threshold of a label that is never predicted.
        let threshold = Some(self.threshold).filter(|threshold| threshold.is_finite());
        map.serialize_entry("threshold", &threshold)?;
        map.serialize_entry("confusion", &self.confusion)?;
        serialize_scores(&mut map, &self.scores)?;
        map.end()
    }
}

#[derive(Deserialize)]
struct Stored {
    n: usize,
    labels: Vec<String>,
    per_label: Vec<LabelScores>,
    #[serde(flatten)]
    scores: StoredScores,
}

#[derive(Deserialize)]
struct StoredLabel {
    name: String,
    support: f64,
    threshold: Option<f64>,
    confusion: [[f64; 2]; 2],
    #[serde(flatten)]
    scores: StoredScores,
}

impl<'de> Deserialize<'de> for MultilabelEvaluation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let kinds = SCORES.iter().map(|kind| (kind.name, kind.title));
        Ok(Self {
            samples: stored.n,
            labels: stored.labels,
            scores: stored.scores.read(kinds),
            per_label: stored.per_label,
        })
    }
}

impl<'de> Deserialize<'de> for LabelScores {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredLabel::deserialize(deserializer)?;
        let kinds = LABEL_SCORES.iter().map(|kind| (kind.name, kind.title));
        Ok(Self {
            name: stored.name,
            support: stored.support,
            threshold: stored.threshold.unwrap_or(f64::INFINITY),
            confusion: stored.confusion,
            scores: stored.scores.read(kinds),
        })
    }
}
