//! Archives (`.tgz`, `.tar`) that hold one set of weights, as TF-Slim and TensorFlow Hub publish them. Nothing is
//! written to disk: names are only looked up, so none can lead anywhere.

use std::collections::BTreeMap;
use std::io::Read;

use super::source::{Budget, File, Place};
use super::{Weights, format};
use crate::{Error, Result};

const FORMAT: &str = "archive";
/// Most members that are looked at.
const MEMBERS: usize = 4096;

pub(super) fn open(file: File<'_>) -> Result<Weights> {
    let members = unpack(&file)?;
    let mut candidates: Vec<_> = members
        .keys()
        .filter_map(|name| Some((format::rank(name)?, name)))
        .collect();
    candidates.sort();
    let name = match candidates[..] {
        [] => {
            return Err(file.wrong(
                FORMAT,
                format!("none of its {} members is a weights file", members.len()),
            ));
        }
        [(first, one), (second, other), ..] if first == second => {
            return Err(file.wrong(
                FORMAT,
                format!("both `{one}` and `{other}` may be meant; unpack it and open one"),
            ));
        }
        [(_, name), ..] => name.clone(),
    };
    let bytes = members.get(&name).map(Vec::as_slice).unwrap_or_default();
    if bytes.starts_with(&[0x1f, 0x8b]) || bytes.get(257..262) == Some(b"ustar") {
        return Err(file.wrong(FORMAT, format!("`{name}` is an archive too")));
    }
    let mut weights = format::open(File {
        name: format!("{}: {name}", file.name),
        bytes: bytes.into(),
        place: Place::Archive(&members),
    })?;
    weights.source.clone_from(&file.name);
    Ok(weights)
}

/// The members that may be weights or belong to them. A training checkpoint beside them is skipped.
fn unpack(file: &File<'_>) -> Result<BTreeMap<String, Vec<u8>>> {
    let wrong = |e: std::io::Error| file.wrong(FORMAT, e.to_string());
    let reader: Box<dyn Read + '_> = if file.bytes.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::read::GzDecoder::new(&file.bytes[..]))
    } else {
        Box::new(&file.bytes[..])
    };
    // The whole stream is bounded: skipping a member means decompressing it.
    let most = Budget::of(&file.bytes).left();
    let mut archive = tar::Archive::new(reader.take(most));
    let mut members = BTreeMap::new();
    let mut left = most;
    for (index, entry) in archive.entries().map_err(wrong)?.enumerate() {
        let entry = entry.map_err(wrong)?;
        if index >= MEMBERS {
            return Err(file.wrong(FORMAT, format!("more than {MEMBERS} members")));
        }
        if !entry.header().entry_type().is_file() {
            continue; // Folders; and links, which could name what is not in the archive.
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name).to_string();
        if name.starts_with('/') || name.split(['/', '\\']).any(|part| part == "..") {
            return Err(file.wrong(FORMAT, format!("member {name:?} leads out of the archive")));
        }
        if !wanted(&name) {
            continue;
        }
        let size = entry.header().size().map_err(wrong)?;
        if size > left {
            return Err(file.wrong(
                FORMAT,
                format!(
                    "member `{name}` of {size} bytes, more than an archive of this size can hold"
                ),
            ));
        }
        let mut bytes = Vec::new();
        let read = entry.take(left).read_to_end(&mut bytes).map_err(wrong)?;
        if read as u64 != size {
            return Err(file.wrong(
                FORMAT,
                format!("member `{name}` ends after {read} of {size} bytes"),
            ));
        }
        left -= size;
        if members.insert(name.clone(), bytes).is_some() {
            return Err(Error::Format {
                file: file.name.clone(),
                format: FORMAT,
                message: format!("two members are called `{name}`"),
            });
        }
    }
    Ok(members)
}

/// Weights, the shards of a `model.json`, and a `config.json`.
fn wanted(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    format::rank(base).is_some() || base == "config.json" || base.contains("shard")
}
