use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::future::pending;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use http_body::Body as _;
use hyper::{Request, Response};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tower::service_fn;

use super::*;
use crate::listener::{
    ClientShare, Listening, Pieces, RequestBody, ResponseBudget, ServeLimits, bind, serve,
};

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

type Parts = VecDeque<(Bytes, Option<SharedFile>)>;

/// Serves these parts at `/`, until the runtime ends.
async fn start(parts: Parts) -> SocketAddr {
    let listener = bind("127.0.0.1", 0).await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = service_fn(move |request: Request<RequestBody>| {
        let outgoing = request
            .extensions()
            .get::<Outgoing>()
            .expect("over plain HTTP/1");
        let body = Pieces::new(parts.clone(), Some(outgoing.clone()));
        assert!(body.size_hint().exact().is_some());
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    let listening = Listening {
        listener,
        tls: None,
        limits: ServeLimits::default(),
        share: ClientShare::default(),
        budget: ResponseBudget::new(0),
        service,
    };
    tokio::spawn(serve(listening, pending()));
    address
}

/// A connection whose buffer is so small that the server cannot send much at a time.
async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    soon(socket.connect(address)).await.unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("this should not take so long")
}

async fn ask(stream: &mut TcpStream, methods: &[&str]) {
    for method in methods {
        let request = format!("{method} / HTTP/1.1\r\nHost: x\r\n\r\n");
        soon(stream.write_all(request.as_bytes())).await.unwrap();
    }
}

/// The length that the next head promises.
async fn head(stream: &mut TcpStream) -> usize {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length");
    length.parse().unwrap()
}

async fn body(stream: &mut TcpStream) -> Vec<u8> {
    let mut body = vec![0; head(stream).await];
    // in pieces of an odd size, so that the server is stopped and woken all the time
    for piece in body.chunks_mut(7919) {
        soon(stream.read_exact(piece)).await.unwrap();
    }
    body
}

fn file_of(bytes: &[u8]) -> SharedFile {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file)
}

/// Bytes that are nowhere the same for long.
fn noise(seed: usize, len: usize) -> Bytes {
    let bytes = (0..len).map(|i| (i.wrapping_add(seed).wrapping_mul(0x9e37_79b1) >> 13) as u8);
    bytes.collect::<Vec<u8>>().into()
}

fn joined(parts: &Parts) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|(bytes, _)| bytes.iter().copied())
        .collect()
}

#[tokio::test]
async fn what_lies_in_a_file_is_sent_from_there_and_the_rest_from_memory() {
    // the file has other bytes than the memory: only so can the client tell where they come from
    let parts = Parts::from([
        (Bytes::from_static(b"head "), None),
        (
            Bytes::from(vec![b'm'; 300_000]),
            Some(file_of(&[b'f'; 300_000])),
        ),
        (Bytes::from(vec![b'm'; 300_000]), None),
        (Bytes::from(vec![b'm'; 10]), Some(file_of(&[b'f'; 10]))),
        (Bytes::from_static(b" tail"), None),
    ]);
    let expected = [
        &b"head "[..],
        &[b'f'; 300_000],
        &[b'm'; 300_000],
        &[b'f'; 10],
        b" tail",
    ]
    .concat();
    let mut stream = connect(start(parts).await).await;
    for _ in 0..3 {
        ask(&mut stream, &["GET"]).await;
        assert!(body(&mut stream).await == expected);
    }
}

#[test]
fn bytes_are_the_same_whatever_lies_in_files() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sizes = prop_oneof![
        1..20_usize,
        4090..4100_usize,
        65_530..65_540_usize,
        1..900_000_usize
    ];
    let shapes = proptest::collection::vec((sizes, any::<bool>()), 1..20);
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let same = |shape: Vec<(usize, bool)>| {
        let parts: Parts = (shape.iter().enumerate())
            .map(|(i, (len, in_file))| {
                let bytes = noise(i, *len);
                let file = in_file.then(|| file_of(&bytes));
                (bytes, file)
            })
            .collect();
        let expected = joined(&parts);
        runtime.block_on(async {
            let mut stream = connect(start(parts).await).await;
            // sent at once: the answers follow each other without a pause
            ask(&mut stream, &["GET", "HEAD", "GET"]).await;
            prop_assert!(body(&mut stream).await == expected);
            prop_assert_eq!(head(&mut stream).await, expected.len());
            prop_assert!(body(&mut stream).await == expected);
            Ok(())
        })
    };
    runner.run(&shapes, same).unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_sent_is_sent_from_memory() {
    let bytes = noise(1, 400_000);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("write-only");
    let write_only = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .unwrap();
    for (case, file) in [
        (
            "it is a directory",
            Arc::new(File::open(directory.path()).unwrap()) as SharedFile,
        ),
        ("it is not open for reading", Arc::new(write_only)),
        ("it is empty", file_of(b"")),
        ("it ends early", file_of(&bytes[..100_001])),
    ] {
        let parts = Parts::from([
            (bytes.clone(), Some(file)),
            (bytes.clone(), Some(file_of(&bytes))),
        ]);
        let expected = joined(&parts);
        let mut stream = connect(start(parts).await).await;
        for _ in 0..2 {
            ask(&mut stream, &["GET"]).await;
            assert!(body(&mut stream).await == expected, "{case}");
        }
    }
}

#[tokio::test]
async fn files_are_let_go_when_they_are_sent_and_when_the_client_leaves() {
    let bytes = noise(1, 4 << 20);
    let file = file_of(&bytes);
    let parts = Parts::from([(bytes, Some(Arc::clone(&file)))]);
    let expected = joined(&parts);
    let address = start(parts).await;
    // one here, one in the service
    let is_let_go = async || {
        soon(async {
            while Arc::strong_count(&file) > 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    };

    let mut stays = connect(address).await;
    ask(&mut stays, &["HEAD"]).await;
    assert_eq!(head(&mut stays).await, expected.len());
    is_let_go().await;
    ask(&mut stays, &["GET"]).await;
    assert!(body(&mut stays).await == expected);
    is_let_go().await;

    let mut leaves = connect(address).await;
    ask(&mut leaves, &["GET"]).await;
    head(&mut leaves).await;
    assert!(
        Arc::strong_count(&file) > 2,
        "most of it cannot have been sent"
    );
    drop(leaves);
    is_let_go().await;
}
