//! Arrays that begin where a cache line does, so that no vector of them lies in two.

/// Numbers that never move.
pub(crate) struct Aligned<T> {
    values: Vec<T>,
    first: usize,
    len: usize,
}

/// Bytes of a line of the caches.
const LINE: usize = 64;

impl<T: Copy + Default> Aligned<T> {
    /// As many zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let per_line = LINE / size_of::<T>();
        let values = vec![T::default(); len + per_line];
        let first = values.as_ptr().align_offset(LINE).min(per_line);
        Self { values, first, len }
    }

    /// These values.
    pub(crate) fn of(values: impl ExactSizeIterator<Item = T>) -> Self {
        let mut aligned = Self::zeros(values.len());
        for (to, from) in aligned.iter_mut().zip(values) {
            *to = from;
        }
        aligned
    }
}

impl<T> std::ops::Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values[self.first..self.first + self.len]
    }
}

impl<T> std::ops::DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.first..self.first + self.len]
    }
}
