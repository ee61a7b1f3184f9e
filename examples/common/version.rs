//! Which version of the programs this is, and what they run on.

use mobilenet::InstructionSet;

/// The version, and the commit that it was built from, where `build.rs` knows it.
pub fn line() -> String {
    let version = env!("CARGO_PKG_VERSION");
    match option_env!("BUILT_FROM") {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_string(),
    }
}

/// The same, and the instruction sets that this machine has, the fastest first.
pub fn lines() -> String {
    let mut sets = InstructionSet::available();
    sets.reverse();
    let sets: Vec<&str> = sets.into_iter().map(InstructionSet::name).collect();
    let used =
        InstructionSet::detect().map_or_else(|error| error.to_string(), |set| set.to_string());
    format!(
        "{}\ninstruction sets of this machine: {}\nnetworks run with: {used}",
        line(),
        sets.join(", ")
    )
}
