//! Files that are written whole or not at all, and files that are read up to a limit.
//!
//! [`write_whole`] and [`write_bytes`] put a file in its place only when all of its bytes are on the disk. So a program
//! that is killed, or a disk that is full, never leaves half a file under the final name. [`read_at_most`] refuses a
//! file that is larger than a limit. [`inside`] resolves a file name from an untrusted source within a folder, and
//! refuses names that lead out of the folder. [`hex`] writes digests as text. [`check_writable`] finds out before the
//! work whether a file can be written after it. [`npy_header`] makes the header of a NumPy file. [`Pace`] limits how
//! long a file from the network may take to arrive, and how slowly it may arrive.
//!
//! ```
//! # fn main() -> files::Result<()> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # let path = folder.path().join("report.html");
//! files::write_bytes(&path, b"<html></html>")?;
//! assert_eq!(files::read_at_most(&path, 1000)?, b"<html></html>");
//! # Ok(())
//! # }
//! ```
//!
//! The crate also compiles for targets without a file system, such as `wasm32-unknown-unknown`. Every call returns an
//! error there.

mod check;
mod error;
mod hex;
mod inside;
mod npy;
mod pace;
mod read;
mod shown;
mod unfinished;
mod write;

pub use check::check_writable;
pub use error::{Error, Result};
pub use hex::hex;
pub use inside::inside;
pub use npy::npy_header;
pub use pace::{Pace, Watch};
pub use read::read_at_most;
pub use shown::{Shown, is_unprintable, shown, shown_path};
pub use unfinished::{UNFINISHED_PREFIX, remove_unfinished};
pub use write::{create_parent_folder, write_bytes, write_whole};
