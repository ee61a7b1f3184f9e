//! What the methods need from a model: a gradient function, and for some methods more.

#[cfg(feature = "burn")]
mod autodiff;
mod builder;
pub(crate) mod checked;
pub(crate) mod gradient_fn;
mod progress;
pub(crate) mod quiet;

pub use crate::ability::Ability;
#[cfg(feature = "burn")]
pub use autodiff::{autodiff, autodiff_block};
pub use builder::Model;
pub use gradient_fn::{
    BlockActivations, BlockTuple, GradientFn, Randomized, ScoresAndGradient, Shape,
};
pub use progress::Progress;
