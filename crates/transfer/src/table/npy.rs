use std::io::{self, Write};

use crate::embeddings::Embeddings;

/// Writes the rows of a part behind the header.
pub(super) fn write_values(to: &mut (impl Write + ?Sized), set: &Embeddings) -> io::Result<()> {
    for row in set.values().chunks(4096) {
        let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
        to.write_all(&bytes)?;
    }
    Ok(())
}
