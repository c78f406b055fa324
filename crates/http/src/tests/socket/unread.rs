//! Whoever does not read has no rows made for him: they are made as they are taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use sandbar::{DecisionOutcome, Engine, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::super::sessions::verifier;
use super::super::{NOW, Outcomes, outcomes, token};
use super::serve;

const MODEL: &str = "tables: { pages: { fields: { id: {}, text: {} } } }";
const POLICIES: &str = "
groups: { analysts: {} }
policies: { all: { groups: [analysts], grant: { tables: [pages] } } }
";
const QUESTION: &str = r#"{"table":"pages","fields":["id","text"]}"#;

/// The formats whose rows come as they are found.
const STREAMED: [&str; 2] = ["application/x-ndjson", "application/vnd.apache.arrow.stream"];

/// How many batches the table has, of one row each.
const ALL: usize = 1_024;
/// The bytes of one text: all rows have 64 MiB, and some 4 MiB fit between the two ends.
const LENGTH: usize = 64 << 10;
/// A part that is never reached by what fits there.
const HALF: usize = ALL / 2;

/// A table that counts the batches that it has given.
#[derive(Debug)]
struct Pages {
    page: RecordBatch,
    given: Arc<AtomicUsize>,
}

impl PartitionStream for Pages {
    fn schema(&self) -> &SchemaRef {
        self.page.schema_ref()
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (page, given) = (self.page.clone(), Arc::clone(&self.given));
        let pages = (0..ALL).map(move |_| {
            given.fetch_add(1, Ordering::SeqCst);
            Ok(page.clone())
        });
        let pages = futures::stream::iter(pages);
        Box::pin(RecordBatchStreamAdapter::new(self.page.schema(), pages))
    }
}

/// A server over that table.
struct Library {
    address: SocketAddr,
    given: Arc<AtomicUsize>,
    outcomes: Outcomes,
}

impl Library {
    async fn open() -> Self {
        let columns: [(&str, ArrayRef); 2] = [
            ("id", Arc::new(Int64Array::from(vec![1]))),
            ("text", Arc::new(StringArray::from(vec!["x".repeat(LENGTH)]))),
        ];
        let page = RecordBatch::try_from_iter(columns).unwrap();
        let (schema, given) = (page.schema(), Arc::new(AtomicUsize::new(0)));
        let pages: Arc<dyn PartitionStream> = Arc::new(Pages { page, given: Arc::clone(&given) });
        let table = StreamingTable::try_new(schema, vec![pages]).unwrap();
        let (outcomes, record) = outcomes();
        // Nothing but the reader decides here how far an answer comes.
        let engine = Engine::builder()
            .model("model.yaml", MODEL)
            .policies("policies.yaml", POLICIES)
            .table_provider("pages", Arc::new(table))
            .verifier(verifier())
            .clock(|| UNIX_EPOCH + Duration::from_secs(NOW))
            .limits(Limits::default().with_bytes(1 << 30).with_time(None))
            .decisions(record)
            .build()
            .await
            .unwrap();
        Self { address: serve(engine).await, given, outcomes }
    }

    /// A connection over which all rows are asked for, and the beginning of the answer has been
    /// read.
    async fn asked(&self, format: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        // As much as the system would keep otherwise differs from one to the next.
        socket.set_recv_buffer_size(64 << 10).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        let request = format!(
            "POST /api/agent/query HTTP/1.1\r\nhost: shop.test\r\nconnection: close, te\r\n\
             te: trailers\r\ncontent-type: application/json\r\naccept: {format}\r\n\
             authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{QUESTION}",
            token("ana"),
            QUESTION.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut beginning = [0; 1_024];
        stream.read_exact(&mut beginning).await.unwrap();
        let beginning = String::from_utf8_lossy(&beginning);
        assert!(beginning.starts_with("HTTP/1.1 200 OK\r\n"), "{beginning}");
        stream
    }

    /// How many batches were given once no more come.
    async fn at_rest(&self) -> usize {
        let (mut last, mut same) = (0, 0);
        while same < 25 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let given = self.given.load(Ordering::SeqCst);
            same = if given == last { same + 1 } else { 0 };
            last = given;
        }
        last
    }

    /// How the question has ended, once it has.
    async fn ended(&self) -> Vec<DecisionOutcome> {
        while self.outcomes.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.outcomes.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn l56_rows_are_made_as_they_are_read() {
    for format in STREAMED {
        let library = Library::open().await;
        let mut stream = library.asked(format).await;
        let rest = library.at_rest().await;
        assert!((1..HALF).contains(&rest), "{format}: {rest} of {ALL} are made for nobody");
        assert!(library.outcomes.lock().unwrap().is_empty(), "{format}");
        // Whoever reads on is given the rest, to its regular end.
        let mut told = Vec::new();
        let read = stream.read_to_end(&mut told);
        tokio::time::timeout(Duration::from_secs(300), read).await.unwrap().unwrap();
        assert!(told.len() > (ALL - 1) * LENGTH, "{format}: {} bytes", told.len());
        let end = String::from_utf8_lossy(&told[told.len() - 256..]);
        assert!(end.contains("\r\n0\r\n") && end.ends_with("\r\n\r\n"), "{format}: {end}");
        assert_eq!(library.given.load(Ordering::SeqCst), ALL, "{format}");
        assert_eq!(library.ended().await, [DecisionOutcome::Answered], "{format}");
    }
}

#[tokio::test]
async fn l56_whoever_goes_away_unread_ends_what_is_made_for_him() {
    for format in STREAMED {
        let library = Library::open().await;
        let stream = library.asked(format).await;
        library.at_rest().await;
        assert!(library.outcomes.lock().unwrap().is_empty(), "{format}");
        drop(stream);
        assert_eq!(library.ended().await, [DecisionOutcome::Cancelled], "{format}");
        let rest = library.at_rest().await;
        assert!(rest < HALF, "{format}: {rest} of {ALL} are made for nobody");
    }
}
