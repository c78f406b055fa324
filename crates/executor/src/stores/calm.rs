//! A store whose panics are errors of its own, wherever it is called from: what reads a file may
//! calculate as well, and a panic there is not told from one of a calculation.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::steady::read_only;

/// A store that fails where the one in it panics.
#[derive(Debug)]
pub(super) struct Calm(pub(super) Arc<dyn ObjectStore>);

impl fmt::Display for Calm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store")
    }
}

/// What a panic says may be anything, and is not told.
fn panicked() -> Error {
    Error::Generic { store: "store", source: "the store panicked".into() }
}

async fn calm<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(panicked()))
}

fn calm_stream<T: Send + 'static>(
    make: impl FnOnce() -> BoxStream<'static, Result<T>>,
) -> BoxStream<'static, Result<T>> {
    match catch_unwind(AssertUnwindSafe(make)) {
        Ok(stream) => {
            let caught = AssertUnwindSafe(stream).catch_unwind();
            caught.map(|item| item.unwrap_or_else(|_| Err(panicked()))).boxed()
        }
        Err(_) => futures::stream::iter([Err(panicked())]).boxed(),
    }
}

#[async_trait]
impl ObjectStore for Calm {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only("put"))
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only("put_multipart"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let result = calm(async { self.0.get_opts(location, options).await }).await?;
        let payload = match result.payload {
            GetResultPayload::Stream(stream) => GetResultPayload::Stream(calm_stream(|| stream)),
            file => file,
        };
        Ok(GetResult { payload, ..result })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        calm(async { self.0.get_ranges(location, ranges).await }).await
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        futures::stream::iter([Err(read_only("delete"))]).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        calm_stream(|| self.0.list(prefix))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        calm(async { self.0.list_with_delimiter(prefix).await }).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only("copy"))
    }
}
