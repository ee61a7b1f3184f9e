//! How much memory the images take together that are decoded at the same time.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::decode::DecodeOptions;
use crate::error::{Error, Result};
use crate::problem::{ImageProblem, Limit};

/// Images that take up to so many bytes are decoded at once on every thread. A JPEG of 29 megapixels takes as much.
const SMALL: u64 = 256 << 20;

/// Larger images share so many bytes.
static LARGE: Budget = Budget::new(2 << 30);

/// Calls `work`, which decodes one image with the options that it is given. Whatever the number of threads, all images
/// together take at most 256 MiB for each thread and 2 GiB beside; an image that takes more than 2 GiB waits until no other
/// large one is being decoded. An image that takes more than `options` allow is an error, as without this function.
///
/// `work` must not wait for another image.
pub(crate) fn bounded<T>(
    options: &DecodeOptions,
    work: impl Fn(&DecodeOptions) -> Result<T>,
) -> Result<T> {
    let small = options
        .clone()
        .with_max_memory(options.max_memory.min(SMALL));
    match work(&small) {
        Err(Error::Image {
            problem:
                ImageProblem::OverLimit {
                    limit: Limit::Memory,
                    found,
                    ..
                },
            ..
        }) if found <= options.max_memory => {
            let _share = LARGE.take(found);
            work(options)
        }
        done => done,
    }
}

/// Bytes that are given out and come back.
struct Budget {
    whole: u64,
    taken: Mutex<u64>,
    given_back: Condvar,
}

/// A part of a budget, given back when dropped.
struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    const fn new(whole: u64) -> Self {
        Self {
            whole,
            taken: Mutex::new(0),
            given_back: Condvar::new(),
        }
    }

    /// Waits until so many bytes are free, or all if more are asked for than there are.
    fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.whole);
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut u64| *taken + bytes > self.whole;
        let mut taken = self
            .given_back
            .wait_while(taken, full)
            .unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Share {
            budget: self,
            bytes,
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let taken = self.budget.taken.lock();
        *taken.unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::{Budget, bounded};
    use crate::decode::{DecodeOptions, decode};

    #[test]
    fn shares_never_exceed_the_budget_and_all_get_theirs() {
        let (budget, together, most) = (Budget::new(10), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for bytes in (0..40).map(|i| [3, 4, 7, 25][i % 4]) {
                let (budget, together, most) = (&budget, &together, &most);
                scope.spawn(move || {
                    let _share = budget.take(bytes);
                    let now = together.fetch_add(bytes, Ordering::SeqCst) + bytes;
                    // What is larger than all is alone.
                    assert!(now <= 10 || now == 25, "{now}");
                    most.fetch_max(now, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(1));
                    together.fetch_sub(bytes, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(*budget.taken.lock().unwrap(), 0);
        assert_eq!(most.into_inner(), 25);
    }

    /// 6000 x 5000 pixels of 9 bytes are more than 256 MiB.
    #[test]
    fn large_images_are_decoded_within_the_limits_of_the_caller_alone() {
        let mut jpeg = Vec::new();
        let image = image::GrayImage::new(6000, 5000);
        let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
        encoder.encode_image(&image).unwrap();
        let calls = AtomicU64::new(0);
        let size = |options: &DecodeOptions| {
            bounded(options, |options| {
                calls.fetch_add(1, Ordering::SeqCst);
                decode(&jpeg, options).map(|image| image.dimensions())
            })
        };
        let options = DecodeOptions::default();
        assert_eq!(size(&options).unwrap(), (6000, 5000));
        assert_eq!(calls.swap(0, Ordering::SeqCst), 2);
        let limited = options.clone().with_max_memory(269_999_999);
        let error = size(&limited).unwrap_err().to_string();
        assert!(error.contains("with_max_memory"), "{error}");
        assert_eq!(calls.swap(0, Ordering::SeqCst), 1);
        // At a reduced size it is small.
        assert_eq!(
            size(&options.with_reduce_to(Some(500))).unwrap(),
            (750, 625)
        );
        assert_eq!(calls.into_inner(), 1);
    }
}
