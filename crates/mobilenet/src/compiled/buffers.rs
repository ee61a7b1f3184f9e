//! Memory that a compiled net keeps between calls.

use std::sync::{Mutex, PoisonError};

/// Memory kept between calls: as many buffers as were ever needed at once.
pub(super) struct Buffers<T>(Mutex<Vec<Vec<T>>>);

impl<T: Copy + Default> Buffers<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Calls `f` with a buffer of `len` values of any content.
    pub(super) fn with<R>(&self, len: usize, f: impl FnOnce(&mut [T]) -> R) -> R {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = free().pop().unwrap_or_default();
        // Vectors that begin where cache lines do are never split over two.
        let per_line = 64 / size_of::<T>();
        if buffer.len() < len + per_line {
            buffer.resize(len + per_line, T::default());
        }
        let start = buffer.as_ptr().align_offset(64).min(per_line);
        let result = f(&mut buffer[start..start + len]);
        free().push(buffer);
        result
    }

    /// Calls `run` for each of the blocks 0 to `last`, with the map that the call before has written and `len` values of
    /// any content for its own map: two buffers that take turns. Block 0 finds no map before it.
    pub(super) fn in_turns(
        &self,
        len: usize,
        last: usize,
        mut run: impl FnMut(usize, &[T], &mut [T]),
    ) {
        self.with(len, |input| {
            self.with(len, |output| {
                let (mut input, mut output) = (&mut *input, &mut *output);
                for block in 0..=last {
                    run(block, input, output);
                    std::mem::swap(&mut input, &mut output);
                }
            });
        });
    }
}
