/// Bytes in hexadecimal: two lower-case digits per byte.
///
/// ```
/// assert_eq!(files::hex(&[0, 10, 255]), "000aff");
/// ```
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
