//! Panics of a store as errors of its own, wherever it is called from: what reads a file may
//! calculate as well, and a panic there is not told from one of a calculation.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::{Error, Result};

/// What a panic says may be anything, and is not told.
fn panicked() -> Error {
    Error::Generic { store: "store", source: "the store panicked".into() }
}

/// What a store is asked for.
pub(super) async fn calm<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(panicked()))
}

/// What a store gives piece by piece.
pub(super) fn calm_stream<T: Send + 'static>(
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
