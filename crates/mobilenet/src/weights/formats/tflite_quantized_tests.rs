//! Hostile scales, zero points and axes of quantized TensorFlow Lite models.

use std::io::Read;

use super::tflite_tables::{Table, u32_at};
use crate::quantized::net::QuantizedNet;
use crate::weights::model_weights::Weights;

/// A model that `fixtures/quantized.py` wrote.
fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny/quantized");
    let packed = std::fs::read(format!("{folder}/{name}.tflite.gz")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

// Fields of a tensor's table of quantization.
const SCALES: usize = 2;
const ZERO_POINTS: usize = 3;
const AXIS: usize = 6;

/// Where the table of a tensor's quantization is, and where a field of it.
fn places(bytes: &[u8], tensor: &str, field: usize) -> (usize, usize) {
    let root = Table::new(bytes, u32_at(bytes, 0).unwrap()).unwrap();
    let graph = root.tables(2).unwrap()[0];
    let tensors = graph.tables(0).unwrap();
    let named = |t: &&Table<'_>| t.text(3).unwrap() == tensor;
    let tensor = tensors.iter().find(named).unwrap();
    let quantization = tensor.table(4).unwrap().unwrap();
    let width = if field == ZERO_POINTS { 8 } else { 4 };
    let (_, elements) = quantization.vector(field, width).unwrap();
    (quantization.field(field).unwrap(), elements)
}

/// The model with its scale `at` written anew.
fn with_scale(mut bytes: Vec<u8>, tensor: &str, at: usize, scale: f32) -> Vec<u8> {
    let (_, start) = places(&bytes, tensor, SCALES);
    bytes[start + 4 * at..][..4].copy_from_slice(&scale.to_le_bytes());
    bytes
}

fn with_zero_point(mut bytes: Vec<u8>, tensor: &str, zero_point: i64) -> Vec<u8> {
    let (_, start) = places(&bytes, tensor, ZERO_POINTS);
    bytes[start..][..8].copy_from_slice(&zero_point.to_le_bytes());
    bytes
}

/// The model with another number of scales and zero points.
fn with_lengths(mut bytes: Vec<u8>, tensor: &str, scales: u32, zero_points: u32) -> Vec<u8> {
    for (field, length) in [(SCALES, scales), (ZERO_POINTS, zero_points)] {
        let (_, start) = places(&bytes, tensor, field);
        bytes[start - 4..start].copy_from_slice(&length.to_le_bytes());
    }
    bytes
}

fn with_axis(mut bytes: Vec<u8>, tensor: &str, axis: u32) -> Vec<u8> {
    let root = Table::new(&bytes, u32_at(&bytes, 0).unwrap()).unwrap();
    let tensors = root.tables(2).unwrap()[0].tables(0).unwrap();
    let tensor = tensors
        .iter()
        .find(|t| t.text(3).unwrap() == tensor)
        .unwrap();
    let quantization = tensor.table(4).unwrap().unwrap();
    let place = quantization.field(AXIS).unwrap();
    bytes[place..][..4].copy_from_slice(&axis.to_le_bytes());
    bytes
}

/// The error of a model, which names it, its tensor, and what is wrong.
#[track_caller]
fn refused(bytes: &[u8], tensor: &str, what: &str) {
    let error = QuantizedNet::from_bytes("hostile.tflite", bytes)
        .unwrap_err()
        .to_string();
    for part in ["hostile.tflite", tensor, what] {
        assert!(error.contains(part), "{error}: no {part:?}");
    }
    // As float weights it is refused as well.
    assert!(Weights::from_bytes_dequantized("hostile.tflite", bytes).is_err());
}

#[test]
fn a_scale_out_of_range_is_refused() {
    for name in ["int8_pool", "uint8_pool"] {
        for tensor in ["stem", "block1/depthwise/weights", "pool"] {
            for (scale, what) in [
                (0.0, "a scale of 0e0"),
                (f32::NAN, "a scale of NaN"),
                (1e30, "a scale of 1e30"),
                (-0.1, "a scale of -1e-1"),
                (f32::INFINITY, "a scale of inf"),
            ] {
                let layer = tensor.trim_end_matches("/weights");
                refused(&with_scale(fixture(name), tensor, 0, scale), layer, what);
            }
        }
    }
    // One of many.
    let bytes = with_scale(
        fixture("int8_pool"),
        "block2/pointwise/weights",
        31,
        f32::NAN,
    );
    refused(&bytes, "block2/pointwise", "a scale of NaN");
}

#[test]
fn a_zero_point_out_of_range_is_refused() {
    for (name, zero_point, range) in [
        ("int8_pool", 128, "expected -128 to 127"),
        ("int8_pool", -129, "expected -128 to 127"),
        ("int8_pool", i64::MAX, "expected -128 to 127"),
        ("uint8_pool", 256, "expected 0 to 255"),
        ("uint8_pool", -1, "expected 0 to 255"),
        ("uint8_pool", i64::MIN, "expected 0 to 255"),
    ] {
        for tensor in ["block1/pointwise", "block1/pointwise/weights"] {
            let bytes = with_zero_point(fixture(name), tensor, zero_point);
            refused(&bytes, "block1/pointwise", range);
        }
    }
    let bytes = with_zero_point(fixture("int8_pool"), "block1/pointwise/weights", 3);
    refused(&bytes, "block1/pointwise", "where weights are signed");
    let bytes = with_zero_point(fixture("int8_pool"), "block1/pointwise/bias", 1);
    refused(&bytes, "block1/pointwise", "biases with a zero point");
}

#[test]
fn scales_that_are_missing_or_too_many_are_refused() {
    let tensor = "block1/pointwise/weights"; // 16 channels.
    for scales in [2, 15, 17] {
        let bytes = with_lengths(fixture("int8_pool"), tensor, scales, scales);
        let what = format!("{scales} scales; expected one, or one for each of 16 channels");
        refused(&bytes, "block1/pointwise", &what);
    }
    let bytes = with_lengths(fixture("int8_pool"), tensor, 0, 0);
    refused(&bytes, "block1/pointwise", "0 scales");
    let bytes = with_lengths(fixture("int8_pool"), tensor, 16, 15);
    refused(&bytes, "block1/pointwise", "15 zero points for 16 scales");
    let bytes = with_lengths(fixture("uint8_pool"), tensor, 2, 2);
    refused(
        &bytes,
        "block1/pointwise",
        "2 scales; expected one for unsigned",
    );
    for name in ["int8_pool", "uint8_pool"] {
        let bytes = with_lengths(fixture(name), "block1/pointwise", 0, 0);
        refused(&bytes, "block1/pointwise", "0 scales; expected one");
    }
    // Zero points of 0 may be left out, and a net with one scale for all channels is none that is refused.
    let bytes = with_lengths(fixture("int8_pool"), tensor, 16, 0);
    QuantizedNet::from_bytes("good.tflite", &bytes).unwrap();
}

#[test]
fn scales_along_another_axis_are_refused() {
    let tensor = "block1/depthwise/weights"; // [1, 3, 3, 8]
    let bytes = with_axis(fixture("int8_pool"), tensor, 2);
    refused(&bytes, "block1/depthwise", "axis 2; expected axis 3");
    let bytes = with_axis(fixture("int8_pool"), tensor, u32::MAX);
    refused(&bytes, "block1/depthwise", "expected axis 3");
}

#[test]
fn biases_of_another_scale_are_refused() {
    let bytes = with_scale(fixture("int8_pool"), "block2/depthwise/bias", 3, 1.0);
    refused(&bytes, "block2/depthwise", "bias 3 of scale 1e0");
    let bytes = with_scale(fixture("int8_pool"), "block2/depthwise/bias", 0, f32::NAN);
    refused(&bytes, "block2/depthwise", "bias 0 of scale NaN");
}
