//! An answer whose rows are sent as they come. Dropping the body drops the answer, and with it the
//! query; and so does the end of its time, also where nobody reads on.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use axum::body::Body;
use axum::http::header::TRAILER;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use futures::channel::oneshot;
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use sandbar::Answer;
use tokio::task::JoinSet;

use crate::answer::{end, typed};
use crate::format::Format;
use crate::pen::Pen;
use crate::refusal::{Refusal, causes};

/// Waits for the first rows, which decide the status, and sends the rest behind it, for as long as
/// `time`.
pub(crate) async fn begun(
    mut answer: Answer,
    format: Format,
    time: Option<Duration>,
) -> Result<Response, Refusal> {
    let pen = Pen::new(format, answer.schema(), answer.columns())?;
    let first = answer.next().await.transpose()?;
    let (ended, told) = oneshot::channel();
    let held = Held::new(Rows { answer, first, pen, ended }, time);
    let chunks = stream::try_unfold(Some(held), |held| async {
        let Some(held) = held else { return Ok(None) };
        let rows = held.rows.lock().take().ok_or(CutOff)?;
        let (chunk, rest) = rows.chunk().await?;
        let rest = rest.map(|rows| {
            *held.rows.lock() = Some(rows);
            held
        });
        Ok::<_, CutOff>(Some((chunk, rest)))
    });
    // Nothing is said where the stream was cut off.
    let trailers = async { told.await.ok().map(Ok) };
    let body = Body::new(Body::from_stream(chunks).with_trailers(trailers));
    let mut response = typed(format.media_type(), body);
    let names = HeaderValue::from_static("x-sandbar-truncated, x-sandbar-warnings");
    response.headers_mut().insert(TRAILER, names);
    Ok(response)
}

/// The rows between two pieces of the body. Nothing asks for the time while nobody reads, and a
/// query that waits keeps its place from others: so they are let go when it is over.
struct Held {
    rows: Arc<Mutex<Option<Box<Rows>>>>,
    /// Ends with them.
    _watch: JoinSet<()>,
}

impl Held {
    fn new(rows: Rows, time: Option<Duration>) -> Self {
        let rows = Arc::new(Mutex::new(Some(Box::new(rows))));
        let mut watch = JoinSet::new();
        if let Some(time) = time {
            let held = Arc::downgrade(&rows);
            watch.spawn(async move {
                tokio::time::sleep(time).await;
                let unread = held.upgrade().and_then(|held| held.lock().take());
                if unread.is_some() {
                    tracing::warn!("an answer is cut off: it was not read in its time");
                }
            });
        }
        Self { rows, _watch: watch }
    }
}

struct Rows {
    answer: Answer,
    first: Option<RecordBatch>,
    pen: Pen,
    ended: oneshot::Sender<HeaderMap>,
}

/// The connection is cut, so that nobody takes a part for the whole; the reason is in the log.
#[derive(Debug)]
struct CutOff;

impl std::fmt::Display for CutOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is cut off")
    }
}

impl std::error::Error for CutOff {}

impl Rows {
    /// The next piece of the body, and what there is behind it.
    async fn chunk(mut self: Box<Self>) -> Result<(Vec<u8>, Option<Box<Self>>), CutOff> {
        let batch = match self.first.take() {
            Some(first) => Some(first),
            None => self.answer.next().await.transpose().map_err(cut_off)?,
        };
        match batch {
            Some(batch) => {
                let text = self.pen.write(&batch).map_err(cut_off)?;
                Ok((text, Some(self)))
            }
            None => {
                let last = self.pen.end().map_err(cut_off)?;
                // Nobody may be listening any more.
                let _ = self.ended.send(end(self.answer.is_truncated(), &self.answer.warnings()));
                Ok((last, None))
            }
        }
    }
}

fn cut_off(error: impl std::error::Error + 'static) -> CutOff {
    let source = causes(&error);
    tracing::error!(%error, source, "an answer is cut off");
    CutOff
}
