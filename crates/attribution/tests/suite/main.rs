//! The tests of this crate that use its public names alone.

mod analytic;
mod axioms;
mod map_error;
mod methods;
mod net;
mod progress;
mod reference;
mod support;
mod trust;
