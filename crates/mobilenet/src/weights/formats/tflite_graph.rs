//! A TensorFlow Lite model in the making: tensors, constants and operations, each of which takes what the one before gave.

use super::flatbuffer::{self, Field, Table};
use super::tflite_model::{FLOAT32, INT32};
use crate::weights::numbers::bytes_of;

/// The version of the schema.
const SCHEMA: u32 = 3;

/// The options of an operation: number of the schema's union `BuiltinOptions`, and the table.
pub(super) type Options = Option<(u8, Table)>;

/// Scales and zero points of a tensor of integers, and the axis that has one of each for each index.
pub(super) struct Rounding {
    pub scales: Vec<f32>,
    pub zero_points: Vec<i64>,
    pub axis: u32,
}

#[derive(Default)]
pub(super) struct Graph {
    tensors: Vec<Table>,
    buffers: Vec<Table>,
    operations: Vec<Table>,
    /// Number and version of each kind of operation.
    codes: Vec<(usize, u32)>,
    /// The tensor that the next operation takes.
    pub last: usize,
}

impl Graph {
    /// A graph with nothing in it but the empty buffer, which is that of every tensor that is no constant.
    pub fn new() -> Self {
        Self {
            buffers: vec![Table::default()],
            ..Self::default()
        }
    }

    /// Adds a tensor that is computed. Gives its number.
    pub fn tensor(
        &mut self,
        name: &str,
        kind: u8,
        shape: &[usize],
        scales: Option<Rounding>,
    ) -> usize {
        self.add(name, kind, shape, 0, scales)
    }

    fn add(
        &mut self,
        name: &str,
        kind: u8,
        shape: &[usize],
        buffer: usize,
        scales: Option<Rounding>,
    ) -> usize {
        let shape = shape.iter().map(|&d| d as i32).collect();
        let mut fields = vec![
            (0, Field::Ints(shape)),
            (1, Field::Byte(kind)),
            (2, Field::Int(buffer as u32)),
            (3, Field::Text(name.into())),
        ];
        fields.extend(scales.map(|known| {
            let known = Table::new([
                (2, Field::Floats(known.scales)),
                (3, Field::Longs(known.zero_points)),
                (6, Field::Int(known.axis)),
            ]);
            (4, Field::Table(known))
        }));
        self.tensors.push(Table::new(fields));
        self.tensors.len() - 1
    }

    /// Adds a constant. Gives its number.
    pub fn constant(
        &mut self,
        name: &str,
        kind: u8,
        shape: &[usize],
        bytes: Vec<u8>,
        scales: Option<Rounding>,
    ) -> usize {
        let buffer = self.buffer(bytes);
        self.add(name, kind, shape, buffer, scales)
    }

    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> usize {
        self.constant(name, FLOAT32, shape, bytes_of(values), None)
    }

    pub fn integers(&mut self, name: &str, shape: &[usize], values: &[i32]) -> usize {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, INT32, shape, bytes, None)
    }

    fn buffer(&mut self, bytes: Vec<u8>) -> usize {
        self.buffers.push(Table::new([(0, Field::Bytes(bytes))]));
        self.buffers.len() - 1
    }

    /// Adds an operation with these inputs; the next one takes its output.
    pub fn operation(
        &mut self,
        (code, version): (usize, u32),
        inputs: &[usize],
        output: usize,
        options: Options,
    ) {
        let same = |known: &(usize, u32)| *known == (code, version);
        let index = self.codes.iter().position(same).unwrap_or_else(|| {
            self.codes.push((code, version));
            self.codes.len() - 1
        });
        let mut fields = vec![
            (0, Field::Int(index as u32)),
            (1, Field::Ints(inputs.iter().map(|&i| i as i32).collect())),
            (2, Field::Ints(vec![output as i32])),
        ];
        if let Some((kind, table)) = options {
            fields.extend([(3, Field::Byte(kind)), (4, Field::Table(table))]);
        }
        self.operations.push(Table::new(fields));
        self.last = output;
    }

    /// The file: with `input` and what was computed last as the ends of its signature, a description, and pieces of metadata by
    /// their names.
    pub fn finish(
        mut self,
        (input, input_name): (usize, &str),
        output_name: &str,
        description: &str,
        metadata: Vec<(&str, Vec<u8>)>,
    ) -> Vec<u8> {
        let metadata = metadata.into_iter().map(|(name, bytes)| {
            let buffer = self.buffer(bytes) as u32;
            Table::new([(0, Field::Text(name.into())), (1, Field::Int(buffer))])
        });
        let metadata = metadata.collect();
        let codes = self.codes.into_iter().map(|(code, version)| {
            // The number outgrew its byte, and old programs read that alone.
            Table::new([
                (0, Field::Byte(code.min(127) as u8)),
                (2, Field::Int(version)),
                (3, Field::Int(code as u32)),
            ])
        });
        let end = |name: &str, tensor: usize| {
            let end = [
                (0, Field::Text(name.into())),
                (1, Field::Int(tensor as u32)),
            ];
            Field::Tables(vec![Table::new(end)])
        };
        let signature = Table::new([
            (0, end(input_name, input)),
            (1, end(output_name, self.last)),
            (2, Field::Text("serving_default".into())),
            (4, Field::Int(0)),
        ]);
        let graph = Table::new([
            (0, Field::Tables(self.tensors)),
            (1, Field::Ints(vec![input as i32])),
            (2, Field::Ints(vec![self.last as i32])),
            (3, Field::Tables(self.operations)),
            (4, Field::Text("main".into())),
        ]);
        let root = Table::new([
            (0, Field::Int(SCHEMA)),
            (1, Field::Tables(codes.collect())),
            (2, Field::Tables(vec![graph])),
            (3, Field::Text(description.into())),
            (4, Field::Tables(self.buffers)),
            (6, Field::Tables(metadata)),
            (7, Field::Tables(vec![signature])),
        ]);
        flatbuffer::file(*b"TFL3", root)
    }
}
