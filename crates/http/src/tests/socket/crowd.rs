//! Many who send slowly, all from one address.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::super::engine;
use super::{health_from, let_in, serve_within};
use crate::Connections;

/// Where the crowd comes from, and somebody else.
const THEIRS: &str = "127.0.0.1";
const OTHER: &str = "127.0.0.2";

/// How many come beyond those that may.
const BEYOND: usize = 12;

/// Connections that each send a head byte by byte, and never its end.
struct Crowd {
    open: Vec<TcpStream>,
    /// What the server has said to any of them.
    told: Vec<u8>,
}

impl Crowd {
    async fn come(address: SocketAddr, count: usize) -> Self {
        let mut open = Vec::new();
        for _ in 0..count {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let beginning = b"GET /health HTTP/1.1\r\nhost: shop.test\r\nx-slow: ";
            // Whether it is closed is seen when it is read.
            drop(stream.write_all(beginning).await);
            open.push(stream);
        }
        Self { open, told: Vec::new() }
    }

    /// A byte more on each that the server has not closed.
    async fn drip(&mut self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        for mut stream in std::mem::take(&mut self.open) {
            if is_open(&stream, &mut self.told) {
                drop(stream.write_all(b"x").await);
                self.open.push(stream);
            }
        }
    }
}

/// Whether the server has closed a connection, and what it has said on it.
fn is_open(stream: &TcpStream, told: &mut Vec<u8>) -> bool {
    let mut part = [0; 1_024];
    loop {
        match stream.try_read(&mut part) {
            Ok(0) => return false,
            Ok(read) => told.extend_from_slice(&part[..read]),
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

#[tokio::test]
async fn l56_no_more_than_may_drip_and_others_are_answered() {
    // Nobody's time is over here.
    let connections = Connections::default().with_head(Duration::from_secs(3_600));
    let most = connections.per_address;
    let address = serve_within(engine().await, connections).await;
    let mut crowd = Crowd::come(address, most + BEYOND).await;
    let mut rounds = 0;
    while crowd.open.len() > most {
        assert_eq!(health_from(OTHER, address).await, "200");
        crowd.drip().await;
        rounds += 1;
        assert!(rounds < 3_000, "{} are open", crowd.open.len());
    }
    for _ in 0..10 {
        crowd.drip().await;
        assert_eq!(crowd.open.len(), most);
        assert_eq!(health_from(THEIRS, address).await, "", "one more of them");
        assert_eq!(health_from(OTHER, address).await, "200");
    }
    assert_eq!(String::from_utf8_lossy(&crowd.told), "");
    drop(crowd);
    let_in(THEIRS, address).await;
}

#[tokio::test]
async fn l56_all_who_drip_are_closed_when_the_time_of_a_head_is_over() {
    let connections = Connections::default().with_head(Duration::from_secs(1));
    let count = connections.per_address + BEYOND;
    let address = serve_within(engine().await, connections).await;
    let mut crowd = Crowd::come(address, count).await;
    let mut rounds = 0;
    while !crowd.open.is_empty() {
        assert_eq!(health_from(OTHER, address).await, "200");
        crowd.drip().await;
        rounds += 1;
        assert!(rounds < 3_000, "{} are open", crowd.open.len());
    }
    let told = String::from_utf8_lossy(&crowd.told);
    assert!(!told.contains("HTTP/1.1 200"), "{told}");
    let_in(THEIRS, address).await;
}
