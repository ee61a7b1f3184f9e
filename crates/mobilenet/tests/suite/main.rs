//! Weights: every format in and out, damaged files, the cache and fetching.

mod cache;
mod damage;
#[cfg(feature = "fetch")]
mod fetch;
mod formats;
mod quantized;
mod real_weights;
mod round_trips;
#[cfg(feature = "fetch")]
mod server;
mod support;
