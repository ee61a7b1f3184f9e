//! Writes flatbuffers, forwards: a table, then what it points to.
//!
//! Alignment is as the format asks it: four bytes for tables and lists, eight for 64-bit numbers, sixteen for raw bytes, which
//! programs map into memory.

/// What a field of a table holds.
pub(super) enum Field {
    Byte(u8),
    Int(u32),
    Float(f32),
    Text(String),
    Bytes(Vec<u8>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Floats(Vec<f32>),
    Table(Table),
    Tables(Vec<Table>),
}

/// A table: numbers of fields in the schema, and their values. A field that is not there has its default.
#[derive(Default)]
pub(super) struct Table {
    fields: Vec<(usize, Field)>,
}

impl Table {
    pub fn new(fields: impl IntoIterator<Item = (usize, Field)>) -> Self {
        Self {
            fields: fields.into_iter().collect(),
        }
    }
}

/// The bytes of a file whose root is this table.
pub(super) fn file(identifier: [u8; 4], root: Table) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(identifier);
    point(&mut bytes, 0, |bytes| table(bytes, root));
    bytes
}

/// Puts into `at` how far behind it lies what `write` writes, which tells where that begins.
fn point(bytes: &mut Vec<u8>, at: usize, write: impl FnOnce(&mut Vec<u8>) -> usize) {
    let target = write(bytes);
    let offset = (target - at) as u32;
    bytes[at..at + 4].copy_from_slice(&offset.to_le_bytes());
}

/// Fills up to where `next` more bytes end at a multiple of `alignment`.
fn align(bytes: &mut Vec<u8>, next: usize, alignment: usize) {
    let end = (bytes.len() + next).next_multiple_of(alignment);
    bytes.resize(end - next, 0);
}

/// Every field takes four bytes of the table, so that each is aligned.
fn table(bytes: &mut Vec<u8>, table: Table) -> usize {
    let fields = table.fields;
    let last = fields.iter().map(|(number, _)| number + 1).max();
    let mut offsets = vec![0u16; last.unwrap_or(0)];
    for (place, (number, _)) in fields.iter().enumerate() {
        offsets[*number] = 4 + 4 * place as u16;
    }
    align(bytes, 4 + 2 * offsets.len(), 4);
    let list = bytes.len();
    let sizes = [4 + 2 * offsets.len() as u16, 4 + 4 * fields.len() as u16];
    bytes.extend(sizes.into_iter().chain(offsets).flat_map(u16::to_le_bytes));
    let start = bytes.len();
    bytes.extend(((start - list) as u32).to_le_bytes());
    bytes.resize(start + 4 + 4 * fields.len(), 0);
    for (place, (_, field)) in fields.into_iter().enumerate() {
        put(bytes, start + 4 + 4 * place, field);
    }
    start
}

/// Puts a field into its place of a table, and behind the table what it points to.
fn put(bytes: &mut Vec<u8>, at: usize, field: Field) {
    match field {
        Field::Byte(value) => bytes[at] = value,
        Field::Int(value) => bytes[at..at + 4].copy_from_slice(&value.to_le_bytes()),
        Field::Float(value) => bytes[at..at + 4].copy_from_slice(&value.to_le_bytes()),
        // A string ends with a zero, which its length does not count.
        Field::Text(text) => point(bytes, at, |bytes| {
            list(bytes, text.len(), 4, text.bytes().chain([0]))
        }),
        Field::Bytes(values) => point(bytes, at, |bytes| list(bytes, values.len(), 16, values)),
        Field::Ints(values) => point(bytes, at, |bytes| {
            list(
                bytes,
                values.len(),
                4,
                values.iter().flat_map(|v| v.to_le_bytes()),
            )
        }),
        Field::Longs(values) => point(bytes, at, |bytes| {
            list(
                bytes,
                values.len(),
                8,
                values.iter().flat_map(|v| v.to_le_bytes()),
            )
        }),
        Field::Floats(values) => point(bytes, at, |bytes| {
            list(
                bytes,
                values.len(),
                4,
                values.iter().flat_map(|v| v.to_le_bytes()),
            )
        }),
        Field::Table(child) => point(bytes, at, |bytes| table(bytes, child)),
        Field::Tables(children) => point(bytes, at, |bytes| tables(bytes, children)),
    }
}

fn list(
    bytes: &mut Vec<u8>,
    length: usize,
    alignment: usize,
    content: impl IntoIterator<Item = u8>,
) -> usize {
    align(bytes, 4, alignment);
    let start = bytes.len();
    bytes.extend((length as u32).to_le_bytes());
    bytes.extend(content);
    start
}

/// A list of offsets, and the tables to which they point.
fn tables(bytes: &mut Vec<u8>, children: Vec<Table>) -> usize {
    let offsets = std::iter::repeat_n(0, 4 * children.len());
    let start = list(bytes, children.len(), 4, offsets);
    for (place, child) in children.into_iter().enumerate() {
        point(bytes, start + 4 + 4 * place, |bytes| table(bytes, child));
    }
    start
}

#[cfg(test)]
mod tests {
    use super::super::tflite_tables::{Table as Read, u32_at};
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let inner = || Table::new([(1, Field::Text("boat".into()))]);
        let bytes = file(
            *b"TEST",
            Table::new([
                (0, Field::Byte(7)),
                (2, Field::Int(70_000)),
                (3, Field::Float(0.5)),
                (4, Field::Bytes(vec![1, 2, 3])),
                (5, Field::Ints(vec![-1, 2])),
                (6, Field::Longs(vec![-1 << 40])),
                (7, Field::Tables(vec![inner(), Table::default()])),
                (8, Field::Table(inner())),
                (9, Field::Floats(vec![1.5])),
            ]),
        );
        assert_eq!(&bytes[4..8], b"TEST");
        let root = Read::new(&bytes, u32_at(&bytes, 0).unwrap()).unwrap();
        assert_eq!(root.u8(0).unwrap(), 7);
        assert_eq!(root.u32_or(1, 3).unwrap(), 3);
        assert_eq!(root.u32(2).unwrap(), 70_000);
        assert!((root.f32(3).unwrap() - 0.5).abs() < f32::EPSILON);
        let (raw, start) = root.vector(4, 1).unwrap();
        assert_eq!((raw, start % 16), (&[1, 2, 3][..], 0));
        assert_eq!(root.integers(5).unwrap(), [-1, 2]);
        assert_eq!(root.longs(6).unwrap(), [-1 << 40]);
        assert_eq!(root.vector(6, 8).unwrap().1 % 8, 0);
        let tables = root.tables(7).unwrap();
        assert_eq!(tables[0].text(1).unwrap(), "boat");
        assert_eq!(tables[1].text(1).unwrap(), "");
        assert_eq!(root.table(8).unwrap().unwrap().text(1).unwrap(), "boat");
        assert_eq!(root.floats(9).unwrap(), [1.5]);
    }
}
