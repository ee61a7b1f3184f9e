//! A `model.json` and its shard, which reach the reader in an archive: the first two bytes say where one ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mobilenet::Weights;

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let at = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in [("model.json", &rest[..at]), ("group1-shard1of1.bin", &rest[at..])] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        if archive.append_data(&mut header, name, content).is_err() {
            return;
        }
    }
    if let Ok(archive) = archive.into_inner() {
        let _ = Weights::from_bytes("fuzz", &archive);
    }
});
