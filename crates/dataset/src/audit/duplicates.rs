//! Images that are there more than once.

use std::collections::BTreeMap;

use super::finding::{Finding, Kind};
use super::measurements::{Measurements, SIDE};
use crate::threads;

/// Pairs whose difference hashes differ in more bits than this are not compared further.
const BITS: u32 = 10;

/// The most that the small copies of two images may differ on average, in levels.
const LEVELS: f64 = 12.0;

/// The least correlation of the details of the small copies: of what remains without their 3 x 3 mean.
const CORRELATION: f64 = 0.85;

pub(super) fn findings(images: &[Measurements]) -> Vec<Finding> {
    let mut by_digest: BTreeMap<_, Vec<&Measurements>> = BTreeMap::new();
    for image in images {
        by_digest.entry(image.digest).or_default().push(image);
    }
    let same = by_digest.values().filter(|group| group.len() > 1);
    let mut found: Vec<_> = same
        .flat_map(|group| of_group(group, Kind::Duplicate, "the same bytes".into()))
        .collect();
    // Of each group of identical files, one is compared for all of them.
    let mut groups: Vec<_> = by_digest.values().collect();
    groups.sort_by(|a, b| a[0].path.cmp(&b[0].path));
    let one_each: Vec<_> = groups.iter().map(|group| group[0]).collect();
    let details = threads::map(one_each.iter(), |image| detail(image));
    let pairs = threads::map(0..one_each.len(), |i| -> Vec<_> {
        (i + 1..one_each.len())
            .filter_map(|j| {
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
            .collect()
    });
    for (i, j, levels, correlation) in pairs.into_iter().flatten() {
        let text = format!("{levels:.1} levels apart, details correlate by {correlation:.2}");
        // The copies may be in another subset or another class than these two.
        let all = [groups[i].as_slice(), groups[j]].concat();
        found.extend(of_group(&all, Kind::NearDuplicate, text));
    }
    found
}

/// The findings for files that show one image: across subsets, across classes, or else of this kind.
fn of_group(group: &[&Measurements], kind: Kind, detail: String) -> Vec<Finding> {
    let paths = || group.iter().map(|image| image.path.clone()).collect();
    let differ = |by: fn(&Measurements) -> String| {
        let mut values: Vec<_> = group.iter().map(|image| by(image)).collect();
        values.dedup();
        values.len() > 1
    };
    let mut kinds = Vec::new();
    if differ(|image| image.subset.to_string()) {
        kinds.push(Kind::Leakage);
    }
    if differ(|image| image.class.to_owned()) {
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

fn distance(a: &Measurements, b: &Measurements) -> f64 {
    let sum: u64 = a
        .small
        .iter()
        .zip(b.small.iter())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.small.len() as f64
}

/// The details of an image: its small copy without its 3 x 3 mean, as a unit vector. It is zero for an image without
/// details, which then resembles no other.
fn detail(image: &Measurements) -> Vec<f64> {
    let at = |x: u32, y: u32, c: usize| f64::from(image.small.get_pixel(x, y).0[c]);
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
    // Below half a level on average, nothing but rounding would be compared.
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
