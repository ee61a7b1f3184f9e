use super::config::Recipe;
use super::report::Fitted;
use super::training::HeadTraining;
use super::{gradient_descent, logistic_regression};
use crate::error::Result;

impl HeadTraining<'_> {
    /// Trains the head.
    ///
    /// # Errors
    /// - [`Error::Mismatch`](crate::error::Error::Mismatch) if the two sets differ in the length of an embedding, there
    ///   are fewer than two classes, a validation target is not a training target, or the head to start from does not
    ///   fit.
    /// - [`Error::TooFewImages`](crate::error::Error::TooFewImages) if a class has too few images.
    /// - [`Error::Setting`](crate::error::Error::Setting) if a setting is out of its range, or the weights grow without
    ///   bounds.
    /// - [`Error::Io`](crate::error::Error::Io) and [`Error::File`](crate::Error::File) if the checkpoint cannot be
    ///   read or written, is damaged, or belongs to another training.
    /// - Any error that the source of [`varied`](Self::varied) rows returns.
    pub fn fit(self) -> Result<Fitted> {
        self.check()?;
        match &self.config.recipe {
            Recipe::LogisticRegression(recipe) => logistic_regression::fit::fit(
                self.config,
                recipe,
                &self.training.concat(&self.validation)?,
                self.watch,
            ),
            Recipe::GradientDescent(recipe) => gradient_descent::fit::fit(recipe, self),
        }
    }
}
