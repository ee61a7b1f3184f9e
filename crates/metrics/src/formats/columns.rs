use std::collections::HashMap;
use std::io;

use rayon::prelude::*;
use serde::Deserialize;

use crate::checks::{check_class, check_classes, check_columns, check_distinct, check_weight};
use crate::error::{Error, Place, Result};
use crate::formats::blocks::{Block, Blocks};
use crate::formats::reading::{Read, Scores};
use crate::formats::scores::to_probabilities;
use crate::numeric::argmax;
use crate::predictions::Predictions;

/// Number of blocks that are in memory at a time. It does not depend on the number of threads.
const AT_A_TIME: usize = 16;

/// A class, given by index or by name.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Class {
    Index(usize),
    Name(String),
}

/// One sample as it stands in a text file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    pub target: Class,
    pub probabilities: Option<Vec<f64>>,
    pub predicted: Option<Class>,
    pub weight: Option<f64>,
    pub file: Option<String>,
    /// The names of all classes, in the first sample of a file.
    pub classes: Option<Vec<String>>,
}

/// What holds for all samples of a file, as its header or its first sample says.
pub(super) struct Layout {
    names: Option<Vec<String>>,
    indices: HashMap<String, usize>,
    classes: usize,
    probabilities: bool,
    weight: bool,
    file: bool,
    scores: Scores,
}

impl Layout {
    /// The same, where the numbers are such scores.
    pub fn with_scores(mut self, scores: Scores) -> Self {
        self.scores = scores;
        self
    }

    /// The layout of a table whose columns are known. There must be a sample or nothing for each column.
    pub fn of_columns(
        names: &[String],
        probabilities: bool,
        weight: bool,
        file: bool,
    ) -> Result<Self> {
        Ok(Self {
            classes: names.len(),
            indices: indices(names)?,
            names: Some(names.to_vec()),
            probabilities,
            weight,
            file,
            scores: Scores::default(),
        })
    }

    /// The layout of a file that starts with this sample. Without names it sets the number of classes.
    pub fn of_sample(names: Option<&[String]>, place: Place, first: &Sample) -> Result<Self> {
        let classes = match (names, &first.probabilities) {
            (Some(names), _) => names.len(),
            (None, Some(row)) if !row.is_empty() => row.len(),
            (None, _) => {
                return Err(Error::Parse {
                    place,
                    reason: "without probabilities the classes must be given by name".to_string(),
                });
            }
        };
        check_classes(classes)?;
        Ok(Self {
            classes,
            indices: indices(names.unwrap_or_default())?,
            names: names.map(<[String]>::to_vec),
            probabilities: first.probabilities.is_some(),
            weight: first.weight.is_some(),
            file: first.file.is_some(),
            scores: Scores::default(),
        })
    }

    /// Index of the class of this name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.indices.get(name).copied()
    }

    fn class(&self, place: Place, what: &'static str, class: Class) -> Result<usize> {
        match class {
            Class::Index(index) => check_class(place, what, index, self.classes).map(|()| index),
            Class::Name(name) => self.index(&name).ok_or_else(|| Error::ClassName {
                place,
                what,
                name,
                classes: self.names.clone().unwrap_or_default(),
            }),
        }
    }

    /// Reads all blocks, several at the same time, and puts them together in the order of the text. `parse` adds the
    /// samples of one block.
    pub fn read<R: io::Read>(
        self,
        mut blocks: Blocks<R>,
        parse: impl Fn(&Self, &Block, &mut Columns) -> Result<()> + Sync,
    ) -> Result<Read> {
        let mut columns = Columns::default();
        loop {
            let some = blocks.take(AT_A_TIME).map_err(unreadable)?;
            if some.is_empty() {
                return columns.finish(self);
            }
            let parse = |block: &Block| {
                let mut part = Columns::default();
                parse(&self, block, &mut part).map(|()| part)
            };
            let parts: Vec<Result<Columns>> = some.par_iter().map(parse).collect();
            for part in parts {
                columns.append(part?);
            }
        }
    }
}

/// Index of each class by its name.
fn indices(names: &[String]) -> Result<HashMap<String, usize>> {
    check_distinct(names)?;
    let names = names.iter().cloned();
    Ok(names.zip(0..).collect())
}

/// The error of a reader that fails.
pub(super) fn unreadable(source: io::Error) -> Error {
    Error::Stream {
        what: "cannot read the predictions".to_string(),
        source,
    }
}

/// The samples read so far. Each is checked when it is added, while its line is known.
#[derive(Default)]
pub(super) struct Columns {
    targets: Vec<usize>,
    predicted: Vec<usize>,
    probabilities: Vec<f64>,
    weights: Vec<f64>,
    files: Vec<String>,
    /// Rows of probabilities that were divided by their sums.
    coarse: usize,
}

impl Columns {
    pub fn push(&mut self, layout: &Layout, place: Place, mut sample: Sample) -> Result<()> {
        let target = layout.class(place, "the target", sample.target)?;
        let predicted = sample.predicted;
        let predicted = predicted.map(|class| layout.class(place, "the prediction", class));
        let hard = match (&mut sample.probabilities, predicted.transpose()?) {
            (Some(row), predicted) => {
                check_columns(place, layout.classes, row.len())?;
                let coarse = to_probabilities(place, row, layout.scores)?;
                self.coarse += usize::from(coarse);
                let best = argmax(row);
                if let Some(predicted) = predicted.filter(|&class| class != best) {
                    return Err(Error::Parse {
                        place,
                        reason: format!(
                            "the prediction is class {predicted}, but the most probable one (at a tie the first) is \
                             class {best}; leave out `predicted`, or the probabilities"
                        ),
                    });
                }
                None
            }
            (None, Some(class)) => Some(class),
            (None, None) => {
                return Err(Error::Parse {
                    place,
                    reason: "expected `probabilities` or `predicted`, found neither".to_string(),
                });
            }
        };
        if let Some(weight) = sample.weight {
            check_weight(place, weight)?;
        }
        for (column, given, expected) in [
            (
                "probabilities",
                sample.probabilities.is_some(),
                layout.probabilities,
            ),
            ("weight", sample.weight.is_some(), layout.weight),
            ("file", sample.file.is_some(), layout.file),
        ] {
            if given != expected {
                return Err(Error::Uneven { place, column });
            }
        }
        self.targets.push(target);
        self.predicted.extend(hard);
        self.probabilities
            .extend(sample.probabilities.into_iter().flatten());
        self.weights.extend(sample.weight);
        self.files.extend(sample.file);
        Ok(())
    }

    fn append(&mut self, mut part: Self) {
        self.targets.append(&mut part.targets);
        self.predicted.append(&mut part.predicted);
        self.probabilities.append(&mut part.probabilities);
        self.weights.append(&mut part.weights);
        self.files.append(&mut part.files);
        self.coarse += part.coarse;
    }

    fn finish(mut self, layout: Layout) -> Result<Read> {
        if self.targets.is_empty() {
            return Err(Error::Empty);
        }
        self.targets.shrink_to_fit();
        self.probabilities.shrink_to_fit();
        let mut predictions = if layout.probabilities {
            Predictions::from_flat(self.targets, self.probabilities, layout.classes)?
        } else {
            Predictions::from_classes(self.targets, self.predicted, layout.classes)?
        };
        if let Some(names) = layout.names {
            predictions = predictions.with_classes(names)?;
        }
        if layout.weight {
            predictions = predictions.with_weights(self.weights)?;
        }
        if layout.file {
            predictions = predictions.with_files(self.files)?;
        }
        let mut remarks = Vec::new();
        if self.coarse > 0 {
            remarks.push(format!(
                "the probabilities of {} of {} samples sum to 1 only roughly, as numbers in half precision do; each row is \
                 divided by its sum",
                self.coarse,
                predictions.len()
            ));
        }
        Ok(Read {
            predictions,
            remarks,
        })
    }
}
