//! How files of predictions are read, as options.

use std::error::Error;

use metrics::formats::{Reading, Scores};

use crate::classes::classes;

/// How files of predictions are read.
#[derive(Clone, Default, clap::Args)]
pub struct ReadingOptions {
    /// Names of the classes in the order of the probabilities, or a file with one name on each line [default: header of the
    /// CSV, otherwise their indices]
    #[arg(long, value_name = "A,B,..|FILE")]
    pub classes: Option<String>,
    /// Column of a CSV with the true classes [default: target, y_true, label ...]
    #[arg(long, value_name = "NAME")]
    target_column: Option<String>,
    /// Columns of a CSV with the probabilities, separated by commas; others are then ignored [default: all that have no other
    /// use]
    #[arg(long, value_name = "A,B,..", value_delimiter = ',')]
    probabilities: Option<Vec<String>>,
    /// Column of a CSV with the names of the files [default: file, filename, id ...]
    #[arg(long, value_name = "NAME")]
    name_column: Option<String>,
    /// What the numbers of the classes are: probabilities or logits
    #[arg(long, default_value_t)]
    scores: Scores,
}

impl ReadingOptions {
    /// How files are read; classes that are known already are the default.
    ///
    /// # Errors
    /// Where the file of classes cannot be read.
    pub fn reading(&self, known: Option<&[String]>) -> Result<Reading, Box<dyn Error>> {
        let given = self.classes.as_deref().map(classes).transpose()?;
        Ok(Reading::new()
            .with_classes(given.or_else(|| known.map(<[String]>::to_vec)))
            .with_target(self.target_column.clone())
            .with_probabilities(self.probabilities.clone())
            .with_file(self.name_column.clone())
            .with_scores(self.scores))
    }
}
