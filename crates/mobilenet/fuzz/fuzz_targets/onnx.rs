//! ONNX models: all begin with their version.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mobilenet::Weights;

fuzz_target!(|data: &[u8]| {
    let data = [&[0x08, 0x08], data].concat();
    let _ = Weights::from_bytes("fuzz", &data);
});
