/// The header of a NumPy file (version 1.0) with 32-bit floats of this shape: little-endian, in C order (the last index
/// changes fastest). The numbers follow the header, whose length is a multiple of 64 bytes.
///
/// ```
/// let header = files::npy_header(&[2, 3]);
/// assert_eq!((header.len() % 64, header.last()), (0, Some(&b'\n')));
/// assert!(String::from_utf8_lossy(&header).contains("'shape': (2, 3), "));
/// ```
pub fn npy_header(shape: &[usize]) -> Vec<u8> {
    // A tuple of one number has a comma behind it.
    let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let sides = match shape.len() {
        1 => sides.trim_end(),
        _ => sides.trim_end_matches(", "),
    };
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sides}), }}");
    // Before it are 10 bytes, and the header ends with a newline.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = length - 1).bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_a_tuple() {
        let header = |shape: &[usize]| {
            let bytes = npy_header(shape);
            let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            assert_eq!((10 + length, bytes.len() % 64), (bytes.len(), 0));
            String::from_utf8(bytes[10..].to_vec()).unwrap()
        };
        assert!(header(&[]).contains("'shape': (), }"));
        assert!(header(&[5]).contains("'shape': (5,), }"));
        assert!(header(&[3, 1, 2]).contains("'shape': (3, 1, 2), }"));
        assert!(header(&[3, 1, 2]).ends_with('\n'));
    }
}
