//! Scales and zero points of a TensorFlow Lite model's tensors, checked.

use super::tflite_model::{INT8, UINT8};
use super::tflite_tables::{Parsed, Table};
use crate::quantized::net::{Activation, Integers, SCALES, wrong_scale};

/// What a file says about the numbers of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantization {
    pub scales: Vec<f32>,
    pub zero_points: Vec<i64>,
    /// The axis that has a scale for each index.
    pub axis: usize,
}

impl Quantization {
    pub fn read(tensor: Table<'_>) -> Parsed<Self> {
        let Some(table) = tensor.table(4)? else {
            return Ok(Self {
                scales: Vec::new(),
                zero_points: Vec::new(),
                axis: 0,
            });
        };
        if table.u8(4)? != 0 {
            return Err(
                "it is quantized in a way of its own, not by scales and zero points".into(),
            );
        }
        Ok(Self {
            scales: table.floats(2)?,
            zero_points: table.longs(3)?,
            axis: table.u32(6)?,
        })
    }

    /// Zero points as 0 to 255, one for each scale. Files may leave zeros out.
    fn zero_points(&self, kind: u8) -> Parsed<Vec<i32>> {
        let (shift, range) = match kind {
            INT8 => (128, -128..=127),
            _ => (0, 0..=255),
        };
        let zero_points = match self.zero_points.len() {
            0 => vec![0; self.scales.len()],
            n if n == self.scales.len() => self.zero_points.clone(),
            n => {
                let scales = self.scales.len();
                return Err(format!("{n} zero points for {scales} scales"));
            }
        };
        match zero_points.iter().find(|z| !range.contains(*z)) {
            Some(z) => Err(format!(
                "a zero point of {z}; expected {} to {}",
                range.start(),
                range.end()
            )),
            None => Ok(zero_points.into_iter().map(|z| z as i32 + shift).collect()),
        }
    }

    fn check_scales(&self) -> Parsed<()> {
        match self.scales.iter().find(|s| !SCALES.contains(s)) {
            Some(&scale) => Err(wrong_scale(scale)),
            None => Ok(()),
        }
    }
}

/// The type of a tensor of activations.
pub(super) fn integers_of(tensor: Table<'_>) -> Parsed<Integers> {
    match tensor.u8(1)? {
        UINT8 => Ok(Integers::Unsigned),
        INT8 => Ok(Integers::Signed),
        other => Err(format!(
            "tensor `{}` has numbers of type {other}; expected bytes",
            tensor.text(3)?
        )),
    }
}

/// Scale and zero point of a tensor of activations, which has one of each.
pub(super) fn activation(tensor: Table<'_>) -> Parsed<Activation> {
    let name = tensor.text(3)?;
    let wrong = |what: String| format!("tensor `{name}` has {what}");
    integers_of(tensor)?;
    let quantization = Quantization::read(tensor).map_err(wrong)?;
    quantization.check_scales().map_err(wrong)?;
    let zero_points = quantization.zero_points(tensor.u8(1)?).map_err(wrong)?;
    match (&quantization.scales[..], &zero_points[..]) {
        (&[scale], &[zero_point]) => Ok(Activation { scale, zero_point }),
        (scales, _) => Err(wrong(format!("{} scales; expected one", scales.len()))),
    }
}

/// Weights, and a scale and a zero point for each output channel.
#[derive(Debug)]
pub(super) struct Weights {
    pub values: Vec<i8>,
    pub scales: Vec<f32>,
    pub zero_points: Vec<i32>,
}

/// The weights of a layer, whose output channels are the axis `channels` of `shape`.
pub(super) fn weights(
    tensor: Table<'_>,
    integers: Integers,
    shape: &[usize],
    channels: usize,
    bytes: &[u8],
) -> Parsed<Weights> {
    let kind = tensor.u8(1)?;
    let expected = match integers {
        Integers::Unsigned => UINT8,
        Integers::Signed => INT8,
    };
    if kind != expected {
        return Err(format!(
            "numbers of type {kind}, where its activations are {integers:?}"
        ));
    }
    let size = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if size != Some(bytes.len()) {
        return Err(format!("{} values for shape {shape:?}", bytes.len()));
    }
    let outputs = shape.get(channels).copied().unwrap_or(0);
    let quantization = Quantization::read(tensor)?;
    let scales = &quantization.scales;
    let n = scales.len();
    if n != 1 && integers == Integers::Unsigned {
        return Err(format!("{n} scales; expected one for unsigned weights"));
    }
    if n != 1 && n != outputs {
        return Err(format!(
            "{n} scales; expected one, or one for each of {outputs} channels"
        ));
    }
    if n != 1 && quantization.axis != channels {
        return Err(format!(
            "a scale for each index of axis {}; expected axis {channels}, the output channels",
            quantization.axis
        ));
    }
    quantization.check_scales()?;
    let zero_points = quantization.zero_points(kind)?;
    if integers == Integers::Signed && zero_points.iter().any(|&z| z != 128) {
        return Err("a zero point other than 0, where weights are signed".into());
    }
    let each = |i: usize| if scales.len() == 1 { 0 } else { i };
    let signed = |&byte: &u8| match integers {
        // 128 below: the same bits but the highest.
        Integers::Unsigned => (byte ^ 0x80) as i8,
        Integers::Signed => byte as i8,
    };
    Ok(Weights {
        values: bytes.iter().map(signed).collect(),
        zero_points: (0..outputs).map(|i| zero_points[each(i)] - 128).collect(),
        scales: (0..outputs).map(|i| scales[each(i)]).collect(),
    })
}

/// Bytes as the real numbers that they stand for.
pub(super) fn reals(
    quantization: &Quantization,
    kind: u8,
    shape: &[usize],
    bytes: &[u8],
) -> Parsed<Vec<f32>> {
    quantization.check_scales()?;
    let zero_points = quantization.zero_points(kind)?;
    let scales = &quantization.scales;
    let size = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    let along = shape.get(quantization.axis).copied().unwrap_or(0);
    if size != Some(bytes.len()) || !(scales.len() == 1 || scales.len() == along) {
        return Err(format!(
            "{} values and {} scales for shape {shape:?}",
            bytes.len(),
            scales.len()
        ));
    }
    let inner: usize = shape[quantization.axis.min(shape.len())..]
        .iter()
        .skip(1)
        .product();
    let value = |(at, &byte): (usize, &u8)| {
        let channel = match scales.len() {
            1 => 0,
            n => at / inner.max(1) % n,
        };
        let level = match kind {
            INT8 => i32::from(byte as i8) + 128,
            _ => i32::from(byte),
        };
        scales[channel] * (level - zero_points[channel]) as f32
    };
    Ok(bytes.iter().enumerate().map(value).collect())
}

/// One over a scale: 127.5 where the scale is the f32 nearest to 1 / 127.5.
pub(super) fn inverse(scale: f32) -> f64 {
    let inverse = 1.0 / f64::from(scale);
    let half = (inverse * 2.0).round() / 2.0;
    if (1.0 / half) as f32 == scale {
        half
    } else {
        inverse
    }
}
