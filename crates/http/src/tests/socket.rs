//! The same over a connection: what a client sees of the end of a stream.
#![expect(clippy::disallowed_methods, reason = "client and server share one process")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use sandbar::{Engine, Limits, Overflow};

use super::{engine, question, shop, token};

async fn serve(engine: Engine) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, crate::router(engine)).await });
    address
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
