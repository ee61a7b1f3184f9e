//! Embeddings on disk.

mod existing;
mod log;
mod record;

pub use log::{EmbeddingCache, Merged};
pub use record::Key;
