//! An object store that fails on purpose: whoever made it decides, call by call, what goes wrong.
//! It counts what went wrong and what is still open, and never fails by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;

/// What stands in the text of every error that a store gives, and must reach no asker.
pub const SECRETS: [&str; 3] = ["AKIA0SECRET", "bucket-of-the-shop", "X-Amz-Signature=5ec4e7"];

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It fails.
    Error,
    /// It is one too many.
    Throttled,
    /// What was listed is not there.
    Missing,
    /// It may not be read.
    Denied,
    /// The bytes end before their end, without an error.
    Short,
    /// There are more bytes than were said.
    Long,
    /// The bytes end with an error, after some of them.
    BreaksOff,
    /// It is another part of the file than was asked for.
    Elsewhere,
    /// It is another version of the file, which has another tag.
    Tagged,
    /// It is another version of the file, which has another length.
    Resized,
    /// One bit is another one.
    Flipped,
    /// It takes a while: the task is sent to the end of the queue some times.
    Late,
    /// It never ends.
    Stalled,
    /// The store panics.
    Panic,
    /// The store panics after some of the bytes.
    PanicLater,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Names the files of a folder.
    List,
    /// Tells size and version of a file.
    Head,
    /// Reads a file or a part of it.
    Get,
    /// Reads several parts of a file.
    Ranges,
}

/// One call of the store.
#[derive(Debug)]
pub struct Call<'a> {
    /// What it does.
    pub operation: Operation,
    /// The file or folder.
    pub path: &'a Path,
    /// How many calls there were before it.
    pub number: usize,
}

type Script = Box<dyn FnMut(&Call<'_>) -> Option<Fault> + Send>;

/// A store that fails where its script says so.
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    script: Mutex<Script>,
    calls: AtomicUsize,
    fired: Mutex<BTreeMap<Fault, usize>>,
    open: Arc<AtomicUsize>,
}

impl Faulty {
    /// A store that does not fail yet.
    pub fn over(inner: Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            script: Mutex::new(Box::new(|_| None)),
            calls: AtomicUsize::new(0),
            fired: Mutex::default(),
            open: Arc::default(),
        })
    }

    /// From now on this decides, and calls are counted from 0.
    pub fn script(&self, script: impl FnMut(&Call<'_>) -> Option<Fault> + Send + 'static) {
        self.calls.store(0, Ordering::SeqCst);
        *self.script.lock() = Box::new(script);
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        self.script(|_| None);
    }

    /// How many calls there were since the script began.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// How often each thing went wrong, since the store was made.
    pub fn fired(&self) -> BTreeMap<Fault, usize> {
        self.fired.lock().clone()
    }

    /// How many contents are being read.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// What goes wrong with this call, counted; what makes the whole call fail does so here.
    async fn fault(&self, operation: Operation, path: &Path) -> Result<Option<Fault>> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let fault = (self.script.lock())(&Call { operation, path, number });
        let Some(fault) = fault else { return Ok(None) };
        *self.fired.lock().entry(fault).or_default() += 1;
        let secret = || format!("https://{}/{path}?{}: {}", SECRETS[1], SECRETS[2], SECRETS[0]);
        let (text, source) = (path.to_string(), secret().into());
        match fault {
            Fault::Error => Err(Error::Generic { store: "S3", source }),
            Fault::Throttled => {
                let source = format!("503 Slow Down, after 10 retries: {}", secret()).into();
                Err(Error::Generic { store: "S3", source })
            }
            Fault::Missing => Err(Error::NotFound { path: text, source }),
            Fault::Denied => Err(Error::PermissionDenied { path: text, source }),
            // Without the hook, which would print it a thousand times.
            Fault::Panic => resume_unwind(Box::new(secret())),
            Fault::Stalled => {
                std::future::pending::<()>().await;
                Ok(None)
            }
            Fault::Late => {
                for _ in 0..20 {
                    yield_once().await;
                }
                Ok(None)
            }
            _ => Ok(Some(fault)),
        }
    }
}

/// Lets everything else that is ready have its turn.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What is given for bytes that were read.
fn changed(fault: Fault, bytes: Bytes) -> Vec<Result<Bytes>> {
    let half = bytes.len() / 2;
    match fault {
        Fault::Short => vec![Ok(bytes.slice(..half))],
        Fault::Long => vec![Ok(bytes.clone()), Ok(bytes.slice(..half.max(1).min(bytes.len())))],
        Fault::BreaksOff => {
            let source = format!("connection reset by {}", SECRETS[1]).into();
            vec![Ok(bytes.slice(..half)), Err(Error::Generic { store: "S3", source })]
        }
        Fault::Flipped => {
            let mut flipped = bytes.to_vec();
            if let Some(byte) = flipped.get_mut(half) {
                *byte ^= 1;
            }
            vec![Ok(flipped.into())]
        }
        // Another version: other bytes, all of which may be right as they are.
        Fault::Tagged | Fault::Resized => {
            let other = |byte: &u8| if byte.is_ascii_digit() { byte ^ 1 } else { *byte };
            vec![Ok(bytes.iter().map(other).collect::<Vec<u8>>().into())]
        }
        _ => vec![Ok(bytes)],
    }
}

/// Contents that count as open until they are dropped.
struct Open {
    bytes: BoxStream<'static, Result<Bytes>>,
    count: Arc<AtomicUsize>,
}

impl Open {
    fn new(bytes: BoxStream<'static, Result<Bytes>>, count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self { bytes, count: Arc::clone(count) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}

impl stream::Stream for Open {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.bytes.poll_next_unpin(context)
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        let operation = if head { Operation::Head } else { Operation::Get };
        let Some(fault) = self.fault(operation, location).await? else {
            let result = self.inner.get_opts(location, options).await?;
            let payload = match result.payload {
                GetResultPayload::Stream(bytes) => {
                    GetResultPayload::Stream(Open::new(bytes, &self.open).boxed())
                }
                file @ GetResultPayload::File(..) => file,
            };
            return Ok(GetResult { payload, ..result });
        };
        let mut result = self.inner.get_opts(location, options).await?;
        let (mut meta, mut range) = (result.meta.clone(), result.range.clone());
        match fault {
            Fault::Tagged => meta.e_tag = Some("another".to_owned()),
            Fault::Resized => meta.size += 1,
            Fault::Elsewhere => range = range.start + 1..range.end + 1,
            _ => {}
        }
        let bytes = if head { Bytes::new() } else { result.bytes().await? };
        let parts = stream::iter(changed(fault, bytes));
        let parts = parts.map(move |part| match fault {
            Fault::PanicLater => resume_unwind(Box::new(SECRETS[1])),
            _ => part,
        });
        result = GetResult {
            payload: GetResultPayload::Stream(Open::new(parts.boxed(), &self.open).boxed()),
            meta,
            range,
            attributes: Default::default(),
        };
        Ok(result)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let fault = self.fault(Operation::Ranges, location).await?;
        let read = self.inner.get_ranges(location, ranges).await?;
        let Some(fault) = fault else { return Ok(read) };
        let mut given = Vec::new();
        for bytes in read {
            let parts: Result<Vec<Bytes>> = changed(fault, bytes).into_iter().collect();
            given.push(parts?.concat().into());
        }
        Ok(given)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let root = Path::default();
        self.fault(Operation::List, prefix.unwrap_or(&root)).await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
