//! Data of TensorBoard's PR-curve plugin.

use prost::Message;

use super::messages::{Content, Dim, Metadata, Plugin, PrCurvePlugin, Shape, Tensor};
use crate::error::{Error, Result};

/// Thresholds of a curve, equally spaced from 0 to 1: the plugin's default.
const THRESHOLDS: usize = 201;

/// Counts and rates at each threshold: rows true positives, false positives, true negatives, false negatives,
/// precision, recall. A score counts as positive where it is at least the threshold.
fn rows(targets: &[bool], scores: &[f64]) -> Result<[Vec<f64>; 6]> {
    if targets.len() != scores.len() {
        return Err(Error::mismatch(
            "scores of a PR curve",
            targets.len(),
            scores.len(),
        ));
    }
    if let Some(score) = scores.iter().find(|s| !(0.0..=1.0).contains(*s)) {
        return Err(Error::mismatch(
            "a score of a PR curve",
            "a probability, 0 to 1",
            score,
        ));
    }
    let last = THRESHOLDS - 1;
    let (mut positives, mut negatives) = (vec![0.0; THRESHOLDS], vec![0.0; THRESHOLDS]);
    for (&target, &score) in targets.iter().zip(scores) {
        let bucket = ((score * last as f64).floor() as usize).min(last);
        let side = if target {
            &mut positives
        } else {
            &mut negatives
        };
        side[bucket] += 1.0;
    }
    for at in (0..last).rev() {
        positives[at] += positives[at + 1];
        negatives[at] += negatives[at + 1];
    }
    let (tp, fp) = (positives, negatives);
    let rest = |counts: &[f64]| -> Vec<f64> { counts.iter().map(|c| counts[0] - c).collect() };
    let (tn, missed) = (rest(&fp), rest(&tp));
    // As the plugin does, which avoids dividing by zero.
    let share = |part: &[f64], other: &[f64]| -> Vec<f64> {
        part.iter()
            .zip(other)
            .map(|(p, o)| p / (p + o).max(1e-7))
            .collect()
    };
    let (precision, recall) = (share(&tp, &fp), share(&tp, &missed));
    Ok([tp, fp, tn, missed, precision, recall])
}

/// What the plugin reads: the metadata and the rows.
pub(super) fn pr_curve(targets: &[bool], scores: &[f64]) -> Result<(Metadata, Content)> {
    let rows = rows(targets, scores)?;
    let plugin = PrCurvePlugin {
        version: 0,
        thresholds: THRESHOLDS as u32,
    };
    let metadata = Metadata {
        plugin: Some(Plugin {
            name: "pr_curves".into(),
            content: plugin.encode_to_vec(),
        }),
        data_class: 2,
    };
    let dims = [rows.len(), THRESHOLDS];
    let content = Content::Tensor(Tensor {
        dtype: 1,
        shape: Some(Shape {
            dim: dims.map(|size| Dim { size: size as i64 }).to_vec(),
        }),
        floats: rows.iter().flatten().map(|&v| v as f32).collect(),
        strings: Vec::new(),
    });
    Ok((metadata, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        let [tp, fp, tn, missed, precision, recall] =
            rows(&[true, true, false, false], &[1.0, 0.5, 0.5, 0.0]).unwrap();
        let at = |i: usize| [tp[i], fp[i], tn[i], missed[i]];
        assert_eq!(at(0), [2.0, 2.0, 0.0, 0.0]);
        assert_eq!(at(100), [2.0, 1.0, 1.0, 0.0]);
        assert_eq!(at(101), [1.0, 0.0, 2.0, 1.0]);
        assert_eq!(at(200), [1.0, 0.0, 2.0, 1.0]);
        assert_eq!([precision[100], recall[100]], [2.0 / 3.0, 1.0]);
        assert_eq!([precision[200], recall[200]], [1.0, 0.5]);
    }

    #[test]
    fn wrong_scores_are_refused() {
        assert!(rows(&[true], &[1.5]).is_err());
        assert!(rows(&[true], &[f64::NAN]).is_err());
        assert!(rows(&[true], &[]).is_err());
    }
}
