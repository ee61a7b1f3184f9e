//! What the scans of a JPEG have brought: all coefficients of all components, in the end.

/// Nothing has come yet.
const NOTHING: u8 = 0xff;

/// For each component, by its name in the file, how many of the lowest bits of each coefficient are missing.
pub(super) struct Script(Vec<(u8, [u8; 64])>);

impl Script {
    /// The script of a frame header (SOF), before the first scan.
    pub(super) fn new(frame: &[u8]) -> Self {
        let count = frame.get(5).copied().unwrap_or(0);
        let (parts, _) = frame.get(6..).unwrap_or_default().as_chunks::<3>();
        let parts = parts.iter().take(count.into());
        Self(parts.map(|part| (part[0], [NOTHING; 64])).collect())
    }

    /// Adds the scan of a header (SOS), of which `header` is what follows the length.
    pub(super) fn add(&mut self, header: &[u8]) {
        let Some((&count, rest)) = header.split_first() else {
            return;
        };
        let (chosen, rest) = rest.split_at(rest.len().min(2 * usize::from(count)));
        let Some(&[first, last, bits]) = rest.first_chunk() else {
            return;
        };
        let range = usize::from(first.min(63))..=usize::from(last.min(63));
        for pair in chosen.chunks_exact(2) {
            let component = self.0.iter_mut().find(|(name, _)| *name == pair[0]);
            if let Some((_, missing)) = component
                && let Some(missing) = missing.get_mut(range.clone())
            {
                missing.fill(bits & 15);
            }
        }
    }

    /// Whether nothing is missing.
    pub(super) fn is_complete(&self) -> bool {
        let mut all = self.0.iter().flat_map(|(_, missing)| missing);
        all.all(|bits| *bits == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Script;

    #[test]
    fn a_script_is_complete_when_all_bits_of_all_coefficients_have_come() {
        let mut script = Script::new(&[8, 0, 16, 0, 16, 2, 7, 0x11, 0, 9, 0x11, 0, 5, 5, 5]);
        for header in [
            &[2, 7, 0, 9, 0, 0, 0, 0x01][..],
            &[1, 7, 0, 1, 63, 0x00],
            &[1, 9, 0, 1, 5, 0x02],
            &[1, 9, 0, 6, 63, 0x00],
            &[1, 9, 0, 1, 5, 0x21],
            &[1, 9, 0, 1, 5, 0x10],
            &[2, 7, 0, 9, 0, 0, 0, 0x10],
        ] {
            assert!(!script.is_complete());
            script.add(header);
        }
        assert!(script.is_complete());
        // A scan of everything, and headers that are none.
        let mut script = Script::new(&[8, 0, 16, 0, 16, 1, 1, 0x11, 0]);
        for header in [&[][..], &[9], &[1, 1, 0, 63, 0, 0], &[1, 2, 0, 0, 63, 0]] {
            script.add(header);
            assert!(!script.is_complete());
        }
        script.add(&[1, 1, 0, 0, 63, 0]);
        assert!(script.is_complete());
    }
}
