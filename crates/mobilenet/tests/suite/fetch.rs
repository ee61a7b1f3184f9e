//! Fetching, from a server of the test's own that misbehaves: never a wrong file under the final name.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use mobilenet::weights::Event;
use mobilenet::{Cache, Error, Fetch, FloatType, MobileNetConfig, Weights};

use crate::cache::row;
use crate::server::{Request, Server, reset, respond, respond_file};
use crate::support::{shared, tiny};

/// A publication without a known hash, of one file.
const NAME: &str = "mobilenet_v1_0.25_224";
const TAG: &str = "\"version 1\"";

/// A net that this publication could be. Its format is told from the content.
fn file_of(seed: usize) -> Vec<u8> {
    let config = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_input_size(224 + seed);
    let weights = Weights::of(&config.init(&Device::flex()).unwrap()).unwrap();
    weights.to_safetensors(FloatType::F16).unwrap()
}

struct Client {
    folder: tempfile::TempDir,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Client {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let events = Arc::default();
        Self { folder, events }
    }

    fn cache(&self) -> Cache {
        Cache::at(self.folder.path())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cache().path_of(row(name))
    }

    fn fetcher(&self, server: &Server) -> Fetch {
        let events = self.events.clone();
        Fetch::new(self.cache())
            .with_mirror(server.address())
            .with_attempts(3)
            .with_timeout(Duration::from_millis(500))
            .on_event(move |event| events.lock().unwrap().push(event.clone()))
    }

    fn fetch(&self, server: &Server) -> mobilenet::Result<PathBuf> {
        self.fetcher(server).fetch(NAME)
    }

    /// An error, and nothing under the final name.
    fn refused(&self, server: &Server, name: &str) -> String {
        let error = self.fetcher(server).fetch(name).unwrap_err();
        assert!(!self.path(name).exists(), "{error}");
        let opened = self.cache().open(name);
        assert!(matches!(opened, Err(Error::UnknownWeights { .. })));
        error.to_string()
    }
}

#[test]
fn a_file_is_fetched_once_checked_and_noted() {
    let file = file_of(0);
    let content = file.clone();
    let server = Server::start(move |request, stream| respond_file(request, stream, &content, TAG));
    let client = Client::new();
    let path = client.fetch(&server).unwrap();
    assert_eq!(path, client.path(NAME));
    assert_eq!(std::fs::read(&path).unwrap(), file);
    assert_eq!(client.fetch(&server).unwrap(), path);
    assert_eq!(server.requests().len(), 1);
    let weights = client.cache().open(NAME).unwrap();
    assert_eq!(weights.config(), &row(NAME).config);
    // What happened was told, in order.
    let events = client.events.lock().unwrap();
    let total = Some(file.len() as u64);
    assert!(
        matches!(&events[0], Event::Started { done: 0, total: t, url } if *t == total && url.starts_with(&server.address()))
    );
    let mut before = 0;
    for event in &events[1..events.len() - 2] {
        let Event::Progress { done, total: t } = event else {
            panic!("{event:?}");
        };
        assert!(*done > before && *t == total);
        before = *done;
    }
    assert_eq!(Some(before), total);
    assert_eq!(events[events.len() - 2], Event::Finished(path.clone()));
    assert_eq!(events[events.len() - 1], Event::Present(path.clone()));
    drop(events);
    // A later change of the file is noticed, of the publisher's too.
    std::fs::write(&path, file_of(1)).unwrap();
    assert!(matches!(client.fetch(&server), Err(Error::Changed { .. })));
    std::fs::remove_file(&path).unwrap();
    let other = file_of(1);
    let server = Server::start(move |request, stream| respond_file(request, stream, &other, TAG));
    assert!(matches!(client.fetch(&server), Err(Error::Changed { .. })));
    assert!(!path.exists());
}

#[test]
fn what_breaks_off_goes_on_where_it_was() {
    let file = file_of(0);
    let content = file.clone();
    let server = Server::start(move |request, stream| {
        // Half of what is left, each time: a third attempt would not do without what the first two brought.
        let from = request.range.unwrap_or(0);
        let rest = &content[from..];
        let n = content.len();
        let head = format!(
            "Content-Length: {}\r\nETag: {TAG}\r\nContent-Range: bytes {from}-{}/{n}",
            n - from,
            n - 1
        );
        let status = if from == 0 {
            "200 OK"
        } else {
            "206 Partial Content"
        };
        let part = if request.number < 2 {
            rest.len() / 2
        } else {
            rest.len()
        };
        respond(stream, status, &head, &rest[..part]);
    });
    let client = Client::new();
    let path = client.fetch(&server).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), file);
    let ranges: Vec<_> = server.requests().iter().map(|r| r.range).collect();
    let half = file.len() / 2;
    let more = half + (file.len() - half) / 2;
    assert_eq!(ranges, [None, Some(half), Some(more)]);
    assert!(server.requests()[1].if_range.as_deref() == Some(TAG));
    let events = client.events.lock().unwrap();
    let retries = events.iter().filter(|e| matches!(e, Event::Retrying(_)));
    assert_eq!(retries.count(), 2);
}

#[test]
fn a_later_fetch_goes_on_too_unless_the_file_has_changed() {
    for (tag, resumed) in [(TAG, true), ("\"version 2\"", false)] {
        let old = file_of(0);
        let content = old.clone();
        let server = Server::start(move |_, stream| {
            let head = format!("Content-Length: {}\r\nETag: {TAG}", content.len());
            respond(stream, "200 OK", &head, &content[..content.len() / 3]);
        });
        let client = Client::new();
        let error = client.refused(&server, NAME);
        assert!(error.contains("tried 3 times"), "{error}");
        let new = if resumed { old } else { file_of(7) };
        let content = new.clone();
        let server =
            Server::start(move |request, stream| respond_file(request, stream, &content, tag));
        let path = client.fetch(&server).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), new);
        assert_eq!(server.requests()[0].range, Some(new.len() / 3));
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn without_a_tag_it_begins_again() {
    let file = file_of(0);
    let content = file.clone();
    let server = Server::start(move |request, stream| {
        let head = format!("Content-Length: {}", content.len());
        let part = if request.number == 0 {
            content.len() / 2
        } else {
            content.len()
        };
        respond(stream, "200 OK", &head, &content[..part]);
    });
    let client = Client::new();
    let path = client.fetch(&server).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), file);
    assert!(server.requests().iter().all(|r| r.range.is_none()));
}

#[test]
fn servers_that_continue_something_else_are_not_believed() {
    // Elsewhere in the file, another version, or not at all.
    for wrong in 0..3 {
        let file = file_of(0);
        let content = file.clone();
        let server = Server::start(move |request, stream| {
            let (n, whole) = (content.len(), &content[..]);
            match (request.number, request.range) {
                (0, _) => {
                    let head = format!("Content-Length: {n}\r\nETag: {TAG}");
                    respond(stream, "200 OK", &head, &whole[..n / 2]);
                }
                (1, Some(from)) => {
                    let (from, tag, status) = match wrong {
                        0 => (from - 10, TAG, "206 Partial Content"),
                        1 => (from, "\"other\"", "206 Partial Content"),
                        _ => (from, TAG, "416 Range Not Satisfiable"),
                    };
                    let head = format!(
                        "Content-Length: {}\r\nETag: {tag}\r\nContent-Range: bytes {from}-{}/{n}",
                        n - from,
                        n - 1
                    );
                    respond(stream, status, &head, &whole[from..]);
                }
                _ => respond_file(request, stream, whole, TAG),
            }
        });
        let client = Client::new();
        let path = client.fetch(&server).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), file);
        assert_eq!(server.requests()[2].range, None);
    }
}

#[test]
fn wrong_files_never_get_the_final_name() {
    let file = file_of(0);
    let cases: [(&str, &str, Vec<u8>); 5] = [
        (
            "HTML",
            "web page",
            b"<!doctype html><title>Sign in</title>".to_vec(),
        ),
        ("cut", "not a valid", file[..file.len() / 2].to_vec()),
        ("longer", "not a valid", [&file[..], b"more"].concat()),
        ("empty", "an empty file", Vec::new()),
        ("another net", "have 5 classes, and 1001 were expected", {
            let config = MobileNetConfig::new().with_alpha(0.25).with_classes(5);
            let net = config.init(&Device::flex()).unwrap();
            Weights::of(&net)
                .unwrap()
                .to_safetensors(FloatType::F16)
                .unwrap()
        }),
    ];
    for (what, said, content) in cases {
        // With a length, and without, so that only the content can tell.
        for known in [true, false] {
            let content = content.clone();
            let server = Server::start(move |_, stream| {
                let length = format!("Content-Length: {}", content.len());
                let head = if known {
                    &length[..]
                } else {
                    "Connection: close"
                };
                respond(stream, "200 OK", head, &content);
            });
            let client = Client::new();
            let error = client.refused(&server, NAME);
            assert!(
                error.contains(said) && error.contains(NAME),
                "{what}: {error}"
            );
            let left = std::fs::read_dir(client.path(NAME).parent().unwrap()).unwrap();
            let left: Vec<_> = left.map(|e| e.unwrap().file_name()).collect();
            assert!(left.iter().all(|name| name == ".lock"), "{what}: {left:?}");
        }
    }
}

/// A publication whose size and hash are known.
#[test]
fn a_known_file_has_its_size_and_hash() {
    let name = "mobilenet_v1_0.25_128";
    let size = usize::try_from(row(name).size.unwrap()).unwrap();
    for (length, known, said) in [
        (size, true, "SHA-256"),
        (size + 1, true, "the publisher's file has"),
        (size - 1, true, "the publisher's file has"),
        (size + 1, false, "more than"),
        (size - 1, false, "the download ended after"),
    ] {
        let server = Server::start(move |_, stream| {
            let length_header = format!("Content-Length: {length}");
            let head = if known {
                &length_header[..]
            } else {
                "Connection: close"
            };
            respond(stream, "200 OK", head, &vec![0; length]);
        });
        let client = Client::new();
        let error = client.refused(&server, name);
        assert!(error.contains(said), "{length} {known}: {error}");
    }
}

#[test]
fn servers_that_fail_for_a_while_are_asked_again() {
    let file = file_of(0);
    let content = file.clone();
    let server = Server::start(move |request, stream| match request.number {
        0 => reset(stream),
        1 => respond(stream, "503 Service Unavailable", "Content-Length: 0", b""),
        _ => respond_file(request, stream, &content, TAG),
    });
    let client = Client::new();
    let path = client.fetch(&server).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), file);

    // For ever: an error, after as many tries as were asked for.
    let server = Server::start(|_, stream| reset(stream));
    let client = Client::new();
    let error = client.refused(&server, NAME);
    assert!(
        error.contains("tried 3 times") && server.requests().len() == 3,
        "{error}"
    );

    // What will not get better is not tried twice.
    let server =
        Server::start(|_, stream| respond(stream, "404 Not Found", "Content-Length: 0", b""));
    let error = client.refused(&server, NAME);
    assert!(
        error.contains("404") && server.requests().len() == 1,
        "{error}"
    );
}

#[test]
fn slow_servers_are_waited_for_and_silent_ones_are_not() {
    let file = file_of(0);
    let content = file.clone();
    let server = Server::start(move |_, stream| {
        let head = format!("Content-Length: {}\r\nETag: {TAG}", content.len());
        respond(stream, "200 OK", &head, b"");
        for piece in content.chunks(content.len() / 8 + 1) {
            std::thread::sleep(Duration::from_millis(100));
            let _ = std::io::Write::write_all(stream, piece);
        }
    });
    let client = Client::new();
    let path = client.fetch(&server).unwrap(); // Longer in all than the time-out.
    assert_eq!(std::fs::read(path).unwrap(), file);

    let silent = Server::start(|_, stream| {
        respond(stream, "200 OK", "Content-Length: 1000", b"a");
        std::thread::sleep(Duration::from_secs(20));
    });
    let client = Client::new();
    let started = Instant::now();
    let error = client.refused(&silent, NAME);
    assert!(error.contains("broke off"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_server_that_drips_is_given_up() {
    let server = Server::start(|_, stream| {
        respond(stream, "200 OK", "Content-Length: 100000", b"");
        while std::io::Write::write_all(stream, b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let (client, window) = (Client::new(), Duration::from_millis(200));
    let fetcher = || client.fetcher(&server);
    for (fetch, word, requests) in [
        (
            fetcher().with_lowest_rate(1000, window),
            "at least 1000 are required (tried 3 times",
            3,
        ),
        // The deadline holds for all tries together.
        (
            fetcher().with_deadline(window),
            "the time limit of 0.2 seconds is over (tried 1 times",
            1,
        ),
    ] {
        let (before, started) = (server.requests().len(), Instant::now());
        let error = fetch.fetch(NAME).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
        assert_eq!(server.requests().len() - before, requests);
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(!client.path(NAME).exists());
    }
}

#[test]
fn redirections_are_followed_but_not_for_ever() {
    let file = file_of(0);
    let content = file.clone();
    let server = Server::start(move |request, stream| {
        if request.path == "/elsewhere" {
            respond_file(request, stream, &content, TAG);
        } else {
            let head = "Location: /elsewhere\r\nContent-Length: 0";
            respond(stream, "302 Found", head, b"");
        }
    });
    let client = Client::new();
    let path = client.fetch(&server).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), file);

    let server = Server::start(|request, stream| {
        let head = format!("Location: {}x\r\nContent-Length: 0", request.path);
        respond(stream, "301 Moved Permanently", &head, b"");
    });
    let client = Client::new();
    let error = client.refused(&server, NAME);
    assert!(error.contains("redirection"), "{error}");
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn offline_opens_no_socket_and_says_where_the_file_goes() {
    let server = Server::start(|_, stream| reset(stream));
    let client = Client::new();
    let offline = || client.fetcher(&server).with_offline(true);
    let error = offline().fetch(NAME).unwrap_err().to_string();
    let path = client.path(NAME);
    assert!(
        error.contains("offline") && error.contains(row(NAME).url),
        "{error}"
    );
    assert!(error.contains(&path.display().to_string()), "{error}");
    // Put there by hand, it is found.
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, file_of(0)).unwrap();
    assert_eq!(offline().fetch(NAME).unwrap(), path);
    assert!(server.requests().is_empty());
}

/// The published tfjs net, shard by shard.
#[test]
fn the_shards_of_a_manifest_come_too() {
    let Some(shared) = shared("the test of fetching real files") else {
        return;
    };
    let folder = shared.join("weights/mobilenet_v1_0.25_224");
    let name = "tfjs_mobilenet_v1_0.25_224";
    let published = folder.clone();
    let server = Server::start(move |request, stream| {
        let file = published.join(request.path.rsplit('/').next().unwrap());
        // The first answer for each file breaks off.
        match std::fs::read(file) {
            Ok(content) if request.number == 0 => {
                let head = format!("Content-Length: {}\r\nETag: {TAG}", content.len());
                respond(stream, "200 OK", &head, &content[..content.len() / 2]);
            }
            Ok(content) => respond_file(request, stream, &content, TAG),
            Err(_) => respond(stream, "404 Not Found", "Content-Length: 0", b""),
        }
    });
    let client = Client::new();
    let path = client.fetcher(&server).fetch(name).unwrap();
    let original = Weights::open(folder).unwrap();
    let fetched = client.cache().open(name).unwrap();
    assert_eq!(fetched.digest(), original.digest());
    // A change of a shard is noticed.
    let shard = path.with_file_name("group7-shard1of1");
    let mut bytes = std::fs::read(&shard).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&shard, bytes).unwrap();
    let error = client.cache().open(name).unwrap_err().to_string();
    assert!(error.contains("group7-shard1of1"), "{error}");
}

/// A net of zeros that the publication could be: its `model.json`, and the bytes of its two shards.
fn layers_model() -> (Vec<u8>, [Vec<u8>; 2]) {
    let tiny = std::fs::read(tiny("layers_float16/model.json")).unwrap();
    let mut model: serde_json::Value = serde_json::from_slice(&tiny).unwrap();
    let mut weights = Vec::new();
    let mut add = |name: String, shape: &[usize]| {
        weights.push(serde_json::json!({"name": name, "shape": shape, "dtype": "float32"}));
        4 * shape.iter().product::<usize>()
    };
    let mut bytes = 0;
    let mut convolution = |name: &str, kernel: &str, shape: [usize; 4], channels: usize| {
        bytes += add(format!("{name}/{kernel}"), &shape);
        for part in ["gamma", "beta", "moving_mean", "moving_variance"] {
            bytes += add(format!("{name}_bn/{part}"), &[channels]);
        }
    };
    let mut channels = 8;
    convolution("conv1", "kernel", [3, 3, 3, 8], 8);
    for (block, (width, _)) in (1..).zip(mobilenet::BLOCKS) {
        let name = format!("conv_dw_{block}");
        convolution(&name, "depthwise_kernel", [3, 3, channels, 1], channels);
        let output = width / 4;
        let name = format!("conv_pw_{block}");
        convolution(&name, "kernel", [1, 1, channels, output], output);
        channels = output;
    }
    bytes += add("conv_preds/kernel".into(), &[1, 1, channels, 1000]);
    bytes += add("conv_preds/bias".into(), &[1000]);
    let group = serde_json::json!({"paths": ["shard1", "shard2"], "weights": weights});
    model["weightsManifest"] = serde_json::json!([group]);
    let half = bytes / 2;
    (
        model.to_string().into_bytes(),
        [vec![0; half], vec![0; bytes - half]],
    )
}

#[test]
fn a_bad_shard_never_gets_its_name_and_a_changed_one_is_noticed() {
    let name = "tfjs_mobilenet_v1_0.25_224";
    let (model, shards) = layers_model();
    let serve = |shards: [Vec<u8>; 2]| {
        let model = model.clone();
        Server::start(move |request, stream| {
            let content = match request.path.rsplit('/').next().unwrap() {
                "shard1" => &shards[0],
                "shard2" => &shards[1],
                _ => &model,
            };
            respond_file(request, stream, content, TAG);
        })
    };
    let client = Client::new();
    let folder = client.path(name).parent().unwrap().to_path_buf();
    let files = || {
        let left = std::fs::read_dir(&folder).unwrap();
        let mut left: Vec<_> = left
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".lock")
            .collect();
        left.sort();
        left
    };
    let [first, second] = shards.clone();
    // Too long, as a page to sign in to may be; and of the right length, with a number that is none.
    let long = [first.clone(), [&second[..], b"more"].concat()];
    let mut nan = second.clone();
    nan[..4].fill(0xff);
    let nan = [first.clone(), nan];
    for (wrong, said) in [
        (long, "more than the manifest says"),
        (nan, "must be finite"),
    ] {
        let error = client.refused(&serve(wrong), name);
        assert!(
            error.contains("was deleted") && error.contains(said),
            "{error}"
        );
        assert_eq!(files(), [""; 0]);
    }
    let server = serve(shards.clone());
    let path = client.fetcher(&server).fetch(name).unwrap();
    client.cache().open(name).unwrap();
    assert_eq!(files(), ["model.json", "record.json", "shard1", "shard2"]);
    // Of what was fetched once and is not all there any more, only what is missing or changed comes again.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.join("shard2"), b"changed here").unwrap();
    let server = serve(shards.clone());
    client.fetcher(&server).fetch(name).unwrap();
    client.cache().open(name).unwrap();
    let asked: Vec<_> = server.requests().into_iter().map(|r| r.path).collect();
    assert!(
        asked.len() == 2 && asked[1].ends_with("/shard2"),
        "{asked:?}"
    );
    // The publisher's shard is another than before.
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(folder.join("shard1")).unwrap();
    let mut other = first;
    other[3] = 0x3f;
    let server = serve([other, second]);
    let error = client.fetcher(&server).fetch(name).unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    assert!(!folder.join("shard1").exists() && !path.exists());
}

#[test]
fn a_manifest_cannot_name_files_elsewhere() {
    let name = "tfjs_mobilenet_v1_0.25_224";
    for shard in [
        "../escaped",
        "/tmp/escaped",
        ".lock",
        "a/b",
        "",
        "record.json/..",
    ] {
        let model = serde_json::json!({"modelTopology": {}, "weightsManifest": [{"paths": [shard], "weights": []}]});
        let model = model.to_string().into_bytes();
        let server =
            Server::start(move |request, stream| respond_file(request, stream, &model, TAG));
        let client = Client::new();
        let error = client.refused(&server, name);
        assert!(error.contains("not a plain file name"), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
}

/// Tells the worker where to fetch from and to.
const ADDRESS: &str = "MOBILENET_TEST_ADDRESS";
const FOLDER: &str = "MOBILENET_TEST_FOLDER";

#[test]
#[ignore = "other tests run it in processes of its own"]
fn worker() {
    let (Ok(address), Ok(folder)) = (std::env::var(ADDRESS), std::env::var(FOLDER)) else {
        return;
    };
    let fetch = Fetch::new(Cache::at(folder)).with_mirror(address);
    fetch.fetch(NAME).unwrap();
}

fn start_worker(server: &Server, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "fetch::worker"])
        .env(ADDRESS, server.address())
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Sends in pieces, so that there is time to be disturbed.
fn slowly(request: &Request, stream: &mut std::net::TcpStream, content: &[u8]) {
    let from = match &request.if_range {
        Some(tag) if tag == TAG => request.range.unwrap_or(0),
        _ => 0,
    };
    let n = content.len();
    let status = if from == 0 {
        "200 OK"
    } else {
        "206 Partial Content"
    };
    let head = format!(
        "Content-Length: {}\r\nETag: {TAG}\r\nContent-Range: bytes {from}-{}/{n}",
        n - from,
        n - 1
    );
    respond(stream, status, &head, b"");
    for piece in content[from..].chunks(n / 20 + 1) {
        std::thread::sleep(Duration::from_millis(15));
        if std::io::Write::write_all(stream, piece).is_err() {
            return;
        }
    }
}

#[test]
fn two_processes_at_once_fetch_one_file() {
    let file = file_of(0);
    let content = file.clone();
    let server = Server::start(move |request, stream| slowly(request, stream, &content));
    let client = Client::new();
    let both = [(); 2].map(|()| start_worker(&server, client.folder.path()));
    both.into_iter().for_each(finish);
    assert_eq!(std::fs::read(client.path(NAME)).unwrap(), file);
    assert_eq!(
        server.requests().len(),
        1,
        "the second waited for the first"
    );
    client.cache().open(NAME).unwrap();
}

#[test]
fn a_killed_process_leaves_nothing_wrong_and_the_next_goes_on() {
    let file = file_of(0);
    let content = file.clone();
    let server = Server::start(move |request, stream| slowly(request, stream, &content));
    // How long it takes undisturbed, on this machine now.
    let (client, started) = (Client::new(), Instant::now());
    finish(start_worker(&server, client.folder.path()));
    let whole = started.elapsed();
    let (mut unfinished, mut resumed) = (0, 0);
    for moment in 0..20 {
        let client = Client::new();
        let mut child = start_worker(&server, client.folder.path());
        std::thread::sleep(whole * moment / 20);
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        let path = client.path(NAME);
        if path.exists() {
            assert_eq!(std::fs::read(&path).unwrap(), file);
        } else {
            unfinished += 1;
        }
        let before = server.requests().len();
        finish(start_worker(&server, client.folder.path()));
        assert_eq!(
            std::fs::read(&path).unwrap(),
            file,
            "killed at moment {moment}"
        );
        client.cache().open(NAME).unwrap();
        resumed += usize::from(
            server.requests()[before..]
                .iter()
                .any(|r| r.range.is_some()),
        );
    }
    eprintln!("killed 20 times over {whole:.1?}: {unfinished} unfinished, {resumed} resumed");
    assert!(unfinished > 0 && resumed > 0);
}
