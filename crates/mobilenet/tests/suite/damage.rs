//! Damaged and hostile files: an error that names the file, no panic, bounded memory and time.
//!
//! The files of `fixtures/tiny` are cut and overwritten at thousands of places, each format in a process of its own,
//! whose address space is limited: whoever believes a size that lies is killed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use mobilenet::weights::Export;
use mobilenet::{Error, Weights, WeightsFormat};
use std::io::{Read, Write};

use crate::support::tiny;

/// All that a process may map, in KiB, its own code included.
const ADDRESS_SPACE: u32 = 512 << 10;
/// Tells the worker what to damage.
const VARIABLE: &str = "MOBILENET_DAMAGE";
/// Set to 1 to damage at every place of the first and last KiB and at some 500 between, instead of at every 13th of
/// these (HDF5: 61st): six minutes.
const EVERY: &str = "MOBILENET_DAMAGE_EVERY";
/// Set to a number of seconds to change each format at random for so long instead.
const SECONDS: &str = "MOBILENET_DAMAGE_SECONDS";
const HOSTILE: &str = "hostile";
/// Not a format: a worker that never ends.
const ENDLESS: &str = "endless";

fn bytes_of(name: &str) -> Vec<u8> {
    let bytes = |name: &str| std::fs::read(tiny(name)).unwrap();
    match name.strip_suffix(".h5") {
        Some(_) => {
            let mut plain = Vec::new();
            let packed = bytes(&format!("{name}.gz"));
            std::io::copy(&mut flate2::read::GzDecoder::new(&packed[..]), &mut plain).unwrap();
            plain
        }
        None if name == "tar" => pack(
            "net/folded.pb",
            &bytes("folded.pb"),
            tar::EntryType::Regular,
        ),
        None if name == "tgz" => gzip(&bytes_of("tar")),
        None if name == "onnx" => {
            let weights = Weights::open(tiny("timm.safetensors")).unwrap();
            let weights = weights.with_blocks(2).unwrap();
            let files = Export::new(&weights).to_files(WeightsFormat::Onnx);
            files.unwrap().swap_remove(0).bytes
        }
        None => bytes(name),
    }
}

/// An archive of one member, called as an attacker may call it.
fn pack(name: &str, content: &[u8], kind: tar::EntryType) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    // `Builder::append_data` refuses some names.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, content).unwrap();
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Opens bytes as a file: `name` must be in any error, and what opens must say what it lacks.
fn try_open(name: &str, bytes: &[u8]) -> Option<Weights> {
    match Weights::from_bytes(name, bytes) {
        Ok(weights) => Some(weights),
        Err(error) => {
            assert!(error.to_string().contains(name), "{error}");
            assert!(error.to_string().len() < 4096, "{error}");
            None
        }
    }
}

/// Damages one format in every way; run by [`damage_is_an_error_that_names_the_file`].
#[test]
#[ignore = "the other test runs it in a process of its own"]
fn worker() {
    let Ok(format) = std::env::var(VARIABLE) else {
        return;
    };
    let name = "damaged file";
    if format == HOSTILE {
        return believe_nobody(name);
    }
    if format == ENDLESS {
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let whole = bytes_of(&format);
    let digest = Weights::from_bytes(name, &whole)
        .unwrap()
        .with_blocks(2)
        .unwrap()
        .digest();
    if let Ok(seconds) = std::env::var(SECONDS) {
        return mutate(name, &format, &whole, seconds.parse().unwrap());
    }
    let every = match std::env::var(EVERY) {
        Ok(every) => every.parse().unwrap(),
        Err(_) if format.contains("h5") => 61, // The slowest.
        Err(_) => 13,
    };
    let (length, edge) = (whole.len(), 1024);
    let middle = every * (length / 500 + 1);
    let places = || {
        (0..length).filter(|at| {
            let near = *at < edge || at + edge > length;
            at % if near { every } else { middle } == 0
        })
    };
    let mut opened = 0;
    for at in places() {
        if let Some(weights) = try_open(name, &whole[..at]) {
            // Nothing that matters was cut off, or it is known what is missing.
            let weights = weights.with_blocks(2).unwrap();
            let complete = weights.to_safetensors(mobilenet::FloatType::F32);
            assert!(
                complete.is_err() || weights.digest() == digest,
                "cut at {at}"
            );
            opened += 1;
        }
    }
    let mut damaged = whole.clone();
    for at in places() {
        for change in [0x01, 0x80, 0xff] {
            damaged[at] ^= change;
            opened += usize::from(try_open(name, &damaged).is_some());
            damaged[at] = whole[at];
        }
        for lie in [
            &[0xff; 4][..],
            &[0xff, 0xff, 0xff, 0x7f],
            &[0; 8],
            &[0, 0, 0, 0, 1, 0, 0, 0],
        ] {
            let end = (at + lie.len()).min(whole.len());
            damaged[at..end].copy_from_slice(&lie[..end - at]);
            opened += usize::from(try_open(name, &damaged).is_some());
            damaged[at..end].copy_from_slice(&whole[at..end]);
        }
    }
    assert!(damaged == whole);
    eprintln!(
        "{format}: {} damages, {opened} left a net",
        8 * places().count()
    );
}

/// As a fuzzer does, without its instruments: one to eight changes of any kind, again and again.
fn mutate(name: &str, format: &str, whole: &[u8], seconds: u64) {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n.max(1) as u64) as usize
    };
    let started = Instant::now();
    let (mut tried, mut opened) = (0u64, 0u64);
    while started.elapsed() < Duration::from_secs(seconds) {
        let mut bytes = whole.to_vec();
        for _ in 0..=below(8) {
            // Half of the changes where the headers are.
            let reach = if below(2) == 0 { 2048 } else { usize::MAX };
            let at = below(bytes.len().min(reach));
            let end = (at + 1 + below(16)).min(bytes.len());
            match below(7) {
                0 => bytes[at] ^= 1 << below(8),
                1 => bytes[at] = below(256) as u8,
                2 => bytes[at..end].fill([0, 0xff, 0x7f, 0x80][below(4)]),
                3 => bytes.truncate(at),
                4 => drop(bytes.drain(at..end)),
                5 => {
                    let copy = bytes[at..end].to_vec();
                    let to = below(bytes.len());
                    bytes.splice(to..to, copy);
                }
                _ => {
                    let to = below(bytes.len() - (end - at) + 1);
                    bytes.copy_within(at..end, to);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        tried += 1;
        opened += u64::from(try_open(name, &bytes).is_some());
    }
    eprintln!("{format}: {tried} mutations, {opened} left a net");
}

/// Small files that claim gigabytes.
fn believe_nobody(name: &str) {
    assert!(try_open(name, &std::fs::read(tiny("expanded.pth")).unwrap()).is_none());
    // 64 constants of 2^24 equal values.
    let field = |tag: u8, content: &[u8]| {
        let mut bytes = vec![tag << 3 | 2];
        bytes.push(u8::try_from(content.len()).unwrap());
        bytes.extend(content);
        bytes
    };
    let shape = field(2, &[1 << 3, 0x80, 0x80, 0x80, 0x08]);
    let tensor = [
        &[1 << 3, 1][..],
        &field(2, &shape),
        &field(5, &1f32.to_le_bytes()),
    ]
    .concat();
    let value = [field(1, b"value"), field(2, &field(8, &tensor))].concat();
    let mut graph = Vec::new();
    for i in 0..64 {
        let name = format!("node{i}");
        let node = [
            field(1, name.as_bytes()),
            field(2, b"Const"),
            field(5, &value),
        ]
        .concat();
        graph.extend(field(1, &node));
    }
    let error = Weights::from_bytes(name, &graph).unwrap_err().to_string();
    assert!(error.contains("more than a file of this size"), "{error}");
    // 64 MB of zeros in an archive of 0.3 MB.
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = tar::Header::new_gnu();
    header.set_path("net.pb").unwrap();
    header.set_size(64 << 20);
    header.set_cksum();
    packed.write_all(header.as_bytes()).unwrap();
    for _ in 0..64 {
        packed.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = packed.finish().unwrap();
    let error = Weights::from_bytes(name, &bomb).unwrap_err().to_string();
    assert!(
        error.contains("more than an archive of this size"),
        "{error}"
    );
    eprintln!("hostile files: errors");
}

/// How long a worker may take: some hundred times what it does.
fn deadline() -> Duration {
    let asked: u64 = std::env::var(SECONDS).map_or(0, |seconds| seconds.parse().unwrap());
    Duration::from_secs(
        if std::env::var(EVERY).is_ok() {
            3600
        } else {
            600
        } + asked,
    )
}

/// Runs [`worker`] where memory is scarce, and waits no longer than it may take.
fn run_worker(format: &str, deadline: Duration) -> Result<String, String> {
    let started = Instant::now();
    let mut command = Command::new("sh");
    let limit = if cfg!(target_os = "linux") {
        format!("ulimit -v {ADDRESS_SPACE}; exec \"$0\" \"$@\"")
    } else {
        "exec \"$0\" \"$@\"".into()
    };
    let mut child = command
        .args(["-c", &limit])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "damage::worker", "--nocapture"])
        .env(VARIABLE, format)
        .env("MALLOC_ARENA_MAX", "1")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What it says is read beside the waiting, so that a full pipe does not stop it.
    let mut pipe = child.stderr.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut said = Vec::new();
        pipe.read_to_end(&mut said).unwrap();
        String::from_utf8_lossy(&said).into_owned()
    });
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if started.elapsed() < deadline => std::thread::sleep(Duration::from_millis(20)),
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
        }
    };
    let said = said.join().unwrap();
    match status {
        Some(status) if status.success() => {
            Ok(format!("{} in {:.1?}", said.trim(), started.elapsed()))
        }
        Some(status) => Err(format!("{format}: {status}: {said}")),
        None => Err(format!("{format}: killed after {deadline:.1?}: {said}")),
    }
}

const FORMATS: [&str; 16] = [
    HOSTILE,
    "slim.pb",
    "unfolded.pb",
    "folded.pb",
    "same.tflite",
    "end.tflite",
    "half.tflite",
    "onnx",
    "timm.safetensors",
    "keras.safetensors",
    "timm.pth",
    "timm_legacy.pth",
    "tar",
    "tgz",
    "whole.h5",
    "numbered.weights.h5",
];

#[test]
fn a_worker_without_an_end_is_ended() {
    let said = run_worker(ENDLESS, Duration::from_secs(1)).unwrap_err();
    assert!(said.contains("killed after 1.0s"), "{said}");
}

#[test]
fn damage_is_an_error_that_names_the_file() {
    let mut wrong = Vec::new();
    for format in FORMATS {
        if format.ends_with("h5") && !cfg!(feature = "hdf5") {
            eprintln!("skipped: {format} needs the feature hdf5");
            continue;
        }
        match run_worker(format, deadline()) {
            Ok(said) => eprintln!("{said}"),
            Err(said) => wrong.push(said),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn archives_do_not_lead_out() {
    let inside = std::fs::read(tiny("folded.pb")).unwrap();
    let regular = tar::EntryType::Regular;
    let good = Weights::from_bytes("good.tar", &pack("./net/folded.pb", &inside, regular)).unwrap();
    let plain = Weights::open(tiny("folded.pb")).unwrap();
    assert_eq!(good.digest(), plain.digest());
    for name in [
        "../folded.pb",
        "/etc/folded.pb",
        "a/../../folded.pb",
        "a\\..\\..\\folded.pb",
    ] {
        let error = Weights::from_bytes("bad.tar", &pack(name, &inside, regular)).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("bad.tar") && error.contains("leads out"),
            "{error}"
        );
    }
    // Links are passed over: nothing is left that could be opened.
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
        let error = Weights::from_bytes("bad.tar", &pack("net.pb", &[], kind)).unwrap_err();
        assert!(
            error.to_string().contains("none of its 0 members"),
            "{error}"
        );
    }
    // An archive in an archive.
    let inner = pack("folded.pb", &gzip(&inside), regular);
    let error = Weights::from_bytes("bad.tar", &inner).unwrap_err();
    assert!(error.to_string().contains("is an archive too"), "{error}");
}

/// A `model.json` may only name what lies in its folder.
#[test]
fn manifests_do_not_lead_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    std::fs::write(folder.path().join("secret"), [0; 4]).unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let path = inner.join(path.file_name().unwrap());
    let absolute = folder.path().join("secret");
    for shard in [
        "../secret",
        absolute.to_str().unwrap(),
        "a/../../secret",
        "..\\secret",
        "",
    ] {
        let weights = serde_json::json!([{"name": "a", "shape": [1], "dtype": "float32"}]);
        let manifest = serde_json::json!([{"paths": [shard], "weights": weights}]);
        let model = serde_json::json!({"modelTopology": {}, "weightsManifest": manifest});
        std::fs::write(&path, model.to_string()).unwrap();
        let error = Weights::open(&path).unwrap_err().to_string();
        assert!(
            error.contains("leads out") && error.contains("model.json"),
            "{error}"
        );
    }
}

/// What lies in the folder of a `model.json`, cut and lengthened.
#[test]
fn shards_have_the_length_that_the_manifest_says() {
    for model in ["layers_uint8", "layers_float16", "graph"] {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(tiny(model)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Weights::open(folder.path()).unwrap();
        let shard = folder.path().join("group1-shard1of1.bin");
        let whole = std::fs::read(&shard).unwrap();
        for length in [0, 1, whole.len() / 2, whole.len() - 1, whole.len() + 1] {
            let mut other = whole.clone();
            other.resize(length, 0);
            std::fs::write(&shard, other).unwrap();
            let error = Weights::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains("group1-shard1of1.bin"), "{error}");
        }
        std::fs::remove_file(&shard).unwrap();
        let error = Weights::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("group1-shard1of1.bin"), "{error}");
        std::fs::write(&shard, &whole).unwrap();
        // The description itself, cut.
        let description = folder.path().join("model.json");
        let whole = std::fs::read(&description).unwrap();
        for length in (0..whole.len()).step_by(97) {
            std::fs::write(&description, &whole[..length]).unwrap();
            let error = Weights::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains("model.json"), "{error}");
        }
    }
}

/// The last item of a list whose `key` is `name`.
fn last_of<'a>(
    list: &'a mut serde_json::Value,
    key: &str,
    name: &str,
) -> &'a mut serde_json::Value {
    let list = list.as_array_mut().unwrap();
    list.iter_mut().rfind(|item| item[key] == name).unwrap()
}

/// A net that strides, dilates or lays out its data otherwise has the same tensors, and would answer wrongly.
#[test]
fn other_arithmetic_is_refused_in_every_format() {
    let refused = |name: &str, bytes: &[u8], reason: &str| {
        let error = Weights::from_bytes(name, bytes).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(reason), "{error}");
    };
    let find = |bytes: &[u8], wanted: &[u8]| {
        let mut windows = bytes.windows(wanted.len());
        windows.position(|window| window == wanted).unwrap()
    };
    for graph in ["slim.pb", "unfolded.pb", "folded.pb"] {
        let mut bytes = bytes_of(graph);
        let at = find(&bytes, b"NHWC");
        bytes[at..at + 4].copy_from_slice(b"NCHW");
        refused(graph, &bytes, "only NHWC");
        let mut bytes = bytes_of(graph);
        let at = find(&bytes, b"dilations");
        let at = at + find(&bytes[at..], &[1, 1, 1, 1]);
        bytes[at + 1..at + 3].fill(2);
        refused(graph, &bytes, "is dilated");
    }
    let mut folder = tempfile::tempdir().unwrap();
    let mut changed = |model: &str, change: &dyn Fn(&mut serde_json::Value), reason: &str| {
        folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(tiny(model)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let path = folder.path().join("model.json");
        let mut json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut json);
        std::fs::write(&path, json.to_string()).unwrap();
        let error = Weights::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("model.json") && error.contains(reason),
            "{error}"
        );
    };
    let attr = |name: &'static str, value: serde_json::Value| {
        move |json: &mut serde_json::Value| {
            let nodes = &mut json["modelTopology"]["node"];
            last_of(nodes, "op", "FusedDepthwiseConv2dNative")["attr"][name] = value.clone();
        }
    };
    let dilations = serde_json::json!({"list": {"i": ["1", "2", "2", "1"]}});
    changed("graph", &attr("dilations", dilations), "is dilated");
    let format = serde_json::json!({"s": "TkNIVw=="});
    changed("graph", &attr("data_format", format), "only NHWC");
    let config = |class: &'static str, name: &'static str, value: serde_json::Value| {
        move |json: &mut serde_json::Value| {
            let layers = &mut json["modelTopology"]["model_config"]["config"]["layers"];
            last_of(layers, "class_name", class)["config"][name] = value.clone();
        }
    };
    let layers = "layers_float16";
    // Output stride 16, as `DepthwiseConv2D` of Keras 12 and 13 would have it; and a stem's stride at the end.
    let two = serde_json::json!([2, 2]);
    let (full, depthwise) = ("Conv2D", "DepthwiseConv2D");
    changed(
        layers,
        &config(depthwise, "strides", two.clone()),
        "has strides",
    );
    changed(layers, &config(full, "strides", two.clone()), "has strides");
    changed(
        layers,
        &config(depthwise, "dilation_rate", two),
        "is dilated",
    );
    for (class, name, value, reason) in [
        (
            "ReLU",
            "max_value",
            serde_json::Value::Null,
            "expected ReLU6",
        ),
        ("ReLU", "negative_slope", 0.1.into(), "expected ReLU6"),
        (
            full,
            "activation",
            "relu".into(),
            "comes after the batch norm",
        ),
        (depthwise, "padding", "valid".into(), "is not padded"),
    ] {
        changed(layers, &config(class, name, value), reason);
    }
    let class = |of: &'static str, other: &'static str| {
        move |json: &mut serde_json::Value| {
            let layers = &mut json["modelTopology"]["model_config"]["config"]["layers"];
            last_of(layers, "class_name", of)["class_name"] = other.into();
        }
    };
    changed(layers, &class("ReLU", "LeakyReLU"), "no ReLU6 follows");
    changed(layers, &class("ReLU", "Activation"), "expected ReLU6");
    changed(
        layers,
        &class("ZeroPadding2D", "Dropout"),
        "and by ZeroPadding2D not",
    );
    let first = serde_json::json!("channels_first");
    changed(
        layers,
        &config(full, "data_format", first),
        "only channels_last",
    );
}

#[test]
fn a_pickle_that_names_a_function_runs_nothing() {
    let error = Weights::open(tiny("evil.pth")).unwrap_err();
    assert!(error.to_string().contains("evil.pth"), "{error}");
    assert!(!Path::new("pickle_was_run").exists());
}

#[test]
fn absurd_files_are_errors_at_once() {
    let started = Instant::now();
    let mut header = (4u64 << 30).to_le_bytes().to_vec();
    header.extend(b"{\"a\":");
    let deep = format!("{{\"modelTopology\":{}", "[".repeat(1_000_000));
    let mut deep_header = (1_000_008u64).to_le_bytes().to_vec();
    deep_header.extend(b"{\"__metadata__\":");
    deep_header.extend("[".repeat(1_000_000).bytes());
    let mut deep_pickle = b"\x80\x02".to_vec();
    deep_pickle.extend(b"(".repeat(1_000_000));
    let mut deeper_pickle = b"\x80\x02]".to_vec();
    deeper_pickle.extend(b"\x85".repeat(1_000_000));
    deeper_pickle.push(b'.');
    let mut deep_graph = Vec::new();
    for _ in 0..200_000 {
        deep_graph.extend([0x0a, 0x7f]);
    }
    let deep_onnx = [b"\x08\x08".repeat(2), b"\x3a\x7f".repeat(200_000)].concat();
    let zeros = gzip(&pack("net.pb", &vec![0; 64 << 20], tar::EntryType::Regular));
    let cases: [(&str, &[u8]); 13] = [
        ("header of 4 GB", &header),
        ("deep JSON", deep.as_bytes()),
        ("deep JSON header", &deep_header),
        ("open marks", &deep_pickle),
        ("deep tuples", &deeper_pickle),
        ("deep graph", &deep_graph),
        ("deep ONNX", &deep_onnx),
        ("zeros", &zeros),
        ("web page", b"\n<html>no</html>"),
        ("empty", b""),
        ("gzip of nothing", b"\x1f\x8b"),
        ("zip of nothing", b"PK\x03\x04"),
        ("HDF5 of nothing", b"\x89HDF\r\n\x1a\n"),
    ];
    for (name, bytes) in cases {
        let error = Weights::from_bytes(name, bytes).unwrap_err().to_string();
        assert!(error.starts_with(name) && error.len() < 1000, "{error}");
        assert!(
            name != "web page" || error.contains("this is a web page"),
            "{error}"
        );
    }
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

/// A file on disk that is larger than any net is not read at all; it takes no room, since nothing is in it.
#[test]
fn a_file_of_many_gigabytes_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse.safetensors");
    let file = std::fs::File::create(&path).unwrap();
    if file.set_len(5 << 30).is_err() {
        eprintln!("skipped: this file system has no sparse files");
        return;
    }
    let error = Weights::open(&path).unwrap_err();
    assert!(
        matches!(&error, Error::Format { file, .. } if file.contains("sparse")),
        "{error}"
    );
}

/// A folder, or nothing, where a file is expected.
#[test]
fn what_is_no_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = Weights::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("no weights file is in this folder"),
        "{error}"
    );
    let path = folder.path().join("missing.pb");
    let error = Weights::open(&path).unwrap_err().to_string();
    assert!(error.contains("missing.pb"), "{error}");
}
