//! TensorFlow Lite flatbuffers: all have their identifier.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mobilenet::Weights;

fuzz_target!(|data: &[u8]| {
    let mut data = data.to_vec();
    if let Some(identifier) = data.get_mut(4..8) {
        identifier.copy_from_slice(b"TFL3");
    }
    let _ = Weights::from_bytes("fuzz", &data);
});
