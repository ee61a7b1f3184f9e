//! Archives, plain or packed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mobilenet::Weights;

fuzz_target!(|data: &[u8]| {
    let mut data = data.to_vec();
    if !data.starts_with(&[0x1f, 0x8b])
        && let Some(magic) = data.get_mut(257..262)
    {
        magic.copy_from_slice(b"ustar");
    }
    let _ = Weights::from_bytes("fuzz", &data);
});
