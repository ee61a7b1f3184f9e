//! Embeddings on disk.

mod bottleneck;
mod log;
mod record;

pub use bottleneck::{Imported, read_bottlenecks, write_bottlenecks};
pub use log::{EmbeddingCache, Merged};
pub use record::Key;
