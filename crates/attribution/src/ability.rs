//! What a method may need from a model.

use std::fmt;

/// Something that a method needs and that a model may be able to compute.
///
/// A plain closure has [`Gradient`](Self::Gradient) and [`Scores`](Self::Scores); [`Model`](crate::Model) adds the
/// others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ability {
    /// Scores and their gradients with respect to the pixels.
    Gradient,
    /// Scores alone. A model without a faster function computes the gradient as well and discards it.
    Scores,
    /// The gradient by the rule of guided backpropagation.
    Guided,
    /// The activations of one block and the gradient of the score with respect to them.
    Block,
    /// Copies of the model with more and more of its layers randomized.
    Randomized,
}

impl Ability {
    /// Name of the method of [`Model`](crate::Model) that gives a model this ability.
    pub fn given_by(self) -> &'static str {
        match self {
            Self::Gradient => "Model::new",
            Self::Scores => "Model::with_scores",
            Self::Guided => "Model::with_guided",
            Self::Block => "Model::with_block",
            Self::Randomized => "Model::with_randomized",
        }
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gradient => "gradient",
            Self::Scores => "scores only",
            Self::Guided => "guided gradient",
            Self::Block => "activations of a block",
            Self::Randomized => "randomized copies",
        })
    }
}
