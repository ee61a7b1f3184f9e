//! Raw photographs that are made like a TIFF.

use super::directory::Directory;

/// What kind of raw photograph a file is that starts as a TIFF; `None` where it is none. The tags of the first directory tell,
/// as far as it is in these bytes.
pub(super) fn raw_photograph(bytes: &[u8]) -> Option<&'static str> {
    const MAKE: u16 = 0x010f;
    const SUB_DIRECTORIES: u16 = 0x014a;
    const DNG_VERSION: u16 = 0xc612;

    if bytes
        .get(8..)
        .is_some_and(|rest| rest.starts_with(b"CR\x02\0"))
    {
        return Some("Canon raw (CR2)");
    }
    let directory = Directory::first(bytes);
    let make = directory
        .value(MAKE)
        .and_then(|at| bytes.get(directory.long(at)?..))
        .unwrap_or_default();
    let nested = directory.value(SUB_DIRECTORIES).is_some();
    match () {
        () if directory.value(DNG_VERSION).is_some() => Some("raw (DNG)"),
        () if nested && make.starts_with(b"NIKON") => Some("Nikon raw (NEF)"),
        () if nested && make.starts_with(b"SONY") => Some("Sony raw (ARW)"),
        () => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::raw_photograph;

    /// A TIFF of these tags, each with a text that it leads to.
    pub(crate) fn tiff(little: bool, tags: &[(u16, &str)]) -> Vec<u8> {
        let short = |n: u16| {
            if little {
                n.to_le_bytes()
            } else {
                n.to_be_bytes()
            }
        };
        let long = |n: usize| {
            let n = n as u32;
            if little {
                n.to_le_bytes()
            } else {
                n.to_be_bytes()
            }
        };
        let mut bytes = if little {
            b"II*\0".to_vec()
        } else {
            b"MM\0*".to_vec()
        };
        bytes.extend(long(8));
        bytes.extend(short(tags.len() as u16));
        let mut at = 10 + 12 * tags.len() + 4;
        for (tag, text) in tags {
            bytes.extend([short(*tag), short(2)].concat());
            bytes.extend([long(text.len()), long(at)].concat());
            at += text.len();
        }
        bytes.extend([0; 4]);
        tags.iter()
            .for_each(|(_, text)| bytes.extend(text.as_bytes()));
        bytes
    }

    #[test]
    fn tiffs_are_told_from_raw_photographs() {
        for bytes in [
            tiff(true, &[(0x0100, "width")]),
            tiff(false, &[(0x010f, "NIKON scanner")]),
            b"II*\0\xff\xff\xff\xff".to_vec(),
        ] {
            assert_eq!(raw_photograph(&bytes), None);
        }
        let dng = tiff(true, &[(0x010f, "Apple"), (0xc612, "1.4")]);
        assert_eq!(raw_photograph(&dng), Some("raw (DNG)"));
        let cr2 = b"II*\0\x10\0\0\0CR\x02\0";
        assert_eq!(raw_photograph(cr2), Some("Canon raw (CR2)"));
    }
}
