//! Images that are there more than once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::finding::{Finding, Kind};
use super::look::Look;
use super::measurements::Image;
use super::near::search;
use crate::error::Result;

/// Finds them; `compared` is told of how many images all is known.
pub(super) fn findings(images: &[Image], mut compared: impl FnMut(usize)) -> Result<Vec<Finding>> {
    let mut by_digest: BTreeMap<_, Vec<&Image>> = BTreeMap::new();
    for image in images {
        by_digest.entry(image.digest).or_default().push(image);
    }
    let same = by_digest.values().filter(|group| group.len() > 1);
    let mut found: Vec<_> = same
        .flat_map(|group| of_group(group, Kind::Duplicate, "the same bytes".into()))
        .collect();
    // Of each group of identical files, one is compared for all of them. What has no details resembles nothing.
    let mut groups: Vec<_> = by_digest.into_values().collect();
    groups.retain(|group| group[0].fingerprint.is_some());
    groups.sort_by(|a, b| a[0].path.cmp(b[0].path));
    let looks: Vec<_> = groups
        .iter()
        .filter_map(|group| {
            let (hash, fingerprint) = (group[0].hash, group[0].fingerprint.as_ref()?);
            Some(Look { hash, fingerprint })
        })
        .collect();
    let unreadable: Mutex<BTreeMap<&Path, Finding>> = Mutex::default();
    let copy_of = |image: u32| {
        let image = groups[image as usize][0];
        let keep = |finding| {
            let mut unreadable = unreadable.lock().unwrap_or_else(PoisonError::into_inner);
            unreadable.insert(image.path, finding);
        };
        image.small_copy().map_err(keep).ok()
    };
    let known = images.len() - looks.len();
    let near = search(&looks, copy_of, |done| compared(known + done))?;
    // The copies may be in another subset or another class than these.
    let all = |images: &[u32]| -> Vec<&Image> {
        let groups = images.iter().flat_map(|image| &groups[*image as usize]);
        groups.copied().collect()
    };
    for (a, b, likeness) in near.pairs {
        let (levels, correlation) = (likeness.levels, likeness.correlation);
        let text = format!("{levels:.1} levels apart, details correlate by {correlation:.2}");
        found.extend(of_group(&all(&[a, b]), Kind::NearDuplicate, text));
    }
    for group in near.groups {
        let images = all(&group);
        let text = format!(
            "a group of {} images, each of which resembles another one of it",
            images.len()
        );
        found.extend(of_group(&images, Kind::NearDuplicate, text));
    }
    let unreadable = unreadable
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    found.extend(unreadable.into_values());
    Ok(found)
}

/// The findings for files that show one image: across subsets, across classes, or else of this kind.
fn of_group(group: &[&Image], kind: Kind, detail: String) -> Vec<Finding> {
    let paths = || group.iter().map(|image| image.path.to_path_buf()).collect();
    let differ = |by: fn(&Image) -> String| {
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
