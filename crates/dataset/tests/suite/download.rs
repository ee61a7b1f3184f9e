use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use flate2::write::{GzEncoder, ZlibEncoder};

use dataset::DecodeOptions;
use dataset::download::{Download, Entry, Record, read_list, read_manifest};
use dataset::sample::{self, Subject};

use crate::common::{encode, phone, put, shared};

/// How often the busy URL was asked for; it answers from the second time on.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// A picture of almost as many pixels as a download may have; gray, so that making it takes little memory.
fn large() -> &'static [u8] {
    static LARGE: OnceLock<Vec<u8>> = OnceLock::new();
    LARGE.get_or_init(|| {
        let image = dataset::GrayImage::from_fn(6400, 4800, |x, y| [(x * y) as u8].into());
        let mut body = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut body);
        encoder.encode_image(&image).expect("an encoder that works");
        body
    })
}

/// A black PNG of 6400 x 4800 with so many bytes a pixel: 3 for RGB, 4 with alpha. Never whole in memory.
fn large_png(bytes_per_pixel: usize) -> Vec<u8> {
    let color = if bytes_per_pixel == 4 { 6 } else { 2 };
    let mut pixels = ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let row = vec![0; 1 + 6400 * bytes_per_pixel];
    (0..4800).for_each(|_| pixels.write_all(&row).expect("memory"));
    let mut header = [6400_u32.to_be_bytes(), 4800_u32.to_be_bytes()].concat();
    header.extend([8, color, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, body) in [
        (b"IHDR", header),
        (b"IDAT", pixels.finish().expect("memory")),
        (b"IEND", Vec::new()),
    ] {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(&body);
        png.extend((body.len() as u32).to_be_bytes());
        png.extend(name);
        png.extend(body);
        png.extend(crc.sum().to_be_bytes());
    }
    png
}

fn large_pngs() -> &'static [Vec<u8>; 2] {
    static LARGE: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    LARGE.get_or_init(|| [3, 4].map(large_png))
}

/// 64 MB of zeros in little.
fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut bomb = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let zeros = vec![0; 1 << 20];
        (0..64).for_each(|_| bomb.write_all(&zeros).expect("memory"));
        bomb.finish().expect("memory")
    })
}

/// Good pictures, and a server on loopback that also misbehaves.
struct Server {
    address: String,
    pictures: Arc<Vec<Vec<u8>>>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(count: usize, pause: Duration) -> Self {
        let real = shared("data/boat-cloud/train/cloud").map(|folder| {
            let mut paths: Vec<_> = fs::read_dir(folder)
                .unwrap()
                .map(|e| e.unwrap().path())
                .collect();
            paths.sort();
            paths
                .iter()
                .take(count)
                .map(|path| fs::read(path).unwrap())
                .collect()
        });
        let drawn = || {
            (0..count as u64)
                .map(|i| encode(&sample::draw(Subject::Boat, i, 1), image::ImageFormat::Jpeg))
                .collect()
        };
        let pictures: Arc<Vec<_>> = Arc::new(real.unwrap_or_else(drawn));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let server = Self {
            address,
            pictures,
            requests,
        };
        let (pictures, requests) = (server.pictures.clone(), server.requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pictures, requests) = (pictures.clone(), requests.clone());
                thread::spawn(move || {
                    requests.fetch_add(1, Ordering::SeqCst);
                    thread::sleep(pause);
                    // The client hangs up on many of these answers.
                    let _ = answer(stream, &pictures);
                });
            }
        });
        server
    }

    fn good(&self) -> Vec<Entry> {
        (0..self.pictures.len())
            .map(|i| self.entry(&format!("flickr/{i}.jpg")))
            .collect()
    }

    fn entry(&self, path: &str) -> Entry {
        Entry {
            url: format!("{}/{path}", self.address),
            ..Entry::default()
        }
    }
}

fn answer(mut stream: TcpStream, pictures: &[Vec<u8>]) -> std::io::Result<()> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut line)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = line
        .split(' ')
        .nth(1)
        .unwrap_or("")
        .trim_start_matches('/')
        .to_owned();
    let mut send = |status: &str, headers: &str, body: &[u8]| {
        write!(
            stream,
            "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n"
        )?;
        stream.write_all(body)
    };
    let sized = |body: &[u8]| {
        format!(
            "Content-Type: image/jpeg\r\nContent-Length: {}\r\n",
            body.len()
        )
    };
    let first = &pictures[0];
    if let Some(number) = path
        .strip_prefix("flickr/")
        .and_then(|p| p.strip_suffix(".jpg"))
    {
        let picture = &pictures[number.parse::<usize>().unwrap()];
        return send("200 OK", &sized(picture), picture);
    }
    match path.split('?').next().unwrap_or_default() {
        "flickr/large" => {
            let body = large();
            send("200 OK", &sized(body), body)
        }
        "flickr/phone" => {
            let body = phone();
            send("200 OK", &sized(&body), &body)
        }
        "flickr/heic" => {
            let body = [
                &b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..],
                &vec![0; 20_000][..],
            ]
            .concat();
            send("200 OK", &sized(&body), &body)
        }
        "flickr/rgb.png" | "flickr/alpha.png" => {
            let body = &large_pngs()[usize::from(path.contains("alpha"))];
            send("200 OK", &sized(body), body)
        }
        "flickr/redirected" => send("302 Found", "Location: /flickr/1.jpg\r\n", b""),
        "flickr/loop" => send("302 Found", "Location: /flickr/loop\r\n", b""),
        "flickr/home" => send("302 Found", "Location: file:///etc/passwd\r\n", b""),
        "flickr/busy" if BUSY.fetch_add(1, Ordering::SeqCst) == 0 => {
            send("429 Slow", "Retry-After: 1\r\n", b"")
        }
        "flickr/busy" => send("200 OK", &sized(&pictures[2]), &pictures[2]),
        "flickr/always-busy" => send("429 Slow", "Retry-After: 0\r\n", b""),
        "flickr/error" => send("503 No", "", b""),
        "flickr/page" => send("200 OK", "Content-Type: text/html\r\n", b"<html>"),
        "flickr/liar" => send(
            "200 OK",
            "Content-Type: image/jpeg\r\n",
            &vec![b'<'; 20_000],
        ),
        "flickr/short" => send(
            "200 OK",
            "Content-Type: image/jpeg\r\nContent-Length: 90000\r\n",
            first,
        ),
        "flickr/long" => {
            let body = [first.as_slice(), &[7; 5000]].concat();
            send("200 OK", &sized(&first[..first.len() / 2]), &body)
        }
        "flickr/cut" => send(
            "200 OK",
            &sized(&first[..first.len() / 2]),
            &first[..first.len() / 2],
        ),
        "flickr/tiny" => send("200 OK", &sized(b"GIF89a"), b"GIF89a"),
        "flickr/bomb" => {
            let body = bomb();
            send(
                "200 OK",
                &format!("{}Content-Encoding: gzip\r\n", sized(body)),
                body,
            )
        }
        "flickr/reset" => Ok(()),
        "flickr/slow" => {
            send("200 OK", &sized(first), &first[..100])?;
            thread::sleep(Duration::from_secs(20));
            Ok(())
        }
        "flickr/drip" => {
            // Never silent for long, and never done.
            send(
                "200 OK",
                "Content-Type: image/jpeg\r\nContent-Length: 90000\r\n",
                b"",
            )?;
            loop {
                stream.write_all(&first[..1])?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        "flickr/endless" => {
            send("200 OK", "Content-Type: image/jpeg\r\n", first)?;
            loop {
                stream.write_all(&vec![0; 65_536])?;
            }
        }
        path if path.starts_with("flickr/gone/") => {
            // A picture that says that there is none: the same for several URLs.
            send("200 OK", &sized(&pictures[3]), &pictures[3])
        }
        _ => send("404 Not Found", "", b""),
    }
}

fn download() -> Download {
    Download::new()
        .with_private_addresses(true)
        .with_min_bytes(1000)
        .with_max_bytes(1 << 20)
        .with_timeout(Duration::from_secs(8))
        .with_attempts(2)
}

fn run(options: &Download, entries: &[Entry], output: &Path) -> Vec<Record> {
    options.run(entries, "cloud", output, |_| ()).unwrap()
}

/// Names and contents of the folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_good_picture_arrives_once_and_every_bad_url_has_its_reason() {
    let server = Server::start(300, Duration::ZERO);
    bomb();
    let bad = [
        ("flickr/missing", "404"),
        ("flickr/always-busy", "429"),
        ("flickr/error", "503"),
        ("flickr/page", "text/html"),
        ("flickr/liar", "but sent no image"),
        ("flickr/short", "broken off"),
        ("flickr/long", "cut short"),
        ("flickr/cut", "cut short"),
        ("flickr/tiny", "more than 1000 bytes, found 6"),
        ("flickr/bomb", "but sent no image"),
        ("flickr/reset", "error sending request"),
        ("flickr/slow", "broken off"),
        ("flickr/endless", "more than 1048576 bytes"),
        ("flickr/loop", "more than 5 redirects"),
        ("flickr/home", "found file"),
        ("elsewhere.jpg", "not requested"),
    ];
    let mut entries = server.good();
    // Those that only redirect to or stand in for others are counted on their own below.
    entries.drain(1..4);
    let good = entries.len();
    entries.extend(bad.iter().map(|(path, _)| server.entry(path)));
    entries.extend(["flickr/redirected", "flickr/busy"].map(|path| server.entry(path)));
    entries.extend((0..4).map(|i| server.entry(&format!("flickr/gone/{i}"))));
    entries.push(Entry {
        url: "not a flickr url".into(),
        ..Entry::default()
    });
    let dir = tempfile::tempdir().unwrap();
    let records = run(&download(), &entries, dir.path());
    assert_eq!(records.len(), entries.len());
    for record in &records {
        assert!(
            record.path.is_some() != record.reason.is_some(),
            "{record:?}"
        );
    }
    for (path, word) in bad {
        let record = records
            .iter()
            .find(|r| r.url.ends_with(&format!("/{path}")))
            .unwrap();
        let reason = record.reason.as_deref().unwrap_or("none");
        assert!(
            reason.contains(word),
            "{path}: expected '{word}' in '{reason}'"
        );
    }
    let gone: Vec<_> = records.iter().filter(|r| r.url.contains("gone")).collect();
    assert!(
        gone.iter()
            .all(|r| r.reason.as_ref().unwrap().contains("placeholder")),
        "{gone:?}"
    );
    let found = files(&dir.path().join("cloud"));
    assert_eq!(found.len(), good + 2);
    assert_eq!(found["redirected.jpg"], server.pictures[1]);
    assert_eq!(found["busy.jpg"], server.pictures[2]);
    for i in (0..1).chain(4..300.min(server.pictures.len())) {
        assert!(found[&format!("{i}.jpg")] == server.pictures[i], "{i}");
    }
    assert_little_memory();
    // A rerun asks again only for what may have been a passing failure.
    let before = server.requests.load(Ordering::SeqCst);
    run(&download().with_attempts(1), &entries, dir.path());
    let again = server.requests.load(Ordering::SeqCst) - before;
    assert!((4..=6).contains(&again), "{again}");
    assert!(files(&dir.path().join("cloud")) == found);
}

/// The most memory this process ever had, the server and its pictures included.
fn assert_little_memory() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    match peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok()) {
        Some(peak) => {
            eprintln!("peak memory: {} MB", peak / 1000);
            assert!(peak < 200_000, "{peak} kB");
        }
        None => eprintln!("skipped: this system does not tell the peak of memory"),
    }
}

#[test]
fn memory_stays_bounded() {
    let server = Server::start(5, Duration::ZERO);
    large();
    large_pngs();
    let options = Download::new()
        .with_private_addresses(true)
        .with_max_bytes(16 << 20)
        .with_decode_options(DecodeOptions::default().with_max_memory(144 << 20))
        .with_attempts(1);
    let mut entries: Vec<Entry> = (0..24)
        .map(|i| server.entry(&format!("flickr/endless?{i}")))
        .collect();
    entries.extend((0..3).map(|i| server.entry(&format!("flickr/large?{i}"))));
    entries.extend((0..4).map(|i| server.entry(&format!("flickr/rgb.png?{i}"))));
    entries.extend((0..4).map(|i| server.entry(&format!("flickr/alpha.png?{i}"))));
    let dir = tempfile::tempdir().unwrap();
    let records = run(&options.with_jobs_per_host(8), &entries, dir.path());
    let (endless, large) = records.split_at(24);
    let (large, alpha) = large.split_at(3 + 4);
    let reason = |record: &Record| record.reason.clone().unwrap_or_default();
    assert!(
        endless
            .iter()
            .all(|r| reason(r).contains("more than 16777216 bytes")),
        "{endless:?}"
    );
    assert!(
        large
            .iter()
            .all(|r| reason(r).is_empty() || reason(r).contains("placeholder")),
        "{large:?}"
    );
    // 7 bytes for each of 30,720,000 pixels.
    assert!(
        alpha
            .iter()
            .all(|r| reason(r).contains("the memory that decoding takes is 215040000")),
        "{alpha:?}"
    );
    assert_little_memory();
}

/// What the loader accepts, the download accepts by default.
#[test]
fn photographs_of_today_are_accepted_and_other_kinds_named() {
    let server = Server::start(1, Duration::ZERO);
    let entries = ["flickr/phone", "flickr/heic"].map(|path| server.entry(path));
    let dir = tempfile::tempdir().unwrap();
    let records = run(
        &Download::new().with_private_addresses(true),
        &entries,
        dir.path(),
    );
    let size = records[0].size.expect("a size");
    assert_eq!((size.width, size.height), (16_320, 12_240));
    let reason = records[1].reason.as_deref().unwrap();
    assert!(reason.contains("this is HEIC"), "{reason}");
}

#[test]
fn a_server_that_drips_holds_no_place_for_ever() {
    let server = Server::start(1, Duration::ZERO);
    let entries = [server.entry("flickr/drip"), server.entry("flickr/0.jpg")];
    let window = Duration::from_millis(200);
    for (options, tries, word) in [
        (
            download().with_lowest_rate(1000, window),
            2,
            "at least 1000 are required",
        ),
        // The deadline holds for all tries together.
        (
            download().with_deadline(window),
            1,
            "the time limit of 0.2 seconds is over",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let start = std::time::Instant::now();
        let records = run(&options.with_jobs(1), &entries, dir.path());
        let reason = records[0].reason.as_deref().unwrap();
        assert!(
            reason.contains("given up after") && reason.contains(word),
            "{reason}"
        );
        assert!(
            records[0].retry && records[0].attempts == tries,
            "{records:?}"
        );
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
        assert!(records[1].path.is_some(), "{records:?}");
    }
}

#[test]
fn the_default_keeps_only_what_exceeds_ten_thousand_bytes() {
    let server = Server::start(60, Duration::ZERO);
    let dir = tempfile::tempdir().unwrap();
    let options = Download::new().with_private_addresses(true);
    let records = run(&options, &server.good(), dir.path());
    let large = server.pictures.iter().filter(|p| p.len() > 10_000).count();
    assert_eq!(records.iter().filter(|r| r.path.is_some()).count(), large);
    let limit = server.pictures[0].len() as u64;
    let exactly = options.with_min_bytes(limit);
    let other = tempfile::tempdir().unwrap();
    assert!(
        run(&exactly, &server.good()[..1], other.path())[0]
            .path
            .is_none()
    );
}

#[test]
fn private_addresses_are_refused_unless_allowed() {
    let server = Server::start(1, Duration::ZERO);
    let port = server.address.rsplit(':').next().unwrap();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
    ];
    let entries: Vec<_> = hosts
        .iter()
        .map(|host| Entry {
            url: format!("http://{host}:{port}/flickr/0.jpg"),
            ..Entry::default()
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    for record in run(&Download::new(), &entries, dir.path()) {
        let reason = record.reason.unwrap();
        assert!(reason.contains("not public"), "{}: {reason}", record.url);
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 0);
}

/// What an option refuses is refused for as long as the option says so, without asking again, and no longer.
#[test]
fn another_value_of_an_option_gives_its_refusals_another_try() {
    let server = Server::start(2, Duration::ZERO);
    let dir = tempfile::tempdir().unwrap();
    let entries = [server.entry("flickr/0.jpg"), server.entry("flickr/tiny")];
    let asked = || server.requests.load(Ordering::SeqCst);
    let digest = {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(&server.pictures[0]);
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let refusals = [
        (
            download().with_url_filter(["boats".into()]),
            0,
            "not requested",
        ),
        (download().with_private_addresses(false), 0, "not public"),
        (download().with_min_bytes(1 << 19), 2, "expected more than"),
        (download().with_max_bytes(5), 2, "more than 5 bytes"),
        (download().with_placeholders([digest]), 2, "placeholder"),
    ];
    for (options, requests, word) in refusals {
        let before = asked();
        let records = run(&options, &entries, dir.path());
        let reason = records[0].reason.as_deref().unwrap();
        assert!(reason.contains(word), "{reason}");
        assert_eq!(asked() - before, requests, "{word}");
        assert_eq!(run(&options, &entries, dir.path()), records);
        assert_eq!(asked() - before, requests, "asked again: {word}");
    }
    let records = run(&download().with_min_bytes(5), &entries, dir.path());
    assert_eq!(records[0].path.as_deref(), Some("cloud/0.jpg"));
    assert_eq!((&records[0].reason, &records[0].refused_by), (&None, &None));
    // Broken is broken, whatever the options.
    let reason = records[1].reason.as_deref().unwrap();
    assert!(
        reason.contains("cut short") || reason.contains("GIF"),
        "{reason}"
    );
    let before = asked();
    run(&download(), &entries, dir.path());
    assert_eq!(asked(), before);
}

#[test]
fn nothing_is_overwritten_and_names_that_collide_stay_two() {
    let server = Server::start(6, Duration::ZERO);
    let dir = tempfile::tempdir().unwrap();
    put(dir.path().join("cloud/4.jpg"), b"a file of someone else");
    let mut entries = vec![
        server.entry("flickr/4.jpg"),
        server.entry("flickr/4.jpg?size=large"),
    ];
    entries.push(server.entry("flickr/4.jpg"));
    // The server does not know the second.
    let records = run(&download(), &entries, dir.path());
    assert_eq!(records.len(), 3);
    let found = files(&dir.path().join("cloud"));
    assert_eq!(found["4.jpg"], b"a file of someone else");
    assert_eq!(found["4~~1.jpg"], server.pictures[4]);
    assert_eq!(found.len(), 2);
}

#[test]
fn the_lists_of_the_original_parse() {
    for (name, count, flickr) in [("boat", 1204, 631), ("cloud", 1399, 1338)] {
        let Some(path) = shared(&format!("data/{name}_src_url.txt.gz")) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let mut text = flate2::read::GzDecoder::new(fs::File::open(path).unwrap());
        let list = dir.path().join("list.txt");
        std::io::copy(&mut text, &mut fs::File::create(&list).unwrap()).unwrap();
        let entries = read_list(&list).unwrap();
        assert_eq!(entries.len(), count);
        assert_eq!(
            entries.iter().filter(|e| e.url.contains("flickr")).count(),
            flickr
        );
    }
}

#[test]
fn lists_may_be_tables() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.csv");
    put(
        &list,
        "author,URL,License\n\"Doe, J.\",http://a/1.jpg,CC0\n,http://a/2.jpg,\n",
    );
    let entries = read_list(&list).unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].author.as_deref(), Some("Doe, J."));
    assert_eq!(entries[0].license.as_deref(), Some("CC0"));
    assert_eq!(
        (entries[1].url.as_str(), &entries[1].author),
        ("http://a/2.jpg", &None)
    );
}

#[test]
fn lists_of_spreadsheets_are_read_and_rows_without_url_refused() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.csv");
    put(&list, "\u{feff}url,author\nhttp://a/1.jpg,Doe\n");
    let entries = read_list(&list).unwrap();
    assert_eq!(
        (entries.len(), entries[0].url.as_str()),
        (1, "http://a/1.jpg")
    );
    assert_eq!(entries[0].author.as_deref(), Some("Doe"));
    put(&list, "\u{feff}http://a/1.jpg\n");
    assert_eq!(read_list(&list).unwrap()[0].url, "http://a/1.jpg");
    put(&list, b"\x1f\x8b\x08\0http://a/1.jpg\n");
    let error = read_list(&list).unwrap_err().to_string();
    assert!(error.contains("unpack it"), "{error}");
    for (text, line) in [
        ("url,author\nhttp://a/1.jpg,Doe\n,Roe\n", "line 3"),
        ("url,author\r\nhttp://a/1.jpg,Doe\r\n,Roe\r\n", "line 3"),
        ("url,author\n\nhttp://a/1.jpg,Doe\n\n\n,Roe\n", "line 6"),
    ] {
        put(&list, text);
        let error = read_list(&list).unwrap_err().to_string();
        assert!(
            error.contains("list.csv") && error.contains(line),
            "{error}"
        );
    }
}

/// Manifests of earlier versions are read; the license had another name in them.
#[test]
fn names_in_manifests_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("manifest.jsonl");
    let line = r#"{"url":"http://a/1.jpg","class":"cloud","final_url":null,"status":200,"bytes":9,"sha256":null,"format":"jpeg","size":[640,480],"path":"cloud/1.jpg","reason":null,"retry":false,"refused_by":null,"attempts":1,"license":"CC0","author":null}"#;
    let earlier = line.replace("license", "licence");
    put(&path, format!("{earlier}\n{{\"url\": cut"));
    let records = read_manifest(&path).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].license.as_deref(), Some("CC0"));
    assert_eq!(records[0].size, Some((640, 480).into()));
    assert_eq!(serde_json::to_string(&records[0]).unwrap(), line);
}

/// Two at once would take each other's half-written files for what an interruption left.
#[cfg(unix)]
#[test]
fn one_download_at_a_time_into_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cloud");
    fs::create_dir(&folder).unwrap();
    let other = fs::File::open(&folder).unwrap();
    other.lock().unwrap();
    put(folder.join(".part-1"), b"half");
    let run = || download().run(&[], "cloud", dir.path(), |_| ());
    let error = run().unwrap_err().to_string();
    assert!(error.contains("another download"), "{error}");
    assert!(folder.join(".part-1").exists());
    drop(other);
    run().unwrap();
    assert!(!folder.join(".part-1").exists());
}

/// What the next test starts as a process of its own, to be killed.
#[test]
#[ignore = "run by the test below"]
fn child_process() {
    let (Ok(list), Ok(output)) = (
        std::env::var("DOWNLOAD_LIST"),
        std::env::var("DOWNLOAD_OUTPUT"),
    ) else {
        return;
    };
    run(&download(), &read_list(list).unwrap(), Path::new(&output));
}

#[test]
fn killed_at_any_moment_a_rerun_gives_the_same_folder() {
    let server = Server::start(80, Duration::from_millis(4));
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.txt");
    put(
        &list,
        server
            .good()
            .iter()
            .map(|e| format!("{}\n", e.url))
            .collect::<String>(),
    );
    let whole = dir.path().join("whole");
    run(&download(), &server.good(), &whole);
    let expected = files(&whole.join("cloud"));
    assert_eq!(expected.len(), server.pictures.len());
    let mut halfway = 0;
    for attempt in 0..20 {
        let output = dir.path().join(format!("killed-{attempt}"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "download::child_process", "--ignored"])
            .env("DOWNLOAD_LIST", &list)
            .env("DOWNLOAD_OUTPUT", &output)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Killed when so many files are there, and a moment later: not by the clock, which says nothing of how far the
        // child is.
        let half = output.join("cloud");
        let whole = |path: &std::io::Result<fs::DirEntry>| {
            let name = path.as_ref().map(fs::DirEntry::file_name);
            name.is_ok_and(|name| !name.as_encoded_bytes().starts_with(b".part-"))
        };
        let there = || fs::read_dir(&half).map_or(0, |files| files.filter(whole).count());
        while there() < attempt * expected.len() / 20 && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(attempt as u64 % 5));
        child.kill().unwrap();
        child.wait().unwrap();
        halfway += usize::from((1..expected.len()).contains(&there()));
        let before = if half.exists() {
            files(&half)
        } else {
            BTreeMap::new()
        };
        for (name, bytes) in before
            .iter()
            .filter(|(name, _)| !name.starts_with(".part-"))
        {
            assert!(expected[name] == *bytes, "{name} is visible, but not whole");
        }
        let records = run(&download(), &server.good(), &output);
        assert!(records.iter().all(|r| r.path.is_some()));
        assert!(files(&half) == expected, "attempt {attempt}");
        assert!(read_manifest(output.join("manifest.jsonl")).unwrap().len() >= expected.len());
    }
    assert!(halfway > 0, "no kill came while files were arriving");
}

/// Before, a column of digests was glued onto the URL.
#[test]
fn what_arrives_is_compared_with_the_digest_of_the_list() {
    use dataset::download::Expected;
    use sha2::Digest;
    let server = Server::start(2, Duration::ZERO);
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let right = hex(&sha2::Sha256::digest(&server.pictures[0]));
    let with = |path: &str, digest: &str| Entry {
        digest: Expected::parse(digest),
        ..server.entry(path)
    };
    let entries = [with("flickr/0.jpg", &right), with("flickr/1.jpg", &right)];
    let dir = tempfile::tempdir().unwrap();
    let records = run(&download(), &entries, dir.path());
    assert!(records[0].path.is_some(), "{:?}", records[0]);
    let reason = records[1].reason.as_deref().unwrap();
    assert!(
        reason.contains("this is not the file of the list, whose SHA-256 is")
            && reason.contains(&right),
        "{reason}"
    );
    assert!(!records[1].retry && files(&dir.path().join("cloud")).len() == 1);
}
