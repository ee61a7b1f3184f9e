//! The call that all methods share.

use crate::attribution::Attribution;
use crate::error::Result;
use crate::model::GradientFn;
use crate::pixels::Pixels;

/// A way to explain a score.
///
/// Settings are checked by [`attribute`](Self::attribute), before the model is called.
pub trait Method {
    /// The method's name in kebab case.
    fn name(&self) -> &'static str;

    /// Explains the score that `model` gives `pixels`.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for settings out of range, [`Error::Shape`](crate::Error::Shape)
    /// for a baseline of another size, [`Error::Ability`](crate::Error::Ability) where the model lacks what the
    /// method needs, [`Error::Model`](crate::Error::Model) where the model's function fails,
    /// [`Error::NotFinite`](crate::Error::NotFinite) or [`Error::Length`](crate::Error::Length) where its answer
    /// makes no sense.
    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution>;
}

impl Method for Box<dyn Method + '_> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        (**self).attribute(model, pixels)
    }
}
