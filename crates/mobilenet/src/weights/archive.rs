//! Archives (`.tgz`, `.tar`) that hold one set of weights, as TF-Slim and TensorFlow Hub publish them. Nothing is
//! written to disk: members are only looked up by name, so that no name can lead out of the archive.

use std::collections::BTreeMap;
use std::io::Read;

use super::budget::Budget;
use super::file::{File, is_archive, is_gzip};
use super::formats::table::rank;
use crate::error::Result;

const FORMAT: &str = "archive";
/// Most members that are looked at.
const MEMBERS: usize = 4096;

/// The members that may be weights or belong to them, by name. A training checkpoint beside them is skipped.
pub(super) fn unpack(file: &File<'_>) -> Result<BTreeMap<String, Vec<u8>>> {
    let failed = |e: std::io::Error| file.failed(FORMAT, e);
    let reader: Box<dyn Read + '_> = if is_gzip(&file.bytes) {
        Box::new(flate2::read::GzDecoder::new(&file.bytes[..]))
    } else {
        Box::new(&file.bytes[..])
    };
    // The whole stream is bounded: to skip a member is to decompress it.
    let most = Budget::of(&file.bytes).left();
    let mut archive = tar::Archive::new(reader.take(most));
    let mut members = BTreeMap::new();
    let mut left = most;
    for (index, entry) in archive.entries().map_err(failed)?.enumerate() {
        let entry = entry.map_err(failed)?;
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
        let size = entry.header().size().map_err(failed)?;
        if size > left {
            let message = format!(
                "member `{name}` of {size} bytes, more than an archive of this size can hold"
            );
            return Err(file.wrong(FORMAT, message));
        }
        let mut bytes = Vec::new();
        let read = entry.take(left).read_to_end(&mut bytes).map_err(failed)?;
        if read as u64 != size {
            let message = format!("member `{name}` ends after {read} of {size} bytes");
            return Err(file.wrong(FORMAT, message));
        }
        left -= size;
        if members.insert(name.clone(), bytes).is_some() {
            return Err(file.wrong(FORMAT, format!("two members are called `{name}`")));
        }
    }
    Ok(members)
}

/// The name of the member that holds the weights.
pub(super) fn choose(file: &File<'_>, members: &BTreeMap<String, Vec<u8>>) -> Result<String> {
    let mut candidates: Vec<_> = members
        .keys()
        .filter_map(|name| Some((rank(name)?, name)))
        .collect();
    candidates.sort();
    let wrong = |message: String| Err(file.wrong(FORMAT, message));
    match candidates[..] {
        [] => wrong(format!(
            "none of its {} members is a weights file",
            members.len()
        )),
        [(first, one), (second, other), ..] if first == second => wrong(format!(
            "both `{one}` and `{other}` may be meant; unpack it and open one"
        )),
        [(_, name), ..] if members.get(name).is_some_and(|bytes| is_archive(bytes)) => {
            wrong(format!("`{name}` is an archive too"))
        }
        [(_, name), ..] => Ok(name.clone()),
    }
}

/// Weights, the shards of a `model.json`, and a `config.json`.
fn wanted(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    rank(base).is_some() || base == "config.json" || base.contains("shard")
}
