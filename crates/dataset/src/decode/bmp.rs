//! BMPs of OS/2 2, which the `image` crate does not read.

use std::borrow::Cow;

/// The file header, and the place of the number in it that says where the pixels are.
const FILE_HEADER: usize = 14;
const PIXELS: usize = 10;
/// The headers of OS/2 2 and of Windows. They begin alike.
const OS2: usize = 64;
const WINDOWS: usize = 40;
/// Where the compression is in them. 0 to 2 mean the same in both.
const COMPRESSION: usize = 16;

/// The file with a header of Windows in place of one of OS/2 2.
pub(super) fn in_windows_form(bytes: &[u8]) -> Cow<'_, [u8]> {
    changed(bytes).map_or(bytes.into(), Into::into)
}

fn changed(bytes: &[u8]) -> Option<Vec<u8>> {
    let header = bytes.get(FILE_HEADER..FILE_HEADER + OS2)?;
    let number = |at: usize| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk()?));
    if number(0)? as usize != OS2 || number(COMPRESSION)? > 2 {
        return None;
    }
    let at = u32::from_le_bytes(*bytes.get(PIXELS..)?.first_chunk()?);
    let at = at.checked_sub((OS2 - WINDOWS) as u32)?;
    let mut file = bytes[..PIXELS].to_vec();
    file.extend(at.to_le_bytes());
    file.extend((WINDOWS as u32).to_le_bytes());
    file.extend(&header[4..WINDOWS]);
    file.extend(&bytes[FILE_HEADER + OS2..]);
    Some(file)
}
