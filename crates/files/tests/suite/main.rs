//! Tests of the crate from outside.

mod inside;
mod write;
