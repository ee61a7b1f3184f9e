//! An HTTP server on the loopback interface that answers as a test wants it to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What a client asked for.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    /// How many requests for this path came before.
    pub number: usize,
    /// From which byte on.
    pub range: Option<usize>,
    pub if_range: Option<String>,
}

pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    pub fn start(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, stop) = (
            Arc::<Mutex<Vec<Request>>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let (log, stopped, answer) = (requests.clone(), stop.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    if let Some(request) = read_request(&stream, &log) {
                        answer(&request, &mut stream);
                    }
                });
            }
        });
        Self {
            port,
            requests,
            stop,
        }
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port)); // Wakes it.
    }
}

fn read_request(stream: &TcpStream, log: &Mutex<Vec<Request>>) -> Option<Request> {
    let mut reader = BufReader::new(stream.take(1 << 16));
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_string();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_string());
    }
    let range = headers.get("range").and_then(|range| {
        let from = range.strip_prefix("bytes=")?.strip_suffix('-')?;
        from.parse().ok()
    });
    let mut log = log.lock().unwrap();
    let request = Request {
        number: log.iter().filter(|r| r.path == path).count(),
        range,
        if_range: headers.remove("if-range"),
        path,
    };
    log.push(request.clone());
    Some(request)
}

/// One answer a connection; the connection is closed when the stream goes.
pub fn respond(stream: &mut TcpStream, status: &str, head: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\n{head}\r\n{}\r\n",
        match head {
            "Connection: close" => "",
            _ => "Connection: close\r\n",
        }
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

/// As a server should.
pub fn respond_file(request: &Request, stream: &mut TcpStream, content: &[u8], tag: &str) {
    let n = content.len();
    match (request.range, &request.if_range) {
        (Some(from), Some(if_range)) if if_range == tag && from < n => {
            let head = format!(
                "Content-Length: {}\r\nETag: {tag}\r\nContent-Range: bytes {from}-{}/{n}",
                n - from,
                n - 1
            );
            respond(stream, "206 Partial Content", &head, &content[from..]);
        }
        _ => {
            let head = format!("Content-Length: {n}\r\nETag: {tag}");
            respond(stream, "200 OK", &head, content);
        }
    }
}

/// Cuts the connection without an answer.
pub fn reset(stream: &mut TcpStream) {
    let _ = stream.shutdown(std::net::Shutdown::Both);
}
