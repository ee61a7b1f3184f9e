//! The split that a folder or its table brings with it.

use std::collections::{BTreeMap, BTreeSet};

use super::grouped::{GroupBy, GroupedSplit};
use super::hashed::HashedSplit;
use super::sets::{Percentages, Split};
use super::subset::Subset;
use crate::error::{Error, Result};
use crate::folder::ImageFolder;

impl Split {
    /// The split that the folder is in already ([`ImageFolder::subsets`]); `None` where it is not divided. A class may lack
    /// validation and test images, but not training images.
    ///
    /// # Errors
    /// [`Error::EmptySubset`] if a class has no training image; [`Error::DividedGroup`] if images of one group are in
    /// several parts.
    pub fn ready(folder: &ImageFolder) -> Result<Option<Self>> {
        let Some(subsets) = folder.subsets() else {
            return Ok(None);
        };
        let split: Self = subsets
            .iter()
            .copied()
            .zip(folder.images().iter().cloned())
            .collect();
        check_groups(folder, subsets)?;
        split.check(folder, &[]).map(Some)
    }
}

/// Refuses groups that are in several parts: the test would know what is on its images.
fn check_groups(folder: &ImageFolder, subsets: &[Subset]) -> Result<()> {
    let mut parts: BTreeMap<&str, BTreeSet<Subset>> = BTreeMap::new();
    for (group, subset) in folder.groups().unwrap_or_default().iter().zip(subsets) {
        if !group.is_empty() {
            parts.entry(group).or_default().insert(*subset);
        }
    }
    let divided = parts.iter().filter(|(_, parts)| parts.len() > 1);
    let divided: Vec<_> = divided.map(|(group, _)| (*group).to_owned()).collect();
    if divided.is_empty() {
        return Ok(());
    }
    Err(Error::DividedGroup { groups: divided })
}

impl HashedSplit {
    /// Divides a folder as it is divided already ([`Split::ready`]); where it is not, by the groups of its table, which
    /// stay together ([`GroupedSplit`]); and where it has none, as [`apply`](Self::apply). Also says in words which of
    /// these it was.
    ///
    /// # Errors
    /// Those of the three.
    pub fn apply_unless_ready(&self, folder: &ImageFolder) -> Result<(Split, String)> {
        if let Some(split) = Split::ready(folder)? {
            return Ok((split, "as the images are divided already".to_owned()));
        }
        let Some(groups) = folder.groups() else {
            return Ok((self.apply(folder)?, self.describe(None)));
        };
        // Who is in no group is alone.
        let names = folder.images().iter().map(|item| item.name.clone());
        let groups = names.zip(groups.iter().cloned());
        let groups = groups.filter(|(_, group)| !group.is_empty()).collect();
        let Percentages {
            validation,
            testing,
        } = self.percentages();
        let split = GroupedSplit::new(GroupBy::Names(groups))
            .with_percentages(validation, testing)
            .apply(folder)?;
        let words = format!(
            "by a hash of the groups, which stay together: {validation} % for validation, {testing} % for the test"
        );
        Ok((split, words))
    }
}
