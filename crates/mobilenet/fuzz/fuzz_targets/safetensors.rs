//! Safetensors under all names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mobilenet::Weights;

fuzz_target!(|data: &[u8]| {
    let _ = Weights::from_safetensors("fuzz", data);
});
