//! An HTTP server that answers what a test tells it to, byte by byte: wrong bodies, cut bodies, silence.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens on a connection after a request was read.
pub enum Answer {
    /// These bytes, then the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes, then nothing for ever.
    Silence(Vec<u8>),
    /// These bytes again and again.
    Endless(Vec<u8>),
}

/// A running server; it ends with the test's runtime.
pub struct Liar {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Liar {
    /// Answers each request, given as its head's text, as `answer` says.
    pub async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Liar {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move { serve(connection, &seen, &*answer).await });
            }
        });
        Liar { address, requests }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of the requests so far whose path is, or begins with, `path`.
    pub fn requests(&self, path: &str) -> Vec<String> {
        let start = format!("GET {path}");
        let requests = self.requests.lock().expect("no request panics");
        let wanted = requests.iter().filter(|head| head.starts_with(&start));
        wanted.cloned().collect()
    }
}

impl Answer {
    /// A whole answer.
    pub fn new(status: &str, headers: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
        );
        Answer::Bytes([head.as_bytes(), body].concat())
    }

    /// 200 with a body.
    pub fn ok(body: impl AsRef<[u8]>) -> Answer {
        Answer::new("200 OK", "", body.as_ref())
    }

    /// 404 as servers other than ChartMuseum say it.
    pub fn not_found() -> Answer {
        Answer::new("404 Not Found", "", b"<h1>nothing here</h1>")
    }
}

async fn serve(
    mut connection: TcpStream,
    seen: &Mutex<Vec<String>>,
    answer: &(dyn Fn(&str) -> Answer + Send + Sync),
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let answer = answer(&head);
    seen.lock().expect("no request panics").push(head);
    match answer {
        Answer::Bytes(bytes) => {
            let _ = connection.write_all(&bytes).await;
            let _ = connection.shutdown().await;
        }
        Answer::Silence(bytes) => {
            let _ = connection.write_all(&bytes).await;
            std::future::pending().await
        }
        Answer::Endless(bytes) => while connection.write_all(&bytes).await.is_ok() {},
    }
}
