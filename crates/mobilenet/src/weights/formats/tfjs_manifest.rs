//! The weights manifest of a TensorFlow.js `model.json`: shards of raw numbers, plain or quantized
//! (`tensorflowjs/write_weights.py` and `quantization.py`, 4.22).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::weights::budget::{LARGEST, count};
use crate::weights::file::File;
use crate::weights::numbers::{bytes_of, floats, halves, integers};
use crate::weights::parameters::{Array, Arrays};

const FORMAT: &str = "TensorFlow.js manifest";

#[derive(Deserialize)]
pub(super) struct Group {
    paths: Vec<String>,
    weights: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantization>,
}

/// A number q of the shard means `q * scale + min`; float16 is only narrower.
#[derive(Deserialize)]
struct Quantization {
    dtype: String,
    scale: Option<f64>,
    min: Option<f64>,
}

/// Tensors by name: floats, and the integers that graphs use as arguments.
#[derive(Default)]
pub(super) struct Tensors {
    pub floats: Arrays,
    pub integers: BTreeMap<String, Vec<i64>>,
}

/// A manifest of one shard in the making: tensors in the order of the shard.
#[derive(Default)]
pub(super) struct Writer {
    pub entries: Vec<Value>,
    pub shard: Vec<u8>,
}

impl Writer {
    pub fn push(&mut self, name: &str, shape: &[usize], data: &[f32]) {
        self.entries
            .push(json!({"dtype": "float32", "name": name, "shape": shape}));
        self.shard.extend(bytes_of(data));
    }
}

/// Reads every group of a manifest.
pub(super) fn read(file: &File<'_>, groups: Vec<Group>) -> Result<Tensors> {
    read_at_most(file, groups, LARGEST)
}

/// All shards together may have so many bytes: a manifest can list one a thousand times.
fn read_at_most(file: &File<'_>, groups: Vec<Group>, mut left: u64) -> Result<Tensors> {
    let mut tensors = Tensors::default();
    for group in groups {
        read_group(file, group, &mut left, &mut tensors)?;
    }
    Ok(tensors)
}

/// A group's shards, joined, are its tensors, one behind the other, with nothing between or after.
fn read_group(file: &File<'_>, group: Group, left: &mut u64, tensors: &mut Tensors) -> Result<()> {
    let mut data = Vec::new();
    for shard in &group.paths {
        let Some(bytes) = file.beside(shard)? else {
            return Err(file.wrong(FORMAT, format!("its shard `{shard}` is not beside it")));
        };
        *left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let message =
                format!("up to `{shard}`, its shards have more bytes than any MobileNetV1");
            file.wrong(FORMAT, message)
        })?;
        data.extend(bytes);
    }
    let shards = || format!("{} ({})", file.name, group.paths.join(", "));
    let mut rest = &data[..];
    for entry in group.weights {
        read_entry(&mut rest, &entry, tensors).map_err(|message| Error::Tensor {
            file: shards(),
            tensor: entry.name.clone(),
            message,
            source: None,
        })?;
    }
    if rest.is_empty() {
        return Ok(());
    }
    Err(Error::Format {
        file: shards(),
        format: FORMAT,
        message: format!("{} bytes more than the manifest says", rest.len()),
        source: None,
    })
}

/// Takes one tensor from what is left of the shards.
fn read_entry(rest: &mut &[u8], entry: &Entry, tensors: &mut Tensors) -> Result<(), String> {
    let stored = entry
        .quantization
        .as_ref()
        .map_or(&entry.dtype, |q| &q.dtype);
    let width = match stored.as_str() {
        "float32" | "int32" => 4,
        "float16" | "uint16" => 2,
        "uint8" | "bool" => 1,
        other => return Err(format!("numbers of type {other}")),
    };
    let (bytes, after) = count(&entry.shape)
        .and_then(|n| rest.split_at_checked(n * width))
        .ok_or_else(|| {
            let (shape, left) = (&entry.shape, rest.len());
            format!(
                "shape {shape:?} of {stored} needs more than the {left} bytes left in the shards"
            )
        })?;
    *rest = after;
    let name = entry.name.clone();
    let new = match (&entry.quantization, entry.dtype.as_str()) {
        (None, "int32") => tensors.integers.insert(name, integers(bytes)).is_none(),
        (None, "bool" | "uint8") => true, // Arguments on which the weights of no net depend.
        (quantization, "float32") => {
            let data = match quantization {
                None => floats(bytes),
                Some(quantization) => widen(bytes, quantization)?,
            };
            let shape = entry.shape.clone();
            tensors.floats.insert(name, Array { shape, data }).is_none()
        }
        (_, other) => return Err(format!("numbers of type {other}; expected float32")),
    };
    if new {
        Ok(())
    } else {
        Err("is listed twice in the manifest".into())
    }
}

fn widen(bytes: &[u8], quantization: &Quantization) -> Result<Vec<f32>, String> {
    let line = |q: f64| -> Option<f32> {
        let value = q * quantization.scale? + quantization.min?;
        Some(value as f32)
    };
    let values: Option<Vec<f32>> = match quantization.dtype.as_str() {
        "float16" => Some(halves(bytes)),
        "uint8" => bytes.iter().map(|&q| line(f64::from(q))).collect(),
        "uint16" => bytes
            .chunks_exact(2)
            .map(|b| line(f64::from(u16::from_le_bytes([b[0], b[1]]))))
            .collect(),
        other => {
            return Err(format!(
                "quantized to {other}; expected uint8, uint16 or float16"
            ));
        }
    };
    values.ok_or_else(|| "is quantized without a scale and a minimum".into())
}

#[cfg(all(test, feature = "archives"))]
mod tests {
    use super::*;
    use crate::weights::file::Place;

    #[test]
    fn a_shard_that_is_listed_again_and_again_counts_each_time() {
        let shards = BTreeMap::from([("shard".to_string(), vec![0; 8])]);
        let file = File {
            name: "net.tar: model.json".into(),
            bytes: (&b""[..]).into(),
            place: Place::Archive(&shards),
        };
        let groups = |n: usize| {
            (0..n)
                .map(|i| {
                    let weight = |name: String| Entry {
                        name,
                        shape: vec![2],
                        dtype: "float32".into(),
                        quantization: None,
                    };
                    Group {
                        paths: vec!["shard".into()],
                        weights: vec![weight(i.to_string())],
                    }
                })
                .collect()
        };
        let tensors = read_at_most(&file, groups(5), 40).unwrap();
        assert_eq!(tensors.floats.len(), 5);
        let error = read_at_most(&file, groups(6), 40).err().unwrap();
        assert!(error.to_string().contains("more bytes than any"), "{error}");
    }
}
