//! Weights: every format in and out, damaged files, the cache and fetching.

mod cache;
mod damage;
mod formats;
mod real_weights;
mod support;
