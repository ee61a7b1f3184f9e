//! The formats of weights, a file each, and the table of them.
//!
//! A reader gives [`contents::Contents`]: tensors, renamed and laid out by a [`super::schemes::Scheme`] and checked by
//! one strict import. A writer walks over a [`super::net::Net`] and names its tensors by the same scheme. A new format
//! is a file here and a row in `table.rs`.

pub(super) mod contents;
mod flatbuffer;
#[cfg(feature = "protobuf")]
mod frozen_graph;
#[cfg(feature = "hdf5")]
mod keras_hdf5;
mod keras_topology;
mod named_tensors;
#[cfg(feature = "protobuf")]
mod onnx;
#[cfg(feature = "protobuf")]
mod onnx_graph;
#[cfg(feature = "protobuf")]
mod onnx_messages;
#[cfg(feature = "protobuf")]
mod onnx_operations;
#[cfg(feature = "protobuf")]
pub(super) mod onnx_quantized;
#[cfg(feature = "protobuf")]
mod onnx_quantized_tensors;
#[cfg(all(test, feature = "protobuf"))]
mod onnx_quantized_tests;
#[cfg(feature = "protobuf")]
mod onnx_quantized_write;
#[cfg(all(test, feature = "protobuf"))]
mod onnx_tests;
#[cfg(feature = "pytorch")]
mod pytorch;
pub(super) mod quantized_safetensors;
pub(super) mod safetensors;
mod safetensors_file;
pub(super) mod table;
mod tensorflow_graph;
#[cfg(all(test, feature = "protobuf"))]
mod tensorflow_graph_tests;
#[cfg(feature = "protobuf")]
mod tensorflow_messages;
mod tfjs_graph;
mod tfjs_layers;
mod tfjs_manifest;
pub(super) mod tflite;
mod tflite_graph;
mod tflite_metadata;
mod tflite_model;
mod tflite_operations;
mod tflite_quantization;
pub(super) mod tflite_quantized;
mod tflite_quantized_layer;
#[cfg(test)]
mod tflite_quantized_tests;
mod tflite_quantized_write;
mod tflite_tables;
mod tflite_write;
#[cfg(test)]
mod tflite_write_tests;
pub(super) mod timm;
mod topology;
#[cfg(test)]
mod topology_tests;
