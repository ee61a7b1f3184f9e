//! Where a product goes.

/// Where a product goes.
pub(crate) enum Out<'a, 'b> {
    /// Levels, into each plane.
    Levels {
        planes: &'a mut [&'b mut [u8]],
        place: Place,
    },
    /// Sums, `[row][column]`, whole planes.
    Sums(&'a mut [i32]),
}

/// Rows of a map's plane have a gap between them.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Bytes from one row of the product to the next.
    pub(crate) stride: usize,
    /// Rows of the product in a row of the map.
    pub(crate) width: usize,
    /// Which of them the first is.
    pub(crate) first: usize,
    /// Bytes between two rows of the map.
    pub(crate) gap: usize,
}

impl Place {
    /// Where a row of the product goes.
    #[inline(always)]
    pub(super) fn cursor(self, row: usize) -> Cursor {
        let position = self.first + row;
        Cursor {
            at: row * self.stride + position / self.width * self.gap,
            left: self.width - position % self.width,
        }
    }
}

/// Walks over the rows.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    pub(super) at: usize,
    /// Rows to the next gap.
    left: usize,
}

impl Cursor {
    #[inline(always)]
    pub(super) fn advance(&mut self, place: Place) {
        self.at += place.stride;
        self.left -= 1;
        if self.left == 0 {
            self.at += place.gap;
            self.left = place.width;
        }
    }
}
