//! Logistic regression with three classes or more: one problem at a time, as products of large matrices.
//!
//! What is minimized is the same as in `objective.rs`. Where there are fewer images than values in an embedding, the
//! problem is solved in a basis of the images' span, which has the same optimum (`features.rs`). L-BFGS is preconditioned
//! by the covariance of the embeddings (`preconditioner.rs`), and starts from the optima for smaller `C` (`path.rs`).

mod features;
pub(super) mod fit;
mod objective;
mod path;
mod preconditioner;
mod search;
mod solve;
#[cfg(test)]
mod tests;
