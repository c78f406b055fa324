//! An answer whose rows are sent as they come. Dropping the body drops the answer, and with it the
//! query.

use arrow::array::RecordBatch;
use axum::body::Body;
use axum::http::header::TRAILER;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use futures::channel::oneshot;
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use sandbar::Answer;

use crate::answer::{TRUNCATED, flag, typed};
use crate::arrow_stream::ArrowPen;
use crate::cells;
use crate::format::Format;
use crate::refusal::{Refusal, causes};

/// Waits for the first rows, which decide the status, and sends the rest behind it.
pub(crate) async fn begun(mut answer: Answer, format: Format) -> Result<Response, Refusal> {
    let pen = match format {
        Format::Arrow => Pen::Arrow(Box::new(ArrowPen::new(&answer)?)),
        _ => Pen::Lines(answer.columns().iter().map(|column| column.name.clone()).collect()),
    };
    let first = answer.next().await.transpose()?;
    let (ended, truncated) = oneshot::channel();
    let rows = Rows { answer, first, pen, ended };
    let chunks = stream::try_unfold(Some(rows), |rows| async {
        match rows {
            Some(rows) => rows.chunk().await.map(Some),
            None => Ok(None),
        }
    });
    let trailers = async {
        // Nothing is said where the stream was cut off.
        let truncated: bool = truncated.await.ok()?;
        Some(Ok(HeaderMap::from_iter([(TRUNCATED, flag(truncated))])))
    };
    let body = Body::new(Body::from_stream(chunks).with_trailers(trailers));
    let mut response = typed(format.media_type(), body);
    response.headers_mut().insert(TRAILER, HeaderValue::from(TRUNCATED));
    Ok(response)
}

enum Pen {
    /// With the names of the columns.
    Lines(Vec<String>),
    Arrow(Box<ArrowPen>),
}

struct Rows {
    answer: Answer,
    first: Option<RecordBatch>,
    pen: Pen,
    ended: oneshot::Sender<bool>,
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
    async fn chunk(mut self) -> Result<(Vec<u8>, Option<Self>), CutOff> {
        let batch = match self.first.take() {
            Some(first) => Some(first),
            None => self.answer.next().await.transpose().map_err(cut_off)?,
        };
        match batch {
            Some(batch) => {
                let text = match &mut self.pen {
                    Pen::Lines(names) => cells::lines(names, &batch).map_err(cut_off)?,
                    Pen::Arrow(pen) => pen.write(&batch).map_err(cut_off)?,
                };
                Ok((text, Some(self)))
            }
            None => {
                let end = match &mut self.pen {
                    Pen::Lines(_) => Vec::new(),
                    Pen::Arrow(pen) => pen.end().map_err(cut_off)?,
                };
                // Nobody may be listening any more.
                let _ = self.ended.send(self.answer.is_truncated());
                Ok((end, None))
            }
        }
    }
}

fn cut_off(error: impl std::error::Error + 'static) -> CutOff {
    let source = causes(&error);
    tracing::error!(%error, source, "an answer is cut off");
    CutOff
}
