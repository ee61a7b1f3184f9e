//! Frozen graphs: all begin with the tag of the first node.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mobilenet::Weights;

fuzz_target!(|data: &[u8]| {
    let mut data = data.to_vec();
    if let Some(first) = data.first_mut() {
        *first = 0x0a;
    }
    let _ = Weights::from_bytes("fuzz", &data);
});
