//! The tests of this crate that use its public names alone.

mod analytic;
mod axioms;
mod methods;
mod readme;
mod reference;
mod support;
mod trust;
