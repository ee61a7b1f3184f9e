//! The same picture more than once.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::look::{Look, SIDE};
use super::{Finding, Kind};

/// Difference hashes that differ in more bits are not looked at.
const BITS: u32 = 10;

/// How far the small copies may differ on average, in levels.
const LEVELS: f64 = 12.0;

/// How much the details (what a 3 x 3 mean leaves) of the small copies must correlate.
const CORRELATION: f64 = 0.85;

pub(super) fn findings(looks: &[Look]) -> Vec<Finding> {
    let mut by_digest: BTreeMap<_, Vec<&Look>> = BTreeMap::new();
    for look in looks {
        by_digest.entry(look.digest).or_default().push(look);
    }
    let same = by_digest.values().filter(|group| group.len() > 1);
    let mut found: Vec<_> = same
        .flat_map(|group| of_group(group, Kind::Duplicate, "the same bytes".into()))
        .collect();
    // One of each group of identical files is compared for all of them.
    let mut groups: Vec<_> = by_digest.values().collect();
    groups.sort_by(|a, b| a[0].path.cmp(&b[0].path));
    let one_each: Vec<_> = groups.iter().map(|group| group[0]).collect();
    let details: Vec<_> = one_each.par_iter().map(|look| detail(look)).collect();
    let pairs: Vec<_> = (0..one_each.len())
        .into_par_iter()
        .flat_map_iter(|i| {
            let (one_each, details) = (&one_each, &details);
            (i + 1..one_each.len()).filter_map(move |j| {
                let (a, b) = (one_each[i], one_each[j]);
                if (a.hash ^ b.hash).count_ones() > BITS {
                    return None;
                }
                let levels = distance(a, b);
                let correlation = dot(&details[i], &details[j]);
                (levels <= LEVELS && correlation >= CORRELATION).then_some((
                    i,
                    j,
                    levels,
                    correlation,
                ))
            })
        })
        .collect();
    for (i, j, levels, correlation) in pairs {
        let text = format!("{levels:.1} levels apart, details correlate by {correlation:.2}");
        // The copies may be where these two are not: in another split, or another class.
        let all = [groups[i].as_slice(), groups[j]].concat();
        found.extend(of_group(&all, Kind::NearDuplicate, text));
    }
    found
}

/// A group of files with one picture: across splits, across classes, or only twice.
fn of_group(group: &[&Look], kind: Kind, detail: String) -> Vec<Finding> {
    let paths = || group.iter().map(|look| look.path.clone()).collect();
    let differ = |by: fn(&Look) -> String| {
        let mut values: Vec<_> = group.iter().map(|look| by(look)).collect();
        values.dedup();
        values.len() > 1
    };
    let mut kinds = Vec::new();
    if differ(|look| look.split.to_string()) {
        kinds.push(Kind::Leakage);
    }
    if differ(|look| look.class.to_owned()) {
        kinds.push(Kind::LabelConflict);
    }
    if kinds.is_empty() {
        kinds.push(kind);
    }
    let finding = |kind| Finding {
        kind,
        paths: paths(),
        detail: detail.clone(),
    };
    kinds.into_iter().map(finding).collect()
}

fn distance(a: &Look, b: &Look) -> f64 {
    let sum: u64 = a
        .small
        .iter()
        .zip(b.small.iter())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.small.len() as f64
}

/// What is left of the small copy without its 3 x 3 mean, as a unit vector; zero for a picture
/// without details, which then resembles none.
fn detail(look: &Look) -> Vec<f64> {
    let at = |x: u32, y: u32, c: usize| f64::from(look.small.get_pixel(x, y).0[c]);
    let mut values = Vec::new();
    for y in 1..SIDE - 1 {
        for x in 1..SIDE - 1 {
            for c in 0..3 {
                let around = (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| (x, y)));
                values.push(at(x, y, c) - around.map(|(x, y)| at(x, y, c)).sum::<f64>() / 9.0);
            }
        }
    }
    let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    // Below half a level on average it is rounding that would be compared.
    let scale = if length < 0.5 * (values.len() as f64).sqrt() {
        0.0
    } else {
        1.0 / length
    };
    values.iter().map(|v| v * scale).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
