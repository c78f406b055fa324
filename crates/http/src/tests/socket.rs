//! The same over a connection: what a client sees of the end of a stream.
#![expect(clippy::disallowed_methods, reason = "client and server share one process")]

#[cfg(target_os = "linux")]
mod crowd;
mod unread;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::get as route;
use futures::{StreamExt, stream};
use sandbar::{Engine, Limits, Overflow};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::{engine, question, shop, token};
use crate::{Connections, Options};

async fn serve(engine: Engine) -> SocketAddr {
    serve_within(engine, Connections::default()).await
}

async fn serve_within(engine: Engine, connections: Connections) -> SocketAddr {
    serve_as(engine, Options::default(), connections).await
}

async fn serve_as(engine: Engine, options: Options, connections: Connections) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let never = std::future::pending::<()>();
    tokio::spawn(crate::serve_with(listener, engine, options, connections, never));
    address
}

/// A connection that gives up where the server would wait for ever.
fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// What comes back until the server ends the connection, which it does; it may reset it.
fn ended(stream: &mut TcpStream) -> String {
    let mut told = Vec::new();
    let kind = stream.read_to_end(&mut told).err().map(|error| error.kind());
    assert!(!matches!(kind, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut)));
    String::from_utf8(told).unwrap()
}

/// What comes back for some bytes until the server ends the connection.
async fn until_closed(address: SocketAddr, sent: impl Into<Vec<u8>>) -> String {
    let sent = sent.into();
    let exchange = move || {
        let mut stream = connect(address);
        stream.write_all(&sent).unwrap();
        ended(&mut stream)
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

/// Everything that comes back for a question of ana's.
async fn exchange(address: SocketAddr, question: String) -> String {
    let exchange = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST /api/agent/query HTTP/1.1\r\nhost: shop.test\r\nconnection: close, te\r\n\
             te: trailers\r\ncontent-type: application/json\r\naccept: application/x-ndjson\r\n\
             authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
            token("ana"),
            question.len()
        );
        stream.write_all(format!("{head}{question}").as_bytes()).unwrap();
        let mut told = Vec::new();
        // A connection that is cut may be reset.
        let _ = stream.read_to_end(&mut told);
        String::from_utf8(told).unwrap()
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

#[tokio::test]
async fn a_complete_stream_ends_with_its_trailer() {
    let address = serve(engine().await).await;
    let told = exchange(address, question("revenue_by_category")).await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    assert!(told.contains(r#"{"product.category":"Gizmo","revenue":"118760.34"}"#), "{told}");
    assert!(told.ends_with("\r\n0\r\nx-sandbar-truncated: false\r\n\r\n"), "{told}");
}

#[tokio::test]
async fn a_broken_stream_does_not_look_complete() {
    let limits = Limits::default().with_overflow(Overflow::Fail);
    let address = serve(shop().limits(limits).build().await.unwrap()).await;
    let told = exchange(address, r#"{"table":"orders","fields":["id"]}"#.to_owned()).await;
    // What was not sent yet may be dropped, even the status.
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    assert!(!told.contains("\r\n0\r\n"));
}

#[tokio::test]
async fn whoever_sends_no_request_is_not_waited_for() {
    let connections = Connections::default().with_head(Duration::from_millis(200));
    let address = serve_within(engine().await, connections).await;
    for silent in ["", "GET", "GET /health HTTP/1.1\r\nhost: shop.test\r\nx-more: "] {
        let told = until_closed(address, silent).await;
        assert!(!told.starts_with("HTTP/1.1 200"), "{told}");
    }
    // One request, and nothing behind it.
    let told = until_closed(address, "GET /health HTTP/1.1\r\nhost: shop.test\r\n\r\n").await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n") && told.contains(r#""status":"ok""#), "{told}");
}

/// What comes back for a beginning behind which one byte comes every 20 ms, until there is an answer
/// or an end, and how long that took.
async fn dripped(address: SocketAddr, beginning: String) -> (String, Duration) {
    let drip = move || {
        let from = Instant::now();
        let mut stream = connect(address);
        stream.write_all(beginning.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (mut told, mut part) = (Vec::new(), [0; 1024]);
        loop {
            match stream.read(&mut part) {
                Ok(0) => break,
                Ok(read) => told.extend_from_slice(&part[..read]),
                Err(error)
                    if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    break;
                }
                // The server may end it meanwhile.
                Err(_) if told.is_empty() => drop(stream.write_all(b"x")),
                Err(_) => {}
            }
            assert!(from.elapsed() < Duration::from_secs(30), "it goes on: {told:?}");
        }
        (String::from_utf8(told).unwrap(), from.elapsed())
    };
    tokio::task::spawn_blocking(drip).await.unwrap()
}

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_head_that_drips_ends_with_its_time() {
    let connections = Connections::default().with_head(SHORT);
    let address = serve_within(engine().await, connections).await;
    let beginning = "GET /health HTTP/1.1\r\nhost: shop.test\r\nx-slow: ";
    let (told, time) = dripped(address, beginning.to_owned()).await;
    assert!(!told.starts_with("HTTP/1.1 200"), "{told}");
    assert!(time >= SHORT, "{time:?}");
}

#[tokio::test]
async fn a_body_that_drips_is_refused_after_its_time() {
    let options = Options::default().body_time(SHORT);
    let address = serve_as(engine().await, options, Connections::default()).await;
    let beginning = format!(
        "POST /api/agent/query HTTP/1.1\r\nhost: shop.test\r\ncontent-type: application/json\r\n\
         connection: close\r\nauthorization: Bearer {}\r\ncontent-length: 100000\r\n\r\n{{",
        token("ana")
    );
    let (told, time) = dripped(address, beginning).await;
    assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
    assert!(told.contains("x-sandbar-code: H0109\r\n"), "{told}");
    assert!(time >= SHORT, "{time:?}");
}

/// The status of `GET /health`, asked from an address of this machine.
#[cfg(target_os = "linux")]
async fn health_from(own: &str, address: SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(own.parse().unwrap(), 0)).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = "GET /health HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n";
    let mut told = String::new();
    // Where it is closed at once, that may be seen as a reset, and at any step.
    if stream.write_all(request.as_bytes()).await.is_ok() {
        drop(stream.read_to_string(&mut told).await);
    }
    told.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Waits until an address has a place again: the server may not have seen yet that others have gone.
#[cfg(target_os = "linux")]
async fn let_in(own: &str, address: SocketAddr) {
    let mut tries = 0;
    while health_from(own, address).await != "200" {
        tries += 1;
        assert!(tries < 500, "a place is lost");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whoever keeps connections open, and opens them again when they are closed, keeps nobody out.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn l56_one_address_does_not_take_the_places_of_others() {
    let connections = Connections::default().with_open(4).with_per_address(2);
    let address = serve_within(engine().await, connections).await;
    let silent: Vec<TcpStream> = (0..2).map(|_| connect(address)).collect();
    // They come in their order, so that both of these have their places.
    for _ in 0..10 {
        assert_eq!(health_from("127.0.0.1", address).await, "", "a third one");
        assert_eq!(health_from("127.0.0.2", address).await, "200");
    }
    drop(silent);
    let_in("127.0.0.1", address).await;
}

/// What comes back for a head with these further lines.
async fn headed(address: SocketAddr, lines: String) -> String {
    let exchange = move || {
        let mut stream = connect(address);
        let head =
            format!("GET /health HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n{lines}");
        // The server may have ended it before all is sent.
        let _ = stream.write_all(format!("{head}\r\n").as_bytes());
        ended(&mut stream)
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

#[tokio::test]
async fn a_head_has_at_most_64_kib_and_100_lines() {
    let address = serve(engine().await).await;
    let line = |length: usize| format!("x-much: {}\r\n", "x".repeat(length));
    let told = headed(address, line(63 << 10)).await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    // However much of it arrives at once.
    for kib in (64..=128).step_by(8) {
        let told = headed(address, line(kib << 10)).await;
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 431 "), "{kib}: {told}");
    }
    // Two lines are there already.
    let told = headed(address, "x-more: x\r\n".repeat(98)).await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    let told = headed(address, "x-more: x\r\n".repeat(99)).await;
    assert!(told.starts_with("HTTP/1.1 431 "), "{told}");
}

#[tokio::test]
async fn a_head_has_64_kib_to_the_byte() {
    const MOST: usize = 64 << 10;
    let address = serve(engine().await).await;
    let head = |length: usize| {
        let start = "GET /health HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\nx-much: ";
        format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4))
    };
    let told = until_closed(address, head(MOST)).await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    // Its last byte is not sent: as many as may be have come, and it has not ended.
    let mut longer = head(MOST + 1).into_bytes();
    longer.truncate(MOST);
    let told = until_closed(address, longer).await;
    assert!(told.starts_with("HTTP/1.1 431 "), "{told}");
}

/// Before there is a request only the connection answers: with a status, and nothing of ours.
#[tokio::test]
async fn what_is_no_request_is_told_a_status_and_no_more() {
    let address = serve(engine().await).await;
    for sent in ["GET /health HTTP/1.1\r\nno header\r\n\r\n", "no request at all\r\n\r\n"] {
        let told = until_closed(address, sent).await;
        assert!(told.starts_with("HTTP/1.1 400 ") && told.ends_with("\r\n\r\n"), "{told}");
        assert!(!told.contains("x-sandbar-code") && !told.contains("x-request-id"), "{told}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let address = serve(engine().await).await;
    let exchange = move || {
        let mut stream = connect(address);
        stream.write_all(b"GET /health HTTP/1.1\r\nx-much: ").unwrap();
        // Twice as much as is looked at; the server may have ended it before.
        let _ = stream.write_all(&[b'x'; 128 << 10]);
        ended(&mut stream)
    };
    let told = tokio::task::spawn_blocking(exchange).await.unwrap();
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 431 "), "{told}");
}

#[tokio::test]
async fn whoever_does_not_read_makes_room_for_others() {
    let short = Duration::from_millis(300);
    let connections = Connections::default().with_open(1).with_unread(short);
    let address = serve_within(engine().await, connections).await;
    let (greedy, other) = tokio::task::spawn_blocking(move || {
        let mut greedy = connect(address);
        let body = r#"{"table":"orders"}"#;
        let request = format!(
            "POST /api/agent/query HTTP/1.1\r\nhost: shop.test\r\ncontent-type: application/json\r\n\
             authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
            token("ana"),
            body.len()
        );
        // Far more answers than fit between the two, none of which is read.
        greedy.write_all(request.repeat(60).as_bytes()).unwrap();
        // There is room for one: this is answered once that connection has ended.
        let mut other = connect(address);
        other.write_all(b"GET /health HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n").unwrap();
        let mut told = String::new();
        other.read_to_string(&mut told).unwrap();
        (greedy, told)
    })
    .await
    .unwrap();
    assert!(other.starts_with("HTTP/1.1 200 OK\r\n"), "{other}");
    drop(greedy);
}

/// A server whose answers begin, and go on when they are told to; how it is told to end; its end.
async fn streaming(
    connections: Connections,
) -> (SocketAddr, watch::Sender<bool>, oneshot::Sender<()>, JoinHandle<()>) {
    let (go, wait) = watch::channel(false);
    let answer = move || {
        let mut wait = wait.clone();
        let rest = async move {
            drop(wait.wait_for(|go| *go).await);
            Ok("rest")
        };
        let first = std::future::ready(Ok::<_, std::fmt::Error>("first"));
        let body = Body::from_stream(stream::once(first).chain(stream::once(rest)));
        std::future::ready(body)
    };
    let router = Router::new().route("/", route(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ends) = oneshot::channel();
    let ends = async { drop(ends.await) };
    let served = tokio::spawn(crate::connections::serve(listener, router, connections, ends));
    (address, go, end, served)
}

/// So many connections whose answers have begun.
async fn begun(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let begin = move || {
        let mut stream = connect(address);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: shop.test\r\n\r\n").unwrap();
        let mut told: Vec<u8> = Vec::new();
        while !told.ends_with(b"5\r\nfirst\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            told.extend(byte);
        }
        stream
    };
    tokio::task::spawn_blocking(move || (0..count).map(|_| begin()).collect()).await.unwrap()
}

/// What comes back on each until the server ends it.
async fn rest(mut streams: Vec<TcpStream>) -> Vec<String> {
    let read = move || streams.iter_mut().map(ended).collect();
    tokio::task::spawn_blocking(read).await.unwrap()
}

#[tokio::test]
async fn answers_that_are_running_at_the_end_are_finished() {
    let (address, go, end, served) = streaming(Connections::default()).await;
    let streams = begun(address, 50).await;
    end.send(()).unwrap();
    // Nobody else is let in.
    while TcpStream::connect(address).is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!served.is_finished());
    go.send(true).unwrap();
    for told in rest(streams).await {
        assert_eq!(told, "4\r\nrest\r\n0\r\n\r\n");
    }
    served.await.unwrap();
}

#[tokio::test]
async fn answers_that_do_not_end_are_cut_off_when_their_time_is_over() {
    let short = Duration::from_millis(200);
    let (address, go, end, served) = streaming(Connections::default().with_end(short)).await;
    let streams = begun(address, 50).await;
    let from = Instant::now();
    end.send(()).unwrap();
    served.await.unwrap();
    assert!(from.elapsed() >= short);
    for told in rest(streams).await {
        assert_eq!(told, "");
    }
    drop(go);
}
