//! Which of the test images are measured.

use crate::classifier::Pictures;
use crate::embed::Embedded;
use crate::error::{Error, Result};
use crate::familiarity::FamiliarityCounts;

/// The test images of a job: those that are measured, and how well all of them are known from training.
pub(crate) struct TestImages {
    /// Rows of the embeddings of the test images.
    pub(crate) rows: Vec<usize>,
    pub(crate) counts: FamiliarityCounts,
}

impl TestImages {
    /// Compares test images with the pictures that a training learns from. Those that it has seen are left out, unless they
    /// are to be included.
    pub(crate) fn of(known: &Pictures, test: &Embedded, include_training: bool) -> Self {
        let familiarity = known.familiarity(&test.pictures);
        let measured = |row: &usize| include_training || familiarity[*row].is_unseen();
        Self {
            rows: (0..familiarity.len()).filter(measured).collect(),
            counts: FamiliarityCounts::of(&familiarity),
        }
    }

    /// Refuses test images of which none remains.
    pub(crate) fn check(self) -> Result<Self> {
        let counts = self.counts;
        if self.rows.is_empty() && counts.total() > 0 {
            return Err(Error::NothingUnseen { counts });
        }
        Ok(self)
    }
}
