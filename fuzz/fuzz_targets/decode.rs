//! Any bytes, decoded whole and at reduced size: a picture within the limits, or an error; never a panic that
//! leaves the crate, and never more memory than the limits allow (`-rss_limit_mb`).
#![no_main]

use dataset::{DecodeOptions, decode};
use libfuzzer_sys::fuzz_target;

const PIXELS: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let options = DecodeOptions::default().with_max_pixels(PIXELS);
    for options in [
        options.clone(),
        options.clone().with_reduce_to(Some(1)),
        options.with_reduce_to(Some(16)),
    ] {
        if let Ok(image) = decode(bytes, &options) {
            let pixels = u64::from(image.width()) * u64::from(image.height());
            assert!(0 < pixels && pixels <= PIXELS);
        }
    }
});
