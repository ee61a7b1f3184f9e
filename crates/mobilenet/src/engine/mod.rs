//! Engines: what runs a network. Each is one implementation of the trait [`Engine`].

#[cfg(feature = "burn")]
mod burn;
mod compiled;
mod interface;
mod quantized;

#[cfg(feature = "burn")]
pub use self::burn::BurnEngine;
pub use self::interface::Engine;
